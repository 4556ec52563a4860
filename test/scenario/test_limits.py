"""What an app may use: beyond it 429 or 503, Retry-After, limit_exceeded, and nobody else suffers."""
import json
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
