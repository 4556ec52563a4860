"""A new policy while the proxy runs: by signal, by itself, under load, and when it is broken."""
import os
import shutil
import signal
import threading

from harness import Scenario, manifest, wait_until, write
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
        self.assertEqual(self.status(self.old), 403)
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

    def test_leaves_open_tunnels_alone(self):
        echo = self.origin(lambda wire: [wire.send(wire.read(4)) for _ in range(2)])
        proxy = self.proxy(allow=[f"http://echo.test:{echo.port}"])
        with proxy.connect() as client:
            client.tunnel(f"echo.test:{echo.port}")
            client.send("once")
            self.assertEqual(client.read(4), b"once")
            proxy.declare([])
            proxy.signal(signal.SIGHUP)

            def denied():
                with proxy.connect() as other:
                    return other.tunnel(f"echo.test:{echo.port}").status == 403
            wait_until(denied, "the new policy is in force")
            client.send("more")
            self.assertEqual(client.read(4), b"more")

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
        for turn in range(30):
            goal = counts[0] + 20
            self.gate.declare([always, self.new if turn % 2 == 0 else self.old])
            self.gate.signal(signal.SIGHUP)
            wait_until(lambda goal=goal: counts[0] >= goal or wrong, "requests go on")
        done.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
