"""What stands behind the proxy in a scenario: origins that record, nginx, a name server, an authority.

Every one listens on loopback, on a port of the kernel's choice where the program allows it, and
ends with its scenario, by its process id.
"""
import os
import socket
import ssl
import subprocess
import threading
import time

from wire import Wire, connect


class Origin:
    """A TCP server that records every byte and answers as TALK (a function of the Wire) says."""

    def __init__(self, talk=None, tls=None, address="127.0.0.1"):
        self.talk = talk or (lambda wire: wire.rest())
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.listener = socket.create_server((address, 0), backlog=4096)
        self.address = address
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self.received = b""
        self.trouble = []
        self.wires = []
        self.open = True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.open:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            wire = RecordingWire(sock, self)
            self.wires.append(wire)
            self.talk(wire)
        except (OSError, EOFError) as error:
            self.trouble.append(error)
        finally:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def close(self):
        self.open = False
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for wire in self.wires:
            wire.close()


class RecordingWire(Wire):
    def __init__(self, sock, origin):
        super().__init__(sock)
        self.origin = origin

    def more(self):
        before = len(self.buffer)
        came = super().more()
        self.origin.received += self.buffer[before:]
        return came


class HttpOrigin(Origin):
    """An HTTP/1.1 origin: ANSWER (a function of the request, which gives bytes) or a plain 200.

    Keeps every request in `requests`. A request with `Connection: close` ends the connection.
    """

    def __init__(self, answer=None, **options):
        self.requests = []
        self.answer = answer or (lambda request: ok(b"hello from the origin\n"))
        super().__init__(self.converse, **options)

    def converse(self, wire):
        while (request := wire.request()) is not None:
            self.requests.append(request)
            reply = self.answer(request)
            wire.send(reply)
            if b"\r\nconnection: close" in reply.split(b"\r\n\r\n")[0].lower():
                return


def ok(body, *fields, status="200 OK"):
    """A sized response."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Daemon:
    """A program of Debian's, started for one scenario; its output goes to a file."""

    def __init__(self, command, output, **options):
        self.output_path = output
        with open(output, "wb") as file:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file,
                                            stderr=subprocess.STDOUT, **options)

    def output(self):
        with open(self.output_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_port(self, port):
        """True once something listens there; False if the program ended first."""
        while self.process.poll() is None:
            try:
                connect("127.0.0.1", port).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False


def free_port(kind=socket.SOCK_STREAM):
    """A port that is free now; who uses it tries again with another when somebody was faster."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Nginx:
    """Debian's nginx over ROOT: plain HTTP on `port`, TLS on `tls_port`."""

    def __init__(self, directory, root, certificate, key):
        for _ in range(10):
            self.port, self.tls_port = free_port(), free_port()
            configuration = os.path.join(directory, "nginx.conf")
            with open(configuration, "w", encoding="utf-8") as file:
                file.write(self.configuration(directory, root, certificate, key))
            self.daemon = Daemon(["nginx", "-p", directory, "-c", configuration],
                                 os.path.join(directory, "nginx.out"))
            if self.daemon.wait_port(self.port) and self.daemon.wait_port(self.tls_port):
                return
            self.daemon.close()
        raise RuntimeError("nginx did not start: " + self.daemon.output())

    def configuration(self, directory, root, certificate, key):
        temporary = "\n".join(f"    {kind}_temp_path {directory}/{kind};" for kind in
                              ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        return f"""
daemon off; master_process off; {user}
pid {directory}/nginx.pid; error_log {directory}/nginx-error.log;
events {{ worker_connections 512; }}
http {{
{temporary}
    access_log {directory}/nginx-access.log;
    keepalive_timeout 60s;
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{self.port};
        listen 127.0.0.1:{self.tls_port} ssl;
        ssl_certificate {certificate}; ssl_certificate_key {key};
        root {root};
    }}
}}
"""

    def close(self):
        self.daemon.close()


class NameServer:
    """dnsmasq that knows RECORDS (name → addresses), says NXDOMAIN to the rest and logs all it is asked."""

    def __init__(self, directory, records):
        self.daemon = None
        for _ in range(10):
            self.port = free_port(socket.SOCK_DGRAM)
            command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                       "--no-hosts", "--bind-interfaces", "--listen-address=127.0.0.1",
                       f"--port={self.port}", "--log-queries", "--log-facility=-", "--local=/#/",
                       "--pid-file="]
            if os.geteuid() == 0:
                command += ["--user=root", "--group=root"]
            for name, addresses in records.items():
                command += [f"--host-record={name},{address}" for address in addresses]
            self.daemon = Daemon(command, os.path.join(directory, "dnsmasq.out"))
            if self.daemon.wait_port(self.port):
                return
            self.daemon.close()
        raise RuntimeError("dnsmasq did not start: " + self.daemon.output())

    def asked(self):
        """The names it was asked for, in order."""
        words = [line.split() for line in self.daemon.output().splitlines() if "query[" in line]
        return [line[line.index(kind) + 1] for line in words
                for kind in line if kind.startswith("query[")]

    def close(self):
        self.daemon.close()


class Authority:
    """A throw-away certificate authority made with the openssl command."""

    def __init__(self, directory):
        self.directory = directory
        self.certificate = os.path.join(directory, "ca.pem")
        self.key = os.path.join(directory, "ca.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", "/CN=Sallyport test authority", "-days", "30",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                "-keyout", self.key, "-out", self.certificate)

    def issue(self, *names):
        """(certificate, key) paths for a server that answers to NAMES."""
        base = os.path.join(self.directory, names[0].replace("*", "any"))
        alternatives = ",".join(("IP:" if name[0].isdigit() else "DNS:") + name for name in names)
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternatives}",
                "-keyout", base + ".key", "-out", base + ".csr")
        openssl("x509", "-req", "-in", base + ".csr", "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-days", "30", "-copy_extensions", "copy", "-out", base + ".pem")
        return base + ".pem", base + ".key"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
