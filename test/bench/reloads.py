#!/usr/bin/python3
"""Changes the proxy under its clients' feet, and shows that none of them notices.

    test/bench/reloads.py [--reloads N] [--upgrades N]

CONNECTs (and a byte there and back) come as fast as the machine makes them, 32 at a time. Meanwhile
the policy is loaded anew 100 times, each time another one; then a new process takes the place of the
old one 10 times (SIGUSR2). Each CONNECT has to be served, each has to stand in the log with its
decision and its close, whichever process wrote it. Prints how many there were in a second; exits
with 1 where one failed or a line is missing. The figures go to build/reloads.md.
"""
import argparse
import json
import os
import re
import signal
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import bench
import crowd  # bench has shown the way
import harness

LOADED = 'sallyport_policy_reloads_total{result="loaded"}'
TAKEN_OVER = re.compile(r"sallyport: process (\d+) has taken over")
APART = 0.1  # seconds of load between two changes
AT_ONCE, A_TURN = 32, 4000


class Load:
    """CONNECTs through PROXY one after the other, until it is ended or one fails."""

    def __init__(self, proxy, origin_port):
        self.command = bench.load(proxy, "connect", f"{bench.ORIGIN}:{origin_port}", A_TURN, AT_ONCE)
        self.done, self.count, self.trouble = threading.Event(), 0, None
        self.began = time.monotonic()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.done.is_set() and self.trouble is None:
            ended = subprocess.run(self.command, check=False, capture_output=True, text=True)
            self.count += A_TURN
            if ended.returncode != 0:
                self.trouble = ended.stderr.strip()

    def end(self):
        """CONNECTs a second; none has failed."""
        self.done.set()
        self.thread.join()
        if self.trouble is not None:
            raise RuntimeError(f"a CONNECT failed: {self.trouble}")
        return self.count / (time.monotonic() - self.began)


def check_log(proxy, count):
    """Each of COUNT exchanges is told whole."""
    seen = {"decision": set(), "close": set()}
    for line in proxy.log_lines():
        record = json.loads(line)
        if record["event"] not in seen:
            continue
        if record.get("verdict", "allow") != "allow" or record.get("outcome", "ok") != "ok":
            raise RuntimeError(f"not as it should be: {line}")
        if record["id"] in seen[record["event"]]:
            raise RuntimeError(f"told twice: {line}")
        seen[record["event"]].add(record["id"])
    if len(seen["decision"]) != count or seen["decision"] != seen["close"]:
        raise RuntimeError(f"{count} CONNECTs, but {len(seen['decision'])} decisions and {len(seen['close'])} closes")


def reloads(gate, origin_port, times):
    load = Load(gate, origin_port)
    for turn in range(times):
        gate.proxy.declare(gate.allowed + [f"https://changes-{turn}.test"])
        gate.proxy.signal(signal.SIGHUP)
        time.sleep(APART)
        harness.wait_until(lambda turn=turn: gate.proxy.metrics()[LOADED] > turn, "it is loaded")
    rate = load.end()
    gate.close()
    check_log(gate.proxy, load.count)
    return f"{times} reloads under {rate:.0f} CONNECT/s: all {load.count} served, each of them logged.\n"


def is_there(pid):
    return os.path.exists(f"/proc/{pid}")


def upgrades(gate, origin_port, times):
    load, pid, replaced = Load(gate, origin_port), gate.pid, []
    for turn in range(times):
        os.kill(pid, signal.SIGUSR2)
        found = harness.wait_until(
            lambda turn=turn: [TAKEN_OVER.match(line) for line in gate.proxy.stderr if TAKEN_OVER.match(line)][turn:],
            "it is taken over")
        replaced.append(pid)
        pid = int(found[0].group(1))
        time.sleep(5 * APART)
    rate = load.end()
    os.kill(pid, signal.SIGTERM)
    gate.proxy.process.wait()
    harness.wait_until(lambda: not any(map(is_there, [pid, *replaced])), "all have ended")
    check_log(gate.proxy, load.count)
    return f"{times} upgrades under {rate:.0f} CONNECT/s: all {load.count} served, each of them logged.\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--upgrades", type=int, default=10)
    options = parser.parse_args()
    crowd.raise_descriptor_limit(16000)
    text = f"Changes under load; {bench.machine()}; two workers, the load and the origin share the processors.\n\n"
    for change, times in ((reloads, options.reloads), (upgrades, options.upgrades)):
        directory = tempfile.mkdtemp(prefix="sallyport-reloads-")
        os.chmod(directory, 0o755)
        origin = bench.Program(os.path.join(bench.PROGRAMS, "origin"), bench.ORIGIN)
        gate = bench.Sallyport(directory, origin.port, workers=2, policy={"watch": False},
                               limits={"requests_per_minute": 0, "tunnels": 0})
        try:
            text += "- " + change(gate, origin.port, times)
        finally:
            if gate.proxy.process.poll() is None:
                gate.proxy.process.kill()
            origin.close()
            shutil.rmtree(directory, ignore_errors=True)
    print(text)
    with open(os.path.join(bench.BUILD, "reloads.md"), "w", encoding="utf-8") as file:
        file.write(text)


try:
    main()
except RuntimeError as failure:
    sys.exit(f"reloads: {failure}")
