"""The world of a case: a proxy, a name server, and origins that record every byte.

127.0.0.2 is where everything declared lives: on port {P} an HTTP origin, on port {T} the end of
tunnels (also at 127.0.0.4, declared by its address), and on {S} the HTTP origin again, behind TLS.
Everything else on these ports, and a fourth port {D}, is undeclared: whoever connects there has found a way around. Names lead there too, unless
the name server's table says otherwise.
"""
import base64
import hashlib
import os
import re
import select
import selectors
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))
import harness  # noqa: E402  pylint: disable=wrong-import-position
import origins  # noqa: E402  pylint: disable=wrong-import-position

DECLARED, LITERAL, ELSEWHERE = "127.0.0.2", "127.0.0.4", "127.0.0.3"
LISTENING = [DECLARED, LITERAL, ELSEWHERE, "127.0.0.1", "127.0.0.9", "127.8.8.8", "::1"]
LATE = 0.03  # seconds until what an origin says unasked
SECRETS = {"one/production": "secret-one", "two/production": "secret-two",
           "sites/production/site-a": "secret-a", "sites/production/site-b": "secret-b"}

# declared plain http on port P; where they lead. Answers by turn: name_server.py
NAMES = {
    "a.test": [[DECLARED]], "xn--bcher-kva.test": [[DECLARED]], "x.w.test": [[DECLARED]],
    "y.x.w.test": [[DECLARED]], "t.test": [[DECLARED]], "x.tw.test": [[DECLARED]],
    "x-y_z.w.test": [[DECLARED]], "xn--bcher-kva.w.test": [[DECLARED]],
    "early.test": [[DECLARED]], "first.test": [[DECLARED]],
    "self.test": [[DECLARED]], "selfadmin.test": [[DECLARED]],
}
TLS_NAMES = ["in.test", "s.test"]  # declared https on port S, the first for the app inner as well
LEADS = {
    "cname-in.test": ["cname:inside.test"], "cname-declared.test": ["cname:a.test"],
    "other.test": ["other:a.test"], "other-in.test": ["other:inside.test"],
    "loop.test": ["loop"], "nothing.test": ["nothing"], "nxdomain.test": ["nxdomain"],
    "servfail.test": ["servfail"],
    "rebind.test": [[DECLARED], [ELSEWHERE]], "rebind-back.test": [[ELSEWHERE], [DECLARED]],
    "rebind-cname.test": [[DECLARED], "cname:inside.test"],
    "rebind-many.test": [[DECLARED], [ELSEWHERE, DECLARED], [ELSEWHERE]],
    "mixed.test": [[ELSEWHERE, DECLARED]], "mixed-back.test": [[DECLARED, ELSEWHERE]],
    "mixed6.test": [[DECLARED, "::1"]], "mixed6-only.test": [["::1", ELSEWHERE]],
    "mixed-mapped.test": [[DECLARED, "::ffff:127.0.0.3"]],
}
PRIVATE = {
    "loopback": "127.0.0.1", "loopback-far": "127.8.8.8", "elsewhere": ELSEWHERE, "rfc1918-10": "10.0.0.1",
    "rfc1918-172": "172.16.0.1", "rfc1918-172-last": "172.31.255.254", "rfc1918-192": "192.168.0.1",
    "metadata": "169.254.169.254", "metadata-ecs": "169.254.170.2", "metadata-alibaba": "100.100.100.200",
    "metadata-oracle": "192.0.0.192", "cgnat": "100.64.0.1", "cgnat-last": "100.127.255.254",
    "zero": "0.0.0.0", "zero-net": "0.1.2.3", "broadcast": "255.255.255.255", "multicast": "224.0.0.1",
    "multicast-last": "239.255.255.255", "reserved": "240.0.0.1", "test-net-1": "192.0.2.1",
    "test-net-2": "198.51.100.1", "test-net-3": "203.0.113.1", "benchmark": "198.18.0.1",
    "loopback6": "::1", "zero6": "::", "linklocal6": "fe80::1", "unique6": "fd00::1",
    "metadata6": "fd00:ec2::254", "multicast6": "ff02::1", "documentation6": "2001:db8::1",
    "documentation6-new": "3fff::1", "sitelocal6": "fec0::1", "discard6": "100::1",
    "mapped-loopback": "::ffff:127.0.0.1", "mapped-elsewhere": "::ffff:127.0.0.3",
    "mapped-private": "::ffff:10.0.0.1", "mapped-metadata": "::ffff:169.254.169.254",
    "compatible": "::127.0.0.1", "compatible-private": "::10.0.0.1", "nat64": "64:ff9b::7f00:1",
    "nat64-private": "64:ff9b::a00:1", "nat64-metadata": "64:ff9b::a9fe:a9fe",
    "nat64-local": "64:ff9b:1::a00:1", "sixtofour": "2002:7f00:1::1", "sixtofour-private": "2002:a00:1::1",
    "sixtofour-metadata": "2002:a9fe:a9fe::", "teredo": "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "translated": "::ffff:0:127.0.0.1",
}
LEADS.update({f"in-{name}.test": [[address]] for name, address in PRIVATE.items()})


class Connection:
    def __init__(self, sock, place, world):
        self.sock, self.place, self.world = sock, place, world
        self.received = b""
        self.handled = 0  # bytes whose requests have been answered
        self.served = set()  # the apps whose requests came here

    def feed(self, data):
        self.received += data
        if self.place == "t":
            self.sock.sendall(data)
        while self.place == "a" and (end := self.request_end()):
            target = self.received[self.handled:end].split(b"\n")[0].split(b" ")
            self.handled = end
            if not self.answer(target[1] if len(target) > 1 else b"?"):
                return False
        return True

    def request_end(self):
        """Where the next request ends, by a reader that is as tolerant as the worst of origins."""
        data = self.received[self.handled:]
        head = re.search(rb"\r?\n\r?\n", data)
        if not head:
            return 0
        at, text = head.end(), data[:head.end()].lower()
        if re.search(rb"transfer-encoding[^\n]*chunked", text):
            last = re.search(rb"(?:\A|\n)0+[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n", data[at:])
            return self.handled + at + last.end() if last else 0
        length = re.search(rb"content-length[ \t]*:[ \t]*\+?([0-9]{1,9})", text)
        end = at + (int(length.group(1)) if length else 0)
        return self.handled + end if end <= len(data) else 0

    def answer(self, target):
        """False: and closes."""
        world = self.world
        if world.answer is None or target.startswith(b"/canary"):
            self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(target), target))
            return True
        answer, late, closes = world.answer
        self.sock.sendall(answer)
        if late:
            threading.Timer(LATE, self.say, (late,)).start()
        return not closes

    def say(self, late):
        try:
            self.sock.sendall(late)
        except OSError:
            pass  # the proxy did not keep the connection


def bridge(sock, tls, far):
    """Ends TLS on SOCK; what is said inside goes to FAR and back."""
    try:
        with far, tls.wrap_socket(sock, server_side=True) as inner:
            while True:
                ready = [inner] if inner.pending() else select.select([inner, far], [], [])[0]
                for source, sink in ((inner, far), (far, inner)):
                    data = source.recv(262144) if source in ready else None
                    if data == b"":
                        return
                    if data:
                        sink.sendall(data)
    except OSError:
        pass  # the proxy would have none of it, or is gone


class Origins:
    """Every listener of a world and what they heard, in one thread."""
    tls = None  # the context of what is behind TLS

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.listeners, self.connections = [], []
        self.answer = self.greeting = None
        self.undeclared = []  # (place, connections made there)
        self.open = True
        self.p, self.t, self.d, self.s = (self.listen() for _ in range(4))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def listen(self):
        """A port on all of LISTENING."""
        for _ in range(50):
            made = [socket.create_server((DECLARED, 0))]
            port = made[0].getsockname()[1]
            try:
                for address in LISTENING[1:]:
                    if address != "::1" or harness.can_listen_v6():
                        family = socket.AF_INET6 if ":" in address else socket.AF_INET
                        made.append(socket.create_server((address, port), family=family))
            except OSError:
                for listener in made:
                    listener.close()
                continue
            self.listeners.append(made)
            for listener in made:
                self.selector.register(listener, selectors.EVENT_READ, (len(self.listeners) - 1,
                                                                        listener.getsockname()[0]))
            return port
        raise RuntimeError("no port that is free on every address")

    def place(self, which, address):
        if which in (0, 3) and address == DECLARED:
            return "a"
        return "t" if which == 1 and address in (DECLARED, LITERAL) else "undeclared"

    def serve(self):
        while self.open:
            for key, _ in self.selector.select(0.2):
                try:
                    self.turn(key)
                except OSError:
                    self.drop(key.fileobj)

    def turn(self, key):
        if isinstance(key.data, tuple):
            sock, _ = key.fileobj.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if key.data == (3, DECLARED):
                outer, (sock, far) = sock, socket.socketpair()
                threading.Thread(target=bridge, args=(outer, self.tls, far), daemon=True).start()
            connection = Connection(sock, self.place(*key.data), self)
            self.connections.append(connection)
            self.selector.register(sock, selectors.EVENT_READ, connection)
            if connection.place == "a" and self.greeting:
                sock.sendall(self.greeting)
            return
        data = key.fileobj.recv(262144)
        if not data or not key.data.feed(data):
            self.drop(key.fileobj)

    def drop(self, sock):
        if isinstance(self.selector.get_key(sock).data, tuple):
            return
        self.selector.unregister(sock)
        sock.close()

    def mark(self):
        """What has come so far, to be told from what comes next."""
        return {connection: len(connection.received) for connection in self.connections}

    def since(self, mark, place):
        """What PLACE got since MARK: [(connection, bytes)] of those that are new or got any."""
        return [(connection, connection.received[mark.get(connection, 0):])
                for connection in list(self.connections) if connection.place == place
                and (connection not in mark or len(connection.received) > mark[connection])]

    def close(self):
        self.open = False
        self.thread.join(5)
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


class World:
    """Origins, a name server, and PROXY (a class of proxies.py) between them and the client."""

    def __init__(self, proxy, directory):
        self.origins = Origins()
        self.proxy = None
        records = {**NAMES, **LEADS, **{name: [[DECLARED]] for name in TLS_NAMES}}  # all else, such as inside.test, leads ELSEWHERE
        self.name_server = proxy.name_server(records, ELSEWHERE)
        try:
            self.proxy = proxy(directory, self.origins, self.name_server)
        except BaseException:
            self.close()
            raise
        self.names = self.words()

    def words(self):
        p, t = self.origins.p, self.origins.t
        ports = dict(zip(("PROXY", "GATE", "ADMIN"), self.proxy.ports))
        return {"P": str(p), "T": str(t), "D": str(self.origins.d), "S": str(self.origins.s), "A": f"a.test:{p}",
                "B": f"evil.test:{p}", "HA": f"Host: a.test:{p}\\r\\n",
                "GET": f"GET http://a.test:{p}/ HTTP/1.1\\r\\nHost: a.test:{p}\\r\\n",
                "POST": f"POST http://a.test:{p}/ HTTP/1.1\\r\\nHost: a.test:{p}\\r\\n",
                "CONNECT": f"CONNECT t.test:{t} HTTP/1.1\\r\\nHost: t.test:{t}\\r\\n\\r\\n",
                "SMUGGLED": f"GET http://evil.test:{p}/smuggled HTTP/1.1\\r\\nHost: evil.test:{p}\\r\\n\\r\\n",
                "HIDDEN": f"GET /smuggled HTTP/1.1\\r\\nHost: evil.test:{p}\\r\\n\\r\\n",
                **{name: str(port) for name, port in ports.items()},
                **{name.split("/")[-1]: field(name, secret) for name, secret in SECRETS.items()}}

    def settle(self):
        """Waits until nothing moves at the origins any more."""
        seen, since = None, time.monotonic()
        while time.monotonic() < since + 2:
            now = sum(len(connection.received) + 1 for connection in list(self.origins.connections))
            if now == seen:
                return
            seen = now
            time.sleep(0.01 * harness.SLOW)

    def close(self):
        if self.proxy:
            self.proxy.close()
        self.name_server.close()
        self.origins.close()


def field(name, secret):
    word = base64.b64encode(f"{name}:{secret}".encode()).decode()
    return f"Proxy-Authorization: Basic {word}\\r\\n"


def credentials():
    keys = ("app", "environment", "installation")
    return "".join("- {" + "".join(f"{key}: {part}, " for key, part in zip(keys, name.split("/"))) +
                   f"sha256: {hashlib.sha256(secret.encode()).hexdigest()}}}\n"
                   for name, secret in SECRETS.items())


__all__ = ["World", "credentials", "harness", "origins"]
