"""Clients that are slow or want too much: their memory and time are bounded, and others are served."""
import socket
import threading
import time

from harness import SLOW, Scenario, is_instrumented, wait_until
from origins import ok

MANY = 1000


class Greedy(Scenario):
    def setUp(self):
        super().setUp()
        self.server = self.http_origin(lambda request: ok(b"ok"))
        self.url = f"http://origin.test:{self.server.port}/"

    def given(self, **options):
        self.gate = self.proxy(allow=[self.url], **options)

    def assertServes(self):
        with self.gate.connect() as client:
            self.assertEqual(client.get(self.url).status, 200)

    def assertLeavesNothing(self):
        wait_until(lambda: self.gate.metrics()["sallyport_connections_open"] == 0, "all are gone")
        self.assertServes()

    def test_a_thousand_heads_that_never_end_hold_up_nobody_and_end(self):
        self.given(timeouts={"head_seconds": 3 * SLOW})
        clients = [self.keep(self.gate.connect()) for _ in range(MANY)]
        for client in clients:
            client.send(f"GET {self.url} HTTP/1.1\r\nHost: origin.test\r\nX-Slow: ")
        before = self.gate.status_kib()
        self.assertServes()
        for _ in range(3):
            for client in clients:
                try:
                    client.send("x")
                except OSError:
                    pass  # its time was up
        each = 32 if is_instrumented() else 8  # sanitizers keep a shadow of it
        self.assertLess(self.gate.status_kib() - before, each * MANY, "KiB for a thousand heads")
        self.assertLeavesNothing()
        self.gate.wait_log(MANY, event="close", outcome="malformed")

    def test_hundreds_of_tunnels_without_a_hello_end(self):
        silent = self.origin()
        authority = f"silent.test:{silent.port}"
        self.gate = self.proxy(allow=[self.url, f"https://{authority}"], timeouts={"hello_seconds": 2 * SLOW})
        clients = [self.keep(self.gate.connect()) for _ in range(MANY // 4)]
        for client in clients:
            client.send(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n\x16")
        self.assertServes()
        self.gate.wait_log(len(clients), event="close", outcome="timeout")
        self.assertEqual(silent.received, b"")

    def test_who_reads_nothing_is_sent_no_more_than_the_socket_holds(self):
        size = 64 << 20
        big = self.http_origin(lambda request: ok(bytes(size)))
        url = f"http://big.test:{big.port}/"
        self.gate = self.proxy(allow=[self.url, url], timeouts={"idle_seconds": 3 * SLOW})
        before = self.gate.status_kib()
        clients = [self.keep(self.gate.connect()) for _ in range(4)]
        for client in clients:
            client.send(f"GET {url} HTTP/1.1\r\nHost: big.test:{big.port}\r\n\r\n")
        wait_until(lambda: len(big.requests) == len(clients), "all are asked for")
        time.sleep(0.3)
        self.assertLess(self.gate.status_kib() - before, 16 << 10)
        self.assertServes()
        self.gate.wait_log(len(clients), event="close", outcome="timeout")

    def test_a_head_larger_than_any_is_refused_before_it_is_whole(self):
        self.given()
        for fields, statuses in (("X: " + "y" * 100000, (431,)),
                                 ("\r\n".join(f"X-{n}: y" for n in range(500)), (400, 431)),
                                 ("\r\n".join("X: " + "y" * 1000 for _ in range(100)), (431,))):
            with self.gate.connect() as client:
                client.send(f"GET {self.url} HTTP/1.1\r\nHost: origin.test\r\n{fields}")
                self.assertIn(client.response().status, statuses)
        with self.gate.connect() as client:
            client.send("GET http://origin.test/" + "p" * 20000 + " HTTP/1.1\r\n\r\n")
            self.assertEqual(client.response().status, 414)
        self.assertLeavesNothing()

    def test_a_chunk_extension_without_end_is_cut(self):
        self.given()
        with self.gate.connect() as client:
            client.send(f"POST {self.url} HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n1;")
            try:
                client.send(*["x" * 65536] * 64)
            except OSError:
                pass  # cut while it was still being sent
            self.assertNotIn(b" 200 ", client.rest())
        self.assertLeavesNothing()

    def test_connections_as_fast_as_can_be_made_are_served_and_leave_nothing(self):
        self.given()
        wrong = []

        def hurry():
            for number in range(500):
                try:
                    with socket.create_connection(("127.0.0.1", self.gate.port), 30) as sock:
                        if number % 10 == 0:
                            sock.sendall(f"GET {self.url} HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n\r\n"
                                         .encode())
                            if b" 200 " not in sock.recv(4096):
                                wrong.append("no answer")
                except OSError as error:
                    wrong.append(error)
        before = self.gate.status_kib()
        threads = [threading.Thread(target=hurry) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertLeavesNothing()
        self.assertLess(self.gate.status_kib() - before, (64 if is_instrumented() else 16) << 10)
