"""Origins that speak HTTP/2 over TLS: nginx, and one whose every frame the scenario makes by hand."""
import os
import select
import socket
import ssl
import struct
import threading

from origins import Nginx, Origin, ok
from wire import PATIENCE

DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 3, 4, 5, 6, 7, 8, 9)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, HTTP_1_1_REQUIRED = 0, 1, 2, 7, 8, 13
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Http2Nginx(Nginx):
    """nginx that speaks h2 on `tls_port`: files in ROOT, /echo gives back the body, /back/ is a plain
    HTTP/1.1 origin's at BACK; its log tells of each request's connection and protocol."""

    def __init__(self, directory, root, pair, back=None):
        self.back = back.port if back else 9
        super().__init__(directory, root, *pair)

    def configuration(self, directory, root, certificate, key):
        temporary = "\n".join(f"    {kind}_temp_path {directory}/{kind};" for kind in
                              ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        self.log = os.path.join(directory, "nginx-access.log")
        return f"""
daemon off; master_process off; {user}
pid {directory}/nginx.pid; error_log {directory}/nginx-error.log;
load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
events {{ worker_connections 2048; }}
http {{
{temporary}
    log_format told '$connection $server_protocol $request_method $uri $status te=$http_te '
                    'host=$http_host connection=$http_connection';
    access_log {self.log} told;
    client_max_body_size 64m; client_body_buffer_size 1m;
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{self.port};
        listen 127.0.0.1:{self.tls_port} ssl http2;
        ssl_certificate {certificate}; ssl_certificate_key {key};
        root {root};
        location = /echo {{ echo_read_request_body; echo_request_body; }}
        location = /empty {{ return 204; }}
        location = /refuse {{ client_max_body_size 1k; return 200 "small"; }}
        location = /slow {{ echo_sleep 0.3; echo slow; }}
        location /back/ {{ add_trailer X-Sum 42; add_trailer X-Checked yes; proxy_pass http://127.0.0.1:{self.back}; proxy_http_version 1.1;
            proxy_request_buffering off; proxy_buffering off; proxy_set_header Host $host; }}
    }}
}}
"""

    def requests(self):
        """Of each request that has ended: (connection, protocol, method, path, status, the rest)."""
        with open(self.log, encoding="utf-8") as file:
            return [tuple(line.split(" ", 5)) for line in file.read().splitlines()]


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def fields(*pairs):
    """HPACK: literal fields without indexing (RFC 7541, section 6.2.2), no Huffman."""
    def text(value):
        value = value if isinstance(value, bytes) else value.encode()
        length = bytes([len(value)]) if len(value) < 127 else b"\x7f" + varint(len(value) - 127)
        return length + value

    def varint(number):
        out = b""
        while number >= 128:
            out += bytes([number % 128 + 128])
            number //= 128
        return out + bytes([number])
    return b"".join(b"\x00" + text(name) + text(value) for name, value in pairs)


class Http2Origin(Origin):
    """ANSWER(connection, stream) is called for each request's HEADERS, in a thread of its own."""

    def __init__(self, pair, answer, settings=(), protocols=("h2",)):
        self.answer = answer
        self.settings = b"".join(struct.pack(">HI", *entry) for entry in settings)
        self.frames = []
        super().__init__(self.converse, tls=pair)
        self.context.set_alpn_protocols(list(protocols))

    def converse(self, wire):
        if wire.sock.selected_alpn_protocol() == "h2":
            Http2Connection(self, wire).run()
        while wire.request() is not None:
            wire.send(ok(b"hello over HTTP/1.1\n"))

    def seen(self, kind, stream=None):
        """Frames of KIND that came, on any connection: (flags, stream, payload)."""
        return [entry[1:] for entry in list(self.frames)
                if entry[0] == kind and stream in (None, entry[2])]


class Http2Connection:
    """One connection's frames; scenarios send whatever they like."""

    def __init__(self, origin, wire):
        self.origin = origin
        self.wire = wire
        self.lock = threading.Lock()
        self.data = {}
        self.ended = set()
        self.begun = set()
        self.windows = {0: 65535}
        self.first_window = 65535
        self.change = threading.Condition()

    def send(self, kind, flags, stream, payload=b""):
        with self.lock:
            self.wire.send(frame(kind, flags, stream, payload))

    def head(self, stream, *pairs, flags=END_HEADERS):
        self.send(HEADERS, flags, stream, fields(*pairs))

    def ok(self, stream, body=b"hello by hand\n", *pairs):
        self.head(stream, (":status", "200"), ("content-length", str(len(body))), *pairs)
        self.send(DATA, END_STREAM, stream, body)

    def reset(self, stream, code):
        self.send(RST_STREAM, 0, stream, struct.pack(">I", code))

    def goaway(self, last, code=NO_ERROR):
        self.send(GOAWAY, 0, 0, struct.pack(">II", last, code))

    def close(self):
        """Without a word of TLS."""
        self.wire.sock.shutdown(socket.SHUT_RDWR)

    def wait_body(self, stream):
        """Until the request has ended: its body."""
        with self.change:
            assert self.change.wait_for(lambda: stream in self.ended, PATIENCE)
            return self.data.get(stream, b"")

    def wait_window(self, stream, count):
        """Until COUNT bytes may be sent (RFC 9113, section 5.2); they are taken for sent."""
        with self.change:
            self.windows.setdefault(stream, self.first_window)
            self.change.wait_for(lambda: min(self.windows[0], self.windows[stream]) >= count)
            for number in (0, stream):
                self.windows[number] -= count

    def read(self, size):
        """As wire.read, but never while another thread writes: OpenSSL's streams do not take that."""
        while len(self.wire.buffer) < size:
            if not self.wire.sock.pending():
                select.select([self.wire.sock], [], [])
            with self.lock:
                if not self.wire.more():
                    raise EOFError
        return self.wire.read(size)

    def run(self):
        assert self.read(len(PREFACE)) == PREFACE
        self.send(SETTINGS, 0, 0, self.origin.settings)
        while True:
            head = self.read(9)
            length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream = int.from_bytes(head[5:], "big") & 0x7fffffff
            payload = self.read(length)
            self.origin.frames.append((kind, flags, stream, payload))
            self.take(kind, flags, stream, payload)

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.send(SETTINGS, ACK, 0)
        if kind == PING and not flags & ACK:
            self.send(PING, ACK, 0, payload)
        with self.change:
            if kind == SETTINGS:
                entries = [payload[at:at + 6] for at in range(0, len(payload), 6)]
                for name, value in (struct.unpack(">HI", entry) for entry in entries):
                    self.first_window = value if name == 4 else self.first_window
            if kind == WINDOW_UPDATE:
                self.windows.setdefault(stream, self.first_window)
                self.windows[stream] += int.from_bytes(payload, "big")
            if kind == DATA:
                self.data[stream] = self.data.get(stream, b"") + payload
                self.window(stream, len(payload))
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                self.ended.add(stream)
            self.change.notify_all()
        if kind == HEADERS and stream not in self.begun:  # what follows are trailers
            self.begun.add(stream)
            threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def window(self, stream, count):
        if count:
            for number in (0, stream):
                self.send(WINDOW_UPDATE, 0, number, struct.pack(">I", count))

    def serve(self, stream):
        try:
            self.origin.answer(self, stream)
        except (OSError, ssl.SSLError) as error:
            self.origin.trouble.append(error)
