"""What SARIF 2.1.0 (OASIS, 27 March 2020) asks of a log: its schema and its prose, for the objects that `lint` writes.

    sarif.read(text)   the log as JSON; AssertionError: why no reader has to accept it

The schema closes every object. So what is not listed here fails too, though the standard may have it: who
writes a further property looks it up there, and adds it.
"""
import json
import re

LEVELS = ("none", "note", "warning", "error")
# RFC 3986, section 4.1, without what it takes for userinfo, query and fragment.
REFERENCE = re.compile(r"(?:file://)?(?:[A-Za-z0-9._~!$&'()*+,;=@/-]|%[0-9A-F]{2})+")


def text(value):
    return isinstance(value, str) and value != ""


def one_of(*values):
    return lambda value: value in values


def number(least):
    return lambda value: type(value) is int and value >= least


def flag(value):
    return isinstance(value, bool)


def reference(value):
    return text(value) and REFERENCE.fullmatch(value) is not None


# kind → (properties that are required, all properties). What a property has to be: a function, the kind of
# an object, or [that] for an array.
KINDS = {
    "log": (("version", "runs"), {
        "$schema": re.compile(r"https://.+/sarif-schema-2\.1\.0\.json").fullmatch, "version": one_of("2.1.0"), "runs": ["run"]}),
    "run": (("tool",), {
        "tool": "tool", "columnKind": one_of("utf16CodeUnits", "unicodeCodePoints"), "results": ["result"],
        "invocations": ["invocation"]}),
    "tool": (("driver",), {"driver": "toolComponent"}),
    "toolComponent": (("name",), {
        "name": text, "semanticVersion": re.compile(r"\d+\.\d+\.\d+").fullmatch, "rules": ["reportingDescriptor"]}),
    "reportingDescriptor": (("id",), {
        "id": text, "shortDescription": "message", "defaultConfiguration": "reportingConfiguration"}),
    "reportingConfiguration": ((), {"level": one_of(*LEVELS)}),
    "message": (("text",), {"text": text}),
    "result": (("message",), {
        "ruleId": text, "ruleIndex": number(0), "level": one_of(*LEVELS), "message": "message", "locations": ["location"]}),
    "location": ((), {"physicalLocation": "physicalLocation"}),
    "physicalLocation": (("artifactLocation",), {"artifactLocation": "artifactLocation", "region": "region"}),
    "artifactLocation": ((), {"uri": reference}),
    "region": (("startLine",), {name: number(1) for name in ("startLine", "startColumn", "endLine", "endColumn")}),
    "invocation": (("executionSuccessful",), {"executionSuccessful": flag}),
}
SETS = ("rules", "locations")  # arrays that may not hold a thing twice


def check(kind, value, path):
    """VALUE, which stands at PATH, is of KIND."""
    if callable(kind):
        assert kind(value), f"{path}: {value!r}"
        return
    if isinstance(kind, list):
        assert isinstance(value, list), f"{path} is no array"
        for index, item in enumerate(value):
            check(kind[0], item, f"{path}[{index}]")
        return
    required, properties = KINDS[kind]
    assert isinstance(value, dict), f"{path} is no object"
    for name in required:
        assert name in value, f"{path} has no {name}"
    for name, item in value.items():
        assert name in properties, f"{path} has a {name}, which is no property of a {kind} that is known here"
        check(properties[name], item, f"{path}.{name}")
        assert name not in SETS or len({json.dumps(one) for one in item}) == len(item), f"{path}.{name} repeats"


def check_rule(result, rules):
    """Sections 3.27.5 to 3.27.7: id and index name one rule."""
    assert "ruleId" in result and "level" in result, result
    assert result["ruleIndex"] < len(rules), f"{result}: there are {len(rules)} rules"
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"], result


def check_region(region):
    """Section 3.30: the end does not stand before the start."""
    assert "startColumn" in region, region
    if "endLine" in region:
        assert (region["endLine"], region["endColumn"]) >= (region["startLine"], region["startColumn"]), region


def unique(pairs):
    """RFC 8259, section 4: readers differ over names that stand twice."""
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"an object repeats one of {names}"
    return dict(pairs)


def read(string):
    log = json.loads(string, object_pairs_hook=unique)
    check("log", log, "log")
    assert "$schema" in log, "the log does not name its schema"
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        assert len({rule["id"] for rule in rules}) == len(rules), "two rules have one id"
        for result in run["results"]:
            check_rule(result, rules)
            [location] = result["locations"]
            check_region(location["physicalLocation"].get("region", {"startLine": 1, "startColumn": 1}))
    return log
