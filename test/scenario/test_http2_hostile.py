"""Origins that speak HTTP/2 as nobody should: a 502 that says why, or a cut, and nothing passed on."""
import json
import os
import struct
import threading
import time

from harness import PATIENCE, SLOW, is_instrumented, wait_until
from http2_origins import (CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PUSH_PROMISE,
                           SETTINGS, WINDOW_UPDATE, fields, frame)
from test_http2_upstream import Http2

OK = (":status", "200")
SECRET = b"must not be passed on"


def head(*pairs, ends=False):
    """A head that is the whole response, or has SECRET behind it."""
    def answer(connection, stream):
        connection.head(stream, *pairs, flags=END_HEADERS | (END_STREAM if ends else 0))
        if not ends:
            connection.send(DATA, END_STREAM, stream, SECRET)
    return answer


def frames(*parts):
    """(kind, flags, payload) on the request's stream."""
    def answer(connection, stream):
        for kind, flags, payload in parts:
            connection.send(kind, flags, stream, payload)
    return answer


def raw(make):
    """Bytes that are frames or not."""
    return lambda connection, stream: connection.wire.send(make(stream))


def number(value):
    return struct.pack(">I", value)


# name: (answer, method, what `detail` says)
TABLE = {
    "a field of the connection": (head(OK, ("connection", "close")), "GET", "field of the connection"),
    "keep-alive": (head(OK, ("keep-alive", "timeout=5")), "GET", "field of the connection"),
    "transfer-encoding": (head(OK, ("transfer-encoding", "chunked")), "GET", "field of the connection"),
    "upgrade": (head(OK, ("upgrade", "websocket")), "GET", "field of the connection"),
    "te": (head(OK, ("te", "trailers")), "GET", "TE"),
    "an upper-case name": (head(OK, ("X-Upper", "1")), "GET", "lower case"),
    "a name that is none": (head(OK, ("x name", "1")), "GET", "token"),
    "an empty name": (head(OK, ("", "1")), "GET", "token"),
    "a name with a colon": (head(OK, ("x:y", "1")), "GET", "token"),
    "a line feed in a value": (head(OK, ("x-a", "1\r\nset-cookie: a=b")), "GET", "control character"),
    "a bare line feed": (head(OK, ("x-a", "1\n\nHTTP/1.1 200 OK")), "GET", "control character"),
    "a NUL in a value": (head(OK, ("x-a", b"1\x002")), "GET", "control character"),
    "white space around a value": (head(OK, ("x-a", " 1")), "GET", "white space"),
    "no status": (head(("content-type", "text/plain")), "GET", "status"),
    "two statuses": (head(OK, (":status", "404")), "GET", "repeated"),
    "a status of four digits": (head((":status", "2000")), "GET", "status"),
    "a status of letters": (head((":status", "abc")), "GET", "status"),
    "a signed status": (head((":status", "+20")), "GET", "status"),
    "a status below 100": (head((":status", "099")), "GET", "status"),
    "101": (head((":status", "101")), "GET", "status"),
    "an interim response that ends": (head((":status", "103"), ends=True), "GET", "interim"),
    "an unknown pseudo-field": (head(OK, (":version", "2")), "GET", "pseudo-field"),
    "a pseudo-field of requests": (head(OK, (":path", "/")), "GET", "pseudo-field"),
    "a pseudo-field behind others": (head(("x-a", "1"), OK), "GET", "pseudo-field"),
    "two lengths": (head(OK, ("content-length", "21"), ("content-length", "21")), "GET", "repeated"),
    "a length that is none": (head(OK, ("content-length", "0x15")), "GET", "Content-Length"),
    "a signed length": (head(OK, ("content-length", "+21")), "GET", "Content-Length"),
    "a list of lengths": (head(OK, ("content-length", "21, 21")), "GET", "Content-Length"),
    "a length beyond all bounds": (head(OK, ("content-length", "9" * 30)), "GET", "Content-Length"),
    "a length without a body": (head(OK, ("content-length", "5"), ends=True), "GET", "Content-Length"),
    "data without a head": (frames((DATA, END_STREAM, SECRET)), "GET", None),
    "data behind an interim response": (frames(
        (HEADERS, END_HEADERS, fields((":status", "103"))), (DATA, END_STREAM, SECRET)), "GET", None),
    "too many fields": (head(OK, *((f"x-{i}", "v") for i in range(200))), "GET", "field"),
    "too large fields": (raw(lambda stream: frame(HEADERS, 0, stream, fields(OK)) + b"".join(
        frame(CONTINUATION, END_HEADERS if i == 5 else 0, stream, fields((f"x-{i}", "v" * 16000)))
        for i in range(6)) + frame(DATA, END_STREAM, stream, SECRET)), "GET", "too large"),
    "interim responses without end": (frames(*[(HEADERS, END_HEADERS, fields((":status", "103")))] * 100),
                                      "GET", "interim"),
    "a push": (lambda connection, stream: (
        connection.send(PUSH_PROMISE, END_HEADERS, stream, number(2) + fields(
            (":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "origin.test"))),
        connection.ok(stream, SECRET)), "GET", None),
    "no frames at all": (raw(lambda stream: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno" * 100), "GET", None),
    "a frame that is too long": (raw(lambda stream: frame(DATA, 0, stream, b"x" * 16385)), "GET", None),
    "HPACK that is none": (frames((HEADERS, END_HEADERS, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff")), "GET", None),
    "an index that is not there": (frames((HEADERS, END_HEADERS, b"\xfe")), "GET", None),
    "a head without its end": (raw(lambda stream: frame(HEADERS, 0, stream, fields(OK))
                                   + frame(DATA, END_STREAM, stream, SECRET)), "GET", None),
    "continuations without end": (raw(lambda stream: frame(HEADERS, 0, stream, fields(OK)) + b"".join(
        frame(CONTINUATION, 0, stream, fields((f"x-{i}", "v" * 100))) for i in range(2000))), "GET", None),
    "empty continuations without end": (raw(lambda stream: frame(HEADERS, 0, stream, fields(OK))
                                            + frame(CONTINUATION, 0, stream) * 5000), "GET", None),
    "padding that is longer than its frame": (raw(lambda stream: frame(DATA, 8, stream, b"\xff" + b"x")), "GET", None),
    "a head on a stream of its own": (raw(lambda stream: frame(
        HEADERS, END_HEADERS, 2, fields(OK)) + frame(DATA, END_STREAM, 2, SECRET)), "GET", None),
    "a head on a stream not yet opened": (raw(lambda stream: frame(
        HEADERS, END_HEADERS, stream + 100, fields(OK))), "GET", None),
    "settings on a stream": (frames((SETTINGS, 0, b"")), "GET", None),
    "settings of no length": (raw(lambda stream: frame(SETTINGS, 0, 0, b"12345")), "GET", None),
    "a window beyond all bounds": (lambda connection, stream: (
        connection.send(WINDOW_UPDATE, 0, stream, number(0x7fffffff)),
        connection.send(WINDOW_UPDATE, 0, stream, number(0x7fffffff))), "GET", None),
    "a window step of nothing": (frames((WINDOW_UPDATE, 0, number(0))), "GET", None),
    "the connection's window beyond all bounds": (raw(lambda stream: frame(
        WINDOW_UPDATE, 0, 0, number(0x7fffffff)) * 2), "GET", None),
    "a reset before anything": (lambda connection, stream: connection.reset(stream, 2), "GET", "INTERNAL_ERROR"),
    "a reset by a code unknown": (lambda connection, stream: connection.reset(stream, 0xabcdef), "GET", "reset"),
    "a reset without error": (lambda connection, stream: connection.reset(stream, 0), "GET", "before its response"),
    "a close": (lambda connection, stream: connection.close(), "GET", "ended before"),
}

# The same, where the client has heard the head already when the fault comes.
BEGUN = {
    "a reset": lambda connection, stream: connection.reset(stream, 2),
    "a reset without error": lambda connection, stream: connection.reset(stream, 0),
    "a close": lambda connection, stream: connection.close(),
    "a goaway and a close": lambda connection, stream: (connection.goaway(stream, 2),
                                                        connection.close()),
    "a second head": lambda connection, stream: connection.head(stream, OK),
    "trailers with a pseudo-field": lambda connection, stream: connection.head(
        stream, (":status", "200"), flags=END_HEADERS | END_STREAM),
    "trailers with a line feed": lambda connection, stream: connection.head(
        stream, ("x-a", "1\r\nx-b: 2"), flags=END_HEADERS | END_STREAM),
    "trailers that frame": lambda connection, stream: connection.head(
        stream, ("transfer-encoding", "chunked"), flags=END_HEADERS | END_STREAM),
    "data beyond the window": lambda connection, stream: [
        connection.send(DATA, 0, stream, b"x" * 16384) for _ in range(400)],
    "no frames any more": lambda connection, stream: connection.wire.send(b"\x00" * 3 + b"\xff" * 400000),
}


def stands_still(things):
    before = len(things)
    time.sleep(SLOW)
    return before == len(things)


class Hostile(Http2):
    def begin(self, answer):
        """Requests for / get ANSWER's fault; the first one, and those with a body, a good answer."""
        self.faulty = False

        def choose(connection, stream):
            if self.faulty:
                answer(connection, stream)
            else:
                connection.ok(stream)
        origin = self.by_hand(choose)
        self.start(origin.port)
        return origin

    def assertMemory(self, kib, limit):
        if not is_instrumented():  # sanitizers keep what was freed
            self.assertLess(kib, limit)

    @staticmethod
    def final(client):
        while (response := client.response()).status < 200:
            pass
        return response

    def assertStillServes(self):
        self.faulty = False
        with self.gate.connect() as other:
            self.assertEqual(other.get(f"{self.base}/").body, b"hello by hand\n")
        wait_until(lambda: self.gate.metrics()["sallyport_streams_open"] == 0, "no stream is left")

    def test_messages_are_refused_in_words(self):
        self.begin(lambda connection, stream: self.answer(connection, stream))
        for name, (answer, method, words) in TABLE.items():
            with self.subTest(name), self.gate.connect() as client:
                self.answer, self.faulty = answer, True
                client.send(self.head(method, "/"))
                response = self.final(client)
                self.assertEqual(response.status, 502, response.body)
                self.assertIn("sallyport; error=http_", response.get("Proxy-Status"))
                self.assertNotIn(SECRET, response.body)
                self.assertIn(words or "", json.loads(response.body)["detail"])
                self.assertStillServes()

    def test_what_breaks_behind_the_head_is_cut_and_never_whole(self):
        def answer(connection, stream):
            connection.head(stream, OK)
            connection.send(DATA, 0, stream, b"begun")
            self.heard.wait(PATIENCE)
            self.fault(connection, stream)
        self.begin(answer)
        for name, fault in BEGUN.items():
            with self.subTest(name), self.gate.connect() as client:
                self.fault, self.heard, self.faulty = fault, threading.Event(), True
                client.send(self.head("GET", "/"))
                client.until(b"begun\r\n")
                self.heard.set()
                rest = client.rest()
                self.assertNotIn(b"0\r\n\r\n", rest[-20:])
                self.assertNotIn(b"x-b", rest)
                self.assertStillServes()

    def test_bodies_are_as_long_as_announced_or_cut(self):
        def answer(connection, stream):
            connection.head(stream, OK, ("content-length", "10"))
            connection.send(DATA, END_STREAM, stream, b"12345" if self.short else b"1234567890" + SECRET)
        self.begin(answer)
        for self.short in (True, False):
            with self.subTest(short=self.short), self.gate.connect() as client:
                self.faulty = True
                client.send(self.head("GET", "/"))
                everything = client.rest()
                self.assertNotIn(SECRET, everything)
                self.assertFalse(everything.endswith(b"\r\n\r\n1234567890"), everything)
                self.assertStillServes()

    def test_no_content_where_none_may_be(self):
        for method, status in (("HEAD", "200"), ("GET", "204"), ("GET", "304")):
            with self.subTest(method=method, status=status):
                self.begin(head((":status", status)))
                self.faulty = True
                self.client.send(self.head(method, "/", "Connection: close"))
                self.assertNotIn(SECRET, self.client.rest())
                self.assertStillServes()

    def test_a_window_that_never_opens_holds_up_no_other_stream(self):
        origin = self.by_hand(lambda connection, stream: connection.ok(stream) if stream != 3 else None,
                              settings=[(4, 0)])
        self.start(origin.port)
        self.client.get(f"{self.base}/")
        self.client.send(self.head("POST", "/", "Content-Length: 100000"), b"x" * 100000)
        wait_until(lambda: origin.seen(HEADERS, 3), "the request")
        with self.gate.connect() as other:
            self.assertEqual(other.get(f"{self.base}/").status, 200)
        self.assertEqual(origin.seen(DATA), [])
        self.assertEqual(origin.connections, 1)
        self.client.close()

    def test_frames_without_end_take_no_memory_and_end_with_their_connection(self):
        def answer(connection, stream):
            while True:
                connection.wire.send(self.flood * 100)
        self.begin(answer)
        for self.flood in (frame(PING, 0, 0, b"12345678"), frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535)),
                           frame(WINDOW_UPDATE, 0, 0, number(1)), frame(11, 0, 0, b"unknown")):
            with self.subTest(kind=self.flood[3]), self.gate.connect() as client:
                self.faulty = True
                before = self.gate.status_kib()
                response = client.get(f"{self.base}/")
                self.assertEqual(response.status, 502)
                self.assertIn(b"too many frames that carry nothing", response.body)
                self.assertMemory(self.gate.status_kib() - before, 4096)
                self.assertStillServes()

    def test_memory_does_not_grow_with_what_a_slow_client_does_not_read(self):
        def answer(connection, stream):
            connection.head(stream, OK)
            while True:
                connection.wait_window(stream, 16384)
                connection.send(DATA, 0, stream, os.urandom(16384))
                sent.append((id(connection), stream))
        sent = []
        self.start(self.by_hand(answer).port)
        clients = [self.keep(self.gate.connect()) for _ in range(20)]
        before = self.gate.status_kib()
        for client in clients:
            client.send(self.head("GET", "/"))
        wait_until(lambda: len(set(sent)) == len(clients) and stands_still(sent), "all windows are shut")
        grown = self.gate.status_kib() - before
        print(f"note: 20 streams that nobody reads: {grown} KiB")
        self.assertMemory(grown, 20 * 400)
