"""`sallyport check`: would this leave? (README.md, the table of commands)"""
import json
import os

from harness import ROOT, Scenario, manifest, sallyport, write

MANIFESTS = os.path.join(ROOT, "test", "policy", "data", "manifests")

# manifest → (what it lets out, what it does not)
VERDICTS = {
    "Atlassian-Forge-Jira-Summariser": (
        ["api.replicate.com", "https://api.replicate.com", "https://api.replicate.com/v1/x?y=z",
         "https://api.replicate.com:443/", "API.Replicate.COM", "https://api.replicate.com./",
         "api.replicate.com:443"],
        ["replicate.com", "http://api.replicate.com", "https://api.replicate.com:8443",
         "https://x.api.replicate.com", "https://api.replicate.com.evil.com", "xapi.replicate.com",
         "wss://api.replicate.com", "api-replicate.com"]),
    "flagsmith-jira-integration": (
        ["https://api.flagsmith.com/api/v1/", "api.flagsmith.com"],
        ["flagsmith.com", "https://edge.api.flagsmith.com", "http://api.flagsmith.com",
         "api.flagsmith.com:80", "api.flagsmith.co"]),
    "pit-crew-for-jira": (
        ["https://generativelanguage.googleapis.com/v1beta/models"],
        ["googleapis.com", "https://www.googleapis.com", "storage.googleapis.com",
         "https://generativelanguage.googleapis.com:8080"]),
    "solace-confluence-forge-app": (
        ["https://api.solace.cloud", "https://solace.com", "https://a.localhost", "https://x.example",
         "http://anything.example", "wss://anything.example:1234"], []),
}


def verdict(text):
    """The words of a line of `check`."""
    return text.split()


class Installations(Scenario):
    def test_that_nobody_has_listed_are_denied_with_the_file_that_would_list_them(self):
        path = self.path("policy/demo/staging/manifest.yml")
        write(path, manifest(["api.example.com"]))
        done = sallyport("check", "--policy", self.path("policy"), "-a", "demo", "-e", "staging",
                         "-i", "site-z", "api.example.com")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertEqual(done.stdout,
                         'DENY  api.example.com  unknown_app  (installation "site-z" of app demo in '
                         "staging is not known; "
                         f"{self.path('policy')}/demo/staging/installations.yml would list it)\n")


class Manifests(Scenario):
    def each(self, suffix):
        for name, (allowed, denied) in VERDICTS.items():
            with self.subTest(name + suffix):
                source = ["--manifest", os.path.join(MANIFESTS, name + suffix)]
                done = sallyport("check", *source, *allowed)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                lines = done.stdout.splitlines()
                self.assertEqual([verdict(line)[:2] for line in lines],
                                 [["ALLOW", target] for target in allowed])
                for line in lines:
                    self.assertIn(verdict(line)[2], ("declared", "everything_declared"))
                    self.assertRegex(verdict(line)[3], r"manifests/.*" + suffix + r":\d+:\d+$")
                if denied:
                    done = sallyport("check", *source, *denied)
                    self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                    self.assertEqual([verdict(line)[:2] for line in done.stdout.splitlines()],
                                     [["DENY", target] for target in denied])

    def test_in_the_wild_are_read_and_decided(self):
        self.each(".yml")

    def test_in_the_wild_are_read_and_decided_as_json(self):
        self.each(".json")


class Check(Scenario):
    def given(self, addresses):
        path = self.path("manifest.yml")
        write(path, manifest(addresses))
        return path

    def test_gives_the_reason_of_a_denial(self):
        path = self.given(["https://api.test", "https://port.test:8443"])
        for target, reason in [("http://api.test", "scheme_not_declared"), ("evil.test", "undeclared"),
                               ("https://port.test", "port_not_declared")]:
            with self.subTest(target):
                done = sallyport("check", "-m", path, target)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(verdict(done.stdout)[:3], ["DENY", target, reason])

    def test_names_the_nearest_declaration_of_a_denial(self):
        path = self.given(["https://api.test", "https://port.test:8443"])
        done = sallyport("check", "-m", path, "https://port.test")
        self.assertIn("manifest.yml:8:", done.stdout)

    def test_as_json_is_an_object_a_line(self):
        path = self.given(["https://*.api.test"])
        done = sallyport("check", "-m", path, "--format", "json", "https://a.api.test/x", "evil.test")
        self.assertEqual(done.returncode, 1)
        allowed, denied = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual({key: allowed[key] for key in allowed if key not in ("rule", "detail")},
                         {"target": "https://a.api.test/x", "verdict": "allow", "reason": "declared",
                          "scheme": "https", "host": "a.api.test", "port": 443})
        self.assertEqual({key: allowed["rule"][key] for key in ("address", "list", "line")},
                         {"address": "https://*.api.test", "list": "fetch.backend", "line": 7})
        self.assertTrue(allowed["rule"]["file"].endswith("manifest.yml"))
        self.assertIsInstance(allowed["rule"]["column"], int)
        self.assertEqual((denied["verdict"], denied["reason"], denied["host"]),
                         ("deny", "undeclared", "evil.test"))

    def test_reads_targets_from_standard_input_at_any_number(self):
        path = self.given(["https://*.api.test"])
        targets = [f"https://h{n}.{'api' if n % 2 else 'evil'}.test/" for n in range(20000)]
        done = sallyport("check", "-m", path, "--format=json", "-", stdin="\n".join(targets) + "\n")
        self.assertEqual(done.returncode, 1, done.stderr)
        verdicts = [json.loads(line)["verdict"] for line in done.stdout.splitlines()]
        self.assertEqual(verdicts, ["allow" if n % 2 else "deny" for n in range(20000)])

    def test_of_the_last_line_without_a_newline_counts_too(self):
        path = self.given(["https://api.test"])
        done = sallyport("check", "-m", path, "-", stdin="api.test\napi.test")
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 2))

    def test_an_invalid_target_is_said_and_not_allowed(self):
        path = self.given(["*"])
        for target in ("https://evil.com@a.example.com", "https://evil.com\\.example.com",
                       "https://.example.com", "https://a..b", "ftp://example.com", "",
                       "https://example.com:99999", "http://0x7f.1/"):
            with self.subTest(target):
                done = sallyport("check", "-m", path, "--format", "json", "--", target)
                self.assertNotEqual(done.returncode, 0)
                self.assertEqual(json.loads(done.stdout)["verdict"], "invalid")

    def test_of_a_policy_directory_decides_for_one_app_and_environment(self):
        proxy = self.prepare(allow=["https://dev.test"],
                             apps={("other", "staging"): ["https://other.test"]})
        directory = proxy.configuration["policy"]["path"]
        done = sallyport("check", "--policy", directory, "-a", "demo", "-e", "development", "dev.test")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("demo/development/manifest.yml:7:", done.stdout)
        done = sallyport("check", "--policy", directory, "--app", "other", "--environment", "staging",
                         "dev.test")
        self.assertEqual(done.returncode, 1)

    def test_of_an_app_that_is_not_there_denies_as_unknown(self):
        directory = self.prepare().configuration["policy"]["path"]
        done = sallyport("check", "--policy", directory, "-a", "nobody", "-e", "production", "x.test")
        self.assertIn(done.returncode, (1, 2))
        self.assertIn("unknown_app" if done.returncode == 1 else "nobody", done.stdout + done.stderr)

    def test_fills_in_variables(self):
        path = self.path("manifest.yml")
        write(path, manifest(["https://${HOST}"]).replace(
            "permissions:", "environment:\n  variables: [HOST]\npermissions:", 1))
        done = sallyport("check", "-m", path, "--set", "HOST=given.test", "given.test")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = sallyport("check", "-m", path, "given.test")
        self.assertEqual(done.returncode, 2)
        self.assertIn("HOST", done.stderr)

    def test_of_bad_input_is_2_with_a_word_about_it(self):
        good = self.given(["https://api.test"])
        broken = self.path("broken.yml")
        write(broken, "permissions: [unclosed\n")
        for arguments, word in [(["-m", self.path("missing.yml"), "x.test"], "missing.yml"),
                                (["-m", broken, "x.test"], "broken.yml:"),
                                (["x.test"], "--manifest"), (["-m", good], "target"),
                                (["-m", good, "--format", "xml", "x.test"], "xml"),
                                (["-m", good, "--nonsense", "x.test"], "nonsense")]:
            with self.subTest(arguments):
                done = sallyport("check", *arguments)
                self.assertEqual(done.returncode, 2, done.stdout)
                self.assertIn(word, done.stderr)
                self.assertTrue(done.stderr.startswith("sallyport: "), done.stderr)
                self.assertEqual(done.stdout, "")


class CommandLine(Scenario):
    def test_help_names_the_commands(self):
        done = sallyport("help")
        self.assertEqual(done.returncode, 0)
        for command in ("run", "check", "lint"):
            self.assertIn(command, done.stdout)
            self.assertEqual(sallyport("help", command).returncode, 0)

    def test_version_is_one_line(self):
        done = sallyport("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^sallyport \d+\.\d+\.\d+\n$")

    def test_an_unknown_command_is_2(self):
        done = sallyport("chekc")
        self.assertEqual(done.returncode, 2)
        self.assertIn("chekc", done.stderr)

    def test_no_command_is_2(self):
        self.assertEqual(sallyport().returncode, 2)

    def test_output_has_no_colour_when_it_is_no_terminal(self):
        path = self.path("manifest.yml")
        write(path, manifest(["https://api.test"]))
        for done in (sallyport("check", "-m", path, "evil.test"), sallyport("lint", path),
                     sallyport("help")):
            self.assertNotIn("\x1b", done.stdout + done.stderr)
