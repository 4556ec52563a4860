"""Makes ClientHellos, good and bad ones (RFC 8446, sections 4.1.2 and 5.1).

Options, all bytes: sni (a name; left out: no server_name), sni2 (a second name in the list), again
(a second server_name extension), type (the name's type), ech (an encrypted_client_hello extension
of this number, hexadecimal), only (the extension's whole body, raw), split (bytes in each record),
empty (a record without a byte stands at this place), version and record (hexadecimal), extra (bytes
behind the message in its record), after (bytes behind the record), pad (bytes of padding), longer
(added to the message's length), list (the server_name list's length is false by so much), content
(record type), message (handshake type), compression (methods), suites (how many), early (any value:
early data is announced).
"""
import struct


def vector(width, data, longer=0):
    return (len(data) + longer).to_bytes(width, "big") + data


def extension(number, body):
    return struct.pack(">H", number) + vector(2, body)


def server_name(name, second=None, kind=0, longer=0):
    names = bytes([kind]) + vector(2, name)
    if second is not None:
        names += b"\0" + vector(2, second)
    return vector(2, names, longer)


def extensions(options):
    made = b""
    if "only" in options:
        made += extension(0, options["only"])
    elif "sni" in options:
        made += extension(0, server_name(options["sni"], options.get("sni2"),
                                         int(options.get("type", b"0")),
                                         int(options.get("list", b"0"))))
    if "again" in options:
        made += extension(0, server_name(options["again"]))
    made += extension(10, b"\0\x02\0\x1d") + extension(43, b"\x02\x03\x04")
    if "early" in options:
        made += extension(42, b"")
    if "ech" in options:
        made += extension(int(options["ech"], 16), b"\0\0\x01\0\x01\0\0\x20" + b"e" * 32 + b"\0\x08" + b"p" * 8)
    if "pad" in options:
        made += extension(21, b"\0" * int(options["pad"]))
    return made


def build(**options):
    """The records of a ClientHello, and what OPTIONS put behind them."""
    suites = b"\x13\x01" * int(options.get("suites", b"1"))
    message = bytes.fromhex(options.get("version", b"0303").decode()) + b"r" * 32 + vector(1, b"i" * 32)
    message += vector(2, suites) + vector(1, b"\0" * int(options.get("compression", b"1")))
    if options.get("extensions") != b"none":
        message += vector(2, extensions(options), int(options.get("total", b"0")))
    message = bytes([int(options.get("message", b"1"))]) + \
        vector(3, message, int(options.get("longer", b"0"))) + options.get("extra", b"")
    return records(message, options) + options.get("after", b"")


def records(message, options):
    header = bytes([int(options.get("content", b"22"))]) + \
        bytes.fromhex(options.get("record", b"0301").decode())
    size = int(options.get("split", b"16384"))
    parts = [message[at:at + size] for at in range(0, len(message), size)]
    if "empty" in options:
        parts.insert(int(options["empty"]), b"")
    return b"".join(header + vector(2, part) for part in parts)
