"""What came out of the proxy, read so strictly that it can mean one thing only.

A message at the origin that a second parser could read otherwise is a failure of the proxy that sent
it, whatever the origin made of it; so is an answer at the client. This knows nothing of the proxies:
it is written from RFC 9112 and shares no code with what it judges.
"""
import re

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") (\*|/[\x21\x22\x24-\x7e]*) HTTP/1\.([01])")
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*"
                   rb"[\x21-\x7e\x80-\xff])?)?)[ \t]*")
CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
INTERIM_MAXIMUM = 32
FIELDS_MAXIMUM = 200
FRAMING = (b"content-length", b"transfer-encoding", b"host", b"content_length", b"transfer_encoding")
STOPS_HERE = (b"proxy-authorization", b"http2-settings", b"content_length", b"transfer_encoding")


class Ambiguous(Exception):
    """Bytes that two readers could read differently."""


class Message:
    """A request or response; `whole` is False where the end came first."""

    def __init__(self):
        self.method = self.target = None
        self.status = None
        self.fields = []
        self.body = b""
        self.whole = False

    def all(self, name):
        return [value for key, value in self.fields if key == name]


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def rest(self):
        return self.data[self.at:]

    def line(self):
        """The next line without its CRLF; None if it is not all here."""
        end = self.data.find(b"\n", self.at)
        part = self.data[self.at:] if end < 0 else self.data[self.at:end + 1]
        if end >= 0 and not part.endswith(b"\r\n"):
            raise Ambiguous(f"a bare LF: {part[:80]!r}")
        if b"\r" in part[:-2] or b"\0" in part:
            raise Ambiguous(f"a bare CR or a NUL: {part[:80]!r}")
        if end < 0:
            return None
        self.at = end + 1
        return part[:-2]

    def take(self, count):
        data = self.data[self.at:self.at + count]
        self.at += len(data)
        return data


def read_fields(reader, message, limit=FIELDS_MAXIMUM):
    """False if the end came first."""
    while (line := reader.line()) is not None:
        if line == b"":
            return True
        match = FIELD.fullmatch(line)
        if not match:
            raise Ambiguous(f"no field line: {line[:80]!r}")
        message.fields.append((match.group(1).lower(), match.group(2)))
        if len(message.fields) > limit:
            raise Ambiguous("too many fields")
    return False


def length_of(message, minor):
    """None, a number, or "chunked"."""
    lengths, codings = message.all(b"content-length"), message.all(b"transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Ambiguous(f"more than one framing: {lengths} {codings}")
    if codings and (codings[0].lower() != b"chunked" or minor == b"0"):
        raise Ambiguous(f"Transfer-Encoding: {codings[0]!r} in HTTP/1.{minor.decode()}")
    if lengths and not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        raise Ambiguous(f"Content-Length: {lengths[0]!r}")
    return "chunked" if codings else int(lengths[0]) if lengths else None


def read_chunks(reader, message):
    while (line := reader.line()) is not None:
        match = CHUNK.fullmatch(line)
        if not match:
            raise Ambiguous(f"no chunk size: {line[:80]!r}")
        size = int(match.group(1), 16)
        if size == 0:
            return read_trailers(reader, message)
        message.body += reader.take(size)
        end = reader.take(2)
        if not b"\r\n".startswith(end):
            raise Ambiguous(f"no CRLF behind a chunk: {end!r}")
        if len(end) < 2:
            return False
    return False


def read_trailers(reader, message):
    trailers = Message()
    whole = read_fields(reader, trailers)
    for name, _ in trailers.fields:
        if name in FRAMING:
            raise Ambiguous(f"a trailer that frames: {name!r}")
    message.fields += trailers.fields
    return whole


def read_sized(reader, message, size):
    message.body = reader.take(size)
    return len(message.body) == size


def read_request(reader):
    message = Message()
    line = reader.line()
    if line is None:
        return message
    match = REQUEST_LINE.fullmatch(line)
    if not match:
        raise Ambiguous(f"no request line: {line[:80]!r}")
    message.method, message.target = match.group(1).decode(), match.group(2).decode("latin-1")
    if not read_fields(reader, message):
        return message
    if len(message.all(b"host")) != 1:
        raise Ambiguous(f"Host: {message.all(b'host')}")
    for name, _ in message.fields:
        if name in STOPS_HERE:
            raise Ambiguous(f"a field that has to stop at the proxy: {name!r}")
    if any(b"h2c" in value.lower() for value in message.all(b"upgrade")):
        raise Ambiguous("Upgrade: h2c")
    length = length_of(message, match.group(3))
    message.whole = read_chunks(reader, message) if length == "chunked" else \
        read_sized(reader, message, length or 0)
    return message


def requests(data):
    """The requests in DATA; the last may be not whole."""
    reader, found = Reader(data), []
    while reader.rest():
        message = read_request(reader)
        found.append(message)
        if not message.whole:
            break
    return found


def read_response(reader, method, ended):
    message = Message()
    line = reader.line()
    if line is None:
        return message
    match = STATUS_LINE.fullmatch(line)
    if not match:
        raise Ambiguous(f"no status line: {line[:80]!r}")
    message.status = int(match.group(2))
    if not read_fields(reader, message):
        return message
    length = length_of(message, match.group(1))
    without = message.status < 200 or message.status == 204 or \
        (method == "CONNECT" and message.status == 200)
    if without and length not in (None, 0):
        raise Ambiguous(f"a body where none may be: {message.status}")
    if without or method == "HEAD" or message.status == 304:
        message.whole = True
        return message
    if length is None:
        message.body = reader.take(len(reader.rest()))
        message.whole = ended
        return message
    message.whole = read_chunks(reader, message) if length == "chunked" else \
        read_sized(reader, message, length)
    return message


def responses(data, methods, ended):
    """(final responses, bytes behind them that are a tunnel's). METHODS: of the requests, in turn."""
    reader, found, interim = Reader(data), [], 0
    while reader.rest():
        method = methods[min(len(found), len(methods) - 1)]
        message = read_response(reader, method, ended)
        if message.status and 100 < message.status < 200 and message.status != 101 or \
                message.status == 100:
            interim += 1
            if interim > INTERIM_MAXIMUM:
                raise Ambiguous("a flood of interim responses")
            continue
        found.append(message)
        if not message.whole:
            break
        if message.status == 101 or (method == "CONNECT" and message.status == 200):
            return found, reader.rest()
    return found, b""
