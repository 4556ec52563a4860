"""What an app may use: beyond it 429 or 503, Retry-After, limit_exceeded, and nobody else suffers."""
import json
import os
import threading
import time

from harness import Scenario, wait_until
from origins import ok

OTHER = {"address": "127.0.0.1:0", "identity": {"static": {"app": "other", "environment": "development"}}}


class Limited(Scenario):
    def given(self, limits, listeners=None):
        self.server = self.origin(lambda wire: wire.rest())
        address = f"http://origin.test:{self.server.port}"
        self.gate = self.proxy(allow=[address], apps={("other", "development"): [address]},
                               limits=limits, **({"listeners": listeners} if listeners else {}))

    def ask(self, listener=0):
        with self.gate.connect(listener) as client:
            return client.tunnel(f"origin.test:{self.server.port}")

    @staticmethod
    def await_minute():
        while time.monotonic() % 60 > 45:  # the minute must not end midway
            time.sleep(0.5)

    def assertLimited(self, response, status):
        self.assertEqual(response.status, status)
        self.assertEqual(json.loads(response.body)["reason"], "limit_exceeded")
        self.assertTrue(1 <= int(response.get("Retry-After")) <= 60)


class Limits(Limited):
    def test_requests_a_minute_are_counted_over_all_workers(self):
        self.given({"requests_per_minute": 20})
        self.await_minute()
        responses = [self.ask() for _ in range(30)]
        self.assertEqual([response.status for response in responses], [200] * 20 + [429] * 10)
        self.assertLimited(responses[-1], 429)
        records = self.gate.wait_log(10, event="decision", reason="limit_exceeded")
        self.assertEqual((len(records), records[0]["verdict"], records[0]["host"]), (10, "deny", "origin.test"))

    def test_an_app_over_its_limit_is_nobody_elses_trouble(self):
        self.given({"apps": [{"app": "demo", "environment": "development", "requests_per_minute": 1}]},
                   [{"address": "127.0.0.1:0",
                     "identity": {"static": {"app": "demo", "environment": "development"}}}, OTHER])
        self.await_minute()
        self.assertEqual([self.ask().status for _ in range(3)], [200, 429, 429])
        self.assertEqual([self.ask(1).status for _ in range(3)], [200, 200, 200])

    def test_tunnels_are_counted_while_they_are_open(self):
        self.given({"tunnels": 3})
        target = f"origin.test:{self.server.port}"
        clients = [self.keep(self.gate.connect()) for _ in range(4)]
        self.assertEqual([client.tunnel(target).status for client in clients[:3]], [200] * 3)
        self.assertLimited(clients[3].tunnel(target), 503)
        clients[0].close()
        wait_until(lambda: self.ask().status == 200, "a tunnel that ended makes room")

    def test_a_denied_tunnel_takes_no_place(self):
        self.given({"tunnels": 1})
        for _ in range(5):
            with self.gate.connect() as client:
                self.assertEqual(client.tunnel("undeclared.test:443").status, 403)
        wait_until(lambda: self.ask().status == 200, "there is room")

    def test_a_tunnel_ends_when_its_time_is_over(self):
        self.given({"tunnel_seconds": 1,
                    "apps": [{"app": "other", "environment": "development", "tunnel_seconds": 0}]},
                   [{"address": "127.0.0.1:0",
                     "identity": {"static": {"app": "demo", "environment": "development"}}}, OTHER])
        target = f"origin.test:{self.server.port}"
        client, other = self.keep(self.gate.connect(0)), self.keep(self.gate.connect(1))
        self.assertEqual((client.tunnel(target).status, other.tunnel(target).status), (200, 200))
        self.assertTrue(client.ended())
        [closed] = self.gate.wait_log(event="close", outcome="limit_exceeded")
        self.assertEqual(closed["app"], "demo")
        self.assertGreaterEqual(closed["duration_ms"], 1000)
        self.assertEqual(self.gate.log(event="close", app="other"), [])


class Names(Limited):
    """Names below a wildcard are a way out by DNS: there are so many a minute, and no more."""

    def given_names(self, **limits):
        self.server = self.http_origin(lambda request: ok(b"ok"))
        self.names = self.name_server({"known.below.test": ["127.0.0.1"], "exact.test": ["127.0.0.1"],
                                       "other.below.test": ["127.0.0.1"]})
        port = self.server.port
        self.gate = self.proxy(
            allow=[f"http://*.below.test:{port}", f"http://exact.test:{port}"], limits=limits, workers=2,
            network={"hosts_file": "", "resolvers": [f"127.0.0.1:{self.names.port}"]})
        self.await_minute()

    def get(self, name):
        with self.gate.connect() as client:
            return client.get(f"http://{name}:{self.server.port}/")

    def test_are_counted_below_a_wildcard_and_no_more_are_asked_for(self):
        self.given_names(names_per_minute=5)
        statuses = [self.get(f"secret-{n}.below.test").status for n in range(10)]
        self.assertEqual(statuses, [502] * 5 + [429] * 5)
        self.assertLimited(self.get("secret-11.below.test"), 429)
        self.assertEqual({name for name in self.names.asked() if name.startswith("secret")},
                         {f"secret-{n}.below.test" for n in range(5)})
        [record] = self.gate.wait_log(event="decision", host="secret-11.below.test")
        self.assertEqual((record["verdict"], record["reason"]), ("deny", "limit_exceeded"))

    def test_that_are_declared_by_themselves_are_not_counted(self):
        self.given_names(names_per_minute=1)
        self.assertEqual(self.get("secret.below.test").status, 502)
        self.assertEqual(self.get("exact.test").status, 200)
        self.assertEqual(self.get("more.below.test").status, 429)

    def test_that_were_asked_for_already_are_not_counted_again(self):
        self.given_names(names_per_minute=2)
        self.assertEqual([self.get("known.below.test").status for _ in range(5)], [200] * 5)
        self.assertEqual([self.get("nowhere.below.test").status for _ in range(5)], [502] * 5)
        self.assertEqual(self.get("other.below.test").status, 429)
        self.assertEqual(self.get("known.below.test").status, 200)


class Rates(Limited):
    """Bytes a second: over them an app is read no faster, and nothing of it breaks."""

    RATE = 2_000_000

    def given_rate(self, talk, limits):
        self.server = self.origin(talk)
        address = f"http://origin.test:{self.server.port}"
        self.gate = self.proxy(
            allow=[address], apps={("other", "development"): [address]}, limits=limits,
            listeners=[{"address": "127.0.0.1:0",
                        "identity": {"static": {"app": "demo", "environment": "development"}}}, OTHER])
        self.target = f"origin.test:{self.server.port}"

    @staticmethod
    def stream(wire):
        wire.read(1)
        try:
            while True:
                wire.send(bytes(1 << 16))
        except OSError:
            pass

    def pour(self, listener, end, counts):
        """Reads a tunnel until END; (time, bytes) of each piece go to COUNTS."""
        with self.gate.connect(listener) as client:
            self.assertEqual(client.tunnel(self.target).status, 200)
            client.send("x")
            while (now := time.monotonic()) < end:
                counts.append((now, len(client.sock.recv(1 << 18))))

    def test_hold_for_all_tunnels_of_an_app_together_and_over_all_workers(self):
        self.given_rate(self.stream, {"bytes_per_second": self.RATE})
        began = time.monotonic()
        counts = []
        threads = [threading.Thread(target=self.pour, args=(0, began + 4, counts)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ended = max(when for when, _ in counts)
        first = began + 1  # buffers are full by then
        rate = sum(count for when, count in counts if when >= first) / (ended - first)
        print(f"note: {rate / self.RATE:.3f} of the bytes a second that were set, over 8 tunnels")
        self.assertLess(rate, 1.1 * self.RATE)
        self.assertGreater(rate, 0.7 * self.RATE)  # a busy machine's own doing; limiter_test has 2 %

    def test_do_not_slow_another_app(self):
        self.given_rate(self.stream, {"apps": [{"app": "demo", "environment": "development",
                                                "bytes_per_second": 100_000}]})
        began = time.monotonic()
        slow, fast = [], []
        thread = threading.Thread(target=self.pour, args=(0, began + 2, slow))
        thread.start()
        self.pour(1, began + 2, fast)
        thread.join()
        slow, fast = (sum(count for _, count in counts) for counts in (slow, fast))
        self.assertGreater(fast, 20 * slow)
        self.assertLess(slow, 3 * 100_000)

    def test_bring_every_byte_of_bodies_and_tunnels_to_the_end(self):
        body = os.urandom(300_000)

        def talk(wire):
            head = wire.head()
            if b"Content-Length" in head:
                self.assertEqual(wire.read(len(body)), body)
            wire.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
        self.given_rate(talk, {"bytes_per_second": 400_000})
        began = time.monotonic()
        with self.gate.connect() as client:
            client.send(f"POST http://{self.target}/ HTTP/1.1\r\nHost: {self.target}\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n")
            client.send(body)
            self.assertEqual(client.response().body, body)
        with self.gate.connect() as client:
            self.assertEqual(client.tunnel(self.target).status, 200)
            client.send("GET / HTTP/1.1\r\n\r\n")
            self.assertEqual(client.rest().split(b"\r\n\r\n", 1)[1], body)
        self.assertGreater(time.monotonic() - began, 1.5)
        self.gate.wait_log(2, event="close", outcome="ok")
