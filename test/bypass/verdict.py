"""Sends one case through a proxy and says what is wrong with what came of it; nothing wrong: [].

For every proxy the same: nothing undeclared was reached, the declared origin got nothing that could be
read in two ways and no more than was asked of it, a tunnel's end got what it may or nothing, the client
got nothing that could be read in two ways, and the next request on another connection is served as
if nothing had been. From ours more is asked: the very status and reason, the very messages, that no
undeclared name was asked for, and that no connection served two apps.
"""
import base64
import json
import re
import socket
import ssl
import time

import cases
import judge
from world import LATE, SECRETS, harness

QUIET = 0.3 * harness.SLOW
CANARY = b"GET http://a.test:%d/canary HTTP/1.1\r\nHost: a.test:%d\r\n%sConnection: close\r\n\r\n"


class Client:
    """A connection to the proxy that reads while it sends."""

    def __init__(self, address, port):
        self.sock = socket.create_connection((address, port), 10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.ended = False

    def read(self, seconds):
        """Reads what comes within SECONDS; True if something came, or the end."""
        if self.ended:
            return False
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(262144)
        except TimeoutError:
            return False
        except OSError:
            data = b""
        self.received += data
        self.ended = not data
        return True

    def send(self, data):
        """What the proxy does not take any more is let be: it has answered."""
        try:
            for at in range(0, len(data), 16384):
                self.sock.settimeout(5)
                self.sock.sendall(data[at:at + 16384])
                if at:
                    self.read(0.001)
        except OSError:
            pass

    def until(self, done, seconds):
        """Reads until DONE(), the end, or SECONDS without a byte."""
        since = time.monotonic()
        while not self.ended and not done() and time.monotonic() < since + seconds:
            if self.read(0.01):
                since = time.monotonic()

    def end(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def finish(self):
        """The client has no more to say; what is still said to it is read."""
        self.end()
        self.until(lambda: False, 2 * QUIET)
        self.sock.close()


class Inner(Client):
    """Inside of a tunnel that is looked into; TLS has no half of an end."""

    def __init__(self, address, port, target, trust):
        super().__init__(address, port)
        self.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        self.until(lambda: b"\r\n\r\n" in self.received, 30 * harness.SLOW)
        if not self.received.startswith(b"HTTP/1.1 200 "):
            raise OSError(f"no tunnel: {self.received[:200]!r}")
        self.sock.settimeout(30 * harness.SLOW)
        context = ssl.create_default_context(cafile=trust)
        self.sock = context.wrap_socket(self.sock, server_hostname=target.split(":")[0])
        self.received = b""

    def end(self):
        pass


class Trial:
    """One case in one world."""

    def __init__(self, world, case):
        self.world = world
        self.bound = case.bind(world.names)
        self.case = case
        self.ours = hasattr(world.proxy, "gate")
        self.wrong = []

    def blame(self, text):
        self.wrong.append(text)

    def run(self):
        places = self.world.origins
        bound = self.bound
        places.answer = None if bound.answer is None else \
            (bound.answer, bound.late, bound.answer_closes)
        places.greeting = self.bound.greeting
        mark, asked = places.mark(), len(self.world.name_server.asked)
        logged = len(self.world.proxy.gate.log_lines()) if self.ours else 0
        client = self.converse()
        if bound.late:
            time.sleep(3 * LATE)
        self.world.settle()
        places.answer = places.greeting = None
        self.judge_undeclared(places.since(mark, "undeclared"))
        self.judge_origin(places.since(mark, "a"))
        self.judge_tunnel(places.since(mark, "t"))
        self.judge_client(client)
        self.judge_bytes(client, places, mark)
        if self.ours:
            self.judge_answers(client, logged)
            self.judge_names(asked)
        self.canary()
        return self.wrong

    # ---- what is sent ------------------------------------------------------------

    def connect(self, who):
        address = "127.0.0.2" if self.ours else "127.0.0.1"
        if who == "inner":
            proxy = self.world.proxy
            return Inner(address, proxy.ports[3], f"in.test:{self.world.origins.s}", proxy.pem("ca"))
        return Client(address, self.world.proxy.ports[0 if who == "demo" else 1])

    def converse(self):
        client = self.connect(self.bound.who)
        for step in self.bound.steps:
            if isinstance(step, bytes):
                client.send(step)
            elif step == cases.END:
                client.end()
            elif step is None:
                before = client.received.count(b"\r\n\r\n")
                client.until(lambda b=before: client.received.count(b"\r\n\r\n") > b, 5 * QUIET)
            else:
                client.until(lambda: False, step)
        client.until(lambda: self.complete(client), QUIET if not self.patient() else 10 * QUIET)
        client.finish()
        return client

    def patient(self):
        """Answers that take a while are waited for where it is known that they come."""
        return self.ours or self.case.kind == "names"

    def complete(self, client):
        """Everything that was wanted is here: there is no need to wait for silence."""
        if self.bound.tunnel and self.ours:
            return len(client.received) >= len(self.bound.tunnel) and \
                client.received.endswith(self.bound.tunnel)
        try:
            found, _ = judge.responses(client.received, self.bound.methods, False)
        except judge.Ambiguous:
            return True
        count = len([message for message in found if message.whole])
        return count >= len(self.bound.want) and "closed" not in self.case.get("want")

    # ---- what came of it -----------------------------------------------------------

    def judge_undeclared(self, came):
        for connection, data in came:
            self.blame(f"a connection to what is not declared: {data[:120]!r}")
            connection.received = b""

    def limits(self):
        """(at least, at most) how many requests the declared origin may get."""
        if self.bound.requests:
            return len(self.bound.requests), len(self.bound.requests)
        may = [any(word[0] == "2" for word in item) for item in self.bound.want]
        must = [all(word[0] == "2" for word in item) for item in self.bound.want]
        if self.case.get("t") is not None or self.bound.methods[0] == "CONNECT":
            return 0, 0
        return sum(must), sum(may) if self.ours else max(1, sum(may))

    def judge_origin(self, came):
        found = []
        for connection, data in came:
            try:
                found += judge.requests(data)
            except judge.Ambiguous as why:
                self.blame(f"the origin got an ambiguous request: {why}")
            connection.served.add(self.bound.who)
            if self.ours and len(connection.served) > 1:
                self.blame(f"one connection to the origin served {sorted(connection.served)}")
        least, most = self.limits()
        names = self.hosts(found)
        if any(not re.fullmatch(self.declared_host(), name) for name in names):
            self.blame(f"the origin got a request for {names}")
        if any("smuggled" in (message.target or "") for message in found):
            self.blame("the origin got the smuggled request")
        whole = len([message for message in found if message.whole])  # a part is no request yet
        if whole > most:
            self.blame(f"the origin got {whole} requests, not {most} at most")
        if self.ours and not self.either():
            self.judge_exactly(found, least)

    def either(self):
        return any(len(item) > 1 for item in self.bound.want)

    @staticmethod
    def hosts(found):
        return [value.decode("latin-1").lower() for message in found for value in message.all(b"host")]

    def declared_host(self):
        places = self.world.origins
        p, ports = places.p, f"{places.p}|{places.t}|{places.s}"
        return rf"([a-z0-9._-]+\.test\.?|127\.0\.0\.[24]):({ports})(?<!evil\.test:{p})"

    def judge_exactly(self, found, least):
        if len(found) < least:
            self.blame(f"the origin got {len(found)} requests, not {least}")
        for (method, target, size), message in zip(self.bound.requests, found):
            got = (message.method, message.target, len(message.body))
            if got != (method, target, size):
                self.blame(f"the origin got {got}, not {(method, target, size)}")

    def judge_tunnel(self, came):
        data = b"".join(data for _, data in came)
        if data and data != self.bound.tunnel:
            self.blame(f"the tunnel's end got {data[:120]!r}")
        if self.ours and self.bound.tunnel and data != self.bound.tunnel:
            self.blame(f"the tunnel's end got {len(data)} of {len(self.bound.tunnel)} bytes")

    def judge_client(self, client):
        try:
            self.found, self.behind = judge.responses(client.received, self.bound.methods, True)
        except judge.Ambiguous as why:
            self.found, self.behind = [], b""
            self.blame(f"the client got an ambiguous answer: {why}: {client.received[:300]!r}")

    def judge_bytes(self, client, places, mark):
        """Forbidden and required bytes, wherever they are."""
        everything = client.received + b"".join(
            data for place in "at" for _, data in places.since(mark, place))
        for word in self.bound.never:
            if word.lower() in everything.lower():
                self.blame(f"{word!r} came through")
        for word in self.bound.got:
            if self.ours and word not in client.received:
                self.blame(f"the client did not get {word!r}: {client.received[:300]!r}")

    # ---- what ours has to say -----------------------------------------------------

    def judge_answers(self, client, logged):
        said = [str(message.status) if message.whole else "cut" for message in self.found]
        left = self.bound.want[len(said):]
        if left and client.ended and not self.behind and \
                any(word.startswith("closed") for word in left[0]):
            said.append("closed")
        wanted = [[word.split(":")[0] for word in item] for item in self.bound.want]
        if len(said) != len(wanted) or any(word not in item for word, item in zip(said, wanted)):
            self.blame(f"the answers were {' '.join(said)}: {client.received[:400]!r}")
            return
        for word, item, message in zip(said, self.bound.want, [*self.found, None]):
            reasons = [choice.split(":")[1] for choice in item
                       if choice.split(":")[0] == word and ":" in choice]
            if reasons:
                self.judge_reason(reasons, message, logged)

    def judge_reason(self, reasons, message, logged):
        if message is not None and message.whole and message.status >= 400:
            problem = json.loads(message.body)
            if problem["reason"] not in reasons or problem["status"] != message.status:
                self.blame(f"the reason was {problem['reason']}, not {reasons}: {problem['detail']}")
            blocked = message.all(b"forge-proxy-error")
            if blocked != ([b"BLOCKED_EGRESS"] if message.status == 403 else []):
                self.blame(f"forge-proxy-error: {blocked}")
            return
        end = time.monotonic() + 5 * harness.SLOW
        while time.monotonic() < end:
            records = [json.loads(line) for line in self.world.proxy.gate.log_lines()[logged:]]
            if any(record.get("reason") in reasons or record.get("outcome") in reasons
                   for record in records):
                return
            time.sleep(0.01)
        self.blame(f"the log gives none of {reasons}")

    def judge_names(self, asked):
        """Only names that are declared, and none at all for what is refused before it is dialled."""
        names = set(self.world.name_server.asked[asked:])
        if self.bound.who == "inner":
            names.discard("in.test")  # the tunnel's own
        declared = re.compile(r".+\.t?w\.test")
        for name in names:
            if name not in self.world.name_server.records and not declared.fullmatch(name):
                self.blame(f"{name} was asked for, and is not declared")
        refused = re.compile(r"400:.*|407:.*|50[15]:invalid_target|403:.*(undeclared|not_declared)")
        if names and all(refused.fullmatch(word) for item in self.bound.want for word in item):
            self.blame(f"{sorted(names)} asked for, for what is refused")

    def canary(self):
        """An innocent request after it, by another app where the case's was one with credentials."""
        who = {"demo": "demo", "inner": "demo", "one": "two", "nobody": "two"}.get(self.bound.who, "one")
        places = self.world.origins
        mark = places.mark()
        fields = b""
        if who != "demo":
            word = f"{who}/production:{SECRETS[f'{who}/production']}".encode()
            fields = b"Proxy-Authorization: Basic " + base64.b64encode(word) + b"\r\n"
        client = self.connect(who)
        client.send(CANARY % (places.p, places.p, fields))
        client.until(lambda: client.received.endswith(b"\r\n\r\n/canary"), 10 * QUIET)
        client.sock.close()
        if not client.received.startswith(b"HTTP/1.") or not client.received.endswith(b"\r\n\r\n/canary"):
            self.blame(f"the next request got {client.received[:200]!r}")
        for connection, data in places.since(mark, "a"):
            connection.served.add(who)
            if self.ours and len(connection.served) > 1:
                self.blame(f"one connection to the origin served {sorted(connection.served)}")
            if data and not data.startswith(b"GET /canary HTTP/1."):
                self.blame(f"the next request came to the origin as {data[:120]!r}")
