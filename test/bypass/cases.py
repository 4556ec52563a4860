"""Reads the cases: what is sent, what the origin answers, and who must receive what.

A case is a few lines; the lines before the first case of a file are the defaults of all of it.

    = NAME               begins a case; with `with:` lines one for each, {it} standing for the value
    > TEXT               the client sends TEXT and CRLF
    >> TEXT              the client sends TEXT
    >.                   the client has no more to say, and says so
    ~                    the client waits for an answer's head; `~ 0.1`: for a tenth of a second
    < TEXT               what the origin answers instead of an echo of the target, CRLF added
    << TEXT              the same without CRLF
    <.                   and then it closes
    <~ TEXT              what it says later, unasked, on the same connection
    <! TEXT              what it says at once to whoever connects
    as: NAME             the app that asks: demo (its own listener; default), one, two, site-a, site-b
                         (credentials; the latter are sites of one app), nobody (the listener that wants
                         credentials), inner (inside of a tunnel to in.test:{S} that is looked into)
    want: ITEM…          what the client gets, in order: 200, 403:undeclared (the reason is looked for
                         in the answer or the log), closed (an end and nothing before it), cut (an
                         answer that breaks off); A|B: either
    a: METHOD TARGET N   what the declared origin gets, in order (N: bytes of its body)
    t: TEXT              what the tunnel's declared end gets
    got: TEXT            bytes that have to be in what the client got
    never: TEXT          bytes that nobody must get: neither the origin nor the client
    method: NAME         of the requests whose answers are read (default GET, or CONNECT)
    only: ours           what peers are not asked: a word of our contract, or an identity
    with: TEXT           a value for {it}

In TEXT: \\r \\n \\t \\0 \\\\ \\{ \\xNN, {N*TEXT} (repeated), {hello KEY=VALUE…} (a ClientHello,
hello.py), and the names of World.names ({P}, {A}, {B}, …).
"""
import glob
import os
import re

import hello

END = "end"
HERE = os.path.dirname(os.path.abspath(__file__))
PIECE = re.compile(rb"\\x[0-9a-fA-F]{2}|\\.|\{[^{}]*\}|.", re.S)
SIMPLE = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\", b"{": b"{", b"s": b" "}


def expand(text, names):
    """The bytes that TEXT stands for."""
    def one(match):
        piece = match.group()
        if piece[:2] == b"\\x" and len(piece) == 4:
            return bytes([int(piece[2:], 16)])
        if piece[:1] == b"\\" and len(piece) == 2:
            return SIMPLE[piece[1:]]
        if piece[:1] == b"{" and len(piece) > 1:
            return named(piece[1:-1].decode(), names)
        return piece
    data = text.encode("utf-8") if isinstance(text, str) else text
    return PIECE.sub(one, data)


def named(word, names):
    if word.split(" ")[0] == "hello":
        options = dict(part.split("=", 1) for part in word.split(" ")[1:])
        return hello.build(**{key: expand(value, names) for key, value in options.items()})
    count, _, what = word.partition("*")
    if count.isdigit():
        return int(count) * expand(what, names)
    value = names[word]
    return expand(value, names) if isinstance(value, str) else value


class Case:
    def __init__(self, kind, name, fields):
        self.kind = kind
        self.name = name
        self.fields = fields
        self.it = None

    def get(self, key, default=None):
        values = [value for name, value in self.fields if name == key]
        return values[-1] if values else default

    def all(self, key):
        return [value for name, value in self.fields if name == key]

    def bind(self, names):
        """The case with its bytes, for a world where NAMES hold."""
        if self.it is not None:
            names = {**names, "it": expand(self.it, names)}
        return Bound(self, names)


class Bound:
    """A case with everything expanded."""

    def __init__(self, case, names):
        self.case = case
        self.steps = []  # bytes to send, None to wait for a head, seconds, or END
        self.answer, self.answer_closes, self.greeting, self.late = None, False, None, None
        for key, value in case.fields:
            self.take(key, value, names)
        self.who = case.get("as", "demo")
        self.want = [item.split("|") for item in case.get("want").split()]
        self.requests = [self.request(line, names) for line in case.all("a")]
        self.tunnel = b"".join(expand(line, names) for line in case.all("t"))
        self.got = [expand(line, names) for line in case.all("got")]
        self.never = [expand(line, names) for line in case.all("never")]
        sent = self.sent()
        default = "CONNECT" if sent.startswith(b"CONNECT ") else "GET"
        self.methods = case.get("method", default).split()

    def take(self, key, value, names):
        if key in (">", ">>"):
            data = expand(value, names) + (b"\r\n" if key == ">" else b"")
            if self.steps and isinstance(self.steps[-1], bytes):
                self.steps[-1] += data
            else:
                self.steps.append(data)
        elif key == ">.":
            self.steps.append(END)
        elif key == "~":
            self.steps.append(float(value) if value else None)
        elif key in ("<", "<<"):
            data = expand(value, names) + (b"\r\n" if key == "<" else b"")
            self.answer = (self.answer or b"") + data
        elif key == "<.":
            self.answer_closes = True
        elif key == "<~":
            self.late = expand(value, names)
        elif key == "<!":
            self.greeting = (self.greeting or b"") + expand(value, names)

    @staticmethod
    def request(line, names):
        method, target, *length = expand(line, names).decode("latin-1").split(" ")
        return method, target, int(length[0]) if length else 0

    def sent(self):
        return b"".join(step for step in self.steps if isinstance(step, bytes))


LINE = re.compile(r"^(=|>>|>\.|>|~|<!|<~|<\.|<<|<|as:|want:|a:|t:|got:|never:|method:|only:|with:)(?: (.*))?$")


def read(path):
    kind = os.path.basename(path)[:-len(".txt")]
    defaults, found = [], []
    current = defaults
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().split("\n"), 1):
            if not line or line.startswith("#"):
                continue
            match = LINE.match(line)
            if not match:
                raise ValueError(f"{path}:{number}: not a line of a case: {line}")
            key, value = match.group(1).rstrip(":"), match.group(2) or ""
            if key == "=":
                current = []
                found.append((value, current))
            else:
                current.append((key, value))
    return [case for name, fields in found for case in make(kind, name, defaults, fields)]


def make(kind, name, defaults, fields):
    values = [value for key, value in fields if key == "with"]
    own = {key for key, _ in fields}
    fields = [(key, value) for key, value in defaults if key not in own] + \
             [(key, value) for key, value in fields if key != "with"]
    if not values:
        return [Case(kind, name, fields)]
    made = []
    for value in values:
        case = Case(kind, f"{name}: {value if len(value) < 70 else value[:67] + '…'}", fields)
        case.it = value
        made.append(case)
    return made


def kinds():
    """kind → (its heading, its cases), in the files' order."""
    found = {}
    for path in sorted(glob.glob(os.path.join(HERE, "cases", "*.txt"))):
        with open(path, encoding="utf-8") as file:
            heading = file.readline().lstrip("# ").strip()
        found[os.path.basename(path)[:-len(".txt")]] = (heading, read(path))
    return found
