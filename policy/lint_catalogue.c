/*
 * The rules by name, for formats that list them (SARIF) and for people who look
 * one up.
 */
#include "policy/lint.h"

static const struct lint_rule rules[] = {
    {"address", FINDING_ERROR, "An address is not one that can be declared."},
    {"already-covered", FINDING_NOTE, "Another entry of the list lets the same out."},
    {"app-id", FINDING_ERROR, "app.id is missing or malformed."},
    {"base-url", FINDING_ERROR, "A remote has no valid baseUrl and is not configurable."},
    {"category", FINDING_ERROR, "An entry's category is unknown."},
    {"duplicate", FINDING_NOTE, "An entry stands twice in its list."},
    {"enforcement", FINDING_ERROR, "permissions.enforcement has an unknown value."},
    {"entry", FINDING_ERROR, "An entry of an egress list has none of the forms that there are."},
    {"everything", FINDING_WARNING, "\"*\" opens every host."},
    {"external-fonts", FINDING_WARNING, "Fonts are loaded from elsewhere."},
    {"external-styles", FINDING_WARNING, "Styles are loaded from elsewhere."},
    {"hidden-character", FINDING_WARNING, "A character hides what the manifest says."},
    {"idn-u-form", FINDING_NOTE, "An international name is written in U-form."},
    {"ip-literal", FINDING_WARNING, "An address names an IP address."},
    {"operation", FINDING_ERROR, "A remote's operation is unknown."},
    {"path-ignored", FINDING_WARNING, "An address in fetch.backend has a path, which is ignored."},
    {"plain-http", FINDING_ERROR, "An address is reached without encryption."},
    {"provider", FINDING_ERROR, "A provider has no key."},
    {"provider-permission", FINDING_ERROR, "fetch.backend does not permit a provider's remote."},
    {"provider-remote", FINDING_ERROR, "A provider names a remote that is not there."},
    {"region", FINDING_ERROR, "A baseUrl is given for an unknown region."},
    {"remote", FINDING_ERROR, "A remote has no key, a malformed one, or another's."},
    {"string-form", FINDING_WARNING, "An entry is a plain string, which is deprecated."},
    {"too-long", FINDING_ERROR, "A text is longer than any manifest needs."},
    {"unknown-key", FINDING_ERROR, "A key is not one that can stand here."},
    {"unknown-remote", FINDING_ERROR, "An entry names a remote that is not there."},
    {LINT_RULE_UNREADABLE, FINDING_ERROR, "The file cannot be read, or is neither YAML nor JSON."},
    {"variable", FINDING_ERROR, "A variable is undeclared, unset or malformed."},
    {"wildcard-over-public-suffix", FINDING_WARNING, "A wildcard covers a public suffix."},
    {"wildcard-over-shared-host", FINDING_WARNING,
     "A wildcard covers a host under which anyone can get a name."},
    {"wrong-type", FINDING_ERROR, "A value is of another type than it must be."},
};

size_t lint_rule_count(void)
{
    return sizeof(rules) / sizeof(rules[0]);
}

const struct lint_rule *lint_rule_at(size_t index)
{
    return &rules[index];
}

size_t lint_rule_find(const char *name)
{
    size_t index = 0;
    while (index < lint_rule_count() && strcmp(rules[index].name, name) != 0)
        index++;
    return index;
}
