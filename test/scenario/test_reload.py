"""A new policy while the proxy runs: by signal, by itself, under load, and when it is broken."""
import datetime
import os
import shutil
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bypass"))
import hello  # noqa: E402  pylint: disable=wrong-import-position
from harness import PATIENCE, SLOW, Scenario, manifest, wait_until, write
from origins import ok


class Reload(Scenario):
    def setUp(self):
        super().setUp()
        self.server = self.http_origin(lambda request: ok(b"ok"))
        self.old = f"http://old.test:{self.server.port}"
        self.new = f"http://new.test:{self.server.port}"
        self.names = {"old.test": "127.0.0.1", "new.test": "127.0.0.1"}

    def given(self, watch=False, **options):
        self.gate = self.proxy(allow=[self.old], hosts=self.names,
                               policy={"watch": watch, **options})
        return self.gate

    def status(self, url):
        with self.gate.connect() as client:
            return client.get(url + "/").status

    def becomes(self, url, status):
        wait_until(lambda: self.status(url) == status, f"{url} becomes {status}")

    def test_by_sighup_takes_the_new_manifest(self):
        self.given()
        self.assertEqual((self.status(self.old), self.status(self.new)), (200, 403))
        self.gate.declare([self.new])
        self.assertEqual((self.status(self.old), self.status(self.new)), (200, 403))
        self.gate.signal(signal.SIGHUP)
        self.becomes(self.new, 200)
        self.becomes(self.old, 403)  # in the other worker, too
        revisions = {record["policy"] for record in self.gate.wait_log(3, verdict="allow")}
        self.assertEqual(len(revisions), 2)

    def test_happens_by_itself_when_a_file_changes(self):
        self.given(watch=True)
        self.gate.declare([self.new])
        self.becomes(self.new, 200)

    def test_happens_by_itself_when_a_file_is_written_in_place(self):
        self.given(watch=True)
        with open(self.gate.policy_path(), "w", encoding="utf-8") as file:
            file.write(manifest([self.new]))
        self.becomes(self.new, 200)

    def test_finds_at_the_next_change_elsewhere_what_it_could_not_see(self):
        """A file that is a link changes where nobody watches; a look at everything follows."""
        self.given(watch=True)
        target = os.path.join(self.gate.directory, "policy", ".shared", "manifest.yml")
        write(target, manifest([self.old]))
        os.remove(self.gate.policy_path())
        os.symlink(target, self.gate.policy_path())
        self.gate.wait_log(event="policy_loaded")
        write(target, manifest([self.new]))
        self.assertEqual(self.status(self.old), 200)
        self.gate.declare(["https://other.example"], app="other")  # whole: it is a new directory
        self.becomes(self.new, 200)
        write(target, manifest([self.old]))
        with open(self.gate.policy_path("other"), "w", encoding="utf-8") as file:
            file.write(manifest(["https://another.example"]))  # only this app is looked at, at first
        self.becomes(self.old, 200)
        self.becomes(self.new, 403)

    def test_happens_by_itself_when_an_app_is_added(self):
        self.gate = self.proxy(allow=[self.old], hosts=self.names, listeners=[
            {"address": "127.0.0.1:0",
             "identity": {"static": {"app": "late", "environment": "production"}}}])
        self.assertEqual(self.status(self.new), 403)
        self.gate.declare([self.new], "late", "production")
        self.becomes(self.new, 200)

    def test_of_a_broken_file_keeps_the_old_policy_and_says_why(self):
        self.given()
        self.assertEqual(self.gate.admin("/readyz")[0], 200)
        write(self.gate.policy_path(), "permissions: [unclosed\n")
        self.gate.signal(signal.SIGHUP)
        wait_until(lambda: self.gate.admin("/readyz")[0] == 503, "/readyz complains")
        self.assertIn("manifest.yml:", self.gate.admin("/readyz")[1])
        self.assertEqual((self.status(self.old), self.status(self.new)), (200, 403))
        [event] = self.gate.wait_log(event="policy_rejected")
        self.assertIn("manifest.yml:", event["detail"])
        self.assertEqual(
            self.gate.metrics()['sallyport_policy_reloads_total{result="rejected"}'], 1)
        self.assertEqual(self.gate.admin("/healthz")[0], 200)
        self.gate.declare([self.new])
        self.gate.signal(signal.SIGHUP)
        self.becomes(self.new, 200)
        wait_until(lambda: self.gate.admin("/readyz")[0] == 200, "/readyz is good again")

    def test_of_an_emptied_directory_keeps_the_old_policy_or_denies_but_never_dies(self):
        self.given()
        shutil.rmtree(os.path.dirname(os.path.dirname(self.gate.policy_path())))
        self.gate.signal(signal.SIGHUP)
        wait_until(lambda: self.gate.admin("/readyz")[0] == 503 or self.status(self.old) == 403,
                   "it was seen")
        self.assertIsNone(self.gate.process.poll())

    def test_under_load_fails_no_request_and_gives_no_wrong_verdict(self):
        self.given()
        always = f"http://always.test:{self.server.port}"
        self.gate.stop()
        self.gate = self.proxy(allow=[always, self.old],
                               hosts={**self.names, "always.test": "127.0.0.1"})
        wrong, counts, done = [], [0], threading.Event()

        def load():
            try:
                with self.gate.connect() as client:
                    while not done.is_set():
                        good = client.get(always + "/").status
                        bad = client.get("http://never.test/").status
                        counts[0] += 2
                        if (good, bad) != (200, 403):
                            wrong.append((good, bad))
            except Exception as error:  # pylint: disable=broad-except
                wrong.append(error)
        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(100):
            goal = counts[0] + 8
            self.gate.declare([always, self.new if turn % 2 == 0 else self.old])
            self.gate.signal(signal.SIGHUP)
            wait_until(lambda goal=goal: counts[0] >= goal or wrong, "requests go on")
        done.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class Revocation(Scenario):
    """A tunnel whose rule a new policy no longer holds."""

    def given(self, workers=0, **policy):
        self.server = self.origin(lambda wire: wire.send(wire.read(4)) or wire.rest())
        self.first, self.second = (f"http://{name}.test:{self.server.port}" for name in ("first", "second"))
        self.gate = self.proxy(allow=[self.first, self.second], policy={"watch": False, **policy},
                               timeouts={"drain_seconds": 3}, workers=workers)

    def tunnel(self, name):
        client = self.keep(self.gate.connect())
        self.assertEqual(client.tunnel(f"{name}.test:{self.server.port}").status, 200)
        return client

    def withdraw_second(self):
        self.gate.declare([self.first])
        self.gate.signal(signal.SIGHUP)
        self.gate.wait_log(event="policy_loaded")

    def status(self, name):
        with self.gate.connect() as client:
            return client.tunnel(f"{name}.test:{self.server.port}").status

    def answers(self, client):
        client.send("ping")
        return client.read(4) == b"ping"

    def test_closes_it_at_once_and_says_so(self):
        self.given()
        kept, withdrawn = self.tunnel("first"), self.tunnel("second")
        self.withdraw_second()
        self.assertTrue(withdrawn.ended())
        [closed] = self.gate.wait_log(event="close", outcome="revoked")
        [decided] = self.gate.log(event="decision", host="second.test")
        self.assertEqual(closed["id"], decided["id"])
        self.assertTrue(self.answers(kept))

    def test_lets_it_drain_where_configured(self):
        self.given(revoke="drain")
        withdrawn = self.tunnel("second")
        self.withdraw_second()
        self.assertTrue(self.answers(withdrawn))
        self.assertTrue(withdrawn.ended())
        self.gate.wait_log(event="close", outcome="revoked")

    def test_keeps_it_where_configured(self):
        self.given(revoke="keep")
        withdrawn = self.tunnel("second")
        self.withdraw_second()
        self.assertTrue(self.answers(withdrawn))
        self.assertEqual(self.gate.log(event="close", outcome="revoked"), [])

    def test_lets_none_begin_that_waited_for_its_hello_meanwhile(self):
        self.given(workers=1)  # each takes a policy for itself: the one that refuses is the one that waits
        self.gate.declare([f"https://second.test:{self.server.port}"])
        self.gate.signal(signal.SIGHUP)
        self.gate.wait_log(event="policy_loaded")
        waiting = self.tunnel("second")
        self.withdraw_second()
        wait_until(lambda: self.status("second") == 403, "the withdrawal is in force")
        waiting.send(hello.build(sni=b"second.test"))
        self.assertTrue(waiting.ended())
        self.gate.wait_log(event="close", outcome="revoked")
        self.assertEqual(self.server.received, b"")

    def test_takes_a_thousand_tunnels_and_leaves_the_others(self):
        self.given()
        kept = [self.tunnel("first") for _ in range(100)]
        withdrawn = [self.tunnel("second") for _ in range(1000)]
        self.withdraw_second()
        self.gate.wait_log(1000, event="close", outcome="revoked")
        self.assertTrue(all(client.ended() for client in withdrawn))
        self.assertTrue(all(self.answers(client) for client in kept))
        [loaded] = self.gate.log(event="policy_loaded")
        last = max(record["time"] for record in self.gate.log(event="close", outcome="revoked"))
        began, ended = (datetime.datetime.fromisoformat(time.rstrip("Z")) for time in (loaded["time"], last))
        seconds = (ended - began).total_seconds()
        print(f"note: 1000 tunnels were revoked {seconds * 1000:.0f} ms after the new policy was loaded")
        self.assertLess(seconds, SLOW)


class RevokedRequests(Scenario):
    """A request whose body goes on when a new policy no longer holds its rule."""

    def given(self, answer=b"", **policy):
        self.over = threading.Event()

        def talk(wire):
            wire.until(b"\r\n\r\n")
            wire.send(answer)
            wire.rest()
            self.over.set()
        self.server = self.origin(talk)
        self.url = f"http://second.test:{self.server.port}/"
        self.gate = self.proxy(allow=[self.url, "http://first.test"], policy={"watch": False, **policy},
                               timeouts={"drain_seconds": 3})

    def upload(self):
        client = self.keep(self.gate.connect())
        client.send(f"POST {self.url} HTTP/1.1\r\nHost: second.test:{self.server.port}\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        wait_until(lambda: b"first" in self.server.received, "the body has begun")
        return client

    def withdraw(self):
        self.gate.declare(["http://first.test"])
        self.gate.signal(signal.SIGHUP)
        self.gate.wait_log(event="policy_loaded")

    def test_send_no_byte_more(self):
        self.given()
        client = self.upload()
        self.withdraw()
        answer = client.response()
        self.assertEqual(answer.status, 403)
        self.assertIn(b"taken back", answer.body)
        client.send("4\r\nlast\r\n")
        self.assertTrue(client.ended())
        self.assertTrue(self.over.wait(PATIENCE), "the host's connection has ended")
        self.assertNotIn(b"last", self.server.received)
        [closed] = self.gate.wait_log(event="close", outcome="revoked")
        [decided] = self.gate.log(event="decision", host="second.test")
        self.assertEqual(closed["id"], decided["id"])

    def test_drain_where_configured(self):
        self.given(revoke="drain")
        client = self.upload()
        self.withdraw()
        client.send("4\r\nlast\r\n")
        wait_until(lambda: b"last" in self.server.received, "the body goes on")
        self.assertTrue(client.ended())
        self.gate.wait_log(event="close", outcome="revoked")

    def test_that_have_been_sent_may_have_their_answer_for_a_while(self):
        self.given(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
        client = self.keep(self.gate.connect())
        client.send(f"GET {self.url} HTTP/1.1\r\nHost: second.test:{self.server.port}\r\n\r\n")
        client.until(b"part\r\n")
        self.withdraw()
        self.assertFalse(self.gate.log(event="close"))
        self.assertTrue(client.ended())
        self.gate.wait_log(event="close", outcome="revoked")
