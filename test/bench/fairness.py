#!/usr/bin/python3
"""Shows that one app's load is not another's: figures, in three parts.

    test/bench/fairness.py [--seconds N] [--rounds N] [--workers N] [--together] [--first]
                           [--pause MS] [--idle N] [--descriptors N] [latency|idle|overload …]

latency   p50 and p99 of a small app's CONNECT with a byte there and back, alone, and while another
          app streams at full speed and a third hammers denials. It is small: after each it rests for
          --pause milliseconds (0: it asks for more than its third of the worker, and waits for that).
          Beside it the same straight to the origin: what the machine itself makes of that load.
          Alone and beside the others take turns, and who is not measured (the load, and the origin
          of the streams) is nice to who is. With two processors or more the proxy has the first to itself
          (--together: it has not). Where strangers keep the machine busy, --first (for root) gives
          those who are measured the processor before them (SCHED_FIFO).
idle      9,000 tunnels held; after a while without a byte each is asked again, and answers.
overload  at 20,000 descriptors: an app opens tunnels until it is refused; another is still served,
          whoever shows no credentials is not; then all are freed, and all are served again.
"""
import argparse
import hashlib
import os
import shutil
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

BESIDE = ["chrt", "--other", "0", "nice", "-n", "10"]  # how programs start that are not measured
APPS = ["small", "streams", "hammers"]  # a listener each, in this order; then one with credentials


def static(app):
    return {"address": "127.0.0.1:0", "identity": {"static": {"app": app, "environment": "development"}}}


class Origin:
    """An origin program of ours; a LOUD one lets others go first."""

    def __init__(self, loud=False):
        self.process = subprocess.Popen([*(BESIDE if loud else []), os.path.join(PROGRAMS, "origin"), ORIGIN],
                                        stdout=subprocess.PIPE, text=True)
        self.address = f"{ORIGIN}:{self.process.stdout.readline().strip()}"

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Stage:
    """A proxy between three apps and two origins: the loud ones' is not the small one's."""

    def __init__(self, **options):
        self.directory = tempfile.mkdtemp(prefix="sallyport-fairness-")
        os.chmod(self.directory, 0o755)
        self.origin, self.loud_origin = Origin(), Origin(loud=True)
        self.target = self.origin.address
        stage = harness.Scenario()
        stage.directory = self.directory
        credentials = os.path.join(self.directory, "credentials.yml")
        harness.write(credentials, "- {app: small, environment: development, sha256: "
                      + hashlib.sha256(b"secret").hexdigest() + "}\n")
        allowed = [f"http://{origin.address}" for origin in (self.origin, self.loud_origin)]
        self.proxy = stage.prepare(
            apps={(app, "development"): allowed for app in APPS},
            listeners=[static(app) for app in APPS]
            + [{"address": "127.0.0.1:0", "identity": {"basic": credentials}}],
            network={"allow_ranges": [ORIGIN + "/32"]},
            limits={"requests_per_minute": 0, "tunnels": 0}, **options).start()

    def load(self, app, work, count, at_once, target=None):
        return subprocess.Popen(
            [*BESIDE, os.path.join(PROGRAMS, "load"), "127.0.0.1",
             str(self.proxy.ports[APPS.index(app)]), work,
             target or self.loud_origin.address, str(count), str(at_once)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def status(self, listener):
        with self.proxy.connect(listener) as client:
            return client.tunnel(self.target).status

    def close(self):
        self.proxy.stop()
        self.origin.close()
        self.loud_origin.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def end(process):
    process.terminate()
    process.communicate()


def processor_clock(pid):
    """Reads the processor time of PID, all its threads, in seconds, to a tick of the scheduler."""
    return lambda: time.clock_gettime(~pid << 3 | 2)  # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED)


def times(connect, seconds, pause):
    """Seconds of one connection after the other, PAUSE seconds between them."""
    found, stop = [], time.monotonic() + seconds
    while time.monotonic() < stop:
        began = time.perf_counter()
        connect()
        found.append(time.perf_counter() - began)
        time.sleep(pause)
    return found


def percentile(found, part):
    return sorted(found)[int(len(found) * part)] * 1e6


def dial(address, request, answer):
    """One connection with blocking calls and no more: what the client itself takes is small."""
    with socket.create_connection(address) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if request:
            client.sendall(request)
            got = client.recv(4096)
            assert got.startswith(answer), got
        client.sendall(b"x")
        assert client.recv(1) == b"x"


def apart():
    """The words that start the proxy on the first processor; all else, from here on, has the others."""
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        return []
    os.sched_setaffinity(0, processors[1:])
    return ["taskset", "-c", str(processors[0])]


class Ways:
    """What is measured, in turns."""

    NAMES = ["small app's CONNECT", "straight to the origin"]

    def __init__(self, stage):
        host, port = stage.target.split(":")
        request = f"CONNECT {stage.target} HTTP/1.1\r\nHost: {stage.target}\r\n\r\n".encode()

        def through():
            dial(("127.0.0.1", stage.proxy.ports[0]), request, b"HTTP/1.1 200 ")

        def straight():
            dial((host, int(port)), b"", b"")
        self.ways = [through, straight]
        self.found = {"alone": [[] for _ in self.ways], "beside": [[] for _ in self.ways]}

    def measure(self, when, seconds, pause):
        for into, connect in zip(self.found[when], self.ways):
            into += times(connect, seconds, pause)

    def table(self, title):
        lines = [f"| {title} | | alone, µs | beside streams and denials, µs | ratio |",
                 "| --- | --- | ---: | ---: | ---: |"]
        for name, quiet, busy in zip(self.NAMES, self.found["alone"], self.found["beside"]):
            for part in (0.5, 0.99):
                figures = percentile(quiet, part), percentile(busy, part)
                lines.append(f"| {name} | p{part * 100:.0f} | {figures[0]:.0f} | {figures[1]:.0f} | "
                             f"{figures[1] / figures[0]:.2f} |")
        return "\n".join(lines)


def let_the_others_run(proxy, workers):
    """A worker that has work without end must not keep the log's writer and the main thread, which share its
    processor, waiting: among equals of SCHED_FIFO it would."""
    threads = sorted(map(int, os.listdir(f"/proc/{proxy.process.pid}/task")))
    for thread in threads[:-workers]:  # workers start last
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(2))


def total(metrics, name, label=""):
    return sum(value for key, value in metrics.items() if key.startswith(name) and label in key)


def latency(options):
    if options.first:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    stage = Stage(workers=options.workers, wrapper=[] if options.together else apart())
    if options.first:
        let_the_others_run(stage.proxy, options.workers)
    ways, spent, denied, used = Ways(stage), 0.0, 0.0, 0.0
    clock = processor_clock(stage.proxy.process.pid)
    share = options.seconds / options.rounds / len(ways.ways)
    try:
        for _ in range(options.rounds):
            ways.measure("alone", share, options.pause / 1000)
            loads = [stage.load("streams", "relay", 1 << 20, 16),
                     stage.load("hammers", "deny", 1 << 24, 32, "127.0.0.9:1")]
            time.sleep(0.3)
            before, began, at = stage.proxy.metrics(), time.monotonic(), clock()
            ways.measure("beside", share, options.pause / 1000)
            after = stage.proxy.metrics()
            spent, used = spent + time.monotonic() - began, used + clock() - at
            denied += (total(after, "sallyport_decisions_total", 'verdict="deny"')
                       - total(before, "sallyport_decisions_total", 'verdict="deny"'))
            for process in loads:
                assert process.poll() is None, "a load ended early"
                end(process)
    finally:
        stage.close()
    print(ways.table(f"{options.workers} worker(s)"))
    print(f"({len(ways.found['alone'][0])} and {len(ways.found['beside'][0])} CONNECTs; meanwhile "
          f"{denied / spent:.0f} denials a second, and {used / spent:.2f} processors busy with the proxy)")


def idle(options):
    stage = Stage()
    try:
        holder = stage.load("streams", "idle", options.idle, 64)
        assert holder.stdout.readline().startswith("held"), "not all opened"
        held = stage.proxy.metrics()["sallyport_tunnels_open"]
        before = stage.proxy.status_kib()
        time.sleep(options.seconds)
        holder.stdin.write("\n")
        holder.stdin.flush()
        began = time.monotonic()
        answered = holder.stdout.readline().strip()
        print(f"{held:.0f} idle tunnels held, {before} KiB resident; after {options.seconds:.0f} s each was asked "
              f"again: {answered} within {time.monotonic() - began:.2f} s, {stage.proxy.status_kib()} KiB resident; "
              f"another app: {stage.status(0)}")
        assert answered == f"answered {options.idle}", "not all answered"
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
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--pause", type=float, default=2)
    parser.add_argument("--idle", type=int, default=9000)
    parser.add_argument("--descriptors", type=int, default=20000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--together", action="store_true", help="the proxy shares its processor with the load")
    parser.add_argument("--first", action="store_true", help="who is measured goes before all else")
    options = parser.parse_args()
    crowd.raise_descriptor_limit(20000)
    for part in options.parts or PARTS:
        print(f"\n{part}\n")
        PARTS[part](options)


main()
