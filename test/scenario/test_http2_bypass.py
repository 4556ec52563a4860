"""Ways past the proxy that HTTP/2 adds: one section of fields after the other, judged by what an origin received."""
import json

import hpack

import http2_origins
from harness import PATIENCE, wait_until, write
from http2_origins import DATA, END_STREAM, HEADERS, INTERNAL_ERROR, PROTOCOL_ERROR, Http2Origin
from origins import ok
from test_http2 import Http2

REFUSED = (400, 403, 405, 414, 431, 501)
MARK = "smuggled"  # in nothing that may reach an origin


def head(method="GET", scheme="https", authority="{here}", path="/public", *more):
    """The four pseudo-fields (None: left out), then MORE."""
    pairs = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]
    return [pair for pair in pairs if pair[1] is not None] + list(more)


# {here}: the tunnel's host and port; {port}: its port; {other}: another declared host, the same port.
ELSEWHERE = ["{other}", "evil.test:{port}", "origin.test", "origin.test:443", "origin.test:1",
             "origin.test.evil.test:{port}", "a.origin.test:{port}", "127.0.0.1:{port}", "[::1]:{port}",
             "{other}@{here}", "{here}@{other}", "user@{here}", "user:word@{here}", "{here}/smuggled", "{here}#x",
             "{here}?x", "{here}, {other}", "{here} {other}", "origin.test%2eevil.test:{port}", "origin.test:",
             "origin.test:+{port}", "origin.test:0{port}", "origin.test..:{port}", "https://{here}", "//{here}",
             "origin.test:{port}:{port}", "", "\\\\{here}", "origin.test\x80:{port}"]
PATHS = ["https://{other}/smuggled", "https://{here}/smuggled", "http://{here}/smuggled", "{other}", "smuggled",
         "@{other}/smuggled", "*", "", "?smuggled", "#smuggled", "/smuggled#fragment", "/smuggled me", "/smuggled\tx",
         "/smuggled HTTP/1.1\r\nHost: {other}", "/smuggled\r\n\r\nGET /two", "/smuggled\n", "/smuggled\0", "/smuggled\x7f",
         "/smuggled\x80", "\\smuggled", " /smuggled", "/smuggled "]
FIELDS = [("connection", "close"), ("connection", "x"), ("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive"),
          ("transfer-encoding", "chunked"), ("transfer-encoding", "identity"), ("upgrade", "h2c"),
          ("upgrade", "websocket"), ("http2-settings", "AAMAAABkAAQAAP__"), ("te", "gzip"), ("te", "trailers, gzip"),
          ("te", ""), ("Host", "{here}"), ("X-Smuggled", "1"), ("x smuggled", "1"), ("x:smuggled", "1"), ("", "smuggled"),
          ("x-smuggled\r\nhost", "{other}"), ("x-smuggled\0", "1"), ("x-smuggled\n", "1"), ("host ", "{other}"),
          ("x-\xe4-smuggled", "1"), ("x", "a\r\nhost: {other}"), ("x", "a\nsmuggled: 1"), ("x", "a\rsmuggled: 1"),
          ("x", "a\0smuggled"), ("x", "smuggled\r\n\r\nGET /two HTTP/1.1\r\nhost: {other}"), ("x", " smuggled"),
          ("x", "smuggled "), ("x", "\tsmuggled"), ("cookie", "a=b\r\nhost: {other}"), ("cookie", "a=\0smuggled"),
          ("host", "{other}"), ("host", ""), ("host", "{here}, {other}"), ("host", "user@{here}"),
          ("content-length", "5"), ("content-length", "-1"), ("content-length", "+0"), ("content-length", "0x0"),
          ("content-length", "0, 0"), ("content-length", "9" * 40), ("content-length", ""),
          (":path", "/smuggled"), (":method", "POST"), (":scheme", "https"), (":authority", "{other}"),
          (":status", "200"), (":protocol", "websocket"), (":smuggled", "1"), (":", "smuggled"), (":Path", "/smuggled")]
WHOLE = {
    "CONNECT": [(":method", "CONNECT"), (":authority", "{other}")],
    "CONNECT here": [(":method", "CONNECT"), (":authority", "{here}")],
    "CONNECT with all": head("CONNECT"),
    "extended CONNECT (RFC 8441)": [(":method", "CONNECT"), (":protocol", "websocket"), *head()[1:]],
    "a protocol without CONNECT": [(":method", "GET"), (":protocol", "connect-udp"), *head()[1:]],
    "connect": head("connect", "https", "{other}", None),
    "TRACE": head("TRACE"),
    "PRI": [(":method", "PRI"), (":scheme", "https"), (":authority", "{here}"), (":path", "*")],
    "no method": head(None),
    "an empty method": head(""),
    "a method of two lines": head("GET / HTTP/1.1\r\nhost: {other}\r\n\r\nGET"),
    "a method with a space": head("GET https://{other}/smuggled"),
    "a method without an end": head("G" * 5000),
    "no scheme": head("GET", None),
    "another scheme": head("GET", "http"),
    "a scheme of its own": head("GET", "wss"),
    "a scheme and more": head("GET", "https://{other}/smuggled?"),
    "no path": head("GET", "https", "{here}", None),
    "nobody asked for": head("GET", "https", None),
    "nobody by name": head("GET", "https", "", "/smuggled", ("host", "{here}")),
    "another Host alone": head("GET", "https", None, "/smuggled", ("host", "{other}")),
    "two Hosts": head("GET", "https", None, "/smuggled", ("host", "{here}"), ("host", "{other}")),
    "two equal Hosts": head("GET", "https", None, "/smuggled", ("host", "{here}"), ("host", "{here}")),
    "an authority behind fields": [*head("GET", "https", None), ("x", "1"), (":authority", "{here}")],
    "two lengths": head("POST", "https", "{here}", "/smuggled", ("content-length", "0"), ("content-length", "0")),
    "fields alone": [("host", "{here}"), ("x", "1")],
}
WHOLE |= {f"authority {text!r}": head("GET", "https", text, "/smuggled") for text in ELSEWHERE}
WHOLE |= {f"path {text!r}": head("GET", "https", "{here}", text) for text in PATHS}
WHOLE |= {f"field {name!r}: {value!r}": head("GET", "https", "{here}", "/smuggled", (name, value))
          for name, value in FIELDS}
TRAILERS = [("transfer-encoding", "chunked"), ("content-length", "5"), ("host", "{other}"), ("connection", "x"),
            (":path", "/smuggled"), (":smuggled", "1"), ("te", "trailers"), ("X-Smuggled", "1"),
            ("x", "a\r\n\r\nGET /smuggled"), ("x smuggled", "1"), ("proxy-authorization", "Basic smuggled"),
            ("upgrade", "smuggled")]
# Of methods, paths and fields, where GET of /public/… is all that may be used.
NARROWED = [("GET", path) for path in (
    "/private", "/public", "/Public/a", "/public/../private", "/public/%2e%2e/private", "/public/..%2fprivate",
    "/public/.%2e/private", "//public/a/../../private", "/public/a;/../../private", "/public/%c0%ae%c0%ae/private",
    "/public/%00/../../private", "/public\\..\\private")]
NARROWED += [("get", "/public/a"), ("DELETE", "/public/a"), ("OPTIONS", "*")]
NARROWED += [("GET", "/public/a", field) for field in (
    ("x-http-method-override", "DELETE"), ("x_http_method_override", "DELETE"), ("x-http_method", "put"),
    ("x-original-url", "/private"), ("x_original_url", "/private"), ("x_rewrite-url", "/private"))]
# What is well said in another way, and what the origin hears: (method, path, authority).
SPELLINGS = {
    "in capitals": (head("GET", "https", "ORIGIN.Test:{port}"), ("GET", "/public")),
    "with the root's dot": (head("GET", "https", "origin.test.:{port}"), ("GET", "/public")),
    "the scheme in capitals": (head("GET", "HTTPS"), ("GET", "/public")),
    "by Host": (head("GET", "https", None, "/public", ("host", "{here}")), ("GET", "/public")),
    "by both": (head("GET", "https", "{here}", "/public", ("host", "{here}")), ("GET", "/public")),
    "two slashes": (head("GET", "https", "{here}", "//other.test/public"), ("GET", "//other.test/public")),
    "a URL for a path": (head("GET", "https", "{here}", "/https://other.test/"), ("GET", "/https://other.test/")),
    "all of the server": (head("OPTIONS", "https", "{here}", "*"), ("OPTIONS", "*")),
    "credentials for the proxy": (head("GET", "https", "{here}", "/public",
                                       ("proxy-authorization", "Basic smuggled")), ("GET", "/public")),
    "crumbs": (head("GET", "https", "{here}", "/public", ("cookie", "a=1"), ("cookie", "b=2")), ("GET", "/public")),
}


class Reader(http2_origins.Http2Connection):
    """Keeps each request's fields in `origin.heads`, as (name, value)."""

    def __init__(self, origin, wire):
        self.decoder = hpack.Decoder()
        super().__init__(origin, wire)

    def take(self, kind, flags, stream, payload):
        if kind == HEADERS:
            self.origin.heads.append([(name.decode("latin-1"), value.decode("latin-1"))
                                      for name, value in self.decoder.decode(payload, raw=True)])
        super().take(kind, flags, stream, payload)


class Recording(Http2Origin):
    """Answers what has come whole."""

    def __init__(self, pair):
        self.heads, self.heads1 = [], []
        super().__init__(pair, self.answer_whole, protocols=("h2", "http/1.1"))

    @staticmethod
    def answer_whole(connection, stream):
        with connection.change:
            whole = connection.change.wait_for(lambda: stream in connection.ended, PATIENCE)
        if whole:
            connection.ok(stream)

    def converse(self, wire):
        if wire.sock.selected_alpn_protocol() == "h2":
            Reader(self, wire).run()
        while (request := wire.request()) is not None:
            self.heads1.append(request)
            wire.send(ok(b"hello over HTTP/1.1\n"))


class Requests(Http2):
    def begin(self):
        self.origin = self.keep(Recording(self.pair()))
        self.start(self.origin)
        self.names = {"here": f"origin.test:{self.port}", "other": f"other.test:{self.port}", "port": self.port}
        self.h2 = self.client()

    def fill(self, fields):
        return [tuple(text.format(**self.names).encode("latin-1") for text in pair) for pair in fields]

    def ask(self, fields):
        return self.h2.wait(self.h2.open(self.fill(fields)))

    def speak_http1(self):
        """The origin has gone back to HTTP/1.1, and the client still speaks HTTP/2."""
        self.origin.context.set_alpn_protocols(["http/1.1"])
        for wire in self.origin.wires:
            wire.sock.shutdown(2)
        wait_until(lambda: self.gate.metrics()["sallyport_upstreams_open"] == 0, "the connection is gone")

    def get_good(self):
        answer = self.ask(head("GET", "https", "{here}", "/after"))
        self.assertEqual(answer.status, 200)

    def assertRefused(self, fields):
        answer = self.ask(fields)
        self.assertIn(answer.status, REFUSED, answer.body)
        told = json.loads(answer.body)
        [record] = self.gate.wait_log(1, id=told["decision"], event="decision")
        self.assertEqual((record["verdict"], record["reason"]), ("deny", told["reason"]))

    def test_that_are_none_or_of_another_target_reach_nobody(self):
        self.begin()
        for name, fields in WHOLE.items():
            with self.subTest(name):
                self.assertRefused(fields)
        self.get_good()
        self.assertEqual([dict(one)[":path"] for one in self.origin.heads], ["/after"])

    def test_in_other_spellings_are_sent_in_one(self):
        self.begin()
        for name, (fields, (method, path)) in SPELLINGS.items():
            with self.subTest(name):
                self.assertEqual(self.ask(fields).status, 200)
                sent = dict(self.origin.heads[-1])
                self.assertEqual((sent[":method"], sent[":scheme"], sent[":authority"], sent[":path"]),
                                 (method, "https", self.names["here"], path))
                self.assertEqual([known for known, _ in self.origin.heads[-1]][:4],
                                 [":method", ":scheme", ":authority", ":path"])
                self.assertNotIn("host", sent)
                self.assertNotIn(MARK, str(sent))
        self.assertEqual(sent["cookie"], "a=1; b=2")

    def test_come_as_one_each_to_an_origin_of_http_1(self):
        self.begin()
        self.speak_http1()
        for name, fields in WHOLE.items():
            with self.subTest(name):
                self.assertRefused(fields)
        self.get_good()
        for name, (fields, (method, path)) in SPELLINGS.items():
            with self.subTest(name):
                self.assertEqual(self.ask(fields).status, 200)
                sent = self.origin.heads1[-1]
                self.assertEqual((sent.method, sent.target, sent.all("Host")), (method, path, [self.names["here"]]))
                self.assertEqual(sent.all("Connection"), ["keep-alive"])
        self.assertEqual(sent.all("Cookie"), ["a=1; b=2"])
        self.assertEqual(len(self.origin.heads1), 1 + len(SPELLINGS))
        self.assertNotIn(MARK.encode(), self.origin.received)

    def test_that_narrow_yml_does_not_name_reach_nobody(self):
        self.begin()
        write(self.gate.policy_path(name="narrow.yml"), json.dumps(
            [{"address": f"https://origin.test:{self.port}", "methods": ["GET"], "paths": ["/public/*"]}]))
        self.gate.wait_log(1, event="policy_loaded")
        wait_until(lambda: self.ask(head("POST")).status == 403, "narrow.yml is in force")
        for method, path, *more in NARROWED:
            with self.subTest((method, path, more)):
                self.assertRefused(head(method, "https", "{here}", path, *more))
        self.assertEqual(self.ask(head("GET", "https", "{here}", "/public/b/../a")).status, 200)
        self.assertEqual([dict(one)[":path"] for one in self.origin.heads], ["/public/a"])

    def test_that_are_heads_are_refused_without_content(self):
        self.begin()
        for more in ((), (("connection", "x"),)):
            answer = self.ask(head("HEAD", "https", "{other}" if not more else "{here}", "/smuggled", *more))
            self.assertIn(answer.status, (400, 403))
            self.assertEqual((answer.body, answer.ended, answer.reset), (b"", True, None))
        self.get_good()

    def with_trailers(self, name, value):
        stream = self.h2.open(self.fill(head("POST", "https", "{here}", "/two")), end=False)
        self.h2.body(stream, b"body", end=False)
        self.h2.codec.send_headers(stream, self.fill([(name, value)]), end_stream=True)
        self.h2.flush()
        answer = self.h2.wait(stream)
        return answer.reset or answer.status

    def test_with_trailers_that_are_none_never_come_whole(self):
        self.begin()
        for begin in (lambda: None, self.speak_http1):
            begin()
            for name, value in TRAILERS:
                with self.subTest(name):
                    self.assertIn(self.with_trailers(name, value), (PROTOCOL_ERROR, INTERNAL_ERROR, 400))
            self.get_good()
        whole = [stream for flags, stream, _ in self.origin.seen(DATA) + self.origin.seen(HEADERS)
                 if flags & END_STREAM]
        self.assertEqual(len(whole), 1)  # the good one
        self.assertEqual([request.target for request in self.origin.heads1], ["/after"])
        self.assertNotIn(b"\r\n0\r\n\r\n", self.origin.received)
        self.assertNotIn(MARK.encode(), self.origin.received)
