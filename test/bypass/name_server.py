"""A name server that lies by script: what dnsmasq cannot be made to say.

RECORDS: name → a list of answers, one for each time its A records are asked for (the last stays).
An answer is a list of addresses (both families; each question gets its own), or a word: `nothing`
(NOERROR, no data), `nxdomain`, `servfail`, `silence`, `cname:NAME` (with NAME's own addresses behind
it), `other:NAME` (NAME's addresses as the records of NAME, which nobody asked for), `loop`. Names that
are not listed have the address `elsewhere`, so that whoever asks for one is led to where it is seen.
"""
import ipaddress
import socket
import struct
import threading

A, CNAME, AAAA = 1, 5, 28


def encode(name):
    labels = [label for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in labels) + b"\0"


def decode(message, at):
    labels = []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    return ".".join(labels), at + 1


class NameServer:
    def __init__(self, records, elsewhere, address="127.0.0.1", port=0):
        self.records = records
        self.elsewhere = elsewhere
        self.asked = []
        self.times = {}
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, port))
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                question, who = self.sock.recvfrom(4096)
                if not question:
                    return
                reply = self.reply(question)
                if reply:
                    self.sock.sendto(reply, who)
            except OSError:
                return

    def reply(self, question):
        name, end = decode(question, 12)
        kind, = struct.unpack(">H", question[end:end + 2])
        self.asked.append(name.lower())
        said = self.answer_to(name.lower(), kind)
        codes = {"servfail": 2, "nxdomain": 3}
        if said == "silence":
            return None
        records = [] if isinstance(said, str) and said in codes else self.resource(name, said, kind)
        head = question[:2] + struct.pack(">HHHHH", 0x8180 | codes.get(said if isinstance(said, str)
                                                                         else "", 0), 1,
                                          len(records), 0, 0)
        return head + question[12:end + 4] + b"".join(records)

    def answer_to(self, name, kind):
        """The answer of this time; A and AAAA each have a turn of their own."""
        answers = self.records.get(name, [[self.elsewhere]])
        turn = self.times.get((name, kind), 0)
        self.times[name, kind] = turn + 1
        return answers[min(turn, len(answers) - 1)]

    def resource(self, name, said, kind):
        if isinstance(said, list):
            return [self.address(name, one, kind) for one in said if self.fits(one, kind)]
        word, _, other = said.partition(":")
        if word == "loop":
            return [self.record(name, CNAME, encode("x" + name)), self.record("x" + name, CNAME, encode(name))]
        if word not in ("cname", "other"):
            return []
        addresses = self.answer_to(other, kind)
        found = [self.address(other, one, kind) for one in addresses if self.fits(one, kind)]
        return ([self.record(name, CNAME, encode(other))] if word == "cname" else []) + found

    @staticmethod
    def fits(address, kind):
        return (":" in address) == (kind == AAAA) and kind in (A, AAAA)

    def address(self, name, address, kind):
        return self.record(name, kind, ipaddress.ip_address(address).packed)

    @staticmethod
    def record(name, kind, data):
        return encode(name) + struct.pack(">HHIH", kind, 1, 0, len(data)) + data

    def close(self):
        wake = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        wake.sendto(b"", self.sock.getsockname())
        wake.close()
        self.thread.join(5)
        self.sock.close()
