"""The ledger: verified, signed, and looked at by the running proxy (`policy.ledger`)."""
import json
import os
import signal
import subprocess

from harness import Scenario, manifest, sallyport, wait_until, write
from origins import ok


class Ledger(Scenario):
    def setUp(self):
        super().setUp()
        self.policy = os.path.join(self.directory, "policy")
        os.mkdir(self.policy)

    def deploy(self, addresses, *options, policy=None, environment="development"):
        path = self.path("manifest.yml")
        write(path, manifest(addresses))
        done = sallyport("deploy", "--policy", policy or self.policy, "-a", "demo", "-e",
                         environment, "--plain-http", *options, path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def verify(self, *options, policy=None):
        return sallyport("ledger", "verify", policy or self.policy, *options)

    def ledger(self):
        with open(os.path.join(self.policy, "ledger.jsonl"), "rb") as file:
            return file.read()

    def put_ledger(self, text):
        with open(os.path.join(self.policy, "ledger.jsonl"), "wb") as file:
            file.write(text)

    def given_entries(self):
        for number in range(3):
            self.deploy([f"https://a{number}.example.com"], "--by", "Ann")


class Verification(Ledger):
    def test_passes_what_commands_have_written(self):
        self.given_entries()
        done = self.verify()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^whole: 3 entries, 4 files, head [0-9a-f]{64}\n$")

    def test_names_line_and_column_of_what_was_changed(self):
        self.given_entries()
        whole = self.ledger()
        self.put_ledger(whole.replace(b'"by":"Ann"', b'"by":"Eve"', 1))
        done = self.verify()
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"ledger\.jsonl:1:\d+: the line was changed")

    def test_names_every_file_that_is_not_as_it_was_written(self):
        self.given_entries()
        here = os.path.join(self.policy, "demo", "development")
        write(os.path.join(here, "manifest.yml"), manifest(["https://b.example.com"]))
        write(os.path.join(here, "variables.yml"), "A: b\n")
        os.remove(os.path.join(here, "versions/1.1/manifest.yml"))
        done = self.verify()
        self.assertEqual(done.returncode, 1)
        for words in ("development/manifest.yml: not what entry 3",
                      "variables.yml: no entry of the ledger names it",
                      "versions/1.1/manifest.yml: missing; entry 1", "3 things amiss"):
            self.assertIn(words, done.stderr)
        self.assertEqual(sallyport("ledger", "record", self.policy, "--why", "by hand").returncode,
                         0)
        self.assertEqual(self.verify().returncode, 0)

    def test_has_nothing_to_say_where_there_is_no_ledger(self):
        self.assertEqual(self.verify().returncode, 2)
        self.assertEqual(self.verify(policy=self.policy + "-nowhere").returncode, 2)


class Checkpoints(Ledger):
    def setUp(self):
        super().setUp()
        self.given_entries()
        for name in ("key", "other"):
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out",
                            self.path(name + ".pem")], check=True)
            subprocess.run(["openssl", "pkey", "-in", self.path(name + ".pem"), "-pubout", "-out",
                            self.path(name + ".pub")], check=True)
        done = sallyport("ledger", "checkpoint", self.policy, "--key", self.path("key.pem"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.checkpoint = self.path("checkpoint")
        write(self.checkpoint, done.stdout)

    def check(self, key="key.pub"):
        return self.verify("--checkpoint", self.checkpoint, "--public-key", self.path(key))

    def test_hold_while_the_ledger_grows(self):
        self.assertEqual(self.check().returncode, 0)
        self.deploy(["https://later.example.com"])
        done = self.check()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("holds entry 3 as it was signed", done.stdout)

    def test_are_signed_with_the_authoritys_key_and_verified_offline(self):
        ca = self.path("ca")
        for arguments in (("init", ca), ("issue", ca, "--ledger")):
            self.assertEqual(sallyport("ca", *arguments).returncode, 0)
        signed = sallyport("ledger", "checkpoint", self.policy, "--key",
                           os.path.join(ca, "ledger.key"))
        self.assertEqual(signed.returncode, 0, signed.stderr)
        write(self.checkpoint, signed.stdout)
        key = os.path.join("ca", "ledger.pub")
        os.remove(os.path.join(ca, "ledger.key"))
        self.assertEqual(self.check(key).returncode, 0)
        self.put_ledger(b"".join(self.ledger().splitlines(True)[:-1]))
        self.assertEqual(self.check(key).returncode, 1)

    def test_tell_that_the_end_was_cut_off(self):
        self.put_ledger(b"".join(self.ledger().splitlines(True)[:2]))
        done = self.check()
        self.assertEqual(done.returncode, 1)
        self.assertIn("the ledger ends before entry 3", done.stderr)

    def test_tell_that_another_history_was_written(self):
        subprocess.run(["rm", "-r", self.policy], check=True)
        os.mkdir(self.policy)
        self.given_entries()
        self.assertEqual(self.verify().returncode, 0)
        done = self.check()
        self.assertEqual(done.returncode, 1)
        self.assertIn("this is not entry 3", done.stderr)

    def test_are_worth_nothing_changed_or_with_another_key(self):
        self.assertEqual(self.check("other.pub").returncode, 1)
        with open(self.checkpoint, encoding="ascii") as file:
            text = file.read()
        for changed in (text.replace('"n":3', '"n":2'), text.replace("checkpoint", "chequepoint"),
                        text[:-1], text + "x", ""):
            write(self.checkpoint, changed)
            self.assertEqual(self.check().returncode, 1, changed)
        self.assertEqual(sallyport("ledger", "checkpoint", self.policy, "--key",
                                   self.path("key.pub")).returncode, 2)


class Proxies(Ledger):
    def setUp(self):
        super().setUp()
        self.server = self.http_origin(lambda request: ok(b"ok"))
        self.url = f"http://old.test:{self.server.port}"
        self.deploy([self.url])

    def given(self, mode, wait=True):
        proxy = self.prepare(hosts={"old.test": "127.0.0.1", "new.test": "127.0.0.1"},
                             policy={"path": self.policy, "ledger": mode, "watch": False})
        self.addCleanup(self.end, proxy)
        return proxy.start() if wait else proxy.launch()

    def status(self, proxy, name):
        with proxy.connect() as client:
            return client.get(f"http://{name}.test:{self.server.port}/").status

    def head(self):
        return json.loads(self.ledger().splitlines()[-1])

    def tamper(self):
        write(os.path.join(self.policy, "demo/development/manifest.yml"),
              manifest([f"http://new.test:{self.server.port}"]))

    def test_tell_the_head_at_start_and_at_each_reload(self):
        proxy = self.given("require")
        first = proxy.wait_log(1, event="ledger")[0]
        self.assertEqual((first["n"], first["hash"]), (1, self.head()["hash"]))
        self.deploy([self.url, f"http://new.test:{self.server.port}"])
        proxy.signal(signal.SIGHUP)
        second = proxy.wait_log(2, event="ledger")[1]
        self.assertEqual((second["n"], second["hash"]), (2, self.head()["hash"]))
        self.assertNotEqual(first["policy"], second["policy"])
        self.assertEqual(self.status(proxy, "new"), 200)

    def test_refuse_at_a_reload_what_the_ledger_does_not_tell_of(self):
        proxy = self.given("require")
        self.tamper()
        proxy.signal(signal.SIGHUP)
        self.assertIn("not what entry 1", proxy.wait_log(1, event="policy_rejected")[0]["detail"])
        self.assertEqual((self.status(proxy, "old"), self.status(proxy, "new")), (200, 403))
        self.assertEqual(sallyport("ledger", "record", self.policy, "--why", "it is mine")
                         .returncode, 0)
        proxy.signal(signal.SIGHUP)
        wait_until(lambda: self.status(proxy, "new") == 200, "taken once it is recorded")

    def test_refuse_a_ledger_that_was_cut_or_written_anew(self):
        self.deploy([self.url, "https://second.example.com"])
        proxy = self.given("require")
        self.put_ledger(self.ledger().splitlines(True)[0])
        proxy.signal(signal.SIGHUP)
        self.assertIn("it was cut", proxy.wait_log(1, event="policy_rejected")[0]["detail"])

    def test_do_not_start_where_a_ledger_is_required_and_does_not_hold(self):
        self.tamper()
        proxy = self.given("require", wait=False)
        self.assertEqual(proxy.join(), 2)
        self.assertIn("not what entry 1 of the ledger wrote", "\n".join(proxy.stderr))
        os.remove(os.path.join(self.policy, "ledger.jsonl"))
        proxy = self.given("require", wait=False)
        self.assertEqual(proxy.join(), 2)
        self.assertIn("there is no ledger", "\n".join(proxy.stderr))

    def test_warn_and_go_on(self):
        self.tamper()
        proxy = self.given("warn")
        self.assertIn("not what entry 1", proxy.wait_log(1, event="ledger_broken")[0]["detail"])
        self.assertIn("the ledger does not hold", "\n".join(proxy.stderr))
        self.assertEqual(self.status(proxy, "new"), 200)

    def test_do_not_look_where_it_is_off(self):
        self.tamper()
        proxy = self.given("off")
        self.assertEqual(self.status(proxy, "new"), 200)
        proxy.stop()
        self.assertEqual(proxy.log(event="ledger") + proxy.log(event="ledger_broken"), [])
