#!/usr/bin/python3
"""Measures what does not show in a single figure: whether the price of a piece of work stays the same
when there is more of everything else, and what a guarded process costs.

    test/bench/growth.py [--rounds N] [--quick]

- 100 and 9,000 tunnels held open: processor time a CONNECT and a KiB, and bytes a tunnel
- 10 and 1,000,000 rules in force: processor time a CONNECT and a denial
- the sandbox on, as it is by default, and off
- one worker and two: processor time a CONNECT, and how many in a second; the same with workers that
  have a sixth of a processor each (for root, where control groups let it), so that the load, the
  origin and two workers together need less than the machine has
- what a million tunnels would take, worked out of these

Two proxies stand side by side and are measured in turns, so that what else the machine does falls on
both; the figures are medians. The table goes to build/growth.md.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import bench
import crowd  # bench has shown the way

TUNNELS = (100, 9000)
RULES_APPS = (0, 10000)  # further apps, of 100 addresses each
SAME = 0.15  # so much more is the same


class Bench:
    """Directories, origins and proxies of one run."""

    def __init__(self, rounds, scale):
        self.rounds, self.scale = rounds, scale
        self.things, self.directories = [], []
        self.origin = self.keep(bench.Program(os.path.join(bench.PROGRAMS, "origin"), bench.ORIGIN))
        self.holders_origin = self.keep(bench.Program(os.path.join(bench.PROGRAMS, "origin"), bench.ORIGIN))

    def keep(self, thing):
        self.things.append(thing)
        return thing

    def proxy(self, more_apps=0, **sections):
        directory = tempfile.mkdtemp(prefix="sallyport-growth-")
        os.chmod(directory, 0o755)
        self.directories.append(directory)
        return self.keep(bench.Sallyport(
            directory, self.origin.port, self.holders_origin.port, more_apps=more_apps,
            limits={"requests_per_minute": 0, "tunnels": 0}, **sections))

    def close(self):
        for thing in reversed(self.things):
            thing.close()
        for directory in self.directories:
            shutil.rmtree(directory, ignore_errors=True)

    def compare(self, one, other, works):
        """work → the medians of both."""
        counts = {work: (count, at_once) for work, _, _, count, at_once in bench.WORKS}
        figures = {(work, proxy): [] for work in works for proxy in (one, other)}
        for turn in range(self.rounds):
            for work in works:
                count, at_once = counts[work]
                for proxy in (one, other) if turn % 2 == 0 else (other, one):
                    figure = bench.measure(proxy, work, self.origin.port,
                                           max(at_once, count // self.scale), at_once)
                    if figure is None:
                        raise RuntimeError(f"{work} failed")
                    figures[work, proxy].append(figure)
        return {work: [statistics.median(figures[work, proxy]) for proxy in (one, other)] for work in works}


class Held:
    """COUNT tunnels through PROXY that were used once and rest."""

    def __init__(self, proxy, origin_port, count):
        self.process = subprocess.Popen(
            bench.load(proxy, "idle", f"{bench.ORIGIN}:{origin_port}", count, min(count, 64)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline().startswith("held"):
            raise RuntimeError("the tunnels could not be held")

    def close(self):
        self.process.communicate()


def kernel_bytes():
    """What the kernel keeps in objects, sockets among them."""
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("Slab:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("no Slab")


def row(title, work, figures):
    unit = {"relay": "ns/KiB"}.get(work, "µs")
    name = {"connect": "CONNECT", "deny": "denial", "get": "GET", "relay": "relay"}[work]
    ratio = figures[1] / figures[0]
    return f"| {title}: {name} | {unit} | {figures[0]:.1f} | {figures[1]:.1f} | {ratio:.2f} |"


def tunnels(run):
    few, many = (max(1, count // run.scale) for count in TUNNELS)
    one, other = run.proxy(workers=1), run.proxy(workers=1)
    bench.measure(other, "connect", run.origin.port, 200, 16)
    resident, kernel = bench.resident_bytes(other.pid), kernel_bytes()
    held = [Held(one, run.holders_origin.port, few), Held(other, run.holders_origin.port, many)]
    each = (bench.resident_bytes(other.pid) - resident) / many
    # on loopback the kernel keeps the client's and the origin's socket, too
    each_kernel = (kernel_bytes() - kernel) / (many + few) / 2
    figures = run.compare(one, other, ("connect", "relay"))
    for holder in held:
        holder.close()
    rows = [row(f"{few} and {many} tunnels open", work, figures[work]) for work in figures]
    return rows, figures, (each, each_kernel)


def rules(run):
    one, other = (run.proxy(workers=1, more_apps=apps // run.scale) for apps in RULES_APPS)
    figures = run.compare(one, other, ("connect", "deny"))
    return [row(f"10 and {RULES_APPS[1] // run.scale * 100:,} rules", work, figures[work])
            for work in figures], figures


def sandbox(run):
    one, other = (run.proxy(workers=1, process={"sandbox": word}) for word in ("off", "on"))
    figures = run.compare(one, other, ("connect", "deny", "get", "relay"))
    return [row("sandbox off and on", work, figures[work]) for work in figures], figures


class Slices:
    """A part of a processor for each worker of PROXIES: control groups, version 1 (threads of one process in several)."""

    ROOT = "/sys/fs/cgroup/cpu"
    PERIOD, PART = 10000, 1 / 6  # microseconds
    SHARES = 1 << 18  # whatever else the machine does, they get that part

    def __init__(self, proxies):
        self.groups = []
        for proxy, count in proxies.items():
            threads = sorted(map(int, os.listdir(f"/proc/{proxy.pid}/task")))
            for thread in threads[-count:]:  # they start last
                self.groups.append(os.path.join(self.ROOT, f"sallyport-growth-{thread}"))
                os.mkdir(self.groups[-1])
                for name, value in (("cpu.cfs_period_us", self.PERIOD),
                                    ("cpu.cfs_quota_us", int(self.PERIOD * self.PART)),
                                    ("cpu.shares", self.SHARES), ("tasks", thread)):
                    with open(os.path.join(self.groups[-1], name), "w", encoding="ascii") as file:
                        file.write(str(value))

    @classmethod
    def can_be(cls):
        return os.path.exists(os.path.join(cls.ROOT, "tasks")) and os.access(cls.ROOT, os.W_OK)

    def close(self):
        """When the threads are gone."""
        for group in self.groups:
            os.rmdir(group)


def rates(run, proxies, count):
    """proxy → CONNECTs a second; COUNT of them a worker at a time."""
    found = {proxy: [] for proxy in proxies}
    for _ in range(run.rounds):
        for proxy, workers_ in proxies.items():
            began = time.monotonic()
            subprocess.run(bench.load(proxy, "connect", f"{bench.ORIGIN}:{run.origin.port}", count * workers_, 64),
                           check=True, capture_output=True)
            found[proxy].append(count * workers_ / (time.monotonic() - began))
    return [statistics.median(found[proxy]) for proxy in proxies]


def rate_row(title, figures):
    return f"| {title}: CONNECT | 1/s | {figures[0]:.0f} | {figures[1]:.0f} | {figures[1] / figures[0]:.2f} |"


def workers(run):
    proxies = {run.proxy(workers=count): count for count in (1, 2)}
    figures = run.compare(*proxies, ("connect",))
    rows = [row("1 and 2 workers", "connect", figures["connect"]),
            rate_row("1 and 2 workers", rates(run, proxies, 6000 // run.scale))]
    if Slices.can_be():
        run.keep(Slices(proxies))
        run.things.insert(0, run.things.pop())  # the last to be closed
        rows.append(rate_row("1 and 2 workers, each with a sixth of a processor", rates(run, proxies, 3000 // run.scale)))
    return rows, figures


def paper(costs, connect, relay):
    """What a million tunnels would take."""
    ours, kernel = costs
    million = 1000000
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        low, high = map(int, file.read().split())
    ports = high - low + 1
    return f"""A million tunnels on one machine, from the figures above at {TUNNELS[1]} tunnels:

- memory: {ours:.0f} bytes of the proxy's and {kernel:.0f} of the kernel's (two sockets, their files and their
  places in epoll) a tunnel: {ours * million / 2**30:.1f} GiB and {kernel * million / 2**30:.1f} GiB. Nothing of it is a buffer.
- descriptors: 2,000,000, so fs.nr_open and LimitNOFILE have to be raised, and each target address needs
  {million // ports + 1} addresses of the proxy's own (net.ipv4.ip_local_port_range offers {ports:,} ports a pair).
- processor: at {connect:.0f} µs a CONNECT one core opens {1e6 / connect:,.0f} tunnels a second, all of them in
  {million * connect / 1e6:.0f} core seconds. Each GiB that they carry together costs {relay * 2**20 / 1e9:.2f} core seconds.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, one round")
    options = parser.parse_args()
    crowd.raise_descriptor_limit(20000)
    rounds, scale = (1, 10) if options.quick else (options.rounds, 1)
    rows, notes = [], []
    for part in (tunnels, rules, sandbox, workers):
        print(part.__name__, file=sys.stderr)
        run = Bench(rounds, scale)
        try:
            result = part(run)
        finally:
            run.close()
        rows += result[0]
        if part is tunnels:
            costs = result[2]
            connect, relay = result[1]["connect"][1], result[1]["relay"][1]
        if part in (tunnels, rules):
            worst = max(figures[1] / figures[0] for figures in result[1].values())
            notes.append(f"{part.__name__}: {(worst - 1) * 100:+.0f} % at most, "
                         f"{'within' if worst <= 1 + SAME else 'NOT within'} {SAME:.0%}.\n")
    if (os.cpu_count() or 1) < 4:
        notes.append(f"This machine has {os.cpu_count()} processors, which the load and the origin share with the "
                     "workers: what two workers bring shows in the processor time a CONNECT, which has to stay as "
                     "it is, and with workers that have a part of a processor, not in how many whole ones serve.\n")
    text = (f"Growth; {bench.machine()}; processor time of the proxy alone, medians of {rounds} rounds in turns.\n\n"
            "| what | unit | first | second | ratio |\n| --- | --- | ---: | ---: | ---: |\n"
            + "\n".join(rows) + "\n\n" + "\n".join(notes) + "\n" + paper(costs, connect, relay))
    print(text)
    with open(os.path.join(bench.BUILD, "growth.md"), "w", encoding="utf-8") as file:
        file.write(text)


main()
