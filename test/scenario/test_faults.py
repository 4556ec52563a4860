"""What breaks around the proxy: origins, clients, the log's reader, the clock, the process itself.

Whatever it is, others are served, and every decision that was made has its record and its close.
"""
import json
import os
import signal
import socket
import struct
import threading
import time

from clock import Clock
from harness import Scenario, wait_until
from origins import ok

READER = 'exec > >(echo $BASHPID > "$LOG_PID"; exec cat > "$LOG_FILE"); exec "$0" "$@"'


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Faults(Scenario):
    def assertAllClosed(self, gate, decisions):
        """Every decision has one record and one close, by the log and by the counters."""
        gate.wait_log(decisions, event="close")
        decided = [record["id"] for record in gate.log(event="decision")]
        closed = [record["id"] for record in gate.log(event="close")]
        self.assertEqual(sorted(decided), sorted(closed))
        self.assertEqual(len(set(decided)), decisions)
        counted = sum(value for name, value in gate.metrics().items()
                      if name.startswith("sallyport_decisions_total"))
        self.assertEqual(counted, decisions)

    def assertServes(self, gate, url):
        with gate.connect() as client:
            self.assertEqual(client.get(url).status, 200)


class Peers(Faults):
    """The origin's n-th connection fares as the n-th entry says; the client gets an answer or a break."""

    STAGES = [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
              b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
              b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n",
              b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
              b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"]

    def origin_that(self, ends):
        turns = iter(self.STAGES)

        def talk(wire):
            part = next(turns, None)
            wire.request()
            if part is None:
                wire.send(ok(b"good"))
                return
            wire.send(part)
            time.sleep(0.05)  # the part arrives before the end does
            ends(wire.sock)
        return self.origin(talk)

    def ask_all(self, ends):
        server = self.origin_that(ends)
        url = f"http://origin.test:{server.port}/"
        gate = self.proxy(allow=[url])
        for part in self.STAGES:
            with gate.connect() as client:
                client.send(f"POST {url} HTTP/1.1\r\nHost: origin.test:{server.port}\r\nContent-Length: 1\r\n\r\nx")
                got = client.rest()
            self.assertNotIn(b"good", got, part)
            self.assertTrue(got == b"" or b" 502 " in got or not got.endswith((b"\r\n0\r\n\r\n", b"123456789")), part)
        self.assertServes(gate, url)
        self.assertAllClosed(gate, len(self.STAGES) + 1)

    def test_an_origin_that_dies_at_any_point_is_answered_for_or_breaks_off(self):
        self.ask_all(lambda sock: sock.close())

    def test_an_origin_that_resets_at_any_point_is_answered_for_or_breaks_off(self):
        self.ask_all(reset)

    def test_a_client_that_resets_at_any_point_leaves_its_close(self):
        server = self.http_origin(lambda request: ok(b"x" * 100000))
        url = f"http://origin.test:{server.port}/"
        gate = self.proxy(allow=[url])
        head = f"POST {url} HTTP/1.1\r\nHost: origin.test:{server.port}\r\nContent-Length: 5\r\n\r\nhello".encode()
        cuts = [1, 10, len(head) - 20, len(head) - 5, len(head) - 1, len(head)]
        for cut in cuts:
            client = gate.connect()
            client.send(head[:cut])
            time.sleep(0.02)
            reset(client.sock)
        self.assertServes(gate, url)
        with gate.connect() as client:
            client.send(head)
            client.response()
        wait_until(lambda: gate.metrics()["sallyport_connections_open"] == 0, "nothing is left open")
        decided = {record["id"] for record in gate.log(event="decision")}
        gate.wait_log(len(decided), event="close")
        self.assertEqual(decided, {record["id"] for record in gate.log(event="close")})


class LogReader(Faults):
    """The log is standard output, a pipe that somebody reads."""

    def given(self):
        self.server = self.http_origin(lambda request: ok(b"ok"))
        self.url = f"http://origin.test:{self.server.port}/"
        self.log_file, pid = self.path("read.log"), self.path("reader.pid")
        os.environ["LOG_FILE"], os.environ["LOG_PID"] = self.log_file, pid
        self.gate = self.proxy(allow=[self.url], log={"decisions": "-"}, wrapper=["bash", "-c", READER])
        self.gate.log_path = self.log_file
        with open(pid, encoding="ascii") as file:
            self.reader = int(file.read())

    def deny(self, answered, enough):
        """Asks for what is denied, with long names, until ENOUGH is set."""
        label = "x" * 60
        with self.gate.connect() as client:
            while not enough.is_set():
                host = f"{threading.get_ident()}-{len(answered)}.{label}.{label}.{label}.test"
                client.get(f"http://{host}/")
                answered.append(host)

    def test_that_stops_and_goes_on_costs_no_decision(self):
        self.given()
        os.kill(self.reader, signal.SIGSTOP)
        lists, enough = [[], [], []], threading.Event()
        threads = [threading.Thread(target=self.deny, args=(answered, enough)) for answered in lists]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: self.gate.admin("/readyz")[0] == 503, "/readyz tells of the reader")
        finally:
            enough.set()
            os.kill(self.reader, signal.SIGCONT)
        for thread in threads:
            thread.join()
        wait_until(lambda: self.gate.admin("/readyz")[0] == 200, "/readyz is good again")
        self.assertServes(self.gate, self.url)
        self.assertAllClosed(self.gate, sum(len(answered) for answered in lists) + 1)

    def test_that_is_gone_ends_nothing_and_is_told(self):
        self.given()
        os.kill(self.reader, signal.SIGKILL)
        with self.gate.connect() as client:
            self.assertDenied(client.get("http://evil.test/"), "undeclared")
        wait_until(lambda: self.gate.admin("/readyz")[0] == 503, "/readyz tells of the reader")
        self.assertEqual(self.gate.admin("/healthz")[0], 200)
        counted = {name: value for name, value in self.gate.metrics().items()
                   if name.startswith("sallyport_decisions_total")}
        self.assertEqual(sum(counted.values()), 1, counted)  # what nobody could read is counted
        self.gate.signal(signal.SIGKILL)  # a clean stop would wait for the log
        self.gate.join()


class Process(Faults):
    def test_stopped_in_a_burst_and_continued_it_loses_no_decision(self):
        """SIGSTOP of all that it is: its workers and the log's writer."""
        server = self.http_origin(lambda request: ok(b"ok"))
        url = f"http://origin.test:{server.port}/"
        gate = self.proxy(allow=[url])
        counts, enough = [0] * 4, threading.Event()

        def burst(number):
            with gate.connect() as client:
                while not enough.is_set():
                    client.get("http://evil.test/")
                    counts[number] += 1
        threads = [threading.Thread(target=burst, args=(number,)) for number in range(len(counts))]
        for thread in threads:
            thread.start()
        for _ in range(3):
            goal = sum(counts) + 50
            wait_until(lambda goal=goal: sum(counts) >= goal, "requests go on")
            gate.signal(signal.SIGSTOP)
            time.sleep(0.2)
            gate.signal(signal.SIGCONT)
        enough.set()
        for thread in threads:
            thread.join()
        self.assertServes(gate, url)
        self.assertAllClosed(gate, sum(counts) + 1)

    def test_killed_in_a_burst_it_leaves_whole_lines_and_starts_again(self):
        server = self.http_origin(lambda request: ok(b"ok"))
        url = f"http://origin.test:{server.port}/"
        gate = self.proxy(allow=[url])

        def burst():
            try:
                with gate.connect() as client:
                    while client.get("http://evil.test/").status == 403:
                        pass
            except (OSError, EOFError):
                pass  # the kill
        threads = [threading.Thread(target=burst) for _ in range(4)]
        for thread in threads:
            thread.start()
        gate.wait_log(500, event="decision")
        gate.signal(signal.SIGKILL)
        gate.join()
        for thread in threads:
            thread.join()
        before = len(gate.log())  # every line is JSON
        unfinished = '{"time":"2026-10-01T00:00:00.000Z","event":"deci'
        with open(gate.log_path, "a", encoding="utf-8") as file:
            file.write(unfinished)  # a kill while the disk was full would leave this
        gate.ports, gate.stderr = [], []
        gate.start()
        self.assertIn(f"cut off: {len(unfinished)} bytes", "\n".join(gate.stderr))
        self.assertServes(gate, url)
        gate.wait_log(1, event="decision", host="origin.test")
        gate.stop()
        self.assertGreater(len(gate.log()), before)
        with open(gate.log_path, encoding="utf-8") as file:
            self.assertTrue(file.read().endswith("\n"))


class Clocks(Faults):
    def test_that_jumps_an_hour_either_way_costs_nothing(self):
        clock = Clock(self.directory)
        server = self.http_origin(lambda request: ok(b"ok"))
        url = f"http://origin.test:{server.port}/"
        gate = self.proxy(allow=[url], wrapper=clock.wrapper)
        with gate.connect() as client:
            for seconds in (0, 3600, -3600, 3600):
                clock.set(wall=seconds)
                self.assertEqual(client.get(url).status, 200)
                self.assertEqual(client.get("http://evil.test/").status, 403)
        self.assertAllClosed(gate, 8)
        times = [json.loads(line)["time"] for line in gate.log_lines()]
        self.assertNotEqual(times, sorted(times), "the clock did not jump")
        self.assertTrue(all(record["duration_ms"] < 60000 for record in gate.log(event="close")))
