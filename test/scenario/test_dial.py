"""How an origin is reached that has more than one address (RFC 8305)."""
import socket
import time
import unittest

from harness import Scenario, wait_until


class SeveralAddresses(Scenario):
    def setUp(self):
        super().setUp()
        self.server = self.http_origin(address="127.0.0.3")
        self.url = f"http://several.test:{self.server.port}/"

    def be_silent(self, address):
        """Nothing answers at ADDRESS: a listener whose queue is full, so that the kernel drops what comes."""
        listener = self.keep(socket.socket())
        listener.bind((address, self.server.port))
        listener.listen(0)
        for _ in range(4):
            filler = self.keep(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((address, self.server.port))

    def given(self, *addresses, **timeouts):
        proxy = self.proxy(allow=[self.url], hosts={"several.test": addresses}, timeouts=timeouts)
        return proxy, self.keep(proxy.connect())

    def test_a_silent_one_costs_a_moment_and_not_its_whole_time(self):
        self.be_silent("127.0.0.2")
        proxy, client = self.given("127.0.0.2", "127.0.0.3", dial_seconds=120)
        began = time.monotonic()
        self.assertEqual(client.get(self.url).status, 200)
        took = time.monotonic() - began
        self.assertGreater(took, 0.24)
        self.assertLess(took, 60)
        [closed] = proxy.wait_log(event="close")
        self.assertEqual(closed["upstream"], f"127.0.0.3:{self.server.port}")

    def test_one_that_refuses_costs_nothing(self):
        _, client = self.given("127.0.0.2", "127.0.0.3", connection_attempt_delay_seconds=600)
        self.assertEqual(client.get(self.url).status, 200)

    def test_the_losers_are_closed(self):
        self.be_silent("127.0.0.2")
        proxy, client = self.given("127.0.0.2", "127.0.0.3", connection_attempt_delay_seconds=0.01)
        self.assertEqual(client.get(self.url).status, 200)
        self.assertEqual(proxy.metrics()["sallyport_upstreams_open"], 1)

    def test_each_is_guarded(self):
        proxy = self.proxy(allow=[self.url], hosts={"several.test": ["127.0.0.3", "127.0.0.2"]},
                           network={"allow_ranges": ["127.0.0.2/32"]})
        client = self.keep(proxy.connect())
        self.assertEqual(client.get(self.url).status, 502)
        self.assertEqual(self.server.connections, 0)

    def test_when_all_are_silent_it_is_a_timeout(self):
        self.be_silent("127.0.0.2")
        self.be_silent("127.0.0.4")
        _, client = self.given("127.0.0.2", "127.0.0.4", dial_seconds=0.5,
                               connection_attempt_delay_seconds=0.1)
        response = client.get(self.url)
        self.assertEqual(response.status, 504)
        self.assertIn("connection_timeout", response.get("Proxy-Status"))


class FailingResolvers(Scenario):
    def given(self, **network):
        """An origin that has been resolved and reached once; then the name server is gone."""
        server = self.http_origin()
        self.url = f"http://kept.example.test:{server.port}/"
        names = self.name_server({"kept.example.test": ["127.0.0.1"]})
        proxy = self.proxy(allow=[self.url], workers=1, timeouts={"resolve_seconds": 1},
                           network={"hosts_file": "", "resolvers": [f"127.0.0.1:{names.port}"],
                                    "dns_ttl_minimum_seconds": 0, "dns_ttl_maximum_seconds": 0,
                                    **network})
        self.client = self.keep(proxy.connect())
        self.assertEqual(self.client.get(self.url, "Connection: close").status, 200)
        names.close()
        self.client = self.keep(proxy.connect())
        server.wires[0].sock.shutdown(2)
        wait_until(lambda: proxy.metrics()["sallyport_upstreams_open"] == 0, "no kept connection is left")
        return proxy

    def test_an_old_answer_serves_where_it_may_and_the_log_says_so(self):
        proxy = self.given(dns_stale_seconds=600)
        self.assertEqual(self.client.get(self.url).status, 200)
        first, second = proxy.wait_log(count=2, event="close")
        self.assertNotIn("stale_address", first)
        self.assertIs(second["stale_address"], True)
        self.assertEqual(proxy.metrics()["sallyport_resolver_stale_answers_total"], 1)

    def test_it_does_not_by_itself(self):
        self.given()
        self.assertIn(self.client.get(self.url).status, (502, 504))


if __name__ == "__main__":
    unittest.main()
