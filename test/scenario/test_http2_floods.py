"""Frames of HTTP/2 without end, by a client that reads what comes or does not: it is sent away, and others are served."""
import itertools
import select
import struct

from harness import SLOW, is_instrumented, wait_until
from http2_client import frame
from http2_origins import (CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PUSH_PROMISE,
                           RST_STREAM, SETTINGS, WINDOW_UPDATE, fields)
from test_http2 import Http2

PRIORITY, ALTSVC, PRIORITY_UPDATE, UNKNOWN = 2, 10, 16, 99
PADDED = 8
WHOLE = END_HEADERS | END_STREAM
MOST = 32 << 20  # bytes; who gets rid of them is not sent away


def number(value):
    return struct.pack(">I", value)


def setting(name, value):
    return struct.pack(">HI", name, value)


def again(frames, count=500):
    return itertools.repeat(frames * count)


def behind(first, frames, count=500):
    return itertools.chain([first], again(frames, count))


def streams(make):
    """What MAKE(number) gives, for the numbers of a client's streams."""
    return (make(stream) for stream in range(3, 1 << 31, 2))


def vectors(good):
    """name: pieces without end. GOOD: a request's fields, packed."""
    large = b"\x40\x01x" + b"\x7f\x80\x1e" + b"v" * 3967  # goes into the table, and is named by one byte from then on

    def begin(stream, flags=WHOLE, block=good):
        return frame(HEADERS, flags, stream, block)
    return {
        "PING": again(frame(PING, 0, 0, b"12345678")),
        "answers to PING": again(frame(PING, 1, 0, b"12345678")),
        "SETTINGS": again(frame(SETTINGS, 0, 0, setting(4, 65535))),
        "empty SETTINGS": again(frame(SETTINGS, 0, 0)),
        "SETTINGS that are long": again(frame(SETTINGS, 0, 0, setting(4, 65535) * 2700), 4),
        "tables that come and go": again(frame(SETTINGS, 0, 0, setting(1, 0) + setting(1, 4096))),
        "WINDOW_UPDATE": again(frame(WINDOW_UPDATE, 0, 0, number(1))),
        "PRIORITY": (frame(PRIORITY, 0, 2 * i + 1, number(0) + b"\1") * 50 for i in range(1 << 30)),
        "PRIORITY_UPDATE": again(frame(PRIORITY_UPDATE, 0, 0, number(1) + b"u=1")),
        "ALTSVC": again(frame(ALTSVC, 0, 0, b"\0\1ax")),
        "unknown frames": again(frame(UNKNOWN, 0, 0)),
        "unknown frames that are long": again(frame(UNKNOWN, 0, 0, b"x" * 16384), 10),
        "GOAWAY": again(frame(GOAWAY, 0, 0, number(0) * 2)),
        "GOAWAY with much to say": again(frame(GOAWAY, 0, 0, number(0) * 2 + b"x" * 16000), 10),
        "DATA without data": behind(begin(3, END_HEADERS), frame(DATA, 0, 3)),
        "padding alone": behind(begin(3, END_HEADERS), frame(DATA, PADDED, 3, b"\xff" + b"\0" * 255), 50),
        "DATA of a stream that is over": behind(begin(3), frame(DATA, 0, 3)),
        "RST_STREAM of one stream": behind(begin(3), frame(RST_STREAM, 0, 3, number(CANCEL))),
        "CONTINUATION": behind(begin(3, 0), frame(CONTINUATION, 0, 3, fields(("x", "y")))),
        "empty CONTINUATION": behind(begin(3, 0), frame(CONTINUATION, 0, 3)),
        "trailers that do not end": behind(begin(3, END_HEADERS), frame(HEADERS, END_HEADERS, 3, fields(("x", "y"))), 50),
        "a small head that is large": streams(
            lambda stream: begin(stream, block=good + (large if stream == 3 else b"") + b"\xbe" * 12000)),
        "heads of nothing": streams(lambda stream: begin(stream, block=b"")),
        "streams beyond all numbers": streams(lambda stream: begin(stream, END_HEADERS)),
        "streams of the other side": again(frame(HEADERS, WHOLE, 4, good)),
        "pushes": again(frame(PUSH_PROMISE, END_HEADERS, 3, number(2) + good)),
        # CVE-2023-44487, and CVE-2025-8671, where it is the proxy that is made to reset
        "streams that are cancelled": streams(
            lambda stream: begin(stream) + frame(RST_STREAM, 0, stream, number(CANCEL))),
        "streams with a window step of nothing": streams(
            lambda stream: begin(stream) + frame(WINDOW_UPDATE, 0, stream, number(0))),
        "streams with a window beyond all bounds": streams(
            lambda stream: begin(stream) + frame(WINDOW_UPDATE, 0, stream, number(0x7fffffff))),
        "streams with a longer body than announced": streams(
            lambda stream: begin(stream, END_HEADERS, good + fields(("content-length", "5")))
            + frame(DATA, END_STREAM, stream, b"longer")),
        "streams that go on behind their end": streams(lambda stream: begin(stream) + frame(DATA, 0, stream, b"x")),
        "streams that depend on themselves": streams(
            lambda stream: begin(stream) + frame(PRIORITY, 0, stream, number(stream) + b"\1")),
    }


class Floods(Http2):
    def begin(self):
        self.start(self.nginx(), workers=1, limits={"requests_per_minute": 0})
        self.good = fields((":method", "GET"), (":scheme", "https"), (":authority", f"origin.test:{self.port}"),
                           (":path", "/small"))

    def flood(self, pieces, reads):
        """Until the connection ends, or all is gone; how much went."""
        client, sent = self.client(), 0
        client.get("/small")
        try:
            for piece in pieces:
                client.sock.sendall(piece)
                sent += len(piece)
                while reads and select.select([client.sock], [], [], 0)[0] and client.sock.recv(65536):
                    pass
                if sent > MOST:
                    break
        except OSError:
            pass
        client.close()
        return sent

    def assertServed(self):
        client = self.client()
        self.assertEqual(client.get("/small").body, self.content("small"))
        client.close()

    def test_end_with_their_connection(self):
        self.begin()
        for reads in (False, True):
            for name, pieces in vectors(self.good).items():
                with self.subTest(name, reads=reads):
                    before = self.gate.status_kib()
                    self.assertLess(self.flood(pieces, reads), MOST)
                    self.assertServed()
                    if not is_instrumented():
                        self.assertLess(self.gate.status_kib() - before, 8192)
        wait_until(lambda: self.gate.metrics()["sallyport_streams_open"] == 0, "all streams are over")
        self.assertEqual(len([close for close in self.gate.log(event="close") if close["outcome"] == "inspected"]),
                         4 * len(vectors(self.good)))

    def test_of_streams_that_the_client_breaks_are_few_at_the_origin(self):
        self.begin()
        for name in ("streams that are cancelled", "streams with a window beyond all bounds",
                     "streams with a longer body than announced"):
            with self.subTest(name):
                before = len(self.gate.log(event="decision"))
                self.flood(vectors(self.good)[name], True)
                self.assertServed()
                self.gate.wait_log(1, event="decision", method="CONNECT")
                self.assertLess(len(self.gate.log(event="decision")) - before, 1000 * SLOW)  # 50 a second
