#!/usr/bin/python3
"""What it costs to look into tunnels, beside squid's ssl_bump: the same clients, origin and authority, in turns.

    test/bench/inspection.py [--rounds N] [--quick]

- processor time of a tunnel, CONNECT, TLS with the origin and with the client, a GET of 64 bytes, close: to an
  origin that closes each connection, and to one that would keep it
- processor time of a KiB of a body that is decrypted and encrypted again
- how much later the first byte comes through a tunnel that is looked into, in handshakes with the origin itself

The origin's chain has an authority between its certificate and the one that is trusted, as chains on the web have, and
so has a leaf's. Each proxy has one worker, verifies the origin before the client's TLS begins, has the leaf in its cache
and logs every request. What is spoken on both sides is asked of s_client and of the origin's log; where it is not the
same, nothing is measured. Figures are medians; the table goes to build/inspection.md. squid is Debian's squid-openssl,
unpacked below build/peers: it cannot be installed beside squid.
"""
import argparse
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import bench
import harness  # bench has shown the way
import origins
import pki

HOST = "origin.test"
SQUID = os.path.join(bench.BUILD, "peers", "squid-openssl", "usr")
LOAD = os.path.join(bench.PROGRAMS, "tls_load")
LARGE_MIB = 64

# work, what a figure of it is, its unit, the path, how many tunnels and how many at a time
WORKS = [
    ("both", "tunnel with a GET of 64 bytes, a handshake on both sides", "µs", "once/small", 1000, 8),
    ("kept", "the same, to an origin that keeps connections", "µs", "small", 1000, 8),
    ("relay", "body, decrypted and encrypted again, 4 streams", "ns/KiB", "large", 16, 4),
]
LATENCY_COUNT = 300


class Origin(origins.Nginx):
    """nginx with TLS as it is by default; below /once/ it closes each connection, and it logs what was spoken."""

    def configuration(self, directory, root, certificate, key):
        self.log = os.path.join(directory, "spoken.log")
        return f"""
daemon off; master_process off; {"user root;" if os.geteuid() == 0 else ""}
pid {directory}/nginx.pid; error_log {directory}/nginx-error.log;
events {{ worker_connections 512; }}
http {{
    log_format spoken "$ssl_protocol $ssl_cipher $ssl_curve"; access_log {self.log} spoken;
    ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_session_tickets off; ssl_protocols TLSv1.3;
    keepalive_timeout 60s; keepalive_requests 100000; sendfile on; root {root};
    server {{
        listen 127.0.0.1:{self.port};
        listen 127.0.0.1:{self.tls_port} ssl; listen {bench.ORIGIN}:{self.tls_port} ssl;
        location /once/ {{ alias {root}/; keepalive_timeout 0; }}
    }}
}}
"""

    def spoken(self):
        """With whoever has asked since the last call."""
        with open(self.log, "r+", encoding="ascii") as file:
            lines = set(file.read().split("\n")) - {""}
            file.truncate(0)
        return lines


class Sallyport(bench.Sallyport):
    """Ours, which looks into the app's tunnels; or does not."""

    def __init__(self, directory, site, inspect=True):
        rule = {"apps": ["demo/development"], "ca": site.authority, "key": site.authority_key}
        super().__init__(directory, addresses=[f"https://{HOST}:{site.port}"], hosts={HOST: bench.ORIGIN},
                         inspect=[rule] if inspect else [], network={"trust": site.pki.root},
                         limits={"requests_per_minute": 0})


class Opaque(Sallyport):
    def __init__(self, directory, site):
        super().__init__(directory, site, inspect=False)


class Squid(bench.Squid):
    """squid with ssl_bump; a helper of its own makes the leaves."""

    def __init__(self, directory, site):
        self.site = site
        certgen = os.path.join(SQUID, "lib", "squid", "security_file_certgen")
        self.store = f"{certgen} -s {directory}/leaves -M 16MB"
        subprocess.run([*self.store.split(), "-c"], check=True, capture_output=True)
        for path in [f"{directory}/leaves", *glob.glob(f"{directory}/leaves/**", recursive=True)]:
            os.chmod(path, 0o777)
        harness.write(f"{directory}/hosts", f"{bench.ORIGIN} {HOST}\n")
        super().__init__(directory, site.port)

    def command(self, path):
        return [os.path.join(SQUID, "sbin", "squid"), *super().command(path)[1:]]

    def configuration(self, directory, origin_port):
        text = super().configuration(directory, origin_port)
        port = f"http_port 127.0.0.1:{self.port}"
        return text.replace(port, f"""{port} ssl-bump generate-host-certificates=on \\
    tls-cert={self.site.authority} tls-key={self.site.authority_key}
sslcrtd_program {self.store}
sslcrtd_children 1
tls_outgoing_options cafile={self.site.pki.root}
ssl_bump stare all
ssl_bump bump all
hosts_file {directory}/hosts
""")


class Site:
    """The origin, and the authority that both proxies sign with."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="sallyport-inspection-")
        os.chmod(self.directory, 0o755)
        root = os.path.join(self.directory, "root")
        harness.write(os.path.join(root, "small"), "x" * 64)
        with open(os.path.join(root, "large"), "wb") as file:
            file.truncate(LARGE_MIB << 20)
        self.pki = pki.Pki(os.path.join(self.directory, "pki"))
        self.authority, self.authority_key = self.pki.issue("inspection", extensions=pki.AUTHORITY)
        os.chmod(self.authority_key, 0o644)
        self.pki.issue("between", extensions=pki.AUTHORITY)
        origin = self.pki.chain(self.pki.issue("origin", HOST, issuer="between"), "between")
        self.origin = Origin(self.directory, root, *origin)
        self.port = self.origin.tls_port

    def close(self):
        self.origin.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def family(pid):
    """PID and what it has started."""
    pids = [pid]
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) == pid:
                    pids.append(int(path.split("/")[2]))
        except OSError:
            pass  # it has ended
    return pids


def used(pid):
    """Processor time of all of them, nanoseconds."""
    return sum(bench.processor_ns(each) for each in family(pid))


def load(site, proxy, path, count, at_once):
    """(tunnels, bytes, µs of a handshake, µs until the first byte); PROXY None: straight to the origin."""
    command = [LOAD, str(proxy.port) if proxy else "-", bench.ORIGIN, str(site.port), HOST, site.pki.root, path,
               str(count), str(at_once)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{type(proxy).__name__}: {path}: {done.stderr.strip()}")
    return [float(word) for word in done.stdout.split()[1:]]


def spoken(site, proxy):
    """What the client and PROXY speak, then what PROXY and the origin do."""
    load(site, proxy, "once/small", 2, 1)
    done = subprocess.run(
        ["openssl", "s_client", "-proxy", f"127.0.0.1:{proxy.port}", "-connect", f"{HOST}:{site.port}", "-CAfile",
         site.pki.root, "-servername", HOST, "-verify_return_error"],
        input=f"GET /once/small HTTP/1.0\r\nHost: {HOST}:{site.port}\r\n\r\n", capture_output=True, text=True, check=False)
    facts = [r"(TLSv[0-9.]+), Cipher is (\S+)", r"Server Temp Key: (.*)", r"Server public key is (.*)",
             r"Peer signature type: (.*)", r"Peer signing digest: (.*)"]
    found = [re.search(fact, done.stdout) for fact in facts]
    if None in found:
        sys.exit(f"{type(proxy).__name__}: s_client found no TLS:\n{done.stdout}{done.stderr}")
    return " ".join(" ".join(match.groups()) for match in found), " and ".join(sorted(site.origin.spoken()))


def measure(site, proxy, scale):
    figures = {}
    for work, _, _, path, count, at_once in WORKS:
        count = max(at_once, count // scale)
        load(site, proxy, path, at_once, at_once)  # warm
        before = used(proxy.pid)
        done, size, *_ = load(site, proxy, path, count, at_once)
        figures[work] = (used(proxy.pid) - before) / (size / 1024 if work == "relay" else done * 1000)
    return figures


PROXIES = {"sallyport": Sallyport, "squid": Squid}


class Round:
    """Proxies that are new, side by side; with how things lie in memory anew, too."""

    def __init__(self, site, kinds):
        self.proxies, self.directories = {}, []
        try:
            for name, kind in kinds.items():
                self.directories.append(tempfile.mkdtemp(prefix="sallyport-inspection-"))
                os.chmod(self.directories[-1], 0o755)
                self.proxies[name] = kind(self.directories[-1], site)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self.proxies

    def __exit__(self, *_):
        self.close()

    def close(self):
        for proxy in self.proxies.values():
            proxy.close()
        for directory in self.directories:
            shutil.rmtree(directory, ignore_errors=True)


def run_rounds(site, rounds, scale):
    """What both speak; (work, proxy) → the figures of each round."""
    figures, common = {}, None
    for turn in range(rounds):
        print(f"round {turn + 1}/{rounds}", file=sys.stderr)
        with Round(site, PROXIES) as proxies:
            says = {spoken(site, proxy) for proxy in proxies.values()}
            common = says.pop()
            if says:
                sys.exit(f"they do not speak the same:\n{common}\n{says}")
            for name in sorted(proxies, reverse=turn % 2 == 1):
                for work, figure in measure(site, proxies[name], scale).items():
                    figures.setdefault((work, name), []).append(figure)
    return common, figures


def run_latency(site, rounds, scale):
    """µs until the first byte through an opaque tunnel and through one that is looked into, and of a handshake: one
    at a time, in turns."""
    looks = []
    count = max(10, LATENCY_COUNT // scale // 10)
    with Round(site, {"opaque": Opaque, "inspected": Sallyport}) as proxies:
        for turn in range(10 * rounds):
            order = (proxies["opaque"], proxies["inspected"])
            firsts = {proxy: load(site, proxy, "once/small", count, 1)[3] for proxy in order[::-1 if turn % 2 else 1]}
            handshake = load(site, None, "once/small", count, 1)[2]
            looks.append((firsts[order[0]], firsts[order[1]], handshake))
    return [statistics.median(column) for column in zip(*looks[1:])]


def report(common, figures, latency):
    names = list(PROXIES)
    lines = [f"{bench.machine()}; client and proxy: {common[0]}; proxy and origin: {common[1]}", "",
             "| work | unit | " + " | ".join(names) + " | ratio |", "| --- | --- |" + " ---: |" * (len(names) + 1)]
    for work, title, unit, *_ in WORKS:
        ours, theirs = (statistics.median(figures[work, name]) for name in names)
        lines.append(f"| {title} | {unit} | {ours:.1f} | {theirs:.1f} | {theirs / ours:.2f} |")
        if unit == "µs":
            lines.append(f"| … of them | in a CPU second | {1e6 / ours:.0f} | {1e6 / theirs:.0f} | {theirs / ours:.2f} |")
    opaque, inspected, handshake = latency
    lines += ["", f"First byte, one tunnel at a time: {opaque:.0f} µs through an opaque tunnel, {inspected:.0f} µs through one "
              f"that is looked into, with the leaf in the cache; {handshake:.0f} µs take a handshake with the origin itself: "
              f"{(inspected - opaque) / handshake:.2f} handshakes more."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, one round")
    options = parser.parse_args()
    rounds, scale = (1, 10) if options.quick else (options.rounds, 1)
    site = Site()
    try:
        text = report(*run_rounds(site, rounds, scale), run_latency(site, rounds, scale))
    finally:
        site.close()
    with open(os.path.join(bench.BUILD, "inspection.md"), "w", encoding="utf-8") as file:
        file.write(text)
    print(text, end="")


if __name__ == "__main__":
    main()
