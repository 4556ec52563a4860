"""One side of a connection, spoken byte by byte.

A Wire says exactly the bytes it is told to and reads exactly what was framed, so that a scenario
can see what a library would hide: what came, in which order, and when the end came.
"""
import os
import socket
import ssl

SLOW = float(os.environ.get("SALLYPORT_SLOW") or 1)  # how much slower than usual (sanitizers, valgrind)
PATIENCE = 30 * SLOW  # seconds; generous, since the machine may be busy


class Message:
    """A request or a response: its first line, its fields in order, its body, its trailers."""

    def __init__(self, raw_head):
        lines = raw_head.split(b"\r\n")
        self.raw_head = raw_head
        self.first = lines[0].decode("latin-1")
        self.fields = []
        for line in lines[1:]:
            if line:
                name, _, value = line.decode("latin-1").partition(":")
                self.fields.append((name, value.strip()))
        self.body = b""
        self.trailers = []

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name):
        """The field's value; None where there is none."""
        values = self.all(name)
        return ", ".join(values) if values else None

    def has(self, name):
        return bool(self.all(name))


class Response(Message):
    def __init__(self, raw_head):
        super().__init__(raw_head)
        self.version, status, *reason = self.first.split(" ", 2)
        self.status = int(status)
        self.reason = reason[0] if reason else ""


class Request(Message):
    def __init__(self, raw_head):
        super().__init__(raw_head)
        self.method, self.target, self.version = self.first.split(" ")


class Wire:
    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, *parts):
        for part in parts:
            self.sock.sendall(part.encode("latin-1") if isinstance(part, str) else part)

    def half_close(self):
        """No more from this side; the other may go on."""
        self.sock.shutdown(socket.SHUT_WR)

    def more(self):
        """Reads once into the buffer; False at the end (a reset is an end too)."""
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            data = b""
        self.buffer += data
        return bool(data)

    def read(self, size):
        while len(self.buffer) < size:
            if not self.more():
                raise EOFError(f"the end came after {len(self.buffer)} of {size} bytes: "
                               f"{self.buffer[:200]!r}")
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def until(self, mark):
        """Everything up to MARK, MARK included."""
        while mark not in self.buffer:
            if not self.more():
                raise EOFError(f"the end came before {mark!r}: {self.buffer[:200]!r}")
        return self.read(self.buffer.index(mark) + len(mark))

    def rest(self):
        """Everything until the other side closes."""
        while self.more():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def ended(self):
        """Waits for the other side's end; True if nothing came before it."""
        return self.rest() == b""

    def head(self):
        return self.until(b"\r\n\r\n")[:-4]

    def chunked(self, message):
        """Reads a chunked body and its trailers into MESSAGE."""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                break
            message.body += self.read(size)
            assert self.read(2) == b"\r\n"
        while (line := self.until(b"\r\n")) != b"\r\n":
            name, _, value = line.decode("latin-1").partition(":")
            message.trailers.append((name, value.strip()))

    def request(self, body=True):
        """The next request; None when the other side has ended."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                return None
        request = Request(self.head())
        if body:
            self.request_body(request)
        return request

    def request_body(self, request):
        if "chunked" in (request.get("Transfer-Encoding") or "").lower():
            self.chunked(request)
        else:
            request.body = self.read(int(request.get("Content-Length") or 0))

    def response(self, method="GET"):
        """The next response, its body read as RFC 9112 section 6.3 frames it."""
        response = Response(self.head())
        no_body = method == "HEAD" or response.status in (204, 304) or response.status < 200
        if no_body or (method == "CONNECT" and response.status == 200):
            return response
        if "chunked" in (response.get("Transfer-Encoding") or "").lower():
            self.chunked(response)
        elif response.has("Content-Length"):
            response.body = self.read(int(response.get("Content-Length")))
        else:
            response.body = self.rest()
        return response

    def ask(self, text, method=None):
        """Sends a head (lines joined by CRLF by the caller or here) and reads the answer."""
        if not text.endswith("\r\n\r\n"):
            text = "\r\n".join(text.strip().split("\n")) + "\r\n\r\n"
        self.send(text)
        return self.response(method or text.split(" ", 1)[0])

    def get(self, url, *fields, method="GET"):
        """An absolute-form request with its Host and FIELDS; the answer."""
        authority = url.split("/")[2]
        lines = [f"{method} {url} HTTP/1.1", f"Host: {authority}", *fields]
        self.send("\r\n".join(lines) + "\r\n\r\n")
        return self.response(method)

    def tunnel(self, authority, *fields):
        """CONNECT; the answer (200: the wire is now the tunnel)."""
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *fields]
        self.send("\r\n".join(lines) + "\r\n\r\n")
        return self.response("CONNECT")

    def finish_handshake(self, tls, incoming):
        """TLS whose INCOMING is a MemoryBIO shakes hands with what comes; what it says last is yet to be sent."""
        while True:
            incoming.write(self.buffer)
            self.buffer = b""
            try:
                tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                assert self.more(), "the end came in the handshake"

    def start_tls(self, server_name, authority, version=None, protocols=None):
        """TLS as a client inside what is there; SERVER_NAME None sends no SNI, PROTOCOLS go by ALPN."""
        assert self.buffer == b"", "bytes came before the handshake"
        context = ssl.create_default_context(cafile=authority)
        if version:
            context.minimum_version = context.maximum_version = version
        if protocols:
            context.set_alpn_protocols(protocols)
        if server_name is None:
            context.check_hostname = False
        self.sock = context.wrap_socket(self.sock, server_hostname=server_name)
        return self


def connect(host, port):
    return Wire(socket.create_connection((host, port), PATIENCE))


def connect_unix(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    sock.connect(path)
    return Wire(sock)
