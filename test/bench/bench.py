#!/usr/bin/python3
"""Measures Sallyport beside a bare relay, squid and tinyproxy: the same work, in turns.

    test/bench/bench.py [--rounds N] [--quick] [--only NAME,…] [--no-policy]

What is measured is the proxy's own processor time (all its threads, by its CPU-time clock),
not how long the load took: on a shared machine that is the steadier figure. Each round runs every
proxy once, in an order that rotates; the table shows medians, and the ratio to Sallyport. Then what
it costs to read a tunnel's ClientHello: two of ours side by side, with and without. The table goes to build/bench.md, a picture to build/bench.svg.
"""
import argparse
import glob
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
sys.path.insert(0, os.path.join(ROOT, "test", "scenario"))

import crowd  # noqa: E402  pylint: disable=wrong-import-position
import harness  # noqa: E402  pylint: disable=wrong-import-position
import origins  # noqa: E402  pylint: disable=wrong-import-position

PROGRAMS = os.path.join(BUILD, "test", "bench")
ORIGIN = "127.0.0.2"

# work, what a figure of it is, its unit, the full count and connections at a time
WORKS = [
    ("connect", "CONNECT, a byte there and back", "µs", 4000, 32),
    ("deny", "denial", "µs", 4000, 32),
    ("get", "keep-alive GET of 64 bytes", "µs", 20000, 32),
    ("relay", "relay, 4 streams", "ns/KiB", 2048, 4),
    ("idle", "idle tunnel", "bytes", 2000, 16),
]


def processor_ns(pid):
    """Processor time of PID, all its threads, those that ended included: its CPU-time clock."""
    return time.clock_gettime_ns(~pid << 3 | 2)  # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED)


def resident_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("no Pss")


class Program:
    """A bench program of ours that prints its port."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def machine():
    """When and where."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")),
                     platform.machine())
    return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} processors ({model}), {platform.system()} {platform.release()}"


class Sallyport:
    """Ours, as it is by default (guarded) with one worker; MORE_APPS of 100 addresses beside the one
    that is used, ADDRESSES are declared besides, SECTIONS go over the configuration."""

    def __init__(self, directory, *origin_ports, more_apps=0, addresses=(), **sections):
        self.stage = harness.Scenario()
        self.stage.directory = directory
        self.allowed = [f"http://{ORIGIN}:{port}" for port in origin_ports] + [*addresses]
        self.allowed += [f"https://declared-{n}.test" for n in range(10 - len(self.allowed))]
        self.proxy = self.stage.prepare(
            allow=self.allowed, network={"allow_ranges": [ORIGIN + "/32"], **sections.pop("network", {})},
            apps={(f"app-{app}", "production"): [f"https://host-{n}.app-{app}.example" for n in range(100)]
                  for app in range(more_apps)},
            **{"workers": 1, **sections})
        self.proxy.start()
        self.port, self.pid = self.proxy.port, self.proxy.process.pid

    def close(self):
        self.proxy.stop()


class Unguarded(Sallyport):
    """Ours without its sandbox: what that costs."""

    def __init__(self, directory, origin_port):
        super().__init__(directory, origin_port, process={"sandbox": "off"})


NAMED = "origin.test"


class Named(Sallyport):
    """Ours, with an origin that is declared by name and for TLS alone: what begins a tunnel to it is read, if SNI
    says so."""

    def __init__(self, directory, origin_port, sni):
        super().__init__(directory, addresses=[f"https://{NAMED}:{origin_port}"], hosts={NAMED: ORIGIN}, sni=sni,
                         limits={"requests_per_minute": 0})


class Floor:
    how = "copy"

    def __init__(self, _directory, origin_port):
        self.program = Program(os.path.join(PROGRAMS, "floor"), "127.0.0.1", ORIGIN, str(origin_port),
                               self.how)
        self.port, self.pid = self.program.port, self.program.process.pid

    def close(self):
        self.program.close()


class FloorSplice(Floor):
    how = "splice"


class Debian:
    """A proxy of Debian's, on a configuration file."""

    def __init__(self, directory, origin_port):
        for _ in range(10):
            self.port = origins.free_port()
            path = os.path.join(directory, "configuration")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.configuration(directory, origin_port))
            self.daemon = origins.Daemon(self.command(path), os.path.join(directory, "output"))
            if self.daemon.wait_port(self.port):
                self.pid = self.daemon.process.pid
                return
            self.daemon.close()
        raise RuntimeError("did not start: " + self.daemon.output())

    def close(self):
        self.daemon.close()


class Squid(Debian):
    def command(self, path):
        self.name = f"sallyportbench{os.getpid()}x{self.port}"  # its shared memory's, too
        return ["squid", "-N", "-n", self.name, "-f", path]

    def close(self):
        super().close()
        for left in glob.glob(f"/dev/shm/{self.name}*"):
            os.remove(left)

    def configuration(self, directory, origin_port):
        os.chmod(directory, 0o777)  # squid, started by root, becomes a user of its own
        return f"""
http_port 127.0.0.1:{self.port}
acl declared dst {ORIGIN}
acl port port {origin_port}
http_access allow declared port
http_access deny all
cache deny all
access_log stdio:{directory}/access.log
cache_log {directory}/cache.log
pid_filename none
pinger_enable off
shutdown_lifetime 0 seconds
coredump_dir {directory}
max_filedescriptors 16384
"""


class Tinyproxy(Debian):
    def command(self, path):
        return ["tinyproxy", "-d", "-c", path]

    def configuration(self, directory, origin_port):
        with open(os.path.join(directory, "filter"), "w", encoding="utf-8") as file:
            file.write(ORIGIN.replace(".", "\\.") + "\n")
        return f"""
Port {self.port}
Listen 127.0.0.1
Timeout 600
MaxClients 8000
Filter "{directory}/filter"
FilterDefaultDeny Yes
FilterExtended On
ConnectPort {origin_port}
LogFile "{directory}/tinyproxy.log"
LogLevel Connect
DisableViaHeader Yes
"""


PROXIES = {"sallyport": Sallyport, "sandbox off": Unguarded, "floor": Floor, "floor-splice": FloorSplice, "squid": Squid,
           "tinyproxy": Tinyproxy}


def load(proxy, work, target, count, at_once):
    return [os.path.join(PROGRAMS, "load"), "127.0.0.1", str(proxy.port), work, target, str(count),
            str(at_once)]


def measure(proxy, work, origin_port, count, at_once):
    """The figure of WORK in its unit; None where the proxy does not do it."""
    target = f"{ORIGIN}:{origin_port}"
    if work == "deny":
        target = f"denied.test:{origin_port}" if isinstance(proxy, Floor) else f"127.0.0.9:{origin_port}"
    if work == "hello":
        target = f"{NAMED}:{origin_port}"
    if work == "idle":
        subprocess.run(load(proxy, "connect", target, 200, 16), check=True, capture_output=True)
        before = resident_bytes(proxy.pid)
        holder = subprocess.Popen(load(proxy, work, target, count, at_once), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        held = holder.stdout.readline().startswith("held")
        after = resident_bytes(proxy.pid)
        holder.communicate()
        return (after - before) / count if held else None
    subprocess.run(load(proxy, work, target, max(1, count // 20), at_once), check=False,
                   capture_output=True)  # warm
    before = processor_ns(proxy.pid)
    done = subprocess.run(load(proxy, work, target, count, at_once), check=False, capture_output=True,
                          text=True)
    if done.returncode != 0:
        print(f"  ({type(proxy).__name__}: {work}: {done.stderr.strip()})", file=sys.stderr)
        return None
    used = processor_ns(proxy.pid) - before
    return used / count / (1024 if work == "relay" else 1000)


def run_rounds(names, rounds, scale):
    """(work, proxy) → figures."""
    figures = {(work, name): [] for work, *_ in WORKS for name in names}
    origin = Program(os.path.join(PROGRAMS, "origin"), ORIGIN)
    try:
        for turn in range(rounds):
            for name in names[turn % len(names):] + names[:turn % len(names)]:
                print(f"round {turn + 1}/{rounds}: {name}", file=sys.stderr)
                directory = tempfile.mkdtemp(prefix="sallyport-bench-")
                os.chmod(directory, 0o755)
                proxy = PROXIES[name](directory, origin.port)
                try:
                    for work, _, _, count, at_once in WORKS:
                        figure = measure(proxy, work, origin.port, max(at_once, count // scale), at_once)
                        if figure is not None:
                            figures[work, name].append(figure)
                finally:
                    proxy.close()
                    shutil.rmtree(directory, ignore_errors=True)
    finally:
        origin.close()
    return {key: statistics.median(values) for key, values in figures.items() if values}


GUARD_COUNT, GUARD_TURNS = 800, 14  # short turns, many of them: what else the machine does changes slowly


def guard_ratios(origin_port, count, turns):
    """[(µs without, µs with)] of a CONNECT by two proxies side by side, the ClientHello read by one of them; the first
    turn warms them up."""
    directories = [tempfile.mkdtemp(prefix="sallyport-bench-") for _ in range(2)]
    proxies, pairs = [], []
    try:
        for directory, sni in zip(directories, ("off", "enforce")):
            os.chmod(directory, 0o755)
            proxies.append(Named(directory, origin_port, sni))
        for turn in range(turns):
            figures = {proxy: measure(proxy, "hello", origin_port, count, 16)
                       for proxy in (proxies if turn % 2 == 0 else reversed(proxies))}
            if None in figures.values():
                sys.exit("the ClientHello's guard: no figure")
            pairs.append(tuple(figures[proxy] for proxy in proxies))
    finally:
        for proxy in proxies:
            proxy.close()
        for directory in directories:
            shutil.rmtree(directory, ignore_errors=True)
    return pairs[1:]


def guard_figures(rounds, scale):
    """What it costs to read the ClientHello. Each round has new processes: how they lie in memory is a price, too."""
    origin = Program(os.path.join(PROGRAMS, "origin"), ORIGIN)
    try:
        pairs = [pair for _ in range(rounds) for pair in guard_ratios(origin.port, max(16, GUARD_COUNT // scale), GUARD_TURNS)]
    finally:
        origin.close()
    lower, middle, upper = statistics.quantiles([(guarded / bare - 1) * 100 for bare, guarded in pairs], n=4)
    bare, guarded = (statistics.median(figures) for figures in zip(*pairs))
    return (f"The ClientHello's guard: CONNECT, 517 bytes there and back, close takes {bare:.1f} µs with `sni: off` and "
            f"{guarded:.1f} µs with `sni: enforce`; of {len(pairs)} pairs of turns the middle one differs by {middle:+.1f} % "
            f"(the middle half by {lower:+.1f} to {upper:+.1f} %).\n")


def table(medians, names):
    lines = ["| work | unit | " + " | ".join(names) + " |", "| --- | --- |" + " ---: |" * len(names)]
    for work, title, unit, *_ in WORKS:
        ours = medians.get((work, names[0]))
        cells = []
        for name in names:
            figure = medians.get((work, name))
            if figure is None:
                cells.append("–")
            elif name == names[0] or not ours:
                cells.append(f"{figure:.1f}")
            else:
                cells.append(f"{figure:.1f} ({figure / ours:.2f}×)")
        lines.append(f"| {title} | {unit} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def picture(medians, names):
    """Bars, each work on a scale of its own."""
    colours = ["#1f6feb", "#79c0ff", "#8b949e", "#c9d1d9", "#d29922", "#a371f7"]
    rows, y = [], 30
    for work, title, unit, *_ in WORKS:
        known = {name: medians[work, name] for name in names if (work, name) in medians}
        rows.append(f'<text x="10" y="{y}" font-weight="bold">{title} ({unit})</text>')
        most = max(known.values(), default=1) or 1
        for name, figure in known.items():
            y += 18
            width = max(1, 420 * figure / most)
            colour = colours[names.index(name) % len(colours)]
            rows.append(f'<text x="10" y="{y + 11}">{name}</text>'
                        f'<rect x="110" y="{y}" width="{width:.1f}" height="13" fill="{colour}"/>'
                        f'<text x="{115 + width:.1f}" y="{y + 11}">{figure:.1f}</text>')
        y += 42
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{y}" font-family="sans-serif" '
            f'font-size="12"><rect width="100%" height="100%" fill="#fff"/>' + "".join(rows) + "</svg>\n")


def policy_figures(quick):
    """What the programs that measure the policy engine alone have to say, indented."""
    lines = []
    for name, arguments in (("bench_policy", ["10000"] if quick else []),
                            ("bench_narrow", []),
                            ("bench_installations", [])):
        done = subprocess.run([os.path.join(PROGRAMS, name), *arguments], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{name} failed: {done.stderr}")
        lines += done.stdout.splitlines(keepends=True)
    return "".join("    " + line for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, one round")
    parser.add_argument("--only", default=",".join(PROXIES))
    parser.add_argument("--no-policy", action="store_true", help="leave out the policy engine")
    options = parser.parse_args()
    names = [name for name in options.only.split(",") if name in PROXIES
             and (name not in ("squid", "tinyproxy") or shutil.which(name))]
    crowd.raise_descriptor_limit(16000)
    rounds, scale = (1, 10) if options.quick else (options.rounds, 1)
    medians = run_rounds(names, rounds, scale)
    text = (f"{machine()}. Processor time of the proxy alone; medians of {rounds} rounds in turns; "
            f"the figure in brackets is the ratio to {names[0]}.\n\n") + table(medians, names)
    text += "\n" + guard_figures(rounds, scale)
    text += "" if options.no_policy else "\nThe policy engine:\n\n" + policy_figures(options.quick)
    print(text)
    for name, content in (("bench.md", text), ("bench.svg", picture(medians, names))):
        with open(os.path.join(BUILD, name), "w", encoding="utf-8") as file:
            file.write(content)
    print(f"written: {os.path.relpath(BUILD)}/bench.md, bench.svg")


if __name__ == "__main__":
    main()
