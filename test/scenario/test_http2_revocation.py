"""A rule that is withdrawn: nothing more leaves, whatever waits in a stream, in a pool, or on its way."""
import ssl
import threading
import unittest

import test_http2_upstream
from harness import PATIENCE, wait_until
from http2_origins import DATA, GOAWAY, HEADERS, RST_STREAM
from origins import HttpOrigin, Origin, ok


class Revoked(test_http2_upstream.Http2):
    def withdraw(self):
        self.gate.declare([])
        self.gate.wait_log(1, event="policy_loaded")

    def assertRevoked(self):
        self.gate.wait_log(1, event="close", outcome="revoked")

    def test_bodies_that_wait_for_the_origins_window_never_leave(self):
        for revoke, seconds in (("close", 600), ("drain", 0.5)):
            with self.subTest(revoke):
                origin = self.by_hand(lambda connection, stream: connection.ok(stream) if stream == 1 else None,
                                      settings=[(4, 0)])
                self.start(origin.port, policy={"revoke": revoke}, timeouts={"drain_seconds": seconds})
                self.client.get(f"{self.base}/")
                self.client.send(self.head("POST", "/", "Content-Length: 1000"), b"x" * 1000)
                wait_until(lambda o=origin: o.seen(HEADERS, 3), "the request")
                self.withdraw()
                self.assertRevoked()
                wait_until(lambda o=origin: o.seen(RST_STREAM, 3), "the stream's end")
                self.assertEqual(origin.seen(DATA), [])

    def test_connections_that_are_kept_end_with_their_rule(self):
        origin = self.by_hand(lambda connection, stream: connection.ok(stream))
        plain = self.keep(HttpOrigin())
        self.start(origin.port, allow=[f"http://plain.test:{plain.port}", "https://more.test"])
        self.assertEqual(self.client.get(f"{self.base}/").status, 200)
        self.assertEqual(self.client.get(f"http://plain.test:{plain.port}/").status, 200)
        self.gate.declare([self.base, f"http://plain.test:{plain.port}"])
        self.gate.wait_log(1, event="policy_loaded")
        self.assertEqual(self.client.get(f"{self.base}/").status, 200)  # a rule that stays keeps its own
        self.assertEqual(self.client.get(f"http://plain.test:{plain.port}/").status, 200)
        self.assertEqual((origin.connections, plain.connections), (1, 1))
        self.gate.declare([])
        wait_until(lambda: self.gate.metrics()["sallyport_upstreams_open"] == 0, "the connections' end")
        self.assertEqual(len(wait_until(lambda: origin.seen(GOAWAY), "the last word")), 1)

    def test_connections_in_use_get_no_more_streams_and_end_with_those_they_have(self):
        go_on = threading.Event()

        def answer(connection, stream):
            go_on.wait(PATIENCE)
            connection.ok(stream)
        origin = self.by_hand(answer)
        self.start(origin.port)
        self.client.send(self.head("GET", "/"))
        wait_until(lambda: origin.seen(HEADERS, 1), "the request")
        self.withdraw()
        wait_until(lambda: origin.seen(GOAWAY), "the last word")
        go_on.set()
        self.assertEqual(self.client.response().body, b"hello by hand\n")
        wait_until(lambda: self.gate.metrics()["sallyport_upstreams_open"] == 0, "the connection's end")

    def test_connections_are_not_kept_whose_rule_has_gone_meanwhile(self):
        go_on = threading.Event()
        origin = self.keep(HttpOrigin(lambda request: (go_on.wait(PATIENCE), ok(b"late"))[1]))
        url = f"http://plain.test:{origin.port}/"
        self.start(origin.port, allow=[url[:-1]])
        self.client.send(f"GET {url} HTTP/1.1\r\nHost: plain.test:{origin.port}\r\n\r\n")
        wait_until(lambda: origin.requests, "the request")
        self.withdraw()
        go_on.set()
        self.assertEqual(self.client.response().body, b"late")
        wait_until(lambda: self.gate.metrics()["sallyport_upstreams_open"] == 0, "the connection's end")

    def test_requests_that_wait_for_the_origins_handshake_never_leave(self):
        for protocols in (["h2"], ["http/1.1"]):
            for revoke in ("close", "drain"):
                with self.subTest(protocols=protocols, revoke=revoke):
                    self.wait_for_handshake(protocols, revoke)

    def wait_for_handshake(self, protocols, revoke):
        go_on, came = threading.Event(), []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.pair)
        context.set_alpn_protocols(protocols)

        def talk(wire):
            go_on.wait(PATIENCE)
            with context.wrap_socket(wire.sock, server_side=True, suppress_ragged_eofs=True) as secure:
                while data := secure.recv(65536):
                    came.append(data)
        origin = self.keep(Origin(talk))
        self.start(origin.port, policy={"revoke": revoke})
        self.client.send(self.head("GET", "/secret"))
        wait_until(lambda: origin.connections, "a connection")
        self.withdraw()
        go_on.set()
        self.assertDenied(self.client.response(), "undeclared")
        self.assertNotIn(b"secret", b"".join(came))
        [record] = self.gate.wait_log(1, event="decision")
        self.assertEqual(record["verdict"], "deny")
        wait_until(lambda: self.gate.metrics()["sallyport_upstreams_open"] == 0, "the connection's end")

    def test_requests_are_not_sent_once_more(self):
        go_on = threading.Event()

        def talk(wire):
            wire.request()
            wire.send(ok(b"first"))
            wire.request()
            go_on.wait(PATIENCE)
        origin = self.keep(Origin(talk, tls=self.pair))
        self.start(origin.port)
        self.assertEqual(self.client.get(f"{self.base}/").status, 200)
        self.client.send(self.head("GET", "/again"))
        wait_until(lambda: b"/again" in origin.received, "the request")
        self.withdraw()
        go_on.set()
        self.assertDenied(self.client.response(), "undeclared")
        self.assertEqual(origin.received.count(b"/again"), 1)


if __name__ == "__main__":
    unittest.main()
