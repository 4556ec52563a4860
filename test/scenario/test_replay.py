"""`sallyport test`, `replay` and `learn` as other tools use them: exit statuses, XML, JSON, pipes."""
import gzip
import json
import os
import time
import xml.etree.ElementTree

from harness import ROOT, Scenario, sallyport, write

LOGS = os.path.join(ROOT, "test", "policy", "data", "logs")
TESTS = os.path.join(ROOT, "test", "policy", "data", "tests")
MANIFEST = os.path.join(LOGS, "manifest.yml")
LOG = os.path.join(LOGS, "decisions.log")
HEAD = "app:\n  id: ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000001\n"


def record(number, host, verdict="deny", reason="undeclared"):
    return json.dumps({
        "time": f"2026-01-02T03:04:05.{number % 1000000:06d}Z", "event": "decision", "id": str(number),
        "app": "demo", "environment": "production", "installation": None, "client": "127.0.0.1:1",
        "method": "CONNECT", "scheme": "https", "host": host, "port": 443, "verdict": verdict,
        "reason": reason, "rule": None, "mode": "enforce", "policy": "0"})


class PolicyTests(Scenario):
    def test_junit_is_read_by_an_xml_parser(self):
        report = self.path("report.xml")
        done = sallyport("test", os.path.join(TESTS, "good.yml"), os.path.join(TESTS, "failing.yml"),
                         "--junit", report)
        self.assertEqual(done.returncode, 1)
        root = xml.etree.ElementTree.parse(report).getroot()
        self.assertEqual((root.tag, root.get("tests"), root.get("failures")), ("testsuites", "12", "4"))
        self.assertEqual([suite.get("tests") for suite in root], ["7", "5"])
        self.assertEqual(len(root.findall("./testsuite/testcase/failure")), 4)
        self.assertIn("<b>&", root[1][0].get("name"))

    def test_statuses_are_those_of_the_contract(self):
        broken = self.path("broken.yml")
        write(broken, "tests:\n  - {manifest: missing.yml, alow: [x.com]}\n")
        for path, status in [(os.path.join(TESTS, "good.yml"), 0),
                             (os.path.join(TESTS, "failing.yml"), 1), (broken, 2),
                             (self.path("missing.yml"), 2)]:
            with self.subTest(path):
                self.assertEqual(sallyport("test", path).returncode, status)


class Replay(Scenario):
    def test_tells_the_same_of_a_file_of_gzip_and_of_a_pipe(self):
        texts = [sallyport("replay", "-m", MANIFEST, LOG),
                 sallyport("replay", "-m", MANIFEST, LOG + ".1.gz")]
        with open(LOG, encoding="utf-8") as log:
            texts.append(sallyport("replay", "-m", MANIFEST, "-", stdin=log.read()))
        self.assertEqual({done.returncode for done in texts}, {1})
        self.assertEqual(len({done.stdout for done in texts}), 1)

    def test_json_is_an_object_a_line(self):
        done = sallyport("replay", "-m", MANIFEST, "--format", "json", LOG)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line.get("host") for line in lines],
                         ["gone.example.com", "a.example.org", None])
        self.assertEqual(lines[-1]["summary"]["would_be_denied"], 2)

    def test_of_a_policy_directory_takes_the_app_and_environment_alone(self):
        policy = os.path.join(TESTS, "policy")
        done = sallyport("replay", "--policy", policy, "-a", "demo", "-e", "production", LOG)
        self.assertEqual(done.returncode, 1)
        self.assertIn("7 decisions: 2 would now be denied, 1 would now be allowed", done.stdout)

    def test_goes_on_behind_broken_lines_and_counts_them(self):
        log = self.path("torn.log")
        write(log, "".join(f"torn {number}\n" for number in range(20)) +
              record(1, "api.example.com", "allow", "declared") + "\n" + "x" * 70000 + "\n" +
              record(2, "api.example.com", "allow", "declared")[:90])
        done = sallyport("replay", "-m", MANIFEST, log)
        self.assertEqual(done.returncode, 0)
        self.assertIn("1 decision:", done.stdout)
        self.assertIn("22 lines in all are no records", done.stderr)
        self.assertIn("torn.log:1:1: no JSON object", done.stderr)

    def test_says_where_it_cannot_read_on(self):
        log = self.path("cut.log.gz")
        with gzip.open(LOG + ".1.gz") as whole:
            text = whole.read() * 50
        data = gzip.compress(text)
        with open(log, "wb") as cut:
            cut.write(data[:len(data) // 2])
        done = sallyport("replay", "-m", MANIFEST, log)
        self.assertEqual(done.returncode, 2)
        self.assertIn("the gzip data end in the middle", done.stderr)
        self.assertIn("gone.example.com", done.stdout)

    def test_and_learn_hint_at_a_key_that_is_none(self):
        path = self.path("misspelt.yml")
        write(path, HEAD + "permissions: {external: {fetch: {backnd: []}}}\n")
        for command, status in (("replay", 1), ("learn", 0)):
            done = sallyport(command, "-m", path, LOG)
            self.assertEqual(done.returncode, status)
            self.assertIn('misspelt.yml:3:34: "backnd" is not a key of permissions.external.fetch; did you mean "backend"?',
                          done.stderr)
            self.assertNotIn("backnd", done.stdout)

    def test_of_many_records_is_quick(self):
        log = self.path("many.log")
        write(log, "".join(record(number, f"h{number % 5000}.example.com") + "\n"
                           for number in range(100000)))
        start = time.monotonic()
        done = sallyport("replay", "-m", MANIFEST, log)
        taken = (time.monotonic() - start) / float(os.environ.get("SALLYPORT_SLOW") or 1)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("100000 stay as they are", done.stdout)
        self.assertLess(taken, 5)


class Learn(Scenario):
    def learn(self, *options, hosts):
        self.log = self.path("learn.log")
        write(self.log, "".join(record(number, host) + "\n" for number, host in enumerate(hosts)))
        done = sallyport("learn", "-m", MANIFEST, *options, self.log)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_what_is_learned_leaves_a_replay_nothing_denied(self):
        done = self.learn(hosts=["a.example.net", "b.example.net", "192.0.2.1", "2001:db8::1"])
        manifest = self.path("learned.yml")
        write(manifest, HEAD + done.stdout)
        self.assertEqual(sallyport("lint", manifest).returncode, 0)
        done = sallyport("replay", "-m", manifest, self.log)
        self.assertIn("4 decisions: 0 would now be denied, 4 would now be allowed, 0 stay",
                      done.stdout)
        self.assertEqual(sallyport("learn", "-m", manifest, self.log).stdout,
                         "# nothing was denied that a declaration would allow\n")

    def test_wildcards_are_proposed_only_when_asked(self):
        hosts = ["a.example.net", "b.example.net", "c.example.net"]
        self.assertNotIn("*", self.learn(hosts=hosts).stdout)
        self.assertIn('"*.example.net"', self.learn("--wildcards", "3", hosts=hosts).stdout)
        self.assertNotIn("*", self.learn("--wildcards", "4", hosts=hosts).stdout)
