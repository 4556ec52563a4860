"""Malformed requests, a table of them: each is refused, closed, logged, and moves nothing.

RFC 9112 is strict about what a request is; where two readers could disagree the proxy must not
pick one reading. {P} stands for the recording origin's port.
"""
import json

from harness import Scenario

H = "Host: origin.test:{P}\r\n"
U = "http://origin.test:{P}/"
GET = "GET " + U + " HTTP/1.1\r\n" + H
POST = "POST " + U + " HTTP/1.1\r\n" + H
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"


def connect(authority, host=None):
    return f"CONNECT {authority} HTTP/1.1\r\nHost: {host or authority}\r\n\r\n"


def get(url, host="origin.test:{P}"):
    return f"GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n"


# what is wrong → the bytes; refused with 4xx or 5xx before anything is dialled
REQUEST_LINES = {
    "garbage": "\x01\x02\x03\x04\r\n\r\n",
    "a word": "HELLO\r\n\r\n",
    "two words": "GET " + U + "\r\n" + H + "\r\n",
    "four words": "GET " + U + " x HTTP/1.1\r\n" + H + "\r\n",
    "two spaces before the target": "GET  " + U + " HTTP/1.1\r\n" + H + "\r\n",
    "two spaces before the version": "GET " + U + "  HTTP/1.1\r\n" + H + "\r\n",
    "tab for a space": "GET\t" + U + "\tHTTP/1.1\r\n" + H + "\r\n",
    "space before the method": " GET " + U + " HTTP/1.1\r\n" + H + "\r\n",
    "space after the version": "GET " + U + " HTTP/1.1 \r\n" + H + "\r\n",
    "no method": U + " HTTP/1.1\r\n" + H + "\r\n",
    "method with a colon": "GE:T " + U + " HTTP/1.1\r\n" + H + "\r\n",
    "method in brackets": "(GET) " + U + " HTTP/1.1\r\n" + H + "\r\n",
    "method with a NUL": "GE\0T " + U + " HTTP/1.1\r\n" + H + "\r\n",
    "method of 8-bit bytes": "G\xc9T " + U + " HTTP/1.1\r\n" + H + "\r\n",
    "method that never ends": "A" * 70000 + " " + U + " HTTP/1.1\r\n" + H + "\r\n",
    "HTTP/0.9": "GET " + U + "\r\n",
    "HTTP/2.0": "GET " + U + " HTTP/2.0\r\n" + H + "\r\n",
    "HTTP/1.2": "GET " + U + " HTTP/3.1\r\n" + H + "\r\n",
    "HTTP/11": "GET " + U + " HTTP/11\r\n" + H + "\r\n",
    "HTTP/1.": "GET " + U + " HTTP/1.\r\n" + H + "\r\n",
    "HTTP/01.1": "GET " + U + " HTTP/01.1\r\n" + H + "\r\n",
    "http/1.1 in small letters": "GET " + U + " http/1.1\r\n" + H + "\r\n",
    "the HTTP/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS ClientHello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\xaa" * 64 + "\r\n\r\n",
    "SOCKS 5": "\x05\x01\x00\r\n\r\n",
    "SSH": "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "bare LF after the request line": "GET " + U + " HTTP/1.1\n" + H + "\r\n",
    "bare CR after the request line": "GET " + U + " HTTP/1.1\r" + H + "\r\n",
    "CR inside the target": "GET http://origin.test:{P}/a\rb HTTP/1.1\r\n" + H + "\r\n",
    "NUL inside the target": "GET http://origin.test:{P}/a\0b HTTP/1.1\r\n" + H + "\r\n",
    "DEL inside the target": "GET http://origin.test:{P}/a\x7fb HTTP/1.1\r\n" + H + "\r\n",
    "an oversize target": "GET " + U + "a" * 20000 + " HTTP/1.1\r\n" + H + "\r\n",
    "three empty lines before it": "\r\n\r\n\r\n\r\n" + GET + "\r\n",
}

TARGETS = {
    "origin-form": get("/path"),
    "asterisk-form": "OPTIONS * HTTP/1.1\r\n" + H + "\r\n",
    "a star for GET": "GET * HTTP/1.1\r\n" + H + "\r\n",
    "TRACE": "TRACE " + U + " HTTP/1.1\r\n" + H + "\r\n",
    "authority-form for GET": get("origin.test:{P}"),
    "absolute-form for CONNECT": connect(U, "origin.test:{P}"),
    "CONNECT without a port": connect("origin.test"),
    "CONNECT with an empty port": connect("origin.test:"),
    "CONNECT with port 0": connect("origin.test:0"),
    "CONNECT with port 65536": connect("origin.test:65536"),
    "CONNECT with a signed port": connect("origin.test:+443"),
    "CONNECT with a port in words": connect("origin.test:https"),
    "CONNECT with a path": connect("origin.test:{P}/"),
    "CONNECT with userinfo": connect("user@origin.test:{P}", "origin.test:{P}"),
    "CONNECT without a host": connect(":{P}", "origin.test:{P}"),
    "CONNECT with two ports": connect("origin.test:{P}:{P}", "origin.test:{P}"),
    "CONNECT with an unclosed bracket": connect("[::1:{P}", "origin.test:{P}"),
    "CONNECT with a zone": connect("[fe80::1%25eth0]:{P}"),
    "CONNECT with an empty target": "CONNECT  HTTP/1.1\r\n" + H + "\r\n",
    "an empty label": get("http://origin..test:{P}/", "origin..test:{P}"),
    "a leading dot": get("http://.origin.test:{P}/", ".origin.test:{P}"),
    "two trailing dots": get("http://origin.test..:{P}/", "origin.test..:{P}"),
    "userinfo": get("http://user:pass@origin.test:{P}/"),
    "userinfo that is a host": get("http://origin.test:{P}@evil.test/", "evil.test"),
    "a backslash in the authority": get("http://evil.test\\.origin.test:{P}/"),
    "a backslash for a slash": get("http:\\\\origin.test:{P}\\"),
    "an escaped host": get("http://origin%2etest:{P}/"),
    "a space in the host": get("http://ori gin.test:{P}/"),
    "a host of 8-bit bytes that are no UTF-8": get("http://\xff\xfe.test:{P}/"),
    "no host": get("http:///path"),
    "no host but a port": get("http://:{P}/"),
    "one slash": get("http:/origin.test:{P}/"),
    "no slashes": get("http:origin.test:{P}"),
    "the ftp scheme": get("ftp://origin.test:{P}/"),
    "the file scheme": get("file:///etc/passwd"),
    "a scheme with a space": get("ht tp://origin.test:{P}/"),
    "a port of letters": get("http://origin.test:8x/"),
    "a port too large": get("http://origin.test:99999/"),
    "a port of many digits": get("http://origin.test:" + "0" * 30 + "80/"),
    "an overlong label": get("http://" + "a" * 64 + ".test:{P}/"),
    "an overlong name": get("http://" + "abcdefgh." * 40 + "test:{P}/"),
    "an octal address": get("http://0177.0.0.1:{P}/"),
    "a hexadecimal address": get("http://0x7f.0.0.1:{P}/"),
    "an address in one number": get("http://2130706433:{P}/"),
    "a short address": get("http://127.1:{P}/"),
    "a bad IPv6 literal": get("http://[::g]:{P}/"),
    "a fragment": get("http://origin.test:{P}/#part"),
}

FIELDS = {
    "no Host": "GET " + U + " HTTP/1.1\r\n\r\n",
    "two Hosts": GET + H + "\r\n",
    "an empty Host": "GET " + U + " HTTP/1.1\r\nHost:\r\n\r\n",
    "a Host of another name": get(U, "evil.test"),
    "a Host of another port": get(U, "origin.test:1"),
    "a Host without the port": get(U, "origin.test"),
    "a Host with userinfo": get(U, "user@origin.test:{P}"),
    "a Host with a path": get(U, "origin.test:{P}/x"),
    "a Host list": get(U, "origin.test:{P}, evil.test"),
    "CONNECT with a Host that is no authority": connect("origin.test:{P}", "evil@origin.test:{P}"),
    "space before the colon": GET + "X-A : 1\r\n\r\n",
    "tab before the colon": GET + "X-A\t: 1\r\n\r\n",
    "space before the first field": "GET " + U + " HTTP/1.1\r\n " + H + "\r\n",
    "a folded field": GET + "X-A: 1\r\n 2\r\n\r\n",
    "a field folded by a tab": GET + "X-A: 1\r\n\t2\r\n\r\n",
    "a field without a colon": GET + "X-A\r\n\r\n",
    "a field without a name": GET + ": 1\r\n\r\n",
    "a name with a space": GET + "X A: 1\r\n\r\n",
    "a name with a NUL": GET + "X\0A: 1\r\n\r\n",
    "a name of 8-bit bytes": GET + "X\xe9: 1\r\n\r\n",
    "a name in brackets": GET + "(X): 1\r\n\r\n",
    "a NUL in a value": GET + "X-A: a\0b\r\n\r\n",
    "a control character in a value": GET + "X-A: a\x01b\r\n\r\n",
    "DEL in a value": GET + "X-A: a\x7fb\r\n\r\n",
    "a bare CR in a value": GET + "X-A: a\rb\r\n\r\n",
    "a bare LF after a field": GET + "X-A: 1\nX-B: 2\r\n\r\n",
    "a bare LF as the end": GET + "X-A: 1\r\n\n",
    "two bare LFs as the end": "GET " + U + " HTTP/1.1\nHost: origin.test:{P}\n\n",
    "an oversize field": GET + "X-A: " + "a" * 70000 + "\r\n\r\n",
    "an oversize head of many fields": GET + "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 2300 + "\r\n",
    "more fields than there is room for": GET + "X-A: 1\r\n" * 300 + "\r\n",
}

FRAMING = {
    "two equal lengths": POST + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two unequal lengths": POST + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": POST + "Content-Length: 3, 3\r\n\r\nabc",
    "a negative length": POST + "Content-Length: -1\r\n\r\n",
    "a signed length": POST + "Content-Length: +3\r\n\r\nabc",
    "a hexadecimal length": POST + "Content-Length: 0x3\r\n\r\nabc",
    "a length in words": POST + "Content-Length: three\r\n\r\nabc",
    "an empty length": POST + "Content-Length:\r\n\r\n",
    "a length with a space": POST + "Content-Length: 1 0\r\n\r\n",
    "a length beyond 64 bits": POST + "Content-Length: 99999999999999999999\r\n\r\n",
    "a length and chunks": POST + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": POST + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two transfer codings fields": POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": POST + "Transfer-Encoding: chunked, gzip\r\n\r\n",
    "an unknown coding": POST + "Transfer-Encoding: gzip\r\n\r\n",
    "identity": POST + "Transfer-Encoding: identity\r\n\r\n",
    "xchunked": POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked in quotes": POST + 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "chunked after a vertical tab": POST + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "an empty coding": POST + "Transfer-Encoding:\r\n\r\n",
    "chunks in HTTP/1.0": "POST " + U + " HTTP/1.0\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length with a colon before": POST + "Content-Length : 3\r\n\r\nabc",
    "an unknown expectation": POST + "Expect: 200-ok\r\nContent-Length: 3\r\n\r\nabc",
}

# Only seen after the head was good: the origin may have heard of the request, never of its end.
CHUNKS = {
    "a size that is no number": "xyz\r\nabc\r\n0\r\n\r\n",
    "a negative size": "-1\r\n\r\n0\r\n\r\n",
    "a size with 0x": "0x3\r\nabc\r\n0\r\n\r\n",
    "a signed size": "+3\r\nabc\r\n0\r\n\r\n",
    "a size beyond 64 bits": "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "an empty size": "\r\nabc\r\n0\r\n\r\n",
    "a size with a space before it": " 3\r\nabc\r\n0\r\n\r\n",
    "a bare LF after the size": "3\nabc\r\n0\r\n\r\n",
    "a bare LF after the data": "3\r\nabc\n0\r\n\r\n",
    "data longer than its size": "3\r\nabcd\r\n0\r\n\r\n",
    "an extension that never ends": "3;" + "x" * 5000 + "\r\nabc\r\n0\r\n\r\n",
    "a bare CR in an extension": "3;a\rb\r\nabc\r\n0\r\n\r\n",
    "a trailer that names the framing": "3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n",
    "a trailer that names the host": "3\r\nabc\r\n0\r\nHost: evil.test\r\n\r\n",
    "a trailer without a colon": "3\r\nabc\r\n0\r\nbroken\r\n\r\n",
    "trailers that never end": "3\r\nabc\r\n0\r\n" + "X-A: aaaaaaaaaaaaaaaa\r\n" * 1000 + "\r\n",
}


class Malformed(Scenario):
    """One proxy for the whole table: none of it may harm what comes after."""

    def setUp(self):
        super().setUp()
        self.server = self.origin()
        self.good = self.http_origin()
        self.gate = self.proxy(allow=[f"http://origin.test:{self.server.port}",
                                      f"http://good.test:{self.good.port}"])

    def send(self, text):
        """What came back (all of it: the connection has to be closed)."""
        with self.gate.connect() as client:
            try:
                client.send(text.replace("{P}", str(self.server.port)))
            except ConnectionError:
                pass  # it was refused before it was all said; the answer is there nonetheless
            return client.rest()

    def refuses(self, table, statuses):
        for what, text in table.items():
            with self.subTest(what):
                before = len(self.gate.log(event="decision"))
                answer = self.send(text)
                records = self.gate.wait_log(before + 1, event="decision")
                self.assertEqual(len(records), before + 1)
                self.assertEqual((records[-1]["verdict"], records[-1]["reason"]),
                                 ("deny", "invalid_target"))
                self.assertIsNone(records[-1].get("rule"))
                head, _, body = answer.partition(b"\r\n\r\n")
                self.assertEqual(head[:9], b"HTTP/1.1 ", answer)
                self.assertIn(int(head[9:12]), statuses, answer)
                self.assertIn(b"\r\nconnection: close", head.lower())
                self.assertEqual(answer.count(b"HTTP/1.1 4") + answer.count(b"HTTP/1.1 5"), 1)
                if b"problem+json" in head:
                    self.assertTrue(json.loads(body)["detail"])
                self.assertEqual(self.server.connections, 0)

    def test_request_lines_are_refused(self):
        self.refuses(REQUEST_LINES, {400, 414, 431, 501, 505})

    def test_targets_are_refused(self):
        self.refuses(TARGETS, {400, 405, 501})

    def test_fields_are_refused(self):
        self.refuses(FIELDS, {400, 431})

    def test_framing_is_refused(self):
        self.refuses(FRAMING, {400, 413, 417, 501})

    def test_broken_chunks_end_the_exchange_on_both_sides(self):
        for what, text in CHUNKS.items():
            with self.subTest(what):
                server = self.origin()
                proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
                with proxy.connect() as client:
                    client.send(CHUNKED.replace("{P}", str(server.port)))
                    try:
                        client.send(text)
                    except ConnectionError:
                        pass
                    answer = client.rest()
                self.assertIn(answer[:12], (b"HTTP/1.1 400", b"HTTP/1.1 502", b""))
                [record] = proxy.wait_log(event="close")
                self.assertNotEqual(record["outcome"], "ok")
                self.assertNotIn(b"\r\n0\r\n", server.received)
                proxy.stop()

    def test_the_table_holds_a_hundred_kinds_and_more(self):
        tables = (REQUEST_LINES, TARGETS, FIELDS, FRAMING, CHUNKS)
        self.assertGreaterEqual(sum(len(table) for table in tables), 140)
        texts = [text for table in tables for text in table.values()]
        self.assertEqual(len(set(texts)), len(texts))

    def test_good_requests_after_all_of_them_are_served(self):
        for table in (REQUEST_LINES, TARGETS, FIELDS, FRAMING):
            for text in list(table.values())[::3]:
                self.send(text)
        with self.gate.connect() as client:
            self.assertEqual(client.get(f"http://good.test:{self.good.port}/").status, 200)
            self.assertDenied(client.tunnel("evil.test:80"), "undeclared")

    def test_cut_off_anywhere_leave_nothing_behind(self):
        whole = (GET + "X-A: 1\r\n\r\n").replace("{P}", str(self.server.port))
        for length in range(0, len(whole) - 1, 3):
            with self.gate.connect() as client:
                client.send(whole[:length])
        with self.gate.connect() as client:
            self.assertEqual(client.tunnel("origin.test").status, 400)
        self.assertEqual(self.server.connections, 0)
