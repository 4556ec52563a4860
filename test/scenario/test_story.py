"""The story admins rely on: deployed, approved at one site, taken back; told and proven afterwards."""
import json
import os
import time

from harness import SLOW, Scenario, sallyport, wait_until, write
from origins import ok

APP, ENVIRONMENT = "orders", "production"
SITES = ("site-a", "site-b")
AUTHOR = ("--by", "Ann Lee", "--why", "the new invoices need it")


def listener(site):
    return {"address": "127.0.0.1:0", "identity": {"static": {
        "app": APP, "environment": ENVIRONMENT, "installation": site}}}


class Stage(Scenario):
    """1.1 declares `first`, analytics at `stats` and a remote with a base URL for the EU; 2.1 also
    `second`. Everything is written by commands, and the proxy requires their ledger."""

    def setUp(self):
        super().setUp()
        self.server = self.http_origin(lambda request: ok(request.get("Host").encode()))
        self.raw = self.origin(lambda wire: wire.send(wire.read(4)) or wire.rest())
        self.policy = os.path.dirname(self.path("policy/x"))
        self.took = []
        self.ledger = os.path.join(self.policy, "ledger.jsonl")
        self.deploy("1.1", "first")
        for site in SITES:
            self.command("installation", "add", "--id", site)

    # -- commands ----------------------------------------------------------------

    def command(self, *arguments):
        done = sallyport(*arguments[:2], "--policy", self.policy, "-a", APP, "-e", ENVIRONMENT,
                         "--plain-http", *arguments[2:])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def deploy(self, number, *hosts):
        path = self.path("manifest.yml")
        lines = "".join(f'        - address: "http://{host}.test:{server.port}"\n'
                        for host in hosts for server in (self.server, self.raw))
        write(path, f'''app:
  id: ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000001
permissions:
  external:
    fetch:
      backend:
{lines}        - {{address: "{self.url("stats")}", category: analytics}}
        - remote: shop
remotes:
  - {{key: shop, baseUrl: {{default: "{self.url("any")}", EU: "{self.url("eu")}"}}}}
''')
        self.assertEqual(self.command("deploy", path, "--by", "CI").splitlines()[0], number)

    def set(self, site, verb, *arguments):
        self.command("installation", verb, *arguments, "--id", SITES[site], *AUTHOR)
        return time.monotonic()

    # -- the proxy ---------------------------------------------------------------

    def start(self):
        names = ("first", "second", "stats", "any", "eu")
        self.gate = self.prepare(hosts={f"{name}.test": "127.0.0.1" for name in names},
                                 listeners=[listener(site) for site in SITES],
                                 policy={"path": self.policy, "ledger": "require"})
        self.addCleanup(self.end, self.gate)
        self.gate.start()

    def url(self, name):
        return f"http://{name}.test:{self.server.port}"

    def ask(self, site, name):
        with self.gate.connect(site) as client:
            return client.get(self.url(name) + "/")

    def becomes(self, site, name, status, since):
        """In force after the command's return, and for the other site nothing is."""
        before = [self.ask(1 - site, name).status]
        wait_until(lambda: self.ask(site, name).status == status, f"{name} becomes {status}")
        self.took.append(time.monotonic() - since)
        self.assertEqual([self.ask(1 - site, name).status], before)

    def denial(self, site, name):
        """The first one: each worker takes what is set for itself."""
        def ask():
            answer = self.ask(site, name)
            return answer if answer.status == 403 else None
        return wait_until(ask, f"{name} is denied")

    def tunnel(self, site, name):
        """The first that is let through, for the same reason."""
        def open_one():
            client = self.keep(self.gate.connect(site))
            return client if client.tunnel(f"{name}.test:{self.raw.port}").status == 200 else None
        return wait_until(open_one, f"{name} is let through")

    def answers(self, client):
        client.send("ping")
        return client.read(4) == b"ping"

    # -- what is told ------------------------------------------------------------

    def why(self, record):
        """The story of a decision: its lines by their first word."""
        done = sallyport("why", record["id"], "--log", self.gate.log_path, "--policy", self.policy)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertLessEqual(len(lines), 8)
        return {line.split()[0]: line for line in lines}

    def last(self, **match):
        return self.gate.wait_log(event="decision", **match)[-1]

    def entry(self, event):
        with open(self.ledger, encoding="utf-8") as file:
            return [entry for entry in map(json.loads, file) if entry["event"] == event][-1]

    def verify(self):
        return sallyport("ledger", "verify", self.policy)

    def assertWhole(self):
        done = self.verify()
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Story(Stage):
    def given_two_sites_and_a_wider_version(self):
        self.start()
        self.deploy("2.1", "first", "second")
        self.gate.wait_log(event="policy_loaded")

    def test_a_new_version_waits_at_every_site(self):
        self.given_two_sites_and_a_wider_version()
        for number, site in enumerate(SITES):
            self.assertEqual(self.ask(number, "first").status, 200)
            problem = self.assertDenied(self.ask(number, "second"), "pending_approval")
            self.assertIn("declared by version 2, which waits for approval", problem["detail"])
            self.assertIn(f"sallyport installation approve --policy {self.policy} --app {APP} "
                          f"--environment {ENVIRONMENT} --id {site} --version 2 ",
                          problem["detail"])
            denied = self.last(id=problem["decision"])
            self.assertEqual((denied["installation"], denied["verdict"], denied["reason"]),
                             (site, "deny", "pending_approval"))
            told = self.why(denied)
            self.assertIn("deny, pending_approval", told["verdict"])
            self.assertIn("1.1, deployed ", told["version"])
            self.assertIn("2.1", told["waits"])
            self.assertIn(self.entry("deploy")["hash"], told["waits"])

    def test_an_approval_counts_for_one_site_until_it_is_revoked(self):
        self.given_two_sites_and_a_wider_version()
        self.becomes(0, "second", 200, self.set(0, "approve", "--version", "2"))
        self.assertDenied(self.ask(1, "second"), "pending_approval")
        allowed = self.last(verdict="allow", installation=SITES[0], host="second.test")
        told = self.why(allowed)
        self.assertIn("versions/2.1/manifest.yml", told["rule"])
        self.assertIn("2.1, deployed ", told["version"])
        self.assertIn('by Ann Lee: "the new invoices need it"', told["approved"])
        self.assertIn(self.entry("approve")["hash"], told["approved"])

        kept, withdrawn, other = (self.tunnel(0, "first"), self.tunnel(0, "second"),
                                  self.tunnel(1, "first"))
        self.becomes(0, "second", 403, self.set(0, "revoke"))
        self.assertTrue(withdrawn.ended())
        [closed] = self.gate.wait_log(event="close", outcome="revoked")
        self.assertTrue(self.answers(kept))
        self.assertTrue(self.answers(other))
        self.assertIn("2.1, deployed ", self.why(closed)["version"])  # what it was opened under
        told = self.why(self.last(verdict="deny", installation=SITES[0], host="second.test"))
        self.assertIn("back to major 1", told["revoked"])
        self.assertIn(self.entry("revoke")["hash"], told["revoked"])
        self.assertLess(min(self.took), 1 * SLOW)  # the quicker one: others may keep the machine busy
        self.assertWhole()

    def test_a_site_switches_analytics_off_and_moves_to_a_region(self):
        self.given_two_sites_and_a_wider_version()
        self.becomes(0, "stats", 403, self.set(0, "set-analytics", "off"))
        problem = self.assertDenied(self.denial(0, "stats"), "analytics_disabled")
        told = self.why(self.last(id=problem["decision"]))
        self.assertIn("analytics_disabled", told["verdict"])
        self.assertIn(self.entry("set-analytics")["hash"], "\n".join(told.values()))

        self.becomes(0, "eu", 200, self.set(0, "set-region", "EU"))
        self.assertDenied(self.denial(0, "any"), "undeclared")
        self.assertEqual((self.ask(1, "any").status, self.ask(1, "eu").status), (200, 403))
        told = self.why(self.last(verdict="allow", host="eu.test"))
        self.assertIn("approved", told)
        self.assertIn(self.entry("set-region")["hash"], "\n".join(told.values()))
        self.assertWhole()

    def test_the_log_names_the_entry_that_each_policy_rests_on(self):
        self.given_two_sites_and_a_wider_version()
        self.set(0, "approve", "--version", "2")
        approval = self.entry("approve")
        [head] = self.gate.wait_log(event="ledger", n=approval["n"])
        self.assertEqual(head["hash"], approval["hash"])
        self.assertEqual(self.ask(0, "second").status, 200)
        self.assertEqual(self.last(host="second.test", verdict="allow")["policy"], head["policy"])


class Proof(Stage):
    """What is proven does not hold any more when one byte anywhere is another one."""

    def setUp(self):
        super().setUp()
        self.deploy("2.1", "first", "second")
        self.set(0, "approve", "--version", "2")
        self.assertWhole()

    def files(self):
        for directory, _, names in os.walk(self.policy):
            yield from (os.path.join(directory, name) for name in names
                        if not name.startswith("."))

    @staticmethod
    def flip(path, offset):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1]))

    def test_one_flipped_byte_anywhere_is_found_and_named(self):
        files = sorted(self.files())
        self.assertEqual(len(files), 5)
        for path in files:
            with open(path, "rb") as file:
                size = len(file.read())
            # Beginning and end, and a step that is prime to the lengths of lines in between.
            for offset in sorted({0, 1, size - 2, size - 1, *range(7, size, size // 12 | 1)}):
                with self.subTest(file=path, offset=offset):
                    self.flip(path, offset)
                    done = self.verify()
                    self.flip(path, offset)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(self.place(path, offset), done.stderr)
        self.assertWhole()

    def place(self, path, offset):
        """The file, and of the ledger the line."""
        if path != self.ledger:
            return path
        with open(path, "rb") as file:
            before = file.read(offset)
        line = before.count(b"\n") + 1
        return f"{path}:{line}:"
