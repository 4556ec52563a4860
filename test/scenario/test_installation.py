"""`sallyport installation`: what admins approve and set, judged by the manifest, kept in the ledger."""
import json
import os
import subprocess
import tempfile

from harness import SALLYPORT, SLOW, Scenario, sallyport, write

HEAD = """app:
  id: ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000001
"""
FIRST = HEAD + """permissions:
  external:
    configurable: {enabled: true}
    fetch:
      backend:
        - address: api.example.com
        - remote: orders
remotes:
  - key: orders
    baseUrl: https://orders.example.com
    configurable: {name: Orders, description: where, supportedPatterns: ["https://*.orders.example"]}
"""
SECOND = FIRST.replace("        - remote", "        - address: new.example.com\n        - remote")
ID = ("--id", "site-1")
WHO = ("--by", "Ann Lee", "--why", "because")


class Installations(Scenario):
    def setUp(self):
        super().setUp()
        # A thousand entries are some thousands of fsyncs: in memory, where there is room.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.where = tempfile.mkdtemp(prefix="sallyport-", dir=memory)
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", self.where], check=True))
        self.policy = os.path.join(self.where, "policy")
        os.mkdir(self.policy)
        self.deploy(FIRST)

    def options(self):
        return ("--policy", self.policy, "-a", "demo", "-e", "production")

    def deploy(self, text):
        write(os.path.join(self.where, "manifest.yml"), text)
        done = sallyport("deploy", *self.options(), os.path.join(self.where, "manifest.yml"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()[0]

    def run_verb(self, *arguments):
        return sallyport("installation", *arguments, *self.options())

    def done(self, *arguments):
        result = self.run_verb(*arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def refused(self, *arguments):
        before = self.entries()
        result = self.run_verb(*arguments)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(self.entries(), before)
        return result.stderr

    def entries(self):
        with open(os.path.join(self.policy, "ledger.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def file(self):
        with open(os.path.join(self.policy, "demo/production/installations.yml"),
                  encoding="utf-8") as file:
            return file.read()

    def verify(self):
        result = sallyport("ledger", "verify", self.policy)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_go_through_an_approval_and_back(self):
        self.done("add", *ID)
        self.assertEqual(self.file(), "installations:\n  - {id: site-1, approved: 1}\n")
        self.assertEqual(self.deploy(SECOND), "2.1")
        self.assertEqual(self.done("list"), "site-1  version 1  2.1 waits for approval\n")
        self.done("approve", "--version", "2", *ID, *WHO)
        self.assertEqual(self.done("list"), "site-1  version 2\n")
        self.done("revoke", *ID, *WHO)
        self.assertEqual(self.done("show", *ID),
                         "# 2.1 waits for approval\ninstallations:\n"
                         "  - {id: site-1, approved: 1}\n")
        self.assertIn("no version was approved before 1", self.refused("revoke", *ID, *WHO))
        told = [(e["event"], e.get("version"), e.get("installation")) for e in self.entries()]
        self.assertEqual(told, [("deploy", "1.1", None), ("installation-add", "1.1", "site-1"),
                                ("deploy", "2.1", None), ("approve", "2.1", "site-1"),
                                ("revoke", "1.1", "site-1")])
        self.assertEqual((self.entries()[3]["by"], self.entries()[3]["why"]), WHO[1::2])
        self.verify()

    def test_set_what_a_site_wants(self):
        self.done("add", *ID, "--region", "EU")
        self.done("set-region", "US", *ID)
        self.done("set-analytics", "off", *ID, "--why", "our privacy rules")
        self.done("set-log-access", "on", *ID)
        self.done("egress", "add", "erp", "--domain", "erp.example", "--domain", "*.erp.example", *ID)
        self.done("remote", "orders", "--endpoint", "https://eu.orders.example", *ID)
        self.done("suspend", *ID)
        self.assertEqual(
            self.file(),
            "installations:\n  - id: site-1\n    approved: 1\n    region: US\n    analytics: off\n"
            "    suspended: true\n    log_access: true\n    egress:\n      - key: erp\n"
            "        configured:\n"
            "          - {domain: \"erp.example\", type: [FETCH_BACKEND_SIDE]}\n"
            "          - {domain: \"*.erp.example\", type: [FETCH_BACKEND_SIDE]}\n"
            "    remotes:\n"
            "      - {key: orders, configured: {endpoint: \"https://eu.orders.example\"}}\n")
        self.assertEqual([e.get("why") for e in self.entries()][2:5],
                         ["region US", "analytics off; our privacy rules", "log access on"])
        for arguments in (("egress", "remove", "erp"), ("remote", "orders", "--remove"),
                          ("resume",), ("set-region", "default"), ("set-analytics", "on"),
                          ("set-log-access", "off")):
            self.done(*arguments, *ID)
        self.assertEqual(self.file(), "installations:\n  - {id: site-1, approved: 1}\n")
        self.verify()

    def test_change_nothing_where_all_is_so_already(self):
        self.done("add", *ID, "--region", "EU")
        before = self.entries()
        for arguments in (("set-region", "EU"), ("set-analytics", "on"), ("resume",),
                          ("approve", "--version", "1", *WHO)):
            self.assertIn("unchanged", self.done(*arguments, *ID))
        self.assertEqual(self.entries(), before)

    def test_take_no_option_that_belongs_to_another_verb(self):
        self.done("add", *ID)
        for verb, *option in (["suspend", "--domain", "a.example"], ["show", "--version", "1"],
                              ["set-region", "EU", "--remove"],
                              ["remote", "orders", "--type", "IMAGES"]):
            self.assertIn(f"{verb} takes no --", self.refused(verb, *option, *ID))

    def test_are_no_empty_list_where_the_app_is_mistyped(self):
        done = sallyport("installation", "list", "--policy", self.policy, "-a", "dmeo",
                         "-e", "production")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("dmeo/production/: there is no such app and environment", done.stderr)

    def test_are_refused_with_the_reason(self):
        self.done("add", *ID)
        for arguments, reason in (
                (("add", *ID), "is there already"),
                (("add", "--id", "Site"), "cannot be the name of an installation"),
                (("approve", "--version", "2", *ID, *WHO), "there is no version 2 to approve"),
                (("approve", *ID, *WHO), "--version MAJOR"),
                (("approve", "--version", "1", *ID, "--by", "Ann"), "needs --by WHO and --why"),
                (("approve", "--version", "1", *ID, "--by", " ", "--why", "x"), "--by takes"),
                (("suspend", "--id", "site-9"), "there is no installation site-9"),
                (("set-region", "MARS", *ID), "is not a region"),
                (("set-analytics", "maybe", *ID), "neither on nor off"),
                (("egress", "add", "k", *ID), "--domain ADDRESS"),
                (("egress", "add", "k", "--domain", "*", *ID), "would open everything"),
                (("egress", "add", "k", "--domain", "a b", *ID), "a b"),
                (("egress", "add", "k", "--domain", "http://a.example", *ID), "not encrypted"),
                (("egress", "add", "k k", "--domain", "a.example", *ID), "is not a key"),
                (("egress", "remove", "k", *ID), "there is no egress group k"),
                (("egress", "add", "k", "--domain", "a.example", "--type", "ALL", *ID),
                 "no type of egress"),
                (("remote", "orders", *ID), "either --endpoint URL, or --remove"),
                (("remote", "orders", "--endpoint", "https://evil.example", *ID),
                 "supportedPatterns"),
                (("remote", "other", "--endpoint", "https://a.orders.example", *ID),
                 "has no remote"),
                (("fly", *ID), "there is no verb"),
                (("suspend",), "--id says which"),
                (("suspend", "now", *ID), "takes nothing")):
            with self.subTest(arguments):
                self.assertIn(reason, self.refused(*arguments))
        self.verify()

    def test_take_no_egress_that_the_approved_version_does_not_provide_for(self):
        plain = HEAD + "permissions: {external: {fetch: {backend: [{address: a.example.com}]}}}\n"
        write(os.path.join(self.where, "plain.yml"), plain)
        where = ("--policy", self.policy, "-a", "plain", "-e", "staging")
        sallyport("deploy", *where, os.path.join(self.where, "plain.yml"))
        sallyport("installation", "add", *where, *ID)
        done = sallyport("installation", "egress", "add", "k", "--domain", "b.example", *where, *ID)
        self.assertEqual(done.returncode, 2)
        self.assertIn("takes no egress from an admin", done.stderr)

    def test_own_up_to_no_change_by_hand(self):
        self.done("add", *ID)
        path = os.path.join(self.policy, "demo/production/installations.yml")
        write(path, "installations:\n  - {id: site-1, approved: 1, log_access: true}\n")
        self.assertIn("not what the ledger's latest entry wrote", self.refused("suspend", *ID))
        self.assertEqual(sallyport("ledger", "verify", self.policy).returncode, 1)
        recorded = sallyport("ledger", "record", self.policy, "--why", "by hand", "--by", "Ann")
        self.assertEqual(recorded.returncode, 0, recorded.stderr)
        self.done("suspend", *ID)
        self.verify()

    def test_refuse_a_file_that_cannot_be_taken_with_its_place(self):
        path = os.path.join(self.policy, "demo/production/installations.yml")
        write(path, "installations:\n  - {id: site-1, approved: 0}\n")
        self.assertIn(f"{path}:2:28: ", self.run_verb("list").stderr)

    def test_lose_no_entry_when_two_write_at_once(self):
        ids = ("site-1", "site-2")
        for name in ids:
            self.done("add", "--id", name)
        turns = int(250 / SLOW)  # of two entries each
        script = ("d=$1; i=$2; n=$3; s=$4; while [ $n -gt 0 ]; do for v in suspend resume; do "
                  "\"$s\" installation $v --policy \"$d\" -a demo -e production --id $i || exit 1; "
                  "done; n=$((n-1)); done")
        writers = [subprocess.Popen(["sh", "-c", script, "sh", self.policy, name, str(turns),
                                     SALLYPORT], stdout=subprocess.DEVNULL) for name in ids]
        self.assertEqual([writer.wait() for writer in writers], [0, 0])
        told = [entry["event"] for entry in self.entries()]
        self.assertEqual((told.count("suspend"), told.count("resume")), (2 * turns, 2 * turns))
        self.assertEqual(self.file(), "installations:\n  - {id: site-1, approved: 1}\n"
                                      "  - {id: site-2, approved: 1}\n")
        self.verify()
