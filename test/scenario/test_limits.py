"""What an app may use: beyond it 429 or 503, Retry-After, limit_exceeded, and nobody else suffers."""
import json
import time

from harness import Scenario, wait_until

OTHER = {"address": "127.0.0.1:0", "identity": {"static": {"app": "other", "environment": "development"}}}


class Limits(Scenario):
    def given(self, limits, listeners=None):
        self.server = self.origin(lambda wire: wire.rest())
        address = f"http://origin.test:{self.server.port}"
        self.gate = self.proxy(allow=[address], apps={("other", "development"): [address]},
                               limits=limits, **({"listeners": listeners} if listeners else {}))

    def ask(self, listener=0):
        with self.gate.connect(listener) as client:
            return client.tunnel(f"origin.test:{self.server.port}")

    def assertLimited(self, response, status):
        self.assertEqual(response.status, status)
        self.assertEqual(json.loads(response.body)["reason"], "limit_exceeded")
        self.assertTrue(1 <= int(response.get("Retry-After")) <= 60)

    def test_requests_a_minute_are_counted_over_all_workers(self):
        self.given({"requests_per_minute": 20})
        while time.monotonic() % 60 > 45:  # the minute must not end midway
            time.sleep(0.5)
        responses = [self.ask() for _ in range(30)]
        self.assertEqual([response.status for response in responses], [200] * 20 + [429] * 10)
        self.assertLimited(responses[-1], 429)
        records = self.gate.wait_log(10, event="decision", reason="limit_exceeded")
        self.assertEqual((len(records), records[0]["verdict"], records[0]["host"]), (10, "deny", "origin.test"))

    def test_an_app_over_its_limit_is_nobody_elses_trouble(self):
        self.given({"apps": [{"app": "demo", "environment": "development", "requests_per_minute": 1}]},
                   [{"address": "127.0.0.1:0",
                     "identity": {"static": {"app": "demo", "environment": "development"}}}, OTHER])
        while time.monotonic() % 60 > 45:
            time.sleep(0.5)
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
