"""Resolvers that are late, that answer at length, or never to the end: names of others are served meanwhile.

What a resolver says of the wrong name, and addresses that change or are prohibited: test/bypass/cases/names.txt; what it
says of how long an answer holds: test/proxy/resolver_test.c.
"""
import os
import socket
import struct
import sys
import threading
import time

from harness import SLOW, Scenario

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bypass"))
import name_server  # noqa: E402  pylint: disable=wrong-import-position

LATE = "late.test"
LONG = 65535  # bytes: the longest message there can be over TCP (RFC 1035, section 4.2.2)
IS_RESPONSE, IS_CUT = 0x8180, 0x8380
POINTER_TO_NAME = b"\xc0\x0c"


class LateServer(name_server.NameServer):
    """Answers for LATE after `delay` seconds, for every other name at once."""

    def __init__(self, delay):
        self.delay = delay
        super().__init__({}, "127.0.0.1")

    def serve(self):
        while True:
            try:
                question, who = self.sock.recvfrom(4096)
            except OSError:
                return
            if not question:
                return
            name, _ = name_server.decode(question, 12)
            delay = self.delay if name.lower() == LATE else 0
            threading.Timer(delay, self.send, (self.reply(question), who)).start()

    def send(self, reply, who):
        try:
            self.sock.sendto(reply, who)
        except OSError:
            pass  # closed meanwhile


class HalfServer(name_server.NameServer):
    """Answers for every name, but keeps back what it says of KIND (A, AAAA) until it is let go."""

    def __init__(self, kind, addresses):
        self.kind, self.kept, self.let_go = kind, threading.Event(), threading.Event()
        super().__init__({LATE: [addresses]}, "127.0.0.1")

    def serve(self):
        while True:
            try:
                question, who = self.sock.recvfrom(4096)
                if not question:
                    return
                reply = self.reply(question)
                if question[-4:-2] == struct.pack(">H", self.kind):
                    threading.Thread(target=self.answer_late, args=(reply, who), daemon=True).start()
                else:
                    self.sock.sendto(reply, who)
            except OSError:
                return

    def answer_late(self, reply, who):
        self.kept.set()
        self.let_go.wait()
        try:
            self.sock.sendto(reply, who)
        except OSError:
            pass  # closed meanwhile


class LongServer(name_server.NameServer):
    """Has no room for an answer by UDP; by TCP it is as long as can be, or a PART of that and then nothing."""

    def __init__(self, part=LONG + 2):
        self.part = part
        self.by_tcp = 0
        self.wires = []
        self.bind()
        threading.Thread(target=self.accept, daemon=True).start()

    def bind(self):
        """The same port for both; where the one is free the other may be somebody's."""
        for _ in range(20):
            self.listener = socket.create_server(("127.0.0.1", 0))
            try:
                super().__init__({}, "127.0.0.1", port=self.listener.getsockname()[1])
                return
            except OSError:
                self.listener.close()
        raise OSError("no port is free for both")

    def reply(self, question):
        _, end = name_server.decode(question, 12)
        return question[:2] + struct.pack(">HHHHH", IS_CUT, 1, 0, 0, 0) + question[12:end + 4]

    def accept(self):
        while True:
            try:
                wire, _ = self.listener.accept()
            except OSError:
                return
            self.wires.append(wire)
            threading.Thread(target=self.converse, args=(wire,), daemon=True).start()

    def converse(self, wire):
        try:
            with wire.makefile("rb") as stream:
                while head := stream.read(2):
                    message = self.long_answer(stream.read(struct.unpack(">H", head)[0]))
                    self.by_tcp += 1
                    wire.sendall((struct.pack(">H", len(message)) + message)[:self.part])
        except OSError:
            pass  # closed meanwhile

    @staticmethod
    def long_answer(question):
        """The same address over and over, and bytes that fill it up."""
        _, end = name_server.decode(question, 12)
        kind, = struct.unpack(">H", question[end:end + 2])
        record = POINTER_TO_NAME + struct.pack(">HHIH", kind, 1, 60, 4) + bytes([127, 0, 0, 1])
        asked = question[12:end + 4]
        count = (LONG - 12 - len(asked) - 12) // len(record) if kind == name_server.A else 0
        rest = LONG - 12 - len(asked) - count * len(record) - 11
        padding = b"\0" + struct.pack(">HHIH", 16, 1, 60, rest) + b"\xff" * rest  # a TXT of the root
        return (question[:2] + struct.pack(">HHHHH", IS_RESPONSE, 1, count, 0, 1) + asked + record * count + padding)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for wire in self.wires:
            wire.close()
        super().close()


class Resolvers(Scenario):
    def given(self, names, seconds):
        self.names = self.keep(names)
        self.server = self.http_origin()
        self.urls = {name: f"http://{name}:{self.server.port}/" for name in (LATE, "prompt.test")}
        return self.proxy(allow=list(self.urls.values()), workers=1, timeouts={"resolve_seconds": seconds},
                          network={"hosts_file": "", "resolvers": [f"127.0.0.1:{names.port}"]})

    def ask(self, proxy, name, answers):
        with proxy.connect() as client:
            answers.append(client.get(self.urls[name]))

    def test_an_answer_that_is_late_but_in_time_is_taken(self):
        proxy = self.given(LateServer(0.5), 20 * SLOW)
        late = []
        waits = threading.Thread(target=self.ask, args=(proxy, LATE, late))
        waits.start()
        prompt = []
        self.ask(proxy, "prompt.test", prompt)
        waits.join()
        self.assertEqual([late[0].status, prompt[0].status], [200, 200])
        self.assertEqual(proxy.metrics()["sallyport_resolver_failures_total"], 0)

    def test_an_answer_that_is_too_late_is_a_timeout_and_harms_nothing(self):
        proxy = self.given(LateServer(4 * SLOW), 1)
        answers = []
        self.ask(proxy, LATE, answers)
        self.assertEqual(answers[0].status, 504)
        self.assertIn("dns_timeout", answers[0].get("Proxy-Status"))
        self.assertEqual(proxy.metrics()["sallyport_resolver_failures_total"], 1)
        time.sleep(4 * SLOW)  # now it comes, and nobody waits for it
        self.names.delay = 0
        self.ask(proxy, "prompt.test", answers)
        self.assertEqual(answers[1].status, 200)
        self.assertEqual(self.server.connections, 1)

    def test_an_answer_of_64_kib_by_tcp_is_read_and_costs_little(self):
        names = LongServer()
        proxy = self.given(names, 20 * SLOW)
        before = proxy.status_kib()
        answers = []
        self.ask(proxy, LATE, answers)
        self.assertEqual(answers[0].status, 200)
        self.assertGreaterEqual(names.by_tcp, 1)
        self.assertLess(proxy.status_kib() - before, 16384)

    def test_one_that_breaks_off_in_a_long_answer_is_a_timeout(self):
        proxy = self.given(LongServer(part=30000), 1)
        answers = []
        self.ask(proxy, LATE, answers)
        self.assertIn(answers[0].status, (502, 504))
        self.assertRegex(answers[0].get("Proxy-Status"), "dns_(timeout|error)")
        self.assertEqual(proxy.metrics()["sallyport_resolver_failures_total"], 1)
        self.assertEqual(self.server.connections, 0)

    def test_ipv4_is_dialled_while_the_answer_of_ipv6_is_waited_for(self):
        names = HalfServer(name_server.AAAA, ["127.0.0.1"])
        self.addCleanup(names.let_go.set)
        proxy = self.given(names, 60 * SLOW)
        answers = []
        self.ask(proxy, LATE, answers)
        self.ask(proxy, LATE, answers)  # joins the lookup, which is not over
        self.assertTrue(names.kept.is_set())
        self.assertFalse(names.let_go.is_set())
        self.assertEqual([answer.status for answer in answers], [200, 200])

    def test_where_one_family_cannot_be_dialled_the_other_is_waited_for(self):
        names = HalfServer(name_server.A, ["127.0.0.1", "2001:db8::1"])
        proxy = self.given(names, 60 * SLOW)
        answers = []
        waits = threading.Thread(target=self.ask, args=(proxy, LATE, answers))
        waits.start()
        names.kept.wait()
        time.sleep(0.2)  # long enough to have been told of IPv6, which is prohibited
        self.assertEqual(answers, [])
        names.let_go.set()
        waits.join()
        self.assertEqual(answers[0].status, 200)
