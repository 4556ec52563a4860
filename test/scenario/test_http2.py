"""HTTP/2 inside of inspected tunnels: each stream is a request like any other."""
import hashlib
import json
import os
import struct
import subprocess

from harness import PATIENCE, wait_until, write
from http2_client import Http2Client
from http2_origins import (DATA, END_HEADERS, END_STREAM, HEADERS, PING, PROTOCOL_ERROR, RST_STREAM, SETTINGS,
                           Http2Nginx, Http2Origin, fields, frame)
from test_clients import HERE, needs
from test_inspect import Inspected


class Http2(Inspected):
    def pair(self):
        return self.pki.issue("origin", "origin.test", "other.test")

    def nginx(self, **options):
        self.root_folder = self.path("root", "x").rsplit("/", 1)[0]
        for name, size in (("small", 12), ("large", 5 << 20)):
            with open(os.path.join(self.root_folder, name), "wb") as file:
                file.write(os.urandom(size))
        directory = self.path("nginx", "x").rsplit("/", 1)[0]
        nginx = self.keep(Http2Nginx(directory, self.root_folder, self.pair(), **options))
        nginx.port = nginx.tls_port
        return nginx

    def by_hand(self, answer, **options):
        return self.keep(Http2Origin(self.pair(), answer, **options))

    def content(self, name):
        with open(os.path.join(self.root_folder, name), "rb") as file:
            return file.read()

    def client(self, name="origin.test"):
        """Inside of a tunnel, h2 chosen."""
        tunnel = self.keep(self.gate.connect())
        self.assertEqual(tunnel.tunnel(f"{name}:{self.port}").status, 200)
        inside = tunnel.start_tls(name, self.root, protocols=["h2", "http/1.1"])
        return self.keep(Http2Client(inside.sock, f"{name}:{self.port}"))


class Messages(Http2):
    def test_are_decided_and_logged_each_on_its_own(self):
        self.start(self.nginx())
        client = self.client()
        streams = [client.open(client.fields("GET", f"/small?secret={number}")) for number in range(3)]
        for stream in streams:
            answer = client.wait(stream)
            self.assertEqual((answer.status, answer.body), (200, self.content("small")))
        closes = self.gate.wait_log(4, event="close")
        self.assertEqual([(one["outcome"], one["bytes_down"]) for one in closes],
                         [("inspected", 0)] + 3 * [("ok", 12)])
        decisions = self.gate.log(event="decision")
        self.assertEqual([(one["method"], one["host"], one["port"], one["reason"]) for one in decisions],
                         [(method, "origin.test", self.port, "declared")
                          for method in ("CONNECT", "GET", "GET", "GET")])
        self.assertEqual(len({one["id"] for one in decisions}), 4)
        self.assertEqual(len({one["client"] for one in decisions}), 1)
        self.assertNotIn("secret", "\n".join(self.gate.log_lines()))

    def test_carry_bodies_byte_for_byte_both_ways(self):
        self.start(self.nginx())
        client = self.client()
        self.assertEqual(client.get("/large").body, self.content("large"))
        body = os.urandom(3 << 20)
        for more in ((), (("content-length", str(len(body))),)):
            stream = client.open(client.fields("POST", "/echo", *more), end=False)
            client.body(stream, body)
            self.assertEqual(client.wait(stream).body, body)

    def test_go_on_at_once_in_many_streams(self):
        self.start(self.nginx())
        client = self.client()
        streams = [client.open(client.fields("GET", "/large")) for _ in range(8)]
        streams += [client.open(client.fields("GET", "/small")) for _ in range(80)]
        for stream in streams[8:]:
            self.assertEqual(client.wait(stream).body, self.content("small"))
        for stream in streams[:8]:
            self.assertEqual(client.wait(stream).body, self.content("large"))
        wait_until(lambda: self.gate.metrics()["sallyport_streams_open"] == 0, "all streams are over")

    def test_without_content_keep_their_form(self):
        self.start(self.nginx())
        client = self.client()
        answer = client.get("/large", method="HEAD")
        self.assertEqual((answer.status, answer.get("content-length"), answer.body),
                         (200, str(5 << 20), b""))
        answer = client.get("/large", ("if-none-match", answer.get("etag")))
        self.assertEqual((answer.status, answer.body), (304, b""))
        answer = client.get("/empty")
        self.assertEqual((answer.status, answer.get("content-length")), (204, None))
        self.assertEqual(client.get("/echo", method="POST").status, 200)

    def test_bring_trailers_both_ways(self):
        origin = self.by_hand(lambda connection, stream: (
            connection.wait_body(stream),
            connection.head(stream, (":status", "200"), ("content-type", "application/grpc")),
            connection.send(DATA, 0, stream, b"message"),
            connection.send(HEADERS, END_HEADERS | END_STREAM, stream, fields((
                "grpc-status", "0"), ("grpc-message", "fine")))))
        self.start(origin)
        client = self.client()
        stream = client.open(client.fields("POST", "/", ("te", "trailers")), end=False)
        client.body(stream, b"ask", end=False)
        client.codec.send_headers(stream, [("x-sum", "42")], end_stream=True)
        client.flush()
        answer = client.wait(stream)
        self.assertEqual((answer.body, answer.trailers),
                         (b"message", [("grpc-status", "0"), ("grpc-message", "fine")]))
        sent = origin.seen(HEADERS)
        self.assertEqual([flags & END_STREAM for flags, _, _ in sent], [0, 1])
        self.assertTrue(sent[1][2].endswith(b"\x0242"), sent[1])

    def test_tell_an_error_without_a_message(self):
        origin = self.by_hand(lambda connection, stream: connection.head(
            stream, (":status", "200"), ("grpc-status", "5"), flags=END_HEADERS | END_STREAM))
        self.start(origin)
        client = self.client()
        answer = client.get("/", method="POST")
        self.assertEqual((answer.status, answer.get("grpc-status"), answer.body), (200, "5", b""))

    def test_wait_for_100_continue(self):
        def answer(connection, stream):
            connection.head(stream, (":status", "100"))
            connection.ok(stream, connection.wait_body(stream))
        self.start(self.by_hand(answer))
        client = self.client()
        stream = client.open(client.fields("PUT", "/", ("expect", "100-continue"),
                                           ("content-length", "2")), end=False)
        client.until(lambda: client.answers[stream].interim)
        client.body(stream, b"ok")
        self.assertEqual(client.wait(stream).body, b"ok")
        self.assertEqual(client.answers[stream].interim, ["100"])

    def test_stream_both_ways_as_they_come(self):
        def answer(connection, stream):
            connection.head(stream, (":status", "200"))
            for number in range(3):
                connection.send(DATA, 0, stream, b"tick%d" % number)
                with connection.change:
                    assert connection.change.wait_for(
                        lambda n=number: len(connection.data.get(stream, b"")) > n, PATIENCE)
            connection.send(DATA, END_STREAM, stream)
        self.start(self.by_hand(answer))
        client = self.client()
        stream = client.open(client.fields("POST", "/"), end=False)
        for number in range(3):  # the next comes only when the last was seen
            client.until(lambda n=number: client.answers[stream].body.endswith(b"tick%d" % n))
            client.body(stream, b"x", end=False)
        client.body(stream, b"")
        self.assertEqual(client.wait(stream).body, b"tick0tick1tick2")


class Denials(Http2):
    def test_of_another_authority_end_fronting(self):
        nginx = self.nginx()
        self.start(nginx)
        client = self.client()
        for authority in (f"other.test:{self.port}", "origin.test", f"origin.test:{self.port + 1}"):
            answer = client.get("/small", authority=authority)
            self.assertEqual((answer.status, answer.get("forge-proxy-error")), (403, "BLOCKED_EGRESS"))
            self.assertEqual(json.loads(answer.body)["reason"], "sni_mismatch")
        both = client.wait(client.open([(":method", "GET"), (":scheme", "https"), (":path", "/small"),
                                        ("host", f"other.test:{self.port}")]))
        self.assertEqual(json.loads(both.body)["reason"], "sni_mismatch")
        self.assertEqual(client.get("/small", ("host", f"other.test:{self.port}")).status, 400)
        self.assertEqual(client.get("/small").status, 200)
        denials = self.gate.wait_log(5, event="decision", verdict="deny")
        self.assertEqual([one["reason"] for one in denials], 4 * ["sni_mismatch"] + ["invalid_target"])
        self.assertEqual([entry[3] for entry in self.seen(nginx, 1)], ["/small"])

    def seen(self, nginx, count):
        return wait_until(lambda: len(nginx.requests()) >= count and nginx.requests(),
                          f"{count} requests in nginx's log")

    def test_by_narrow_yml_are_of_one_stream(self):
        self.start(self.nginx())
        write(self.gate.policy_path(name="narrow.yml"), json.dumps(
            [{"address": f"origin.test:{self.port}", "methods": ["GET"], "paths": ["/small", "/large"]}]))
        self.gate.wait_log(1, event="policy_loaded")
        client = self.client()
        wait_until(lambda: client.get("/small", method="POST").status == 403, "narrow.yml is in force")
        large = client.open(client.fields("GET", "/large"))
        for method, path, reason in (("POST", "/small", "method_not_declared"),
                                     ("GET", "/empty", "path_not_declared"),
                                     ("GET", "/small/../empty", "path_not_declared")):
            answer = client.get(path, method=method)
            self.assertEqual((answer.status, json.loads(answer.body)["reason"]), (403, reason))
        self.assertEqual(client.wait(large).body, self.content("large"))
        self.assertEqual(client.get("/small").status, 200)

    def test_of_malformed_requests_say_why_and_spare_the_others(self):
        self.start(self.nginx())
        client = self.client()
        good = client.fields("GET", "/small")
        for wrong, word in (([*good, ("transfer-encoding", "chunked")], "connection"),
                            ([*good, ("connection", "x")], "connection"),
                            ([*good, ("X-Upper", "x")], "lower case"),
                            ([*good, ("x", "a\r\nhost: other.test")], "control"),
                            ([*good, ("content-length", "5")], "does not come"),
                            ([*good, (":path", "/large")], "pseudo"),
                            ([good[0], *good[2:]], "scheme"),
                            ([(":method", "CONNECT"), good[2]], "CONNECT"),
                            (client.fields("GET", "/a b"), "path"),
                            (client.fields("GET", "//[/" + "a" * 20000), "long")):
            answer = client.wait(client.open(wrong))
            self.assertIn(answer.status, (400, 414))
            self.assertIn(word, json.loads(answer.body)["detail"])
        client.codec.reset_stream(client.open([*good, ("connection", "x")]), 8)  # logged all the same
        client.flush()
        self.assertEqual(client.get("/small").body, self.content("small"))
        self.assertEqual({one["reason"] for one in self.gate.wait_log(11, verdict="deny")}, {"invalid_target"})

    def test_of_bodies_that_are_not_as_long_as_announced(self):
        self.start(self.nginx())
        client = self.client()
        for length in ("5", "20"):
            stream = client.open(client.fields("POST", "/echo", ("content-length", length)), end=False)
            client.body(stream, b"ten bytes.")
            self.assertEqual(client.wait(stream).reset, PROTOCOL_ERROR)
        self.assertEqual(client.get("/small").status, 200)
        closes = self.gate.wait_log(4, event="close")
        self.assertEqual(sorted(one["outcome"] for one in closes),
                         ["inspected", "malformed", "malformed", "ok"])

    def test_of_heads_that_are_too_large(self):
        self.start(self.nginx())
        client = self.client()
        for more in ([("x", "v" * 30000)] * 3, [("x", "")] * 3000):
            answer = client.get("/small", *more)
            self.assertEqual(answer.status, 431)
        self.assertEqual(client.get("/small").status, 200)


class Streams(Http2):
    def test_that_nobody_reads_hold_up_no_other(self):
        self.start(self.nginx())
        client = self.client()
        stuck = client.open(client.fields("GET", "/large"))
        client.slow.add(stuck)
        client.codec.increment_flow_control_window(1 << 24)
        client.until(lambda: len(client.answers[stuck].body) == 65535)
        self.assertEqual(client.get("/large").body, self.content("large"))
        client.codec.increment_flow_control_window(1 << 24, stuck)
        client.flush()
        self.assertEqual(client.wait(stuck).body, self.content("large"))

    def test_that_are_cancelled_end_at_the_origin_too(self):
        origin = self.by_hand(lambda connection, stream: (
            connection.head(stream, (":status", "200")),
            connection.send(DATA, 0, stream, b"begin")))
        self.start(origin)
        client = self.client()
        for _ in range(3):
            stream = client.open(client.fields("GET", "/"))
            client.until(lambda s=stream: client.answers[s].body == b"begin")
            client.reset(stream)
        closes = self.gate.wait_log(4, event="close")
        self.assertEqual([one["outcome"] for one in closes], ["inspected"] + 3 * ["client_reset"])
        wait_until(lambda: len(origin.seen(RST_STREAM)) == 3, "the origin heard of it")
        wait_until(lambda: self.gate.metrics()["sallyport_streams_open"] == 0, "all streams are over")

    def test_whose_response_is_cut_short_are_reset(self):
        def answer(connection, stream):
            connection.head(stream, (":status", "200"))
            connection.send(DATA, 0, stream, b"half")
            connection.reset(stream, 2)
        self.start(self.by_hand(answer))
        client = self.client()
        answered = client.get("/")
        self.assertEqual((answered.ended, answered.reset), (False, 2))
        self.assertEqual(self.gate.wait_log(2, event="close")[1]["outcome"], "upstream_reset")

    def test_beyond_their_number_are_refused_and_nothing_is_lost(self):
        self.start(self.by_hand(lambda connection, stream: None))
        client = self.client()
        client.until(lambda: client.codec.remote_settings.max_concurrent_streams == 100)
        streams = [client.open(client.fields("POST", "/"), end=False) for _ in range(100)]
        wait_until(lambda: self.gate.metrics()["sallyport_streams_open"] >= 100, "all are open")
        for stream in streams:
            client.reset(stream)
        wait_until(lambda: self.gate.metrics()["sallyport_streams_open"] == 0, "all are over")

    def test_reset_without_end_are_bounded(self):
        self.start(self.by_hand(lambda connection, stream: None))
        client = self.client()
        before = self.gate.descriptors()
        most = 0
        try:
            for _ in range(40):
                for _ in range(50):
                    stream = client.open(client.fields("GET", "/"))
                    client.codec.reset_stream(stream, 8)
                client.flush()
                most = max(most, self.gate.descriptors())
            client.ended()
        except OSError:
            pass
        self.assertLess(most - before, 2 * 100 + 110)
        refused = self.gate.wait_log(1, event="decision", reason="invalid_target")
        self.assertEqual(len(refused), 1)
        wait_until(lambda: self.gate.metrics()["sallyport_streams_open"] == 0, "all streams are over")


class Connections(Http2):
    def test_answer_pings_and_survive_empty_frames(self):
        self.start(self.nginx())
        client = self.client()
        for number in range(50):
            client.codec.ping(struct.pack(">Q", number))
        client.flush()
        client.until(lambda: client.pings == 50)
        client.send(frame(SETTINGS, 0, 0) * 20)
        self.assertEqual(client.get("/small").status, 200)

    def test_that_flood_are_ended(self):
        self.start(self.nginx())
        client = self.client()
        client.get("/small")
        flood = frame(PING, 0, 0, b"ping-ing") * 4096
        try:
            for _ in range(400):  # nothing is read, so that the answers pile up
                client.send(flood)
        except OSError:
            pass
        self.gate.wait_log(1, event="decision", reason="invalid_target")

    def test_that_speak_no_http_2_are_logged(self):
        self.start(self.nginx())
        tunnel = self.keep(self.gate.connect())
        self.assertEqual(tunnel.tunnel(f"origin.test:{self.port}").status, 200)
        inside = tunnel.start_tls("origin.test", self.root, protocols=["h2"])
        inside.send("GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        self.assertTrue(inside.rest() is not None)
        denial = self.gate.wait_log(1, event="decision", verdict="deny")[0]
        self.assertEqual(denial["reason"], "invalid_target")

    def test_that_chose_http_1_may_not_speak_another(self):
        self.start(self.nginx())
        client = self.inside()
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(SETTINGS, 0, 0))
        self.assertEqual(client.response().status, 505)

    def test_drain_when_the_proxy_stops(self):
        self.start(self.nginx())
        idle, busy = self.client(), self.client()
        slow = busy.open(busy.fields("GET", "/slow"))
        idle.get("/small")
        self.gate.signal(15)
        self.assertEqual(busy.wait(slow).status, 200)
        self.assertTrue(idle.ended() and busy.ended())
        self.assertEqual((idle.goaway, busy.goaway), (0, 0))
        self.gate.stop()

    def test_get_http_1_where_the_host_speaks_no_other(self):
        self.start(self.tls_origin())
        tunnel = self.keep(self.gate.connect())
        self.assertEqual(tunnel.tunnel(f"origin.test:{self.port}").status, 200)
        inside = tunnel.start_tls("origin.test", self.root, protocols=["h2", "http/1.1"])
        self.assertEqual(inside.sock.selected_alpn_protocol(), "http/1.1")

    def test_may_offer_http_1_where_the_host_speaks_both(self):
        self.start(self.nginx())
        client = self.inside()
        self.assertEqual(self.get(client, "/small").body, self.content("small"))


class RealClients(Http2):
    def setUp(self):
        super().setUp()
        self.start(self.nginx())
        self.url = f"https://origin.test:{self.port}"

    def run_client(self, *command):
        done = subprocess.run(command, capture_output=True, timeout=2 * PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode()[-2000:])
        return done.stdout

    def curl(self, *arguments):
        return self.run_client("curl", "-sS", "--http2", "--proxy", self.gate.url, "--cacert", self.root,
                               *arguments)

    def test_curl(self):
        self.assertEqual(self.curl("-w", "%{http_version} %{stderr}", f"{self.url}/large", "-o",
                                   self.path("got")), b"2 ")
        with open(self.path("got"), "rb") as file:
            self.assertEqual(file.read(), self.content("large"))
        with open(self.path("up"), "wb") as file:
            file.write(os.urandom(1 << 20))
        got = self.curl("-T", self.path("up"), "-X", "POST", f"{self.url}/echo")
        with open(self.path("up"), "rb") as file:
            self.assertEqual(got, file.read())

    @needs("node")
    def test_node(self):
        got = json.loads(self.run_client("node", os.path.join(HERE, "http2_agent.js"), str(self.gate.port),
                                         self.root, self.url))
        large, small = (hashlib.sha256(self.content(name)).hexdigest() for name in ("large", "small"))
        self.assertEqual(got, {"large": large, "echo": large, "many": 50 * [small], "head": "200",
                               "cancelled": True, "denied": "403", "after": small})
