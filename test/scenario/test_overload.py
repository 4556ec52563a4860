"""The process itself runs short: who gives way, in which order, and that it is over when it is over."""
import hashlib
import json
import signal

from harness import Scenario, wait_until, write

DESCRIPTORS = 256


def static(app):
    return {"address": "127.0.0.1:0", "identity": {"static": {"app": app, "environment": "development"}}}


class Overload(Scenario):
    """Listener 0 is demo's, 1 is other's, 2 wants credentials."""

    def given(self, descriptors=None, overload=None, **sections):
        self.server = self.origin(lambda wire: wire.send(wire.read(4)) or wire.rest())
        self.target = f"origin.test:{self.server.port}"
        address = f"http://{self.target}"
        credentials = self.path("credentials.yml")
        write(credentials, "- {app: other, environment: development, sha256: "
              + hashlib.sha256(b"secret").hexdigest() + "}\n")
        self.gate = self.proxy(
            allow=[address], apps={("other", "development"): [address]},
            wrapper=["prlimit", f"--nofile={descriptors}:{descriptors}"] if descriptors else [],
            listeners=[static("demo"), static("other"),
                       {"address": "127.0.0.1:0", "identity": {"basic": credentials}}],
            overload={"anonymous_percent": 80, "greediest_percent": 90, "everyone_percent": 97, **(overload or {})},
            **sections)
        self.refused = 0

    def noted(self, response):
        if response.status == 503:
            self.refused += 1
            self.assertEqual(json.loads(response.body)["reason"], "limit_exceeded")
            self.assertGreaterEqual(int(response.get("Retry-After")), 1)
        return response.status

    def hold(self, listener, held):
        """One more tunnel, kept in HELD where it is one; the status."""
        client = self.keep(self.gate.connect(listener))
        status = self.noted(client.tunnel(self.target))
        if status == 200:
            held.append(client)
        else:
            client.close()
        return status

    def probe(self, listener):
        with self.gate.connect(listener) as client:
            return self.noted(client.tunnel(self.target))

    def fill(self, held):
        """Tunnels of demo's until they are refused; what a stranger, demo and other were told each time."""
        told = []
        while not told or told[-1][1] == 200:
            told.append((self.probe(2), self.hold(0, held), self.probe(1)))
        return told

    def recovers(self):
        wait_until(lambda: (self.probe(2), self.probe(0), self.probe(1)) == (407, 200, 200), "all are served")
        wait_until(lambda: self.gate.admin("/readyz") == (200, "ready\n"), "it is ready again")

    def gave_way(self, who, resource="descriptors"):
        return self.gate.metrics()[f'sallyport_gave_way_total{{who="{who}",resource="{resource}"}}']

    def test_gives_way_in_order_and_recovers(self):
        self.given(DESCRIPTORS)
        self.assertEqual(self.gate.admin("/readyz")[0], 200)
        greedy, others = [], []
        told = self.fill(greedy)
        self.assertEqual(told[0], (407, 200, 200))
        self.assertIn((503, 200, 200), told, "strangers go first")
        self.assertEqual(told[-1], (503, 503, 200), "then the greediest app")
        self.assertEqual({other for _, _, other in told}, {200})
        status, why = self.gate.admin("/readyz")
        self.assertEqual(status, 503)
        self.assertIn("overloaded: descriptors ", why)

        while self.hold(1, others) == 200:
            self.assertLess(len(others), len(greedy), "somebody is always the greediest")
        self.assertGreaterEqual(len(others), 2)
        self.assertEqual(self.probe(0), 503)
        self.assertEqual(self.gate.admin("/metrics")[0], 200, "the admin pages have their own")
        self.assertGreater(self.gave_way("everyone"), 0)
        for client in greedy + others:
            client.send("ping")
            self.assertEqual(client.read(4), b"ping", "what is under way goes on")

        for client in greedy + others:
            client.close()
        self.recovers()
        self.assertGreater(min(self.gave_way("anonymous"), self.gave_way("greediest")), 0)
        self.assertEqual(len(self.gate.wait_log(self.refused, event="decision", reason="limit_exceeded")),
                         self.refused)

    def test_loads_a_new_policy_while_there_is_nothing_left_for_clients(self):
        self.given(DESCRIPTORS, policy={"watch": False})
        held = []
        self.fill(held)
        while self.hold(1, held) == 200:
            pass
        self.gate.declare([f"http://{self.target}", "https://new.test"])
        self.gate.signal(signal.SIGHUP)
        self.gate.wait_log(event="policy_loaded")
        for client in held:
            client.close()
        self.recovers()

    def test_connections_beyond_all_descriptors_wait_and_are_served_later(self):
        self.given(DESCRIPTORS)
        silent = [self.keep(self.gate.connect(1)) for _ in range(2 * DESCRIPTORS)]
        wait_until(lambda: self.gate.admin("/readyz")[0] == 503, "it is full")
        self.assertEqual(self.gate.admin("/healthz")[0], 200)
        for client in silent:
            client.close()
        self.recovers()

    def test_strangers_that_say_nothing_do_not_keep_an_app_out(self):
        self.given(DESCRIPTORS)
        silent = [self.keep(self.gate.connect(2)) for _ in range(DESCRIPTORS)]
        wait_until(lambda: self.gave_way("anonymous") > 0, "they give way")
        self.assertEqual((self.probe(0), self.probe(1)), (200, 200))
        for client in silent:
            client.close()
        self.recovers()

    def test_of_memory_refuses_new_work_and_says_so(self):
        self.given(overload={"memory_mib": 1})
        self.assertEqual((self.probe(2), self.probe(0), self.probe(1)), (503, 503, 503))
        self.assertIn("overloaded: memory ", self.gate.admin("/readyz")[1])
        self.assertEqual(self.gave_way("everyone", "memory"), 3)
        self.gate.wait_log(3, event="decision", reason="limit_exceeded")
