"""`sallyport lint`: what is wrong with a manifest, and where (the platform's rules for egress)."""
import glob
import json
import os
import urllib.parse

import sarif
from harness import ROOT, Scenario, sallyport, write

MANIFESTS = os.path.join(ROOT, "test", "policy", "data", "manifests")
HEAD = "app:\n  id: ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000001\n"


class Linted(Scenario):
    def lint(self, backend, *options, more=""):
        """Lints a manifest with these lines under fetch.backend (the first of them on line 7)."""
        self.file = self.path("manifest.yml")
        lines = "".join(f"        {line}\n" for line in backend)
        write(self.file, HEAD + "permissions:\n  external:\n    fetch:\n      backend:\n" + lines + more)
        return sallyport("lint", self.file, *options)


class Lint(Linted):
    def findings(self, done):
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_finds_nothing_in_a_good_manifest(self):
        done = self.lint(["- address: https://api.example.com"])
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_reads_the_manifests_in_the_wild_without_error(self):
        for path in sorted(glob.glob(os.path.join(MANIFESTS, "*"))):
            with self.subTest(os.path.basename(path)):
                done = sallyport("lint", path)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def says(self, level, word, status, backend, line, more=""):
        done = self.lint(backend, more=more)
        self.assertEqual(done.returncode, status, done.stdout)
        found = [text for text in done.stdout.splitlines()
                 if f"manifest.yml:{line}:" in text and level in text and word in text]
        self.assertTrue(found, done.stdout)

    def test_calls_http_an_error(self):
        self.says("error", "http", 1, ["- address: http://api.example.com"], 7)

    def test_calls_an_unknown_scheme_an_error(self):
        self.says("error", "gopher", 1, ["- address: https://ok.example.com",
                                         "- address: gopher://api.example.com"], 8)

    def test_calls_a_name_without_a_dot_an_error(self):
        self.says("error", "localhost", 1, ["- address: https://localhost"], 7)

    def test_calls_a_wildcard_inside_a_name_an_error(self):
        self.says("error", "*", 1, ["- address: https://a.*.example.com"], 7)

    def test_calls_an_unknown_remote_an_error(self):
        self.says("error", "nowhere", 1, ["- remote: nowhere"], 7)

    def test_calls_the_string_form_a_warning(self):
        self.says("warning", "", 0, ["- https://api.example.com"], 7)

    def test_calls_everything_a_warning(self):
        self.says("warning", "*", 0, ['- address: "*"'], 7)

    def test_calls_a_path_a_warning(self):
        self.says("warning", "path", 0, ["- address: https://api.example.com/v1"], 7)

    def test_calls_a_wildcard_over_a_public_suffix_a_warning(self):
        self.says("warning", "co.uk", 0, ['- address: "*.co.uk"'], 7)

    def test_calls_an_address_literal_a_warning(self):
        self.says("warning", "203.0.113.9", 0, ["- address: https://203.0.113.9"], 7)

    def test_notes_a_duplicate_with_both_lines(self):
        done = self.lint(["- address: https://api.example.com", "- address: https://API.example.com"])
        self.assertEqual(done.returncode, 0)
        [line] = [text for text in done.stdout.splitlines() if "manifest.yml:8:" in text]
        self.assertIn("note", line)
        self.assertIn("7", line.split("manifest.yml:8:", 1)[1])

    def test_as_json_has_a_finding_a_line(self):
        done = self.lint(["- address: gopher://api.example.com", "- api.example.com"], "--format",
                         "json")
        self.assertEqual(done.returncode, 1)
        found = self.findings(done)
        self.assertGreaterEqual(len(found), 2)
        for finding in found:
            self.assertIn(finding["level"], ("error", "warning", "note"))
            self.assertTrue(finding["file"].endswith("manifest.yml"))
            self.assertIsInstance(finding["line"], int)
            self.assertIsInstance(finding["column"], int)
            self.assertTrue(finding["message"])

    def test_of_several_files_tells_them_all(self):
        first = self.lint(["- address: gopher://api.example.com"])
        self.assertEqual(first.returncode, 1)
        other = self.path("other.yml")
        write(other, HEAD + "permissions: {external: {fetch: {backend: [gopher://x.example]}}}\n")
        done = sallyport("lint", self.file, other)
        self.assertEqual(done.returncode, 1)
        self.assertIn("manifest.yml:7:", done.stdout)
        self.assertIn("other.yml:3:", done.stdout)

    def test_of_what_cannot_be_read_is_2(self):
        broken = self.path("broken.yml")
        write(broken, "permissions: [unclosed\n")
        for path, word in [(self.path("missing.yml"), "missing.yml"), (broken, "broken.yml:")]:
            with self.subTest(word):
                done = sallyport("lint", path)
                self.assertEqual(done.returncode, 2)
                self.assertIn(word, done.stderr)

    def test_without_a_file_is_2(self):
        self.assertEqual(sallyport("lint").returncode, 2)


class Sarif(Linted):
    """Accepted by whoever reads SARIF 2.1.0; and each place is where it says it is."""

    def sarif(self, *paths, status, cwd=None):
        done = sallyport("lint", "--format", "sarif", *paths, cwd=cwd)
        self.assertEqual(done.returncode, status, done.stderr)
        [run] = sarif.read(done.stdout)["runs"]
        self.assertEqual(run["columnKind"], "unicodeCodePoints")
        self.assertEqual(run["invocations"], [{"executionSuccessful": status != 2}])
        return run["results"]

    def places(self, results):
        for result in results:
            place = result["locations"][0]["physicalLocation"]
            yield place["artifactLocation"]["uri"], place.get("region")

    def marked(self, path, region):
        """The text of a region within a line; what it begins with, where its end is not told."""
        with open(path, encoding="utf-8") as file:
            line = file.read().split("\n")[region["startLine"] - 1]
        self.assertLessEqual(region.get("endColumn", region["startColumn"]), len(line) + 1)
        return line[region["startColumn"] - 1:region.get("endColumn", len(line) + 1) - 1]

    def test_of_manifests_in_the_wild_is_accepted(self):
        paths = sorted(glob.glob(os.path.join(MANIFESTS, "*.yml")))
        results = self.sarif(*paths, status=0)
        self.assertGreater(len(results), len(paths))
        for uri, region in self.places(results):
            self.assertTrue(self.marked(urllib.parse.unquote(uri[len("file://"):]), region))

    def test_of_nothing_to_say_is_accepted(self):
        self.lint(["- address: https://api.example.com"])
        self.assertEqual(self.sarif(self.file, status=0), [])

    def test_of_all_levels_names_a_rule_and_a_place_each(self):
        self.lint(["- address: https://localhost", '- address: "*"', "- address: a.example.com",
                   "- address: https://A.example.com", "- {adress: b.example.com}"],
                  more="remotes:\n  - key: r\n")
        results = self.sarif(self.file, status=1)
        self.assertEqual({result["level"] for result in results}, {"error", "warning", "note"})
        shown = {result["ruleId"]: self.marked(self.file, region)
                 for result, (_, region) in zip(results, self.places(results))}
        self.assertEqual(shown["address"], "https://localhost")
        self.assertEqual(shown["unknown-key"], "adress")
        self.assertIn("everything", shown)

    def test_of_what_cannot_be_read_is_accepted_and_says_so(self):
        self.lint(["- address: https://localhost"])
        broken = self.path("broken.yml")
        write(broken, "permissions: [unclosed\n")
        results = self.sarif(self.path("missing.yml"), self.file, broken, status=2)
        self.assertEqual([result["ruleId"] for result in results], ["unreadable", "address", "unreadable"])
        regions = [region for _, region in self.places(results)]
        self.assertIsNone(regions[0])
        self.assertEqual(regions[2]["startLine"], 2)

    def test_has_a_relative_reference_for_a_relative_name_of_any_bytes(self):
        for name in ("a b%20c.yml", "d/e:f#g?h.yml", "ä😀.yml", "..%2f.yml"):
            with self.subTest(name):
                write(self.path(name), HEAD + "permissions: {external: {fetch: {backend: [x.example]}}}\n")
                for given in (name, self.path(name)):
                    [(uri, _)] = self.places(self.sarif(given, status=0, cwd=self.directory))
                    prefix = "file://" if given.startswith("/") else ""
                    self.assertEqual((uri.startswith("/"), urllib.parse.unquote(uri)), (False, prefix + given))

    def test_counts_code_points(self):
        path = self.path("manifest.yml")
        write(path, HEAD + 'permissions: {external: {"ä😀": [], fetc: {}}}\n')
        results = self.sarif(path, status=1)
        self.assertEqual([self.marked(path, region) for _, region in self.places(results)], ['"ä😀"', "fetc"])

    def test_shows_what_a_hostile_text_hides(self):
        self.lint(['- address: "https://\\e[2J\\u202E\\0\\\".example.com"', '- {"a\\\\\\r": b.example.com}'])
        for result in self.sarif(self.file, status=1):
            self.assertTrue(result["message"]["text"].isprintable(), result)
