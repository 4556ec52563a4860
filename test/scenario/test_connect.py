"""CONNECT (RFC 9110 section 9.3.6): tunnels, what may go through them, and what a refusal says."""
import os
import socket
import ssl
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bypass"))
import hello  # noqa: E402  pylint: disable=wrong-import-position
from harness import Scenario
from origins import HttpOrigin, ok


class Tunnels(Scenario):
    """Through `http://` declarations: such a tunnel may carry anything."""

    def test_carry_bytes_both_ways(self):
        server = self.origin(lambda wire: wire.send(wire.read(4)[::-1]))
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            self.assertEqual(client.tunnel(f"origin.test:{server.port}").status, 200)
            client.send("ping")
            self.assertEqual(client.rest(), b"gnip")
        self.assertEqual(server.received, b"ping")

    def test_are_opened_with_nothing_but_the_contracts_words(self):
        server = self.origin()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            response = client.tunnel(f"origin.test:{server.port}")
            self.assertEqual(response.first, "HTTP/1.1 200 Connection established")
            self.assertFalse(response.has("Content-Length"))
            self.assertFalse(response.has("Transfer-Encoding"))

    def test_let_the_origin_speak_first(self):
        server = self.origin(lambda wire: (wire.send("220 ready\r\n"), wire.rest()))
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.tunnel(f"origin.test:{server.port}")
            self.assertEqual(client.until(b"\r\n"), b"220 ready\r\n")

    def test_carry_bytes_sent_together_with_the_request(self):
        server = self.origin(lambda wire: wire.send(wire.read(5)))
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.send(f"CONNECT origin.test:{server.port} HTTP/1.1\r\n"
                        f"Host: origin.test:{server.port}\r\n\r\nearly")
            self.assertEqual(client.response("CONNECT").status, 200)
            self.assertEqual(client.rest(), b"early")

    def test_half_closed_by_the_client_still_bring_the_answer(self):
        server = self.origin(lambda wire: wire.send(b"got " + wire.rest()))
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.tunnel(f"origin.test:{server.port}")
            client.send("all of it")
            client.half_close()
            self.assertEqual(client.rest(), b"got all of it")
        [record] = proxy.wait_log(event="close")
        self.assertEqual((record["bytes_up"], record["bytes_down"]), (9, 13))
        self.assertEqual((record["outcome"], record["status"]), ("ok", 200))
        self.assertEqual(record["upstream"], f"127.0.0.1:{server.port}")

    def test_half_closed_by_the_origin_still_take_the_clients_bytes(self):
        def talk(wire):
            wire.send("done")
            wire.half_close()
            wire.rest()
        server = self.origin(talk)
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.tunnel(f"origin.test:{server.port}")
            self.assertEqual(client.rest(), b"done")
            client.send("late words")
            client.half_close()
            proxy.wait_log(event="close", bytes_up=10)
        self.assertEqual(server.received, b"late words")

    def test_reset_by_the_client_are_logged_as_that(self):
        server = self.origin()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        client = proxy.connect()
        client.tunnel(f"origin.test:{server.port}")
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        client.close()
        proxy.wait_log(event="close", outcome="client_reset")

    def test_left_idle_too_long_are_closed(self):
        server = self.origin()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"],
                           timeouts={"idle_seconds": 0.5})
        with proxy.connect() as client:
            client.tunnel(f"origin.test:{server.port}")
            self.assertTrue(client.ended())
        proxy.wait_log(event="close", outcome="timeout")

    def test_to_a_refusing_origin_are_502(self):
        port = self.refusing_port()
        proxy = self.proxy(allow=[f"http://origin.test:{port}"])
        with proxy.connect() as client:
            response = client.tunnel(f"origin.test:{port}")
            self.assertEqual(response.status, 502)
            self.assertIn("error=connection_refused", response.get("Proxy-Status"))

    def test_try_the_next_address_when_one_refuses(self):
        server = self.origin(lambda wire: wire.send("here"), address="127.0.0.1")
        names = self.name_server({"two.test": ["127.9.9.9", "127.0.0.1"]})
        proxy = self.proxy(allow=[f"http://two.test:{server.port}"],
                           network={"hosts_file": "", "resolvers": [f"127.0.0.1:{names.port}"]})
        for _ in range(4):
            with proxy.connect() as client:
                self.assertEqual(client.tunnel(f"two.test:{server.port}").status, 200)
                self.assertEqual(client.rest(), b"here")

    def test_to_an_address_literal_that_is_declared(self):
        server = self.origin(lambda wire: wire.send("here"))
        proxy = self.proxy(allow=[f"http://127.0.0.1:{server.port}"])
        with proxy.connect() as client:
            self.assertEqual(client.tunnel(f"127.0.0.1:{server.port}").status, 200)
            self.assertEqual(client.rest(), b"here")


class Denials(Scenario):
    def ask(self, authority, **options):
        self.gate = self.proxy(allow=["https://api.test", "https://port.test:8443",
                                      "https://*.wild.test", "http://plain.test"], **options)
        with self.gate.connect() as client:
            return client.tunnel(authority)

    def test_say_it_in_status_fields_and_body(self):
        response = self.ask("evil.test:443")
        self.assertEqual(response.version, "HTTP/1.1")
        problem = self.assertDenied(response, "undeclared")
        self.assertEqual(response.get("Proxy-Status"),
                         'sallyport; error=http_request_denied; details="undeclared"')
        self.assertEqual(problem["type"], "about:blank")
        self.assertEqual(problem["title"], "Egress denied")
        self.assertEqual((problem["app"], problem["environment"]), ("demo", "development"))
        self.assertEqual((problem["host"], problem["port"]), ("evil.test", 443))
        [record] = self.gate.wait_log(event="decision")
        self.assertEqual(record["id"], problem["decision"])
        self.assertEqual((record["verdict"], record["reason"]), ("deny", "undeclared"))
        self.assertEqual((record["method"], record["host"], record["port"]),
                         ("CONNECT", "evil.test", 443))

    def test_tell_the_developer_what_to_add(self):
        problem = self.assertDenied(self.ask("evil.test:443"), "undeclared")
        self.assertIn("evil.test", problem["detail"])
        self.assertIn("manifest", problem["detail"])

    def test_of_another_port_name_the_declared_one_and_its_place(self):
        problem = self.assertDenied(self.ask("port.test:443"), "port_not_declared")
        self.assertIn("8443", problem["detail"])
        self.assertIn("manifest.yml:8", problem["detail"])

    def test_of_a_subdomain(self):
        self.assertDenied(self.ask("www.api.test:443"), "undeclared")

    def test_of_the_name_under_a_wildcard_itself(self):
        self.assertDenied(self.ask("wild.test:443"), "undeclared")

    def test_of_a_host_that_only_shares_a_suffix(self):
        self.assertDenied(self.ask("notapi.test:443"), "undeclared")

    def test_keep_the_connection_for_the_next_request(self):
        server = self.origin(lambda wire: wire.send("here"))
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            self.assertDenied(client.tunnel("evil.test:443"), "undeclared")
            self.assertEqual(client.tunnel(f"origin.test:{server.port}").status, 200)

    def test_mode_report_allows_but_logs_what_it_would_have_denied(self):
        server = self.origin(lambda wire: wire.send("here"))
        proxy = self.proxy(mode="report", sni="off", hosts={"other.test": "127.0.0.1"})
        with proxy.connect() as client:
            self.assertEqual(client.tunnel(f"other.test:{server.port}").status, 200)
            self.assertEqual(client.rest(), b"here")
        [record] = proxy.wait_log(event="decision", host="other.test")
        self.assertEqual((record["mode"], record["reason"]), ("report", "undeclared"))


class ServerNames(Scenario):
    """`sni: enforce`: what begins in a tunnel has to be TLS for the host that was asked for."""

    def given(self, **options):
        self.ca = self.authority()
        certificate = self.ca.issue("secure.test", "other.test")
        self.server = self.keep(HttpOrigin(lambda request: ok(b"inside"), tls=certificate))
        self.gate = self.proxy(allow=[f"https://secure.test:{self.server.port}"], **options)
        self.client = self.keep(self.gate.connect())
        response = self.client.tunnel(f"secure.test:{self.server.port}")
        self.assertEqual(response.status, 200)

    def handshake(self, name, **options):
        self.client.start_tls(name, self.ca.certificate, **options)

    def refused(self, reason):
        """What the log says about the tunnel that was closed."""
        [record] = self.gate.wait_log(reason=reason)
        self.assertEqual((record["verdict"], record["host"]), ("deny", "secure.test"))
        self.gate.wait_log(event="close")
        self.assertEqual(self.server.requests, [])
        self.assertEqual(self.server.received, b"")

    def test_of_the_asked_host_pass(self):
        self.given()
        self.handshake("secure.test")
        self.client.send("GET / HTTP/1.1\r\nHost: secure.test\r\n\r\n")
        self.assertEqual(self.client.response().body, b"inside")

    def test_of_the_asked_host_pass_with_tls_1_2(self):
        self.given()
        self.handshake("secure.test", version=ssl.TLSVersion.TLSv1_2)
        self.client.send("GET / HTTP/1.1\r\nHost: secure.test\r\n\r\n")
        self.assertEqual(self.client.response().body, b"inside")

    def test_of_another_host_end_the_tunnel(self):
        self.given()
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.handshake("other.test")
        self.refused("sni_mismatch")

    def test_that_are_missing_end_the_tunnel(self):
        self.given()
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.handshake(None)
        self.refused("sni_missing")

    def test_cannot_be_given_by_what_is_no_tls(self):
        self.given()
        self.client.send("GET / HTTP/1.1\r\nHost: secure.test\r\n\r\n")
        self.client.rest()
        self.refused("not_tls")

    def test_may_come_in_pieces(self):
        self.given()
        context = ssl.create_default_context(cafile=self.ca.certificate)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="secure.test")
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        for byte in outgoing.read():
            self.client.send(bytes([byte]))
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.assertTrue(self.client.more())
                incoming.write(self.client.read(len(self.client.buffer)))
        self.client.send(outgoing.read())
        self.assertEqual(tls.getpeercert()["subject"], ((("commonName", "secure.test"),),))

    def begin(self, **options):
        """A tunnel that begins with a hello of OPTIONS; what came back of it by the origin's alert."""
        with self.gate.connect() as client:
            self.assertEqual(client.tunnel(f"secure.test:{self.server.port}").status, 200)
            client.send(hello.build(**options))
            return client.rest()

    def test_that_hide_their_name_end_the_tunnel(self):
        self.given(ech=["demo/production", "other/development"])
        self.assertEqual(self.begin(sni=b"secure.test", ech=b"fe0d"), b"")
        self.refused("ech")

    def test_that_hide_a_name_behind_the_asked_one_pass_where_the_app_may(self):
        self.given(ech=["demo/development"])
        self.assertEqual(self.begin(sni=b"secure.test", ech=b"fe0d")[:1], b"\x15")

    def test_that_hide_a_name_behind_another_or_none_end_the_tunnel(self):
        self.given(ech=["demo/development"])
        self.assertEqual(self.begin(sni=b"other.test", ech=b"fe0d"), b"")
        self.refused("sni_mismatch")
        self.assertEqual(self.begin(ech=b"fe0d"), b"")
        self.refused("sni_missing")

    def test_that_never_come_time_out(self):
        self.given(timeouts={"hello_seconds": 0.5})
        self.client.rest()
        self.gate.wait_log(event="close", outcome="timeout")

    def test_are_not_asked_for_when_the_configuration_says_off(self):
        self.given(sni="off")
        self.handshake("other.test")
        self.client.send("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n")
        self.assertEqual(self.client.response().body, b"inside")

    def test_are_not_asked_of_an_http_declaration(self):
        server = self.origin(lambda wire: wire.send(wire.read(5)))
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.tunnel(f"origin.test:{server.port}")
            client.send("plain")
            self.assertEqual(client.rest(), b"plain")
