"""Makes requests, most of them good and the others nearly, from a seed.

A message is (bytes, expected): EXPECTED is (method, path, body) for one that is good for certain, else
None: then nobody here says what it means.
"""
import random

METHODS = ["GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "PROPFIND", "REPORT"]
NAMES = ["Accept", "User-Agent", "X-Custom", "Cookie", "Content-Type", "Authorization", "Range", "Referer",
         "If-None-Match", "Accept-Encoding", "Cache-Control", "Via", "Forwarded", "X-Forwarded-For", "x-!#$%&'*+.^`|~",
         "Origin", "Date", "Warning", "Pragma", "X_Under", "From", "Max-Forwards"]
VALUES = ["*/*", "a", "", "text/plain; charset=utf-8", "a=b; c=d", "\"quoted, with comma\"", "x" * 300, "a\tb", "a  b",
          "caf\xe9", "\xff\xfe\x80", "()<>@,;:\\\"/[]?={}", "chunked", "100-continue", "0", "%00", "a, b, , c", "=?utf-8?q?x?="]
PATHS = ["/", "/a", "/a/b/c", "/a//b", "/a/./b", "/a/b/../c", "/%41", "/%2e%2e/x", "/%2F", "/a;b=c", "/a?b", "/?", "/?a=b&c=d",
         "/a?b?c", "/~!$&'()*+,;=:@-._", "/a%20b", "/" + "p" * 2000, "", "?q", "/a?x=http://b/", "/[x]", "/a|b",
         "/{x}", "/^`"]
EXTENSIONS = ["", "", "", ";a", ";a=b", ";a=\"b c\"", " ;a=b", "; a = b", ";" + "x" * 100, ";a=\"\\\"\""]
TRAILERS = ["", "", "X-Trailer: a\r\n", "Digest: x=y\r\nX-Two: b\r\n", "X-Obs: \xe9\r\n"]


class Generator:
    def __init__(self, seed, authority):
        self.random = random.Random(seed)
        self.authority = authority

    def body(self):
        pick = self.random.random()
        if pick < 0.2:
            return b""
        size = self.random.choice([1, 2, 9, 10, 15, 16, 17, 100, 255, 256, 1000, 4096, 20000]) if pick < 0.9 else 70000
        if pick < 0.3:  # bytes that look like framing
            return b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n"
        return self.random.randbytes(size)

    def fields(self):
        chosen = []
        for _ in range(self.random.choice([0, 1, 1, 2, 3, 5, 20])):
            name, value = self.random.choice(NAMES), self.random.choice(VALUES)
            if self.random.random() < 0.3:
                name = self.random.choice([name.upper(), name.lower()])
            space = self.random.choice([" ", "", "  ", "\t"])
            chosen.append(f"{name}:{space}{value}{self.random.choice(['', '', ' ', chr(9)])}")
            if self.random.random() < 0.1:
                chosen.append(chosen[-1])  # repeated
        if self.random.random() < 0.1:
            chosen.append(self.random.choice(["Connection: keep-alive", "Proxy-Connection: keep-alive", "TE: trailers",
                                              "Connection: X-Custom", "Keep-Alive: timeout=5", "Upgrade: foo",
                                              "Proxy-Authorization: Basic eDp5"]))
        return chosen

    def chunked(self, body):
        made, at = b"", 0
        while at < len(body):
            size = min(len(body) - at, self.random.choice([1, 2, 10, 100, 1000, 30000]))
            digits = self.random.choice(["%x", "%X", "0%x", "000%x"]) % size
            extension = self.random.choice(EXTENSIONS)
            made += (digits + extension + "\r\n").encode() + body[at:at + size] + b"\r\n"
            at += size
        last = self.random.choice(["0", "0", "000"]) + self.random.choice(EXTENSIONS)
        return made + (last + "\r\n" + self.random.choice(TRAILERS) + "\r\n").encode("latin-1")

    def good(self):
        method = self.random.choice(METHODS)
        path = self.random.choice(PATHS)
        version = "HTTP/1.0" if self.random.random() < 0.08 else "HTTP/1.1"
        body = self.body() if method not in ("GET", "HEAD", "OPTIONS") or self.random.random() < 0.1 else b""
        fields = self.fields()
        framed, tail = [], body
        if version == "HTTP/1.1" and self.random.random() < 0.4 and (body or self.random.random() < 0.3):
            framed, tail = ["Transfer-Encoding: chunked"], self.chunked(body)
            if self.random.random() < 0.2:
                framed = [self.random.choice(["transfer-encoding:chunked", "Transfer-Encoding: CHUNKED"])]
        elif body or self.random.random() < 0.3:
            framed = [self.random.choice(["Content-Length: %d", "content-length:%d", "Content-Length: %d "]) % len(body)]
        if framed and body and version == "HTTP/1.1" and self.random.random() < 0.1:
            fields.append("Expect: 100-continue")
        fields += [f"Host: {self.authority}", *framed]
        self.random.shuffle(fields)
        head = f"{method} http://{self.authority}{path} {version}\r\n" + "".join(line + "\r\n" for line in fields)
        target = path if path.startswith("/") else "/" + path
        if method == "OPTIONS" and path == "":
            target = "*"  # RFC 9112, section 3.2.4
        expected = (method, target, body)
        return (head + "\r\n").encode("latin-1") + tail, expected

    def nearly(self):
        """A good one with a byte or two, or a line, changed."""
        message, _ = self.good()
        message = bytearray(message)
        for _ in range(self.random.choice([1, 1, 2])):
            head = message.find(b"\r\n\r\n") + 4
            if head < 4:
                break
            change, at = self.random.randrange(6), self.random.randrange(head)
            if change == 0:
                message[at] = self.random.choice(b"\0\t\r\n :;,=0aA\x7f\x80\xff%/\\")
            elif change == 1:
                message[at:at] = self.random.choice([b" ", b"\t", b"\r\n", b"\n", b"\r", b":", b"0", b"+", b",", b"\0"])
            elif change == 2:
                del message[at]
            elif change == 3:
                self.add_line(message)
            elif change == 4 and len(message) > head:
                del message[head + self.random.randrange(len(message) - head)]
            elif len(message) > head:
                message[head + self.random.randrange(len(message) - head)] = self.random.choice(b"\r\n0;aF \x80")
        return bytes(message), None

    def add_line(self, message):
        line = self.random.choice([b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: 05", b"Content-Length: 5, 5",
                                   b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip, chunked",
                                   b"Host: a.test", b"Expect: 100-continue", b" folded", b"X: a\r\n b", b"NoColon", b"Bad Name: x",
                                   b"Connection: Content-Length", b"Connection: Transfer-Encoding, Host", b"Trailer: Content-Length",
                                   b"Content-Length: 0x5", b"Content-Length: 5 5", b"Content_Length: 7"])
        at = message.index(b"\r\n") + 2
        message[at:at] = line + b"\r\n"

    def message(self):
        return self.good() if self.random.random() < 0.6 else self.nearly()
