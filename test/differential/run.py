#!/usr/bin/python3
"""Sends generated requests through the proxy and asks who stands behind it what they have read.

    run.py [--messages 50000] [--seed N]

nginx, Python's http.server and Node's http have to have read what the proxy has understood
(understood.c): method, target, host, length and digest of the body. A reader may refuse a message; it may
not read another. The seed is printed and chooses the messages.
"""
import argparse
import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
import time

import generate
import readers
import harness

UNDERSTOOD = os.path.join(harness.BUILD, "test", "differential", "understood")


def understand(messages):
    """What the proxy makes of each: a dictionary, or None for what it refuses."""
    given = b"".join(b"%d\n" % len(message) + message for message in messages)
    done = subprocess.run([UNDERSTOOD], input=given, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Differential:
    def __init__(self, proxy, ports):
        self.proxy = proxy
        self.ports = ports  # reader → port
        self.counts = {name: {"read": 0, "refused by the reader": 0, "refused by the proxy": 0} for name in ports}
        self.wrong = []

    def run(self, messages, seed):
        threads = [threading.Thread(target=self.ask, args=(name, messages, seed)) for name in self.ports]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def ask(self, name, count, seed):
        authority = f"{name}.test:{self.ports[name]}"
        generator = generate.Generator(seed, authority)
        try:
            for begin in range(0, count, 500):
                made = [generator.message() for _ in range(min(500, count - begin))]
                self.ask_some(name, authority, made)
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append((name, b"", f"{type(error).__name__}: {error}"))

    def ask_some(self, name, authority, made):
        client = None
        for (message, expected), understood in zip(made, understand([message for message, _ in made])):
            if understood is None:
                self.offer_refused(name, message)
                if expected:
                    self.wrong.append((name, message, "a good message is not understood"))
                continue
            client = client or self.proxy.connect()
            try:
                client.send(message)
                if understood["behind"]:
                    client.half_close()
                response = self.answer(client, message)
            except (OSError, EOFError, ValueError) as error:
                self.wrong.append((name, message, f"no answer: {error!r}"))
                client.close()
                client = None
                continue
            self.judge(name, authority, message, expected, understood, response)
            if understood["behind"] or "close" in (response.get("Connection") or "").lower() or message.split(b"\r\n")[0].endswith(b"HTTP/1.0"):
                client.close()
                client = None
        if client:
            client.close()

    @staticmethod
    def answer(client, message):
        method = message.split(b" ")[0].decode("latin-1")
        response = client.response(method)
        while response.status < 200:
            response = client.response(method)
        return response

    def offer_refused(self, name, message):
        """What is not understood has to be refused, or to break off; nobody reads it."""
        with self.proxy.connect() as client:
            client.send(message)
            client.half_close()
            if b"X-Read:" in client.rest():
                self.wrong.append((name, message, "was not understood and was sent on"))
        self.counts[name]["refused by the proxy"] += 1

    def judge(self, name, authority, message, expected, understood, response):
        read = response.get("X-Read")
        if read is None:
            by_proxy = response.has("Proxy-Status")
            self.counts[name]["refused by the proxy" if by_proxy else "refused by the reader"] += 1
            if by_proxy and expected:
                self.wrong.append((name, message, f"a good message is refused: {response.body!r}"))
            return
        self.counts[name]["read"] += 1
        read = json.loads(base64.b64decode(read))
        ours = {"method": understood["method"], "target": understood["target"],
                "host": f"{understood['host']}:{understood['port']}", "length": understood["length"],
                "sha256": understood["sha256"]}
        if read != ours:
            self.wrong.append((name, message, f"read as {read}, understood as {ours}"))
        if expected:
            meant = {"method": expected[0], "target": expected[1], "host": authority, "length": len(expected[2]),
                     "sha256": hashlib.sha256(expected[2]).hexdigest()}
            if meant != ours:
                self.wrong.append((name, message, f"understood as {ours}, meant as {meant}"))


class Stage(harness.Scenario):
    """Proxy and readers; what a scenario starts ends with it."""

    def compare(self, messages, seed):
        python = self.keep(readers.Python())
        behind = self.keep(readers.Python())
        nginx = self.keep(readers.Nginx(self.path("nginx", "x")[:-2], behind.port))
        ports = {"nginx": nginx.port, "python": python.port, "node": self.keep(readers.Node()).port}
        proxy = self.proxy(allow=[f"http://{name}.test:{port}" for name, port in ports.items()],
                           limits={"requests_per_minute": 0})
        differential = Differential(proxy, ports)
        differential.run(messages, seed)
        return differential


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=50000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    print(f"{arguments.messages} messages, seed {arguments.seed}", flush=True)
    stage = Stage()
    stage.setUp()
    began = time.monotonic()
    try:
        result = stage.compare(arguments.messages, arguments.seed)
    finally:
        stage.doCleanups()
    for name, message, what in result.wrong[:20]:
        print(f"\n{name}: {what}\n    {message[:300]!r}")
    for name, counts in result.counts.items():
        print(f"{name:8}" + ", ".join(f"{count} {word}" for word, count in counts.items()))
    print(f"{len(result.wrong)} disagreements ({time.monotonic() - began:.0f} s)")
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
