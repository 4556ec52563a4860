#!/usr/bin/python3
"""Shows that one app's load is not another's: figures, in three parts.

    test/bench/fairness.py [--seconds N] [--idle N] [--descriptors N] [latency|idle|overload …]

latency   p50 and p99 of a small app's CONNECT with a byte there and back, alone, and while another
          app streams at full speed and a third hammers denials; beside it the same straight to the
          origin, which is what the machine itself makes of that load. Where others use the processors,
          too, the third row says more: the processor time that the proxy used on whatever it was
          while a CONNECT was under way, which is how long a worker lets it wait.
idle      9,000 tunnels held, each of which then answers.
overload  at 20,000 descriptors: an app opens tunnels until it is refused; another is still served,
          whoever shows no credentials is not; then all are freed, and all are served again.
"""
import argparse
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
PROGRAMS = os.path.join(BUILD, "test", "bench")
ORIGIN = "127.0.0.2"
sys.path.insert(0, os.path.join(ROOT, "test", "scenario"))

import crowd  # noqa: E402  pylint: disable=wrong-import-position
import harness  # noqa: E402  pylint: disable=wrong-import-position

APPS = ["small", "streams", "hammers"]  # a listener each, in this order; then one with credentials


def static(app):
    return {"address": "127.0.0.1:0", "identity": {"static": {"app": app, "environment": "development"}}}


class Stage:
    """An origin and a proxy between three apps and it."""

    def __init__(self, **options):
        self.directory = tempfile.mkdtemp(prefix="sallyport-fairness-")
        os.chmod(self.directory, 0o755)
        self.origin = subprocess.Popen([os.path.join(PROGRAMS, "origin"), ORIGIN], stdout=subprocess.PIPE,
                                       text=True)
        self.target = f"{ORIGIN}:{self.origin.stdout.readline().strip()}"
        stage = harness.Scenario()
        stage.directory = self.directory
        credentials = os.path.join(self.directory, "credentials.yml")
        harness.write(credentials, "- {app: small, environment: development, sha256: "
                      + hashlib.sha256(b"secret").hexdigest() + "}\n")
        allowed = [f"http://{self.target}"]
        self.proxy = stage.prepare(
            apps={(app, "development"): allowed for app in APPS},
            listeners=[static(app) for app in APPS]
            + [{"address": "127.0.0.1:0", "identity": {"basic": credentials}}],
            network={"allow_ranges": [ORIGIN + "/32"]},
            limits={"requests_per_minute": 0, "tunnels": 0}, **options).start()

    def load(self, app, work, count, at_once, target=None):
        return subprocess.Popen(
            [os.path.join(PROGRAMS, "load"), "127.0.0.1", str(self.proxy.ports[APPS.index(app)]), work,
             target or self.target, str(count), str(at_once)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def status(self, listener):
        with self.proxy.connect(listener) as client:
            return client.tunnel(self.target).status

    def close(self):
        self.proxy.stop()
        self.origin.terminate()
        self.origin.wait()
        self.origin.stdout.close()


def end(process):
    process.terminate()
    process.communicate()


def processor_clock(pid):
    """Reads the processor time of PID, all its threads, in seconds: its CPU-time clock."""
    return lambda: time.clock_gettime(~pid << 3 | 2)  # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED)


def times(connect, seconds, clock=time.perf_counter):
    """Sorted seconds by CLOCK of one connection after the other."""
    found, stop = [], time.monotonic() + seconds
    while time.monotonic() < stop:
        began = clock()
        connect()
        found.append(clock() - began)
    return sorted(found)


def percentile(found, part):
    return found[int(len(found) * part)] * 1e6


def latency(options):
    stage = Stage(workers=options.workers)
    host, port = stage.target.split(":")

    def through():
        with stage.proxy.connect(0) as client:
            assert client.tunnel(stage.target).status == 200
            client.send("x")
            client.read(1)

    def straight():
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"x")
            client.recv(1)
    ways = [(through, time.perf_counter), (straight, time.perf_counter),
            (through, processor_clock(stage.proxy.process.pid))]
    try:
        alone = [times(connect, options.seconds, clock) for connect, clock in ways]
        loads = [stage.load("streams", "relay", 1 << 20, 16),
                 stage.load("hammers", "deny", 1 << 24, 32, "127.0.0.9:1")]
        time.sleep(0.5)
        before = stage.proxy.metrics()
        loaded = [times(connect, options.seconds, clock) for connect, clock in ways]
        after = stage.proxy.metrics()
        for process in loads:
            assert process.poll() is None, "a load ended early"
            end(process)
    finally:
        stage.close()
    denied = sum(after[name] - before.get(name, 0) for name in after
                 if name.startswith("sallyport_decisions_total") and 'verdict="deny"' in name)
    print(f"| {options.workers} worker(s) | | alone, µs | beside streams and denials, µs | ratio |\n"
          "| --- | --- | ---: | ---: | ---: |")
    for name, quiet, busy in zip(("small app's CONNECT", "straight to the origin", "the proxy's own time"), alone, loaded):
        for part in (0.5, 0.99):
            figures = percentile(quiet, part), percentile(busy, part)
            print(f"| {name} | p{part * 100:.0f} | {figures[0]:.0f} | {figures[1]:.0f} | "
                  f"{figures[1] / figures[0]:.2f} |")
    print(f"({len(alone[0])} and {len(loaded[0])} CONNECTs; {denied / options.seconds / len(ways):.0f} denials a second "
          "meanwhile)")


def idle(options):
    stage = Stage()
    try:
        holder = stage.load("streams", "idle", options.idle, 64)  # each is used once when it opens
        assert holder.stdout.readline().startswith("held"), "not all opened"
        held = stage.proxy.metrics()["sallyport_tunnels_open"]
        print(f"{held:.0f} idle tunnels held, {stage.proxy.status_kib()} KiB resident; "
              f"each had answered; another app: {stage.status(0)}")
        holder.communicate()
        harness.wait_until(lambda: stage.proxy.metrics()["sallyport_tunnels_open"] == 0, "all are closed")
        print(f"all closed: {len(stage.proxy.log(event='close', outcome='ok'))} close records say ok")
    finally:
        stage.close()


def overload(options):
    stage = Stage(wrapper=["prlimit", f"--nofile={options.descriptors}:{options.descriptors}"])
    holders = []
    try:
        step = max(1, options.descriptors // 40)
        while stage.proxy.admin("/readyz")[0] == 200 or stage.status(1) == 200:
            holders.append(stage.load("streams", "idle", step, 16))
            if not holders[-1].stdout.readline().startswith("held"):
                break
        print(f"{stage.proxy.metrics()['sallyport_tunnels_open']:.0f} tunnels at {options.descriptors} "
              f"descriptors: {stage.proxy.admin('/readyz')[1].strip()}")
        print(f"without credentials {stage.status(3)}, the greediest app {stage.status(1)}, "
              f"another app {stage.status(0)}")
        for holder in holders:
            holder.communicate()
        holders = []
        harness.wait_until(lambda: (stage.status(3), stage.status(1), stage.status(0)) == (407, 200, 200),
                           "all are served again")
        harness.wait_until(lambda: stage.proxy.admin("/readyz")[0] == 200, "ready again")
        print("freed: without credentials 407, the others 200, /readyz 200")
    finally:
        for holder in holders:
            holder.communicate()
        stage.close()


PARTS = {"latency": latency, "idle": idle, "overload": overload}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="latency, idle, overload; all of them")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--idle", type=int, default=9000)
    parser.add_argument("--descriptors", type=int, default=20000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    crowd.raise_descriptor_limit(20000)
    for part in options.parts or PARTS:
        print(f"\n{part}\n")
        PARTS[part](options)


main()
