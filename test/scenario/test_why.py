"""`sallyport why`: from an id in a log to what was decided, deployed and approved."""
import gzip
import hashlib
import json
import os

from harness import ROOT, Scenario, manifest, sallyport, write

ID = "6f1c0a7be2d94f35"


def record(number=0, **changes):
    fields = {"time": "2026-01-05T03:04:05.678901Z", "event": "decision", "id": f"{number:016x}",
              "app": "orders", "environment": "production", "installation": "acme",
              "client": "127.0.0.1:1", "method": "CONNECT", "scheme": "https",
              "host": "api.example", "port": 443, "verdict": "allow", "reason": "declared",
              "rule": {"address": "*.example", "file": "p/orders/production/manifest.yml", "line": 7},
              "mode": "enforce", "policy": "0"}
    fields.update(changes)
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def ledger(*entries):
    """Lines as the ledger has them: each hung on the one before."""
    lines, previous = [], "0" * 64
    for number, entry in enumerate(entries, 1):
        line = json.dumps({"n": number, **entry, "previous": previous},
                          separators=(",", ":"))[:-1]
        previous = hashlib.sha256(line.encode()).hexdigest()
        lines.append(f'{line},"hash":"{previous}"}}\n')
    return "".join(lines)


def entry(event, day, **more):
    return {"time": f"2026-01-{day:02d}T00:00:00.000000Z", "event": event, "app": "orders",
            "environment": "production", **more}


class Why(Scenario):
    def why(self, lines, *arguments, wanted=ID, entries=None):
        if entries is not None:
            write(self.path("policy/ledger.jsonl"), ledger(*entries))
        log = self.path("decisions.log")
        write(log, "".join(lines))
        return sallyport("why", wanted, "--log", log, "--policy", os.path.dirname(self.path("policy/x")),
                         *arguments)

    def test_tells_the_whole_story_in_eight_lines_at_most(self):
        done = self.why([record(1) + "\n", record(id=ID, verdict="deny", reason="pending_approval") + "\n"],
                        entries=[entry("deploy", 1, version="1.1", by="ci", why="first"),
                                 entry("approve", 2, installation="acme", version="1", by="jane", why="ok"),
                                 entry("deploy", 3, version="2.1", by="ci", why="adds a host")])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertLessEqual(len(lines), 8)
        self.assertEqual([line.split()[0] for line in lines],
                         ["asked", "verdict", "rule", "version", "approved", "waits", "ledger"])
        self.assertIn("deny, pending_approval, 2026-01-05T03:04:05.678901Z", lines[1])
        self.assertTrue(lines[1].endswith("decisions.log:2"))
        self.assertIn("p/orders/production/manifest.yml:7", lines[2])
        self.assertIn('1.1, deployed 2026-01-01T00:00:00.000000Z by ci: "first" (entry 1, ', lines[3])
        self.assertIn('by jane: "ok" (entry 2, ', lines[4])
        self.assertIn("2.1", lines[5])
        with open(self.path("policy/ledger.jsonl"), encoding="utf-8") as file:
            hashes = [json.loads(line)["hash"] for line in file]
        for line, hash_ in zip(lines[3:6], hashes):
            self.assertIn(hash_, line)

    def test_reads_gzip_and_several_logs_in_any_order(self):
        older = self.path("decisions.log.1.gz")
        with gzip.open(older, "wt") as file:
            file.write(record(1) + "\n" + record(id=ID) + "\n")
        done = self.why([record(2) + "\n"], older)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("decisions.log.1.gz:2", done.stdout)

    def test_is_not_fooled_by_the_id_in_other_strings(self):
        fools = [record(1, host=ID), record(2, policy=f'x"id":"{ID}"'), record(3, app=ID),
                 record(event="close", id=ID), record(4, nested={"id": ID, "event": "decision"}),
                 f'not JSON "id":"{ID}"', f'{{"event":"decision","id":"{ID}"',
                 f'{{"event":"decision","id":"{ID}","id":"{ID}","time":"2026-01-05T03:04:05Z"}}']
        done = self.why([line + "\n" for line in fools])
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, f"sallyport: no decision {ID} in 1 log\n")
        done = self.why([line + "\n" for line in fools] + [record(id=ID) + "\n"])
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"decisions.log:{len(fools) + 1}\n", done.stdout)

    def test_does_not_mind_a_torn_last_line(self):
        whole = record(id=ID)
        for torn in (record(9)[:60], "{", whole[:-1], "\0\0\0"):
            with self.subTest(torn):
                self.assertEqual(self.why([whole + "\n", torn]).returncode, 0)
        self.assertEqual(self.why([record(1) + "\n", whole[:-1]]).returncode, 1)
        self.assertEqual(self.why([record(1) + "\n", whole]).returncode, 0)

    def test_finds_the_line_among_many_and_names_it(self):
        lines = [record(number) + "\n" for number in range(1, 20001)]
        lines.insert(17000, record(id=ID) + "\n")
        done = self.why(lines)
        self.assertEqual(done.returncode, 0)
        self.assertIn("decisions.log:17001\n", done.stdout)

    def test_says_that_nothing_is_on_record_without_a_ledger(self):
        done = self.why([record(id=ID) + "\n"])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("ledger    there is none in ", done.stdout)

    def test_ends_with_1_where_the_ledger_or_a_log_is_broken(self):
        entries = [entry("deploy", 1, version="1.1"), entry("deploy", 2, version="1.2")]
        path = self.path("policy/ledger.jsonl")
        for damage in (lambda text: text.replace('"1.1"', '"1.3"'), lambda text: text[:-1],
                       lambda text: "".join(reversed(text.splitlines(True)))):
            write(path, damage(ledger(*entries)))
            done = self.why([record(id=ID) + "\n"])
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"sallyport: {path}:", done.stderr)
            self.assertIn("what it says is no proof", done.stdout)
        log = self.path("cut.gz")
        with open(log, "wb") as file:
            file.write(gzip.compress((record(1) + "\n").encode() * 1000)[:-20])
        done = self.why([record(1) + "\n"], log)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the file was cut", done.stderr)

    def test_refuses_what_it_cannot_look_for(self):
        for wanted in ("", 'a"b', "a b", "\\", "x" * 129):
            with self.subTest(wanted):
                self.assertEqual(self.why([record(1) + "\n"], wanted=wanted).returncode, 2)
        done = self.why([record(1) + "\n"], self.path("missing.log"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("missing.log: cannot be opened", done.stderr)
        for arguments in ((ID, "--log", "x"), (ID, "--policy", ROOT), (ID, "--log", "x", "--policy", "/none")):
            self.assertEqual(sallyport("why", *arguments).returncode, 2)

    def test_tells_a_deploy_that_the_command_wrote(self):
        new = self.path("manifest.yml")
        policy = os.path.dirname(self.path("policy/x"))
        write(new, manifest(["*.example"]))
        deployed = sallyport("deploy", "--policy", policy, "-a", "orders", "-e", "production", new,
                             "--by", "ci", "--why", "the first")
        self.assertEqual(deployed.returncode, 0, deployed.stderr)
        done = self.why([record(id=ID, time="2999-01-01T00:00:00Z", installation=None) + "\n"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r'version   1\.1, deployed \S+ by ci: "the first" \(entry 1, ')

    def test_tells_what_a_site_approved_and_took_back(self):
        new = self.path("manifest.yml")
        policy = os.path.dirname(self.path("policy/x"))

        def do(command, *arguments):
            done = sallyport(*command, "--policy", policy, "-a", "orders", "-e", "production", *arguments,
                             "--by", "jane", "--why", "because")
            self.assertEqual(done.returncode, 0, done.stderr)

        def told():
            done = self.why([record(id=ID, time="2999-01-01T00:00:00Z") + "\n"])
            self.assertEqual(done.returncode, 0, done.stderr)
            return {line.split()[0]: line for line in done.stdout.splitlines()}

        write(new, manifest(["a.example"]))
        do(("deploy",), new)
        do(("installation", "add"), "--id", "acme")
        write(new, manifest(["a.example", "b.example"]))
        do(("deploy",), new)
        story = told()
        self.assertIn("version   1.1, deployed ", story["version"])
        self.assertIn("approved  major 1, ", story["approved"])
        do(("installation", "approve"), "--id", "acme", "--version", "2")
        story = told()
        self.assertIn("version   2.1, deployed ", story["version"])
        self.assertRegex(story["approved"], r'major 2, \S+ by jane: "because" \(entry 4, [0-9a-f]{64}\)')
        do(("installation", "revoke"), "--id", "acme")
        do(("installation", "suspend"), "--id", "acme")
        story = told()
        self.assertIn("version   1.1, deployed ", story["version"])
        self.assertIn("revoked   back to major 1, ", story["revoked"])
        self.assertIn("(entry 6, ", story["suspended"])
