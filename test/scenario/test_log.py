"""The decision log (README.md): whole, true and free of secrets."""
import contextlib
import json
import os
import signal
import subprocess
import threading
import time

from harness import PATIENCE, SLOW, Scenario, wait_until
from origins import ok

DECISION = {"time", "event", "id", "app", "environment", "client", "method", "scheme", "host", "port",
            "verdict", "reason", "mode", "policy"}
CLOSE = {"event", "id", "upstream", "status", "bytes_up", "bytes_down", "duration_ms", "outcome"}


class Log(Scenario):
    def given(self, **options):
        self.server = self.http_origin(lambda request: ok(b"x" * 1000))
        self.base = f"http://origin.test:{self.server.port}"
        return self.proxy(allow=[self.base], **options)

    def test_tells_each_decision_and_its_end_with_one_id(self):
        proxy = self.given()
        with proxy.connect() as client:
            for _ in range(5):
                self.assertEqual(client.get(self.base + "/").status, 200)
            client.tunnel("evil.test:443")
        proxy.wait_log(5, event="close", outcome="ok")
        proxy.stop()
        decisions = {record["id"]: record for record in proxy.log(event="decision")}
        closes = [record["id"] for record in proxy.log(event="close")]
        self.assertEqual(len(decisions), 6)
        self.assertEqual(len(set(closes)), len(closes))
        self.assertLessEqual(set(closes), set(decisions))
        for record in proxy.log(event="decision"):
            self.assertLessEqual(DECISION, set(record))
            self.assertRegex(record["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
            self.assertRegex(record["client"], r"^127\.0\.0\.1:\d+$")
        for record in proxy.log(event="close"):
            self.assertLessEqual(CLOSE, set(record))

    def test_names_the_rule_that_allowed(self):
        proxy = self.given()
        with proxy.connect() as client:
            client.get(self.base + "/")
        [record] = proxy.wait_log(event="decision")
        self.assertEqual(record["rule"]["address"], self.base)
        self.assertEqual(record["rule"]["line"], 7)
        self.assertTrue(record["rule"]["file"].endswith("demo/development/manifest.yml"))
        self.assertEqual((record["scheme"], record["host"], record["port"]),
                         ("http", "origin.test", self.server.port))

    def test_counts_the_bytes_of_bodies(self):
        proxy = self.given()
        with proxy.connect() as client:
            client.send(f"POST {self.base}/ HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n"
                        "Content-Length: 10\r\n\r\n0123456789")
            client.response()
        [record] = proxy.wait_log(event="close")
        self.assertEqual((record["bytes_up"], record["bytes_down"], record["status"]), (10, 1000, 200))

    def test_never_holds_query_strings_credentials_or_bodies(self):
        proxy = self.given()
        with proxy.connect() as client:
            client.get(self.base + "/path?token=query-secret", "Authorization: Bearer field-secret",
                       "Cookie: c=cookie-secret", "Proxy-Authorization: Basic cHJveHktc2VjcmV0")
            client.get("http://evil.test/?token=query-secret")
            client.send(f"POST {self.base}/ HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n"
                        "Content-Length: 11\r\n\r\nbody-secret")
            client.response()
        for target in ("http://user:password-secret@evil.test/?token=query-secret",
                       "http:user:password-secret@evil.test/?token=query-secret",
                       "ht!tp://user:password-secret@evil.test/?token=query-secret",
                       "user:password-secret@evil.test:80", "/path?token=query-secret",
                       "http://evil..test/?token=query-secret", "http://evil.test?token=query-secret#"):
            for method in ("GET", "CONNECT"):
                with proxy.connect() as client:
                    client.send(f"{method} {target} HTTP/1.1\r\nHost: user:password-secret@x\r\n\r\n")
                    self.assertIn(b" 400 ", client.rest())
        proxy.wait_log(3 + 14, event="decision")
        proxy.stop()
        text = "\n".join(proxy.log_lines() + proxy.stderr + proxy.stdout)
        for secret in ("query-secret", "field-secret", "cookie-secret", "cHJveHktc2VjcmV0",
                       "body-secret", "password-secret", "?token"):
            self.assertNotIn(secret, text)

    def test_quotes_what_a_client_made_up(self):
        proxy = self.given()
        with proxy.connect() as client:
            client.send('GE"T http://evil.test/\\" HTTP/1.1\r\nHost: evil.test\r\n\r\n')
            client.rest()
        with proxy.connect() as client:
            client.send(b"CONNECT \xff\xfe\x80.test:443 HTTP/1.1\r\nHost: x\r\n\r\n")
            client.rest()
        proxy.wait_log(2, event="decision")

    def test_goes_to_standard_output_for_a_dash(self):
        proxy = self.given(log={"decisions": "-"})
        with proxy.connect() as client:
            client.tunnel("evil.test:443")
        wait_until(lambda: any('"decision"' in line for line in proxy.stdout), "a line there")
        hosts = [json.loads(line).get("host") for line in proxy.stdout]
        self.assertIn("evil.test", hosts)

    def test_is_written_to_the_end_on_a_clean_stop(self):
        proxy = self.given()
        def many():
            with proxy.connect() as client:
                for number in range(200):
                    client.get(f"http://evil-{number}.test/")
        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        proxy.stop()
        self.assertEqual(len(proxy.log(event="decision", verdict="deny")), 800)

    def reopens(self, number):
        proxy = self.given()
        done = threading.Event()
        asked = []

        def keep_asking():
            with proxy.connect() as client:
                while not done.is_set():
                    client.get(f"http://evil-{len(asked)}.test/")
                    asked.append(1)
        thread = threading.Thread(target=keep_asking)
        thread.start()
        for rotation in range(3):
            goal = len(asked) + 20
            wait_until(lambda goal=goal: len(asked) > goal, "some requests")
            os.rename(proxy.log_path, f"{proxy.log_path}.{rotation}")
            proxy.signal(number)
            wait_until(lambda: os.path.exists(proxy.log_path), "the new file")
        done.set()
        thread.join()
        proxy.stop()
        paths = [f"{proxy.log_path}.{rotation}" for rotation in range(3)] + [proxy.log_path]
        records = [json.loads(line) for path in paths for line in proxy.log_lines(path)]
        hosts = [record["host"] for record in records if record["event"] == "decision"]
        self.assertEqual(sorted(hosts), sorted(f"evil-{n}.test" for n in range(len(asked))))
        self.assertTrue(proxy.log_lines())

    def test_is_reopened_on_sigusr1_without_losing_a_line(self):
        self.reopens(signal.SIGUSR1)

    def test_is_reopened_on_sighup_without_losing_a_line(self):
        self.reopens(signal.SIGHUP)

    def test_on_a_full_disk_loses_nothing_and_goes_on_when_there_is_room(self):
        mount = self.path("disk")
        os.makedirs(mount)
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", mount],
                              capture_output=True, text=True, check=False)
        if made.returncode != 0:
            self.skipTest("may not mount a tmpfs: " + made.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", mount], check=False)
        ballast = os.path.join(mount, "ballast")
        with open(ballast, "wb") as file:
            file.write(bytes(48 << 10))
        proxy = self.given(log={"decisions": os.path.join(mount, "decisions.log")})
        proxy.log_path = os.path.join(mount, "decisions.log")
        answered = []

        def keep_asking(worker):
            with proxy.connect() as client:
                for number in range(100):
                    host = f"evil-{worker}-{number}.test"
                    self.assertDenied(client.get(f"http://{host}/"), "undeclared")
                    answered.append(host)
        threads = [threading.Thread(target=keep_asking, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: proxy.admin("/readyz")[0] == 503, "/readyz sees the full disk")
        self.assertEqual(proxy.admin("/healthz")[0], 200)
        subprocess.run(["mount", "-o", "remount,size=8m", mount], check=True)
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(len(answered), 400)
        wait_until(lambda: proxy.admin("/readyz")[0] == 200, "/readyz is good again")
        proxy.stop()
        hosts = [record["host"] for record in proxy.log(event="decision")]
        self.assertEqual(sorted(hosts), sorted(answered))

    @staticmethod
    def in_background(work):
        def run():
            with contextlib.suppress(OSError, AssertionError):  # the test's end cuts it off
                work()
        threading.Thread(target=run, daemon=True).start()

    @staticmethod
    def made(proxy):
        return proxy.metrics()['sallyport_log_records_total{state="made"}']

    def await_standstill(self, proxy):
        """No record has been made for a second, but many before; how many."""
        last = [self.made(proxy)]

        def stands():
            time.sleep(0.25 * SLOW)
            last.append(self.made(proxy))
            return len(last) > 4 and last[-5] == last[-1] > 1000
        wait_until(stands, "no more records are made")
        return last[-1]

    def test_that_one_app_has_filled_makes_that_app_wait_and_no_other(self):
        path = self.path("pipe")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        proxy = self.given(log={"decisions": path}, workers=1, apps={("modest", "development"): ["origin.test"]},
                           listeners=[{"address": "127.0.0.1:0",
                                       "identity": {"static": {"app": app, "environment": "development"}}}
                                      for app in ("demo", "modest")])
        request = "GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n"
        with proxy.connect() as greedy, proxy.connect(1) as modest:
            self.in_background(lambda: greedy.send(request * 20000))
            self.in_background(greedy.rest)
            made = self.await_standstill(proxy)
            for _ in range(50):
                self.assertDenied(modest.get("http://evil.test/"), "undeclared")
            self.assertEqual(self.made(proxy), made + 100)
        os.set_blocking(reader, True)
        self.in_background(lambda: list(iter(lambda: os.read(reader, 1 << 16), b"")))
        proxy.stop()

    def test_into_a_pipe_that_nobody_empties_waits_and_loses_nothing(self):
        path = self.path("pipe")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        proxy = self.given(log={"decisions": path})
        with proxy.connect() as client:
            for number in range(400):
                self.assertDenied(client.get(f"http://evil-{number}.test/"), "undeclared")
        made, written = (proxy.metrics()[f'sallyport_log_records_total{{state="{state}"}}']
                         for state in ("made", "written"))
        self.assertGreaterEqual(made, 800)
        self.assertLess(written, made, "the pipe is full")
        os.set_blocking(reader, True)
        text = []

        def read():
            while data := os.read(reader, 1 << 16):
                text.append(data)
        thread = threading.Thread(target=read)
        thread.start()
        wait_until(lambda: proxy.metrics()['sallyport_log_records_total{state="written"}'] >= made, "it flows")
        proxy.stop()
        thread.join(PATIENCE)
        records = [json.loads(line) for line in b"".join(text).decode().splitlines()]
        self.assertEqual([record["host"] for record in records if record["event"] == "decision"],
                         [f"evil-{number}.test" for number in range(400)])
        self.assertGreaterEqual(len(records), made)
