"""How connections end, and what must not happen on the way: a stall, a lost tail, a stale reuse."""
import os
import signal
import socket
import struct
import threading
import unittest

import harness
from harness import Scenario, wait_until

MEBIBYTE = 1 << 20


def reset(sock):
    """Closes so that the other side sees a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Streams(Scenario):
    def test_several_bulk_streams_of_one_worker_all_come_to_their_end(self):
        size = 24 * MEBIBYTE

        def pour(wire):
            wire.read(2)
            wire.send(bytes(size))

        server = self.origin(pour)
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"], workers=1)
        got = {}

        def fetch(number):
            with proxy.connect() as client:
                client.tunnel(f"origin.test:{server.port}")
                client.send("GO")
                got[number] = len(client.read(size))

        readers = [threading.Thread(target=fetch, args=(number,)) for number in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        self.assertEqual(got, {number: size for number in range(4)})

    def test_a_reset_right_behind_the_last_bytes_is_seen_at_once(self):
        def answer_and_reset(wire):
            wire.read(4)
            wire.send("last")
            reset(wire.sock)

        server = self.origin(answer_and_reset)
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"],
                           timeouts={"idle_seconds": 1000})
        with proxy.connect() as client:
            client.tunnel(f"origin.test:{server.port}")
            client.send("ping")
            client.rest()
        [closed] = proxy.wait_log(event="close")
        self.assertEqual(closed["outcome"], "upstream_reset")

    def test_a_slow_reader_gets_the_whole_of_a_closing_response(self):
        size = 8 * MEBIBYTE

        def serve(wire):
            wire.until(b"\r\n\r\n")
            wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n", bytes(size))

        server = self.origin(serve)
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.send(f"GET http://origin.test:{server.port}/ HTTP/1.1\r\n"
                        f"Host: origin.test:{server.port}\r\nConnection: close\r\n\r\n")
            proxy.wait_log(event="decision")
            # Longer than the time that a closing connection lingers, with the response half read.
            threading.Event().wait(3)
            self.assertEqual(len(client.rest().partition(b"\r\n\r\n")[2]), size)


class Reuse(Scenario):
    def get(self, client, path):
        client.send(f"GET http://origin.test:{self.server.port}{path} HTTP/1.1\r\n"
                    f"Host: origin.test:{self.server.port}\r\n\r\n")
        return client.response()

    def test_what_stands_behind_a_response_never_answers_the_next_request(self):
        def surplus(wire):
            path = wire.until(b"\r\n\r\n").split(b" ")[1]
            response = b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"a" * 20000
            if path == b"/1":
                response += b"HTTP/1.1 200 OK\r\nX-Poison: 1\r\nContent-Length: 0\r\n\r\n"
            wire.send(response)
            wire.rest()

        self.server = self.origin(surplus)
        proxy = self.proxy(allow=[f"http://origin.test:{self.server.port}"], workers=1)
        with proxy.connect() as client:
            self.assertEqual(len(self.get(client, "/1").body), 20000)
            second = self.get(client, "/2")
        self.assertFalse(second.has("X-Poison"))
        self.assertEqual(len(second.body), 20000)

    def test_a_connection_that_the_origin_has_ended_serves_no_other_request(self):
        def once(wire):
            wire.until(b"\r\n\r\n")
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        self.server = self.origin(once)  # says keep-alive by saying nothing, and closes
        proxy = self.proxy(allow=[f"http://origin.test:{self.server.port}"], workers=1)
        for _ in range(30):
            with proxy.connect() as client:
                client.send(f"POST http://origin.test:{self.server.port}/ HTTP/1.1\r\n"
                            f"Host: origin.test:{self.server.port}\r\nContent-Length: 0\r\n\r\n")
                self.assertIn(client.response().status, (200, 502))
        # A request may meet the end on its way; what had ended before is never chosen.
        self.assertLess(len(proxy.log(event="close", status=502)), 5)


class Stops(Scenario):
    def test_a_decision_is_logged_though_the_stop_comes_while_it_is_dialled(self):
        proxy = self.proxy(allow=["http://silent.test"], hosts={"silent.test": "127.0.0.1"},
                           network={"resolvers": [], "hosts_file": ""})
        deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(deaf.close)
        deaf.bind(("127.0.0.1", 0))
        proxy.stop()
        proxy.configuration["network"]["resolvers"] = [f"127.0.0.1:{deaf.getsockname()[1]}"]
        proxy.ports, proxy.ready = [], None
        proxy.start()
        with proxy.connect() as client:
            client.send("CONNECT silent.test:80 HTTP/1.1\r\nHost: silent.test:80\r\n\r\n")
            deaf.settimeout(harness.PATIENCE)
            deaf.recv(512)  # the question has come: the request is under way
            proxy.signal(signal.SIGTERM)
            wait_until(lambda: "stopping" in "\n".join(proxy.stderr), "it stops")
            proxy.stop()
        [decision] = proxy.log(event="decision")
        [closed] = proxy.log(event="close")
        self.assertEqual(decision["host"], "silent.test")
        self.assertEqual(closed["id"], decision["id"])

    def test_who_comes_while_it_drains_is_refused_at_once(self):
        server = self.origin(lambda wire: wire.rest())
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.tunnel(f"origin.test:{server.port}")
            proxy.signal(signal.SIGTERM)

            def refused():
                try:
                    proxy.connect().close()
                    return False
                except ConnectionRefusedError:
                    return True
            wait_until(refused, "it listens no more")
        proxy.stop()

    def test_a_file_in_the_place_of_a_unix_socket_is_left_alone(self):
        path = self.path("precious")
        with open(path, "w", encoding="utf-8") as file:
            file.write("not a socket")
        proxy = self.prepare()
        proxy.configuration["listeners"] = [{"address": f"unix:{path}", "identity": harness.STATIC}]
        proxy.launch()
        self.assertEqual(proxy.join(), 1)
        self.assertTrue(os.path.exists(path))


if __name__ == "__main__":
    unittest.main()
