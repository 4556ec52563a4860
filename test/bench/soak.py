#!/usr/bin/python3
"""A long day for one proxy: all kinds of clients at once, good ones and bad, and the policy and the
log changing under them; then a verdict.

    test/bench/soak.py [--minutes M]        (SOAK_MINUTES, 30)

Flat means: the median of resident memory over the last quarter after warm-up is within 2 % of that
over the first. When the last client has gone, all descriptors are back that were there at the start
(a worker keeps idle pipes, a bounded number; they are counted apart), every log record that was
made is written, and the lines of the log, rotated meanwhile, are as many. Exits with 1 where any of
it is not so, or where a client got what it should not. The figures go to build/soak.md.
"""
import argparse
import asyncio
import os
import random
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
sys.path.insert(0, os.path.join(ROOT, "test", "scenario"))

import crowd  # noqa: E402  pylint: disable=wrong-import-position
import harness  # noqa: E402  pylint: disable=wrong-import-position

LOAD = os.path.join(BUILD, "test", "bench", "load")
ORIGIN = "127.0.0.2"
WORKERS = 2
PIPES_KEPT = 64 * 2 * WORKERS  # PIPE_POOL_MAXIMUM, both ends
FLAT = 0.02
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close is a reset


class Program:
    """The origin of the benches."""

    def __init__(self):
        self.process = subprocess.Popen([os.path.join(BUILD, "test", "bench", "origin"), ORIGIN],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


async def talk(reader, writer):
    """An origin that takes a chunked POST and says its length, upgrades, or sends back."""
    first = await reader.readexactly(4)
    if first not in (b"POST", b"GET "):
        await crowd.CrowdOrigin.echo_from(first, reader, writer)
        return
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"websocket" in head:
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                         b"Upgrade: websocket\r\n\r\n")
            await crowd.CrowdOrigin.echo_from(b"", reader, writer)
            return
        if b"hunked" in head:
            length = 0
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
                length += size
            await reader.readexactly(2)
            body = str(length).encode()
        else:
            body = b"x" * 200000  # for those that read slowly
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        await reader.readexactly(4)


class Clients:
    """Coroutines, each one kind of client, over and over; COUNTS says how often each came through."""

    def __init__(self, port, authority):
        self.port, self.authority = port, authority
        self.counts, self.wrong = {}, []
        self.ending = False

    async def dial(self):
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, head, body=b""):
        reader, writer = await self.dial()
        writer.write(head.encode() + b"\r\n\r\n" + body)
        return reader, writer, await reader.readuntil(b"\r\n\r\n")

    async def tunnel(self):
        reader, writer, head = await self.ask(f"CONNECT {self.authority} HTTP/1.1\r\nHost: {self.authority}")
        assert head.startswith(b"HTTP/1.1 200 "), head
        return reader, writer

    async def echo(self):
        reader, writer = await self.tunnel()
        for _ in range(5):
            word = random.randbytes(random.choice((4, 100, 5000, 100000)))
            writer.write(word)
            assert await reader.readexactly(len(word)) == word
        writer.close()

    async def half_close(self):
        reader, writer = await self.tunnel()
        writer.write(b"last words")
        writer.write_eof()
        assert await reader.read() == b"last words"
        writer.close()

    async def post(self):
        pieces = [random.randbytes(random.randint(1, 20000)) for _ in range(5)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        reader, writer, head = await self.ask(
            f"POST http://{self.authority}/ HTTP/1.1\r\nHost: {self.authority}\r\n"
            "Transfer-Encoding: chunked", body)
        length = str(sum(map(len, pieces))).encode()
        assert head.startswith(b"HTTP/1.1 200 ") and await reader.readexactly(len(length)) == length, head
        writer.close()

    async def websocket(self):
        reader, writer, head = await self.ask(
            f"GET http://{self.authority}/ HTTP/1.1\r\nHost: {self.authority}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
        assert head.startswith(b"HTTP/1.1 101 "), head
        for _ in range(3):
            writer.write(b"frame")
            assert await reader.readexactly(5) == b"frame"
        writer.close()

    async def denied(self):
        _, writer, head = await self.ask("CONNECT never.test:443 HTTP/1.1\r\nHost: never.test:443")
        assert head.startswith(b"HTTP/1.1 403 "), head
        writer.close()

    async def malformed(self):
        _, writer, head = await self.ask("GET nonsense HTTP/1.1")
        assert head.startswith(b"HTTP/1.1 400 "), head
        writer.close()

    async def vanish(self):
        """Goes without a word, at any stage."""
        reader, writer = await self.dial()
        head = f"CONNECT {self.authority} HTTP/1.1\r\nHost: {self.authority}\r\n\r\n"
        writer.write(head[:random.randint(0, len(head))].encode())
        if random.random() < 0.5:
            writer.write(random.randbytes(50000))
            await asyncio.sleep(random.random() / 20)
        if random.random() < 0.5:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()
        del reader

    async def slow_head(self):
        reader, writer = await self.dial()
        for byte in f"CONNECT {self.authority} HTTP/1.1\r\nHost: {self.authority}\r\n\r\n":
            writer.write(byte.encode())
            await asyncio.sleep(0.02)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        writer.close()

    async def slow_reader(self):
        reader, writer, head = await self.ask(f"GET http://{self.authority}/ HTTP/1.1\r\nHost: {self.authority}")
        assert head.startswith(b"HTTP/1.1 200 "), head
        left = 200000
        while left > 0:
            left -= len(await reader.readexactly(min(left, 10000)))
            await asyncio.sleep(0.05)
        writer.close()

    def kinds(self):
        return [self.echo, self.half_close, self.post, self.websocket, self.denied, self.malformed,
                self.vanish, self.vanish, self.slow_head, self.slow_reader]

    async def again_and_again(self, client):
        name = client.__name__
        while not self.ending:
            try:
                await asyncio.wait_for(client(), 60)
                self.counts[name] = self.counts.get(name, 0) + 1
            except Exception as error:  # pylint: disable=broad-except
                if name != "vanish":
                    self.wrong.append(f"{name}: {type(error).__name__}: {error}")
            await asyncio.sleep(0.01)

    def run(self):
        async def all_of_them():
            await asyncio.gather(*[self.again_and_again(client) for client in self.kinds() * 2])
        asyncio.run(all_of_them())


class Soak:
    def __init__(self, directory, minutes):
        self.seconds = minutes * 60
        self.rest = 0.02
        self.bulk_origin = Program()
        self.origin = crowd.CrowdOrigin(talk)
        stage = harness.Scenario()
        stage.directory = directory
        self.allowed = [f"http://{ORIGIN}:{self.bulk_origin.port}", f"http://127.0.0.1:{self.origin.port}"]
        self.proxy = stage.prepare(
            allow=self.allowed, workers=WORKERS, limits={"requests_per_minute": 0},
            policy={"watch": False}, timeouts={"keep_alive_seconds": 3, "idle_seconds": 20, "head_seconds": 60})
        self.proxy.start()
        self.clients = Clients(self.proxy.port, f"127.0.0.1:{self.origin.port}")
        self.lines = self.reloads = self.bulk = 0
        self.samples = []  # (seconds, resident KiB)
        self.ending = threading.Event()

    # -- what goes on meanwhile -------------------------------------------------

    def bulk_load(self):
        target = f"{ORIGIN}:{self.bulk_origin.port}"
        while not self.ending.is_set():
            for work, count in (("connect", 500), ("get", 2000), ("deny", 500), ("relay", 64)):
                asked = "127.0.0.9:1" if work == "deny" else target
                done = subprocess.run([LOAD, "127.0.0.1", str(self.proxy.port), work, asked, str(count), "8"],
                                      capture_output=True, text=True, check=False)
                self.bulk += count if work != "relay" else 0
                if done.returncode != 0:
                    self.clients.wrong.append(f"load {work}: {done.stderr.strip()}")
            self.ending.wait(1)

    def reload(self):
        self.reloads += 1
        self.proxy.declare(self.allowed + [f"https://changes-{self.reloads % 7}.test"])
        self.proxy.signal(signal.SIGHUP)

    def count_lines(self, path):
        with open(path, "rb") as file:
            self.lines += sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))

    def rotate(self):
        aside = self.proxy.log_path + ".1"
        os.rename(self.proxy.log_path, aside)
        self.proxy.signal(signal.SIGUSR1)
        harness.wait_until(lambda: os.path.exists(self.proxy.log_path), "the log is opened anew")
        time.sleep(1)  # the last write to the old one
        self.count_lines(aside)
        os.remove(aside)

    # -- what is seen -----------------------------------------------------------

    def records(self):
        metrics = self.proxy.metrics()
        return tuple(int(metrics[f'sallyport_log_records_total{{state="{state}"}}'])
                     for state in ("made", "written"))

    def descriptors(self):
        """(others, pipes)"""
        directory = f"/proc/{self.proxy.process.pid}/fd"
        links = [os.readlink(os.path.join(directory, name)) for name in os.listdir(directory)]
        pipes = sum(link.startswith("pipe:") for link in links)
        return len(links) - pipes, pipes

    def watch(self):
        began = time.monotonic()
        turn = 0
        while time.monotonic() - began < self.seconds:
            time.sleep(5)
            turn += 1
            self.samples.append((time.monotonic() - began, self.proxy.status_kib()))
            if turn % 4 == 0:
                self.reload()
            if turn % 12 == 0:
                self.rotate()

    def run(self):
        self.at_start, _ = self.descriptors()
        threads = [threading.Thread(target=self.clients.run), threading.Thread(target=self.bulk_load)]
        for thread in threads:
            thread.start()
        self.watch()
        self.clients.ending = True
        self.ending.set()
        for thread in threads:
            thread.join()
        settled = self.settle()
        self.made, self.written = self.records()
        status = self.proxy.process.poll()
        self.proxy.stop()
        self.count_lines(self.proxy.log_path)
        return settled and status is None

    def settle(self):
        """Until the last session has ended."""
        try:
            harness.wait_until(lambda: self.descriptors()[0] <= self.at_start, "they are back", 60)
        except AssertionError:
            return False
        finally:
            self.at_end, self.pipes = self.descriptors()
        return True

    def close(self):
        self.bulk_origin.close()
        self.origin.close()

    # -- the verdict ------------------------------------------------------------

    def memory(self):
        """Medians of the first and the last quarter after a fifth of warm-up; KiB."""
        after = [kib for seconds, kib in self.samples if seconds > self.seconds / 5]
        quarter = max(1, len(after) // 4)
        return statistics.median(after[:quarter]), statistics.median(after[-quarter:])

    def verdict(self, went_well):
        first, last = self.memory()
        drift = last / first - 1
        checks = [
            (f"resident memory {first:.0f} KiB after warm-up, {last:.0f} KiB at the end: {drift:+.1%} (≤ {FLAT:.0%})",
             abs(drift) <= FLAT),
            (f"descriptors {self.at_start} at the start, {self.at_end} at the end, and {self.pipes} idle pipes' "
             f"ends (≤ {PIPES_KEPT})", self.at_end == self.at_start and self.pipes <= PIPES_KEPT and went_well),
            (f"log records made {self.made}, written {self.written}; lines in the files, with the one of the stop, "
             f"{self.lines}", self.made == self.written == self.lines - 1),
            (f"clients served as they should be but {len(self.clients.wrong)}", not self.clients.wrong),
        ]
        lines = [f"Soak of {self.seconds / 60:g} minutes, {WORKERS} workers, sandbox "
                 f"{self.proxy.configuration['process']['sandbox']}; {self.reloads} reloads; {self.bulk} exchanges in "
                 "bulk, and: " + ", ".join(f"{count} {name}" for name, count in sorted(self.clients.counts.items())), ""]
        lines += [f"- {'good' if good else 'BAD'}: {words}" for words, good in checks]
        lines += [f"    {words}" for words in self.clients.wrong[:10]]
        return "\n".join(lines) + "\n", all(good for _, good in checks)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("SOAK_MINUTES") or 30))
    options = parser.parse_args()
    crowd.raise_descriptor_limit(16000)
    directory = tempfile.mkdtemp(prefix="sallyport-soak-")
    os.chmod(directory, 0o755)
    soak = Soak(directory, options.minutes)
    try:
        text, good = soak.verdict(soak.run())
    finally:
        soak.close()
        shutil.rmtree(directory, ignore_errors=True)
    print(text)
    with open(os.path.join(BUILD, "soak.md"), "w", encoding="utf-8") as file:
        file.write(text)
    sys.exit(0 if good else 1)


main()
