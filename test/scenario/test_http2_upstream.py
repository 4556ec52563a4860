"""Absolute-form https:// to origins that choose HTTP/2: what the client sees is as over HTTP/1.1."""
import hashlib
import os
import signal
import socket
import struct
import subprocess
import threading

from harness import PATIENCE, Scenario, wait_until
from http2_origins import DATA, END_STREAM, HEADERS, RST_STREAM, Http2Nginx, Http2Origin, fields
from origins import HttpOrigin, ok
from pki import Pki


class Http2(Scenario):
    def setUp(self):
        super().setUp()
        self.pki = Pki(self.path("pki", "x").rsplit("/", 1)[0])
        self.pair = self.pki.issue("origin", "origin.test")

    def nginx(self, back=None):
        self.root = self.path("root", "x").rsplit("/", 1)[0]
        for name, size in (("small", 12), ("large", 5 << 20)):
            with open(os.path.join(self.root, name), "wb") as file:
                file.write(os.urandom(size))
        directory = self.path("nginx", "x").rsplit("/", 1)[0]
        return self.keep(Http2Nginx(directory, self.root, self.pair, back))

    def by_hand(self, answer, **options):
        return self.keep(Http2Origin(self.pair, answer, **options))

    def content(self, name):
        with open(os.path.join(self.root, name), "rb") as file:
            return file.read()

    def start(self, port, allow=(), **sections):
        self.base = f"https://origin.test:{port}"
        network = {"trust": self.pki.root, **sections.pop("network", {})}
        sections.setdefault("workers", 1)
        self.gate = self.proxy(allow=[self.base, *allow], network=network, **sections)
        self.client = self.keep(self.gate.connect())

    def head(self, method, path, *lines):
        return "\r\n".join([f"{method} {self.base}{path} HTTP/1.1",
                            f"Host: {self.base[len('https://'):]}", *lines]) + "\r\n\r\n"

    def at_once(self, count, ask):
        """ASK(client, number) on COUNT connections at the same time; what each gave."""
        answers = [None] * count

        def run(number):
            with self.gate.connect() as client:
                answers[number] = ask(client, number)
        threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def seen(self, nginx, count):
        return wait_until(lambda: len(nginx.requests()) >= count and nginx.requests(),
                          f"{count} requests in nginx's log")


class Messages(Http2):
    def test_go_over_one_connection_one_after_the_other(self):
        nginx = self.nginx()
        self.start(nginx.tls_port)
        for _ in range(3):
            response = self.client.get(f"{self.base}/small")
            self.assertEqual((response.status, response.body), (200, self.content("small")))
        seen = self.seen(nginx, 3)
        self.assertEqual({entry[:2] for entry in seen}, {(seen[0][0], "HTTP/2.0")})
        self.assertEqual(seen[0][5], f"te=trailers host=origin.test:{nginx.tls_port} connection=-")
        decision, close = self.gate.wait_log(1, event="decision")[0], self.gate.wait_log(3, event="close")
        self.assertEqual((decision["scheme"], decision["verdict"]), ("https", "allow"))
        self.assertEqual({(record["outcome"], record["status"], record["bytes_down"], record["upstream"])
                          for record in close}, {("ok", 200, 12, f"127.0.0.1:{nginx.tls_port}")})

    def test_carry_bodies_byte_for_byte_both_ways(self):
        nginx = self.nginx()
        self.start(nginx.tls_port)
        self.assertEqual(self.client.get(f"{self.base}/large").body, self.content("large"))
        body = os.urandom(3 << 20)
        self.client.send(self.head("POST", "/echo", f"Content-Length: {len(body)}"), body)
        self.assertEqual(self.client.response().body, body)
        self.client.send(self.head("POST", "/echo", "Transfer-Encoding: chunked"))
        for at in range(0, len(body), 70001):
            piece = body[at:at + 70001]
            self.client.send(b"%x\r\n" % len(piece), piece, b"\r\n")
        self.client.send("0\r\n\r\n")
        self.assertEqual(self.client.response().body, body)

    def test_without_content_keep_their_form(self):
        nginx = self.nginx()
        self.start(nginx.tls_port)
        response = self.client.get(f"{self.base}/large", method="HEAD")
        self.assertEqual((response.status, response.get("Content-Length")), (200, str(5 << 20)))
        tag = response.get("ETag")
        response = self.client.get(f"{self.base}/large", f"If-None-Match: {tag}")
        self.assertEqual((response.status, response.body), (304, b""))
        response = self.client.get(f"{self.base}/empty")
        self.assertEqual((response.status, response.has("Content-Length")), (204, False))
        self.assertEqual(self.client.ask(self.head("POST", "/echo", "Content-Length: 0")).body, b"")
        self.assertEqual(self.client.get(f"{self.base}/small").body, self.content("small"))

    def test_bring_trailers_both_ways(self):
        origin = self.by_hand(lambda connection, stream: (
            connection.wait_body(stream),
            connection.head(stream, (":status", "200"), ("content-type", "application/grpc")),
            connection.send(DATA, 0, stream, b"message"),
            connection.send(HEADERS, 5, stream, fields(("grpc-status", "0"), ("grpc-message", "fine")))))
        self.start(origin.port)
        self.client.send(self.head("POST", "/", "Transfer-Encoding: chunked"),
                         "3\r\nask\r\n0\r\nX-Sum: 42\r\n\r\n")
        response = self.client.response()
        self.assertEqual((response.body, response.trailers),
                         (b"message", [("grpc-status", "0"), ("grpc-message", "fine")]))
        sent = origin.seen(HEADERS, 1)
        self.assertEqual([flags & END_STREAM for flags, _, _ in sent], [0, 1])
        self.assertEqual(b"".join(payload for _, _, payload in origin.seen(DATA)), b"ask")

    def test_from_nginx_have_their_trailers(self):
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        nginx = self.nginx(self.keep(HttpOrigin(lambda request: chunked)))
        self.start(nginx.tls_port)
        response = self.client.get(f"{self.base}/back/trailers")
        self.assertEqual(response.body, b"hello")
        self.assertEqual(response.trailers, [("x-sum", "42"), ("x-checked", "yes")])

    def test_begin_with_the_interim_responses_of_the_origin(self):
        def answer(connection, stream):
            connection.head(stream, (":status", "100"))
            connection.head(stream, (":status", "103"), ("link", "</style.css>; rel=preload"))
            connection.ok(stream, connection.wait_body(stream))
        self.start(self.by_hand(answer).port)
        self.client.send(self.head("POST", "/", "Content-Length: 4", "Expect: 100-continue"))
        self.assertEqual(self.client.response().status, 100)
        hint = self.client.response()
        self.assertEqual((hint.status, hint.get("link")), (103, "</style.css>; rel=preload"))
        self.client.send("body")
        self.assertEqual(self.client.response().body, b"body")

    def test_may_be_answered_before_they_are_whole(self):
        nginx = self.nginx()
        self.start(nginx.tls_port)
        self.client.send(self.head("POST", "/refuse", f"Content-Length: {8 << 20}"), b"x" * 100000)
        self.assertEqual(self.client.response().status, 413)
        with self.gate.connect() as other:
            self.assertEqual(other.get(f"{self.base}/small").status, 200)

    def test_stream_both_ways_at_once(self):
        heard = threading.Event()

        def answer(connection, stream):
            connection.head(stream, (":status", "200"))
            connection.send(DATA, 0, stream, b"first")
            heard.wait(PATIENCE)
            connection.send(DATA, END_STREAM, stream, b"last:" + connection.wait_body(stream))
        self.start(self.by_hand(answer).port)
        self.client.send(self.head("POST", "/", "Transfer-Encoding: chunked"), "2\r\nab\r\n")
        self.assertIn(b"first", self.client.until(b"first"))
        heard.set()
        self.client.send("2\r\ncd\r\n0\r\n\r\n")
        self.assertIn(b"last:abcd", self.client.until(b"0\r\n\r\n"))

    def test_have_one_cookie_field_and_nothing_that_hops(self):
        back = self.keep(HttpOrigin(lambda request: ok(b"seen")))
        nginx = self.nginx(back)
        self.start(nginx.tls_port)
        response = self.client.get(f"{self.base}/back/x?q=1", "Cookie: a=1; b=2", "Connection: X-Mine, close",
                                   "X-Mine: secret", "Keep-Alive: 5", "X-Yours: kept")
        self.assertEqual(response.body, b"seen")
        request = back.requests[0]
        self.assertEqual((request.target, request.all("Cookie")), ("/back/x?q=1", ["a=1; b=2"]))
        self.assertEqual((request.get("X-Mine"), request.get("Keep-Alive"), request.get("X-Yours")),
                         (None, None, "kept"))


class Clients(Http2):
    """Whole programs that ask in absolute form; the origin's side is HTTP/2."""

    def run_client(self, *command):
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def curl(self, path, *options):
        host = self.base[len("https://"):]
        return self.run_client("curl", "-sS", "--fail-with-body", "--proxy", self.gate.url, "--request-target",
                               self.base + path, *options, f"http://{host}/")

    def test_curl(self):
        nginx = self.nginx()
        self.start(nginx.tls_port)
        self.assertEqual(self.curl("/large"), self.content("large"))
        large = os.path.join(self.root, "large")
        self.assertEqual(self.curl("/echo", "--data-binary", f"@{large}"), self.content("large"))
        self.assertEqual(self.curl("/echo", "-H", "Transfer-Encoding: chunked", "-H", "Expect:", "--data-binary",
                                   f"@{large}"), self.content("large"))
        self.assertEqual({entry[1] for entry in self.seen(nginx, 3)}, {"HTTP/2.0"})
        self.assertEqual(len({entry[0] for entry in nginx.requests()}), 1)

    def test_node(self):
        nginx = self.nginx()
        self.start(nginx.tls_port)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "absolute_form.js")
        told = self.run_client("node", script, str(self.gate.port), self.base, os.path.join(self.root, "large"))
        digest = hashlib.sha256(self.content("large")).hexdigest()
        self.assertEqual(told.decode().split(), ["200", digest] * 20)
        self.assertEqual(len({entry[0] for entry in self.seen(nginx, 21)}), 1)


class Connections(Http2):
    def test_carry_many_requests_at_once(self):
        nginx = self.nginx()
        self.start(nginx.tls_port)
        self.client.get(f"{self.base}/small")
        answers = self.at_once(40, lambda client, _: client.get(f"{self.base}/slow").body)
        self.assertEqual(set(answers), {b"slow\n"})
        self.assertEqual(len({entry[0] for entry in self.seen(nginx, 41)}), 1)
        samples = self.gate.metrics()
        self.assertEqual((samples["sallyport_streams_open"], samples["sallyport_upstreams_open"]), (0, 1))

    def test_are_dialled_as_the_peers_limit_asks(self):
        together = threading.Barrier(6)

        def answer(connection, stream):
            if self.warm:
                together.wait(PATIENCE)
            connection.ok(stream)
        self.warm = False
        origin = self.by_hand(answer, settings=[(3, 2)])
        self.start(origin.port)
        self.client.get(f"{self.base}/")
        self.warm = True
        answers = self.at_once(6, lambda client, _: client.get(f"{self.base}/").status)
        self.assertEqual(answers, [200] * 6)
        self.assertGreaterEqual(origin.connections, 3)

    def test_do_not_wait_for_a_reader_that_is_slow(self):
        nginx = self.nginx()
        self.start(nginx.tls_port)
        self.client.send(self.head("GET", "/large"))
        self.client.until(b"\r\n\r\n")
        with self.gate.connect() as other:
            for _ in range(3):
                self.assertEqual(other.get(f"{self.base}/large").body, self.content("large"))
        self.assertEqual(self.client.read(5 << 20)[-1000:], self.content("large")[-1000:])
        self.assertEqual(len({entry[0] for entry in self.seen(nginx, 4)}), 1)

    def test_are_never_shared_by_tenants(self):
        nginx = self.nginx()
        listeners = [{"address": "127.0.0.1:0", "identity": {"static": {"app": app, "environment": "development"}}}
                     for app in ("demo", "other")]
        base = f"https://origin.test:{nginx.tls_port}"
        self.start(nginx.tls_port, apps={("other", "development"): [base]}, listeners=listeners)
        for listener in (0, 1, 0, 1):
            with self.gate.connect(listener) as client:
                self.assertEqual(client.get(f"{base}/small").status, 200)
        seen = self.seen(nginx, 4)
        self.assertEqual([entry[0] == seen[0][0] for entry in seen], [True, False, True, False])
        self.assertEqual(seen[1][0], seen[3][0])

    def test_that_clients_give_up_reset_their_stream_alone(self):
        started = threading.Semaphore(0)

        def answer(connection, stream):
            connection.head(stream, (":status", "200"))
            connection.send(DATA, 0, stream, b"begun")
            started.release()
            if stream > 1:
                connection.send(DATA, END_STREAM, stream, b" and done")
        origin = self.by_hand(answer)
        self.start(origin.port)
        self.client.send(self.head("GET", "/"))
        self.client.until(b"begun")
        self.client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()
        wait_until(lambda: origin.seen(RST_STREAM, 1), "RST_STREAM")
        self.assertEqual(origin.seen(RST_STREAM, 1)[0][2], (8).to_bytes(4, "big"))
        with self.gate.connect() as other:
            self.assertEqual(other.get(f"{self.base}/").body, b"begun and done")
        self.assertEqual(origin.connections, 1)

    def test_are_not_for_websockets(self):
        chosen = []

        def prepare(context):
            context.set_alpn_protocols(["h2", "http/1.1"])
        origin = self.keep(HttpOrigin(lambda request: chosen.append(request.get("Upgrade")) or
                                      ok(b"no"), tls=self.pair))
        prepare(origin.context)
        self.start(origin.port)
        response = self.client.get(f"{self.base}/", "Connection: Upgrade", "Upgrade: websocket",
                                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
        self.assertEqual((response.body, chosen), (b"no", ["websocket"]))
        self.assertEqual(origin.wires[0].sock.selected_alpn_protocol(), "http/1.1")

    def test_end_with_the_policy_for_whoever_asks_next(self):
        nginx = self.nginx()
        self.start(nginx.tls_port)
        self.assertEqual(self.client.get(f"{self.base}/small").status, 200)
        self.gate.declare([])
        self.gate.signal(signal.SIGHUP)
        wait_until(lambda: self.client.get(f"{self.base}/small").status == 403, "the new policy")

    def test_are_made_anew_when_certificates_are_read_again(self):
        nginx = self.nginx()
        self.start(nginx.tls_port)
        self.client.get(f"{self.base}/small")
        self.gate.signal(signal.SIGHUP)

        def ask():
            self.assertEqual(self.client.get(f"{self.base}/small").status, 200)
            return len({entry[0] for entry in nginx.requests()}) == 2
        wait_until(ask, "a second connection")

    def test_finish_what_is_under_way_when_the_proxy_stops(self):
        nginx = self.nginx()
        self.start(nginx.tls_port)
        self.client.send(self.head("GET", "/slow"))
        self.gate.wait_log(1, event="decision")
        self.gate.signal(signal.SIGTERM)
        response = self.client.response()
        self.assertEqual((response.status, response.body), (200, b"slow\n"))
        self.gate.stop()


    def test_with_hosts_that_do_not_begin_to_speak_end_in_time(self):
        origin = self.origin(tls=self.pair)
        origin.context.set_alpn_protocols(["h2"])
        self.start(origin.port, timeouts={"dial_seconds": 1})
        response = self.client.get(f"{self.base}/")
        self.assertEqual(response.status, 502)
        self.assertIn(b"agreed on HTTP/2 and does not speak it", response.body)


class Retries(Http2):
    def test_a_refused_request_goes_out_once_more(self):
        def answer(connection, stream):
            if origin.connections == 1:
                connection.reset(stream, 7)
                return
            connection.ok(stream)
        origin = self.by_hand(answer)
        self.start(origin.port)
        self.assertEqual(self.client.get(f"{self.base}/", method="PATCH").body, b"hello by hand\n")
        self.assertEqual(origin.connections, 2)

    def test_one_that_goaway_leaves_out_goes_out_once_more(self):
        def answer(connection, stream):
            if origin.connections == 1:
                connection.goaway(0)
                return
            connection.ok(stream)
        origin = self.by_hand(answer)
        self.start(origin.port)
        self.assertEqual(self.client.get(f"{self.base}/", method="PATCH").status, 200)
        self.assertEqual(origin.connections, 2)

    def test_what_goaway_lets_finish_is_not_disturbed_and_the_next_has_a_new_connection(self):
        def answer(connection, stream):
            connection.goaway(stream)
            connection.ok(stream)
        origin = self.by_hand(answer)
        self.start(origin.port)
        for number in (1, 2, 3):
            self.assertEqual(self.client.get(f"{self.base}/").status, 200)
            self.assertEqual(origin.connections, number)

    def test_a_kept_connection_that_breaks_is_no_failure_for_what_can_be_asked_twice(self):
        def answer(connection, stream):
            if origin.connections == 1 and stream > 1:
                connection.close()
                return
            connection.ok(stream)
        origin = self.by_hand(answer)
        self.start(origin.port)
        for _ in range(2):
            self.assertEqual(self.client.get(f"{self.base}/").status, 200)
        self.assertEqual(origin.connections, 2)

    def test_what_may_have_been_done_is_not_done_twice(self):
        def answer(connection, stream):
            if stream > 1:
                connection.close()
                return
            connection.ok(stream)
        origin = self.by_hand(answer)
        self.start(origin.port)
        self.client.get(f"{self.base}/")
        self.assertEqual(self.client.get(f"{self.base}/", method="PATCH").status, 502)
        self.assertEqual(origin.connections, 1)

    def test_a_request_for_which_the_host_wants_http_1_1_gets_it(self):
        origin = self.by_hand(lambda connection, stream: connection.reset(stream, 13),
                              protocols=("h2", "http/1.1"))
        self.start(origin.port)
        self.assertEqual(self.client.get(f"{self.base}/").body, b"hello over HTTP/1.1\n")
        self.assertEqual(origin.connections, 2)
