"""Those who read what the proxy sends: Python's http.server, Node's http, and nginx before the first.

Each answers 200 with what it has read in the field X-Read, JSON in base64. nginx cannot say it of
itself: it says it to the Python reader in fields of its own, with the body as nginx has read it.
"""
import base64
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "scenario"))
import origins  # noqa: E402  pylint: disable=wrong-import-position


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def setup(self):
        super().setup()
        self.connection.setsockopt(6, 1, 1)  # TCP_NODELAY

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        body = self.chunks() if self.headers.get("Transfer-Encoding") == "chunked" else \
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.requestline.split(" ")[1]  # what it has read; in self.path it has made one slash of two
        read = {"method": self.command, "target": target, "host": self.headers["Host"]}
        if "X-Nginx-Target" in self.headers:
            read = {"method": self.headers["X-Nginx-Method"], "target": self.headers["X-Nginx-Target"],
                    "host": self.headers["X-Nginx-Host"]}
        read.update(length=len(body), sha256=hashlib.sha256(body).hexdigest())
        self.send_response(200)
        self.send_header("X-Read", base64.b64encode(json.dumps(read).encode()).decode())
        self.send_header("Content-Length", "0")
        self.end_headers()

    def chunks(self):
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        return body

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A message that breaks off is none that was read."""


class Python:
    def __init__(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Node:
    def __init__(self):
        self.process = subprocess.Popen(["node", os.path.join(HERE, "reader.js")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


class Nginx(origins.Nginx):
    def __init__(self, directory, behind):
        self.behind = behind
        super().__init__(directory, None, None, None)

    def configuration(self, directory, root, certificate, key):
        whole = super().configuration(directory, directory, "-", "-")
        before, _, _ = whole.partition("    server {")
        before = before.replace(f"access_log {directory}/nginx-access.log", "access_log off")
        return before + f"""
    large_client_header_buffers 8 128k; client_body_buffer_size 256k; client_max_body_size 0;
    upstream reader {{ server 127.0.0.1:{self.behind}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{self.port}; listen 127.0.0.1:{self.tls_port};
        keepalive_requests 1000000;
        location / {{
            proxy_pass http://reader;
            proxy_http_version 1.1; proxy_method POST; proxy_pass_request_headers off;
            proxy_set_header Host nginx; proxy_set_header Connection "";
            proxy_set_header X-Nginx-Method $request_method;
            proxy_set_header X-Nginx-Target $request_uri;
            proxy_set_header X-Nginx-Host $http_host;
        }}
    }}
}}
"""
