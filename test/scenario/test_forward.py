"""Requests in absolute-form (RFC 9112 section 3.2.2): what reaches the origin, what comes back."""
import threading

from harness import Scenario, wait_until
from origins import ok


class Forwarding(Scenario):
    """A keep-alive HTTP/1.1 origin that answers as a scenario says."""

    def given(self, answer=None, **options):
        self.server = self.http_origin(answer)
        self.base = f"http://origin.test:{self.server.port}"
        self.gate = self.proxy(allow=[self.base], **options)
        self.client = self.keep(self.gate.connect())

    def seen(self):
        return self.server.requests[-1]


class Requests(Forwarding):
    def test_reach_the_origin_in_origin_form_with_their_own_host(self):
        self.given()
        response = self.client.get(self.base + "/a/b?c=d&e=%20")
        self.assertEqual((response.status, response.body), (200, b"hello from the origin\n"))
        self.assertEqual(self.seen().target, "/a/b?c=d&e=%20")
        self.assertEqual(self.seen().get("Host"), f"origin.test:{self.server.port}")

    def test_keep_their_method_whatever_it_is(self):
        self.given()
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "M-SEARCH"):
            with self.subTest(method):
                self.assertEqual(self.client.get(self.base + "/", method=method).status, 200)
                self.assertEqual(self.seen().method, method)

    def test_with_an_empty_path_ask_for_the_root(self):
        self.given()
        self.client.get(self.base)
        self.assertEqual(self.seen().target, "/")

    def test_for_options_without_a_path_ask_for_the_star(self):
        self.given()
        self.client.get(self.base, method="OPTIONS")
        self.assertEqual(self.seen().target, "*")

    def test_carry_a_sized_body_byte_for_byte(self):
        self.given()
        body = bytes(range(256)) * 4096
        self.client.send(f"POST {self.base}/ HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n"
                         f"Content-Length: {len(body)}\r\n\r\n", body)
        self.assertEqual(self.client.response().status, 200)
        self.assertEqual(self.seen().body, body)

    def test_carry_a_chunked_body_byte_for_byte(self):
        self.given()
        self.client.send(f"POST {self.base}/ HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n")
        whole = b""
        for size in (1, 10, 255, 4096, 70000):
            data = bytes([size % 251]) * size
            whole += data
            self.client.send(f"{size:x};note=x\r\n", data, "\r\n")
        self.client.send("0\r\n\r\n")
        self.assertEqual(self.client.response().status, 200)
        self.assertEqual(self.seen().body, whole)
        self.assertNotIn(b"note=x", self.server.received)

    def test_carry_trailers_of_a_chunked_body(self):
        self.given()
        self.client.send(f"POST {self.base}/ HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n"
                         "Transfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n"
                         "3\r\nabc\r\n0\r\nDigest: sha-256=x\r\n\r\n")
        self.assertEqual(self.client.response().status, 200)
        self.assertIn(("Digest", "sha-256=x"), self.seen().trailers)

    def test_lose_their_hop_by_hop_fields(self):
        self.given()
        self.client.get(self.base + "/", "Connection: keep-alive, X-Private", "X-Private: 1",
                        "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: gzip",
                        "Upgrade: irc/6.9", "X-Kept: 2")
        request = self.seen()
        for name in ("X-Private", "Keep-Alive", "Proxy-Connection", "TE", "Upgrade"):
            self.assertFalse(request.has(name), name)
        self.assertEqual(request.get("X-Kept"), "2")

    def test_never_show_proxy_authorization_to_the_origin(self):
        self.given()
        self.client.get(self.base + "/", "Proxy-Authorization: Basic c2VjcmV0OnNlY3JldA==",
                        "Authorization: Bearer kept")
        self.assertFalse(self.seen().has("Proxy-Authorization"))
        self.assertEqual(self.seen().get("Authorization"), "Bearer kept")
        self.assertNotIn(b"c2VjcmV0", self.server.received)

    def test_get_nothing_added_about_the_client(self):
        self.given()
        self.client.get(self.base + "/", "Accept: */*")
        names = {name.lower() for name, _ in self.seen().fields}
        self.assertLessEqual(names, {"host", "accept", "connection"})

    def test_pipelined_are_answered_in_order_each_decided_on_its_own(self):
        self.given(lambda request: ok(request.target.encode()))
        host = f"Host: origin.test:{self.server.port}\r\n\r\n"
        self.client.send(f"GET {self.base}/1 HTTP/1.1\r\n{host}"
                         "GET http://other.test/2 HTTP/1.1\r\nHost: other.test\r\n\r\n"
                         f"GET {self.base}/3 HTTP/1.1\r\n{host}")
        self.assertEqual(self.client.response().body, b"/1")
        self.assertDenied(self.client.response(), "undeclared")
        self.assertEqual(self.client.response().body, b"/3")
        self.assertEqual([r["verdict"] for r in self.gate.wait_log(3, event="decision")],
                         ["allow", "deny", "allow"])

    def test_denied_name_what_to_declare(self):
        self.given()
        response = self.client.get("http://elsewhere.test/secret?token=1")
        problem = self.assertDenied(response, "undeclared")
        self.assertEqual(problem["host"], "elsewhere.test")
        self.assertEqual(problem["port"], 80)
        self.assertEqual((problem["app"], problem["environment"]), ("demo", "development"))
        self.assertIn("elsewhere.test", problem["detail"])
        self.assertNotIn("token", response.body.decode())
        [record] = self.gate.wait_log(event="decision", host="elsewhere.test")
        self.assertEqual(record["id"], problem["decision"])

    def test_of_http_1_0_are_answered_and_closed(self):
        self.given()
        self.client.send(f"GET {self.base}/ HTTP/1.0\r\nHost: origin.test:{self.server.port}\r\n\r\n")
        response = self.client.response()
        self.assertEqual((response.status, response.body), (200, b"hello from the origin\n"))
        self.assertTrue(self.client.ended())

    def test_of_http_1_0_without_a_host_field_are_forwarded_with_one(self):
        self.given()
        self.client.send(f"GET {self.base}/ HTTP/1.0\r\n\r\n")
        self.assertEqual(self.client.response().status, 200)
        self.assertEqual(self.seen().get("Host"), f"origin.test:{self.server.port}")

    def test_that_say_close_end_the_connection(self):
        self.given()
        self.assertEqual(self.client.get(self.base + "/", "Connection: close").status, 200)
        self.assertTrue(self.client.ended())

    def test_split_into_single_bytes_are_understood(self):
        self.given()
        for byte in f"GET {self.base}/slow HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n\r\n":
            self.client.send(byte)
        self.assertEqual(self.client.response().status, 200)
        self.assertEqual(self.seen().target, "/slow")


class Expectations(Forwarding):
    def test_100_continue_is_passed_on_and_its_answer_back(self):
        def talk(wire):
            request = wire.request(body=False)
            self.assertEqual(request.get("Expect"), "100-continue")
            wire.send("HTTP/1.1 100 Continue\r\n\r\n")
            wire.request_body(request)
            wire.send(ok(request.body))
        server = self.origin(talk)
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.send(f"PUT http://origin.test:{server.port}/ HTTP/1.1\r\n"
                        f"Host: origin.test:{server.port}\r\nContent-Length: 4\r\n"
                        "Expect: 100-continue\r\n\r\n")
            self.assertEqual(client.response().status, 100)
            client.send("body")
            self.assertEqual(client.response().body, b"body")
        self.assertEqual(server.trouble, [])

    def test_a_final_answer_instead_of_100_reaches_the_client(self):
        def talk(wire):
            wire.request(body=False)
            wire.send(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n"
                      b"Connection: close\r\n\r\nno")
        server = self.origin(talk)
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.send(f"PUT http://origin.test:{server.port}/ HTTP/1.1\r\n"
                        f"Host: origin.test:{server.port}\r\nContent-Length: 4\r\n"
                        "Expect: 100-continue\r\n\r\n")
            response = client.response()
            self.assertEqual((response.status, response.body), (417, b"no"))

    def test_denied_with_an_expectation_get_their_403_at_once(self):
        proxy = self.proxy()
        with proxy.connect() as client:
            client.send("PUT http://no.test/ HTTP/1.1\r\nHost: no.test\r\nContent-Length: 4\r\n"
                        "Expect: 100-continue\r\n\r\n")
            self.assertDenied(client.response(), "undeclared")


class Responses(Forwarding):
    def test_to_head_have_a_length_and_no_body(self):
        self.given(lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
                   if request.method == "HEAD" else ok(b"next"))
        response = self.client.get(self.base + "/", method="HEAD")
        self.assertEqual(response.get("Content-Length"), "500")
        self.assertEqual(self.client.get(self.base + "/").body, b"next")

    def test_204_and_304_have_no_body_and_keep_the_connection(self):
        self.given(lambda request: f"HTTP/1.1 {request.target[1:]} X\r\n\r\n".encode()
                   if request.target != "/" else ok(b"next"))
        for status in (204, 304):
            with self.subTest(status):
                self.assertEqual(self.client.get(f"{self.base}/{status}").status, status)
        self.assertEqual(self.client.get(self.base + "/").body, b"next")

    def test_of_ten_megabytes_come_byte_for_byte(self):
        body = bytes(range(256)) * 40000
        self.given(lambda request: ok(body))
        self.assertEqual(self.client.get(self.base + "/").body, body)

    def test_chunked_come_with_their_trailers(self):
        self.given(lambda request: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                   b"Trailer: Digest\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nDigest: x=y\r\n\r\n")
        response = self.client.get(self.base + "/")
        self.assertEqual(response.body, b"hello world")
        self.assertIn(("Digest", "x=y"), response.trailers)
        self.assertEqual(self.client.get(self.base + "/").status, 200)

    def test_chunked_reach_an_http_1_0_client_until_close(self):
        self.given(lambda request: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"5\r\nhello\r\n0\r\n\r\n")
        self.client.send(f"GET {self.base}/ HTTP/1.0\r\n\r\n")
        response = self.client.response()
        self.assertFalse(response.has("Transfer-Encoding"))
        self.assertEqual(response.body, b"hello")

    def test_that_end_at_close_are_whole(self):
        self.given(lambda request: b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 100000)
        self.assertEqual(self.client.get(self.base + "/").body, b"x" * 100000)

    def test_of_an_http_1_0_origin_are_understood(self):
        server = self.origin(lambda wire: (wire.request(), wire.send("HTTP/1.0 200 OK\r\n\r\nold")))
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            self.assertEqual(client.get(f"http://origin.test:{server.port}/").body, b"old")

    def test_lose_their_hop_by_hop_fields(self):
        self.given(lambda request: ok(b"", "Connection: X-Private", "X-Private: 1",
                                      "Keep-Alive: timeout=5", "Proxy-Authenticate: Basic", "X-Kept: 2"))
        response = self.client.get(self.base + "/")
        for name in ("X-Private", "Keep-Alive", "Proxy-Authenticate", "Via"):
            self.assertFalse(response.has(name), name)
        self.assertEqual(response.get("X-Kept"), "2")

    def test_keep_several_set_cookie_fields_apart(self):
        self.given(lambda request: ok(b"", "Set-Cookie: a=1", "Set-Cookie: b=2"))
        self.assertEqual(self.client.get(self.base + "/").all("Set-Cookie"), ["a=1", "b=2"])

    def test_1xx_before_the_final_one_are_passed_on(self):
        self.given(lambda request: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok(b"final"))
        self.assertEqual(self.client.get(self.base + "/").status, 103)
        self.assertEqual(self.client.response().body, b"final")

    def test_that_are_no_http_become_502(self):
        for bad in (b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
                    b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\nBad name: x\r\n\r\n", b""):
            with self.subTest(bad):
                server = self.origin(lambda wire, bad=bad: (wire.request(), wire.send(bad)))
                proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
                with proxy.connect() as client:
                    self.assertEqual(client.get(f"http://origin.test:{server.port}/").status, 502)
                proxy.stop()

    def test_cut_short_end_the_clients_connection_too(self):
        server = self.origin(lambda wire: (wire.request(), wire.send(
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")))
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.send(f"GET http://origin.test:{server.port}/ HTTP/1.1\r\n"
                        f"Host: origin.test:{server.port}\r\n\r\n")
            client.head()
            self.assertEqual(client.rest(), b"only this")
        [record] = proxy.wait_log(event="close")
        self.assertNotEqual(record["outcome"], "ok")


class KeepAlive(Forwarding):
    def test_both_sides_reuse_their_connection(self):
        self.given()
        for _ in range(20):
            self.assertEqual(self.client.get(self.base + "/").status, 200)
        self.assertEqual(len(self.server.requests), 20)
        self.assertEqual(self.server.connections, 1)

    def test_a_kept_connection_that_the_origin_closed_is_not_the_clients_trouble(self):
        self.given()
        self.assertEqual(self.client.get(self.base + "/").status, 200)
        self.server.wires[0].sock.shutdown(2)
        self.server.wires[0].close()
        wait_until(lambda: self.gate.metrics()["sallyport_upstreams_open"] == 0,
                   "the proxy saw the origin close")
        self.assertEqual(self.client.get(self.base + "/").status, 200)
        self.assertEqual(self.server.connections, 2)

    def test_bytes_that_nobody_asked_for_are_never_a_response(self):
        self.given()
        self.assertEqual(self.client.get(self.base + "/").status, 200)
        self.server.wires[0].sock.sendall(ok(b"unasked"))
        self.assertNotEqual(self.client.get(self.base + "/").body, b"unasked")
        self.assertEqual(self.server.connections, 2)

    def test_a_second_response_in_the_same_breath_is_never_used(self):
        server = self.http_origin(lambda request: ok(b"first") + ok(b"unasked"))
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            for _ in range(3):
                self.assertEqual(client.get(f"http://origin.test:{server.port}/").body, b"first")
        self.assertEqual(server.connections, 3)

    def test_a_denied_request_leaves_the_connection_usable(self):
        self.given()
        self.assertDenied(self.client.get("http://no.test/"), "undeclared")
        self.assertEqual(self.client.get(self.base + "/").status, 200)

    def test_one_connection_may_ask_several_origins(self):
        other = self.http_origin(lambda request: ok(b"other"))
        server = self.http_origin(lambda request: ok(b"first"))
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}",
                                  f"http://other.test:{other.port}"])
        with proxy.connect() as client:
            for _ in range(3):
                self.assertEqual(client.get(f"http://origin.test:{server.port}/").body, b"first")
                self.assertEqual(client.get(f"http://other.test:{other.port}/").body, b"other")


class Failures(Forwarding):
    def test_a_refused_connection_is_502(self):
        port = self.refusing_port()
        proxy = self.proxy(allow=[f"http://origin.test:{port}"])
        with proxy.connect() as client:
            response = client.get(f"http://origin.test:{port}/")
        self.assertEqual(response.status, 502)
        self.assertIn("connection_refused", response.get("Proxy-Status"))

    def test_a_name_without_an_address_is_502(self):
        names = self.name_server({})
        proxy = self.proxy(allow=["http://nowhere.example.test"], hosts={},
                           network={"hosts_file": "", "resolvers": [f"127.0.0.1:{names.port}"]})
        with proxy.connect() as client:
            response = client.get("http://nowhere.example.test/")
        self.assertEqual(response.status, 502)
        self.assertIn("dns_error", response.get("Proxy-Status"))

    def test_an_origin_that_never_answers_times_out_with_504(self):
        server = self.origin(lambda wire: wire.rest())
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"],
                           timeouts={"idle_seconds": 0.5})
        with proxy.connect() as client:
            self.assertEqual(client.get(f"http://origin.test:{server.port}/").status, 504)
        proxy.wait_log(event="close", outcome="timeout")

    def test_a_head_that_never_ends_times_out(self):
        proxy = self.proxy(timeouts={"head_seconds": 0.5})
        with proxy.connect() as client:
            client.send("GET http://origin.test/ HTTP/1.1\r\nHost: ")
            self.assertIn(client.rest()[:12], (b"HTTP/1.1 408", b""))


class Upgrades(Forwarding):
    def test_to_websocket_become_a_pipe_for_both(self):
        def talk(wire):
            request = wire.request()
            self.upgraded = request
            wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                      "Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nfirst")
            wire.send(wire.read(5))
        server = self.origin(talk)
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            response = client.get(f"http://origin.test:{server.port}/chat", "Connection: Upgrade",
                                  "Upgrade: websocket", "Sec-WebSocket-Key: abc",
                                  "Sec-WebSocket-Version: 13")
            self.assertEqual(response.status, 101)
            self.assertEqual(response.get("Upgrade"), "websocket")
            self.assertEqual(client.read(5), b"first")
            client.send("again")
            self.assertEqual(client.rest(), b"again")
        self.assertEqual(self.upgraded.get("Upgrade"), "websocket")
        self.assertEqual(self.upgraded.get("Sec-WebSocket-Key"), "abc")

    def test_refused_by_the_origin_are_an_ordinary_answer(self):
        self.given(lambda request: ok(b"no", status="426 Upgrade Required"))
        response = self.client.get(self.base + "/", "Connection: Upgrade", "Upgrade: websocket",
                                   "Sec-WebSocket-Key: abc", "Sec-WebSocket-Version: 13")
        self.assertEqual((response.status, response.body), (426, b"no"))
        self.assertEqual(self.client.get(self.base + "/").status, 426)


class Streaming(Forwarding):
    def test_a_slow_reader_slows_the_origin_and_memory_stays_flat(self):
        size = 256 << 20
        sent = [0]

        def talk(wire):
            wire.request()
            wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
            block = bytes(1 << 16)
            while sent[0] < size:
                wire.send(block)
                sent[0] += len(block)
        server = self.origin(talk)
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        before = proxy.status_kib()
        with proxy.connect() as client:
            client.send(f"GET http://origin.test:{server.port}/ HTTP/1.1\r\n"
                        f"Host: origin.test:{server.port}\r\n\r\n")
            client.head()
            still = threading.Event()
            last = -1
            while sent[0] != last:  # until the origin is held back
                last = sent[0]
                still.wait(0.3)
            self.assertLess(sent[0], size // 2, "nobody held the origin back")
            self.assertLess(proxy.status_kib() - before, 16 << 10)
            left = size - len(client.buffer)
            peak = 0
            while left:
                left -= len(client.sock.recv(1 << 20))
                peak = max(peak, proxy.status_kib()) if left % 64 == 0 else peak
        self.assertLess(peak - before, 16 << 10)
        print(f"note: 256 MiB by GET to a slow reader: {before} KiB before, {peak} KiB at most")
