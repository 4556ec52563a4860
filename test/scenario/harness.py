"""The stage of a scenario: the real binary between a client and an origin, all on loopback.

    class Tunnels(Scenario):
        def test_carries_bytes_both_ways(self):
            origin = self.origin(lambda wire: wire.send(wire.read(4)))
            proxy = self.proxy(allow=[f"http://origin.test:{origin.port}"])
            with proxy.connect() as client:
                self.assertEqual(client.tunnel(f"origin.test:{origin.port}").status, 200)
                client.send("ping")
                self.assertEqual(client.read(4), b"ping")

What a scenario starts ends with it. A proxy that a scenario did not stop is stopped with SIGTERM
and has to exit with 0, silently under the sanitizers. SALLYPORT_UNDER is what the program is run
under (valgrind, which test/run names).
"""
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import origins
import wire
from wire import PATIENCE, SLOW

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
SALLYPORT = os.path.join(BUILD, "sallyport")
QUICK_SECONDS = {"head_seconds": 10, "resolve_seconds": 5, "dial_seconds": 5, "hello_seconds": 10}  # the defaults
STATIC = {"static": {"app": "demo", "environment": "development"}}
UNDER = shlex.split(os.environ.get("SALLYPORT_UNDER") or "")
SANITIZER_WORDS = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:"
                             r"|Sanitizer:DEADLYSIGNAL|^==\d+== ", re.M)  # the last: valgrind's


def is_instrumented(*marks):
    """Sanitizers, valgrind and coverage do what the sandbox ends a process for. MARKS: which of the sanitizers."""
    with open(SALLYPORT, "rb") as file:
        program = file.read()
    return not marks and bool(UNDER) or any(
        mark in program for mark in marks or (b"__asan_init", b"__tsan_init", b"__gcov_exit"))


def wait_until(condition, what, patience=None):
    """Asks until CONDITION gives something true, and gives that back."""
    end = time.monotonic() + (patience or PATIENCE)
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited in vain: {what}")


def sallyport(*arguments, stdin=None, cwd=None, timeout=60):
    """Runs a subcommand; the finished process (text)."""
    done = subprocess.run([*UNDER, SALLYPORT, *arguments], input=stdin, capture_output=True, text=True,
                          cwd=cwd, timeout=timeout * SLOW, check=False)
    assert not SANITIZER_WORDS.search(done.stderr), done.stderr
    return done


def manifest(addresses):
    """A manifest that declares ADDRESSES (strings, or YAML flow text for other entries)."""
    lines = ["app:", "  id: ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000001",
             "permissions:", "  external:", "    fetch:"]
    lines.append("      backend:" if addresses else "      backend: []")
    lines += [f'        - address: "{address}"' for address in addresses]
    return "\n".join(lines) + "\n"


def write(path, text):
    """Writes the way a careful deployer does: aside, then renamed."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def merge(base, changes):
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict) and key != "identity":
            merge(base[key], value)
        else:
            base[key] = value
    return base


class Proxy:
    """`sallyport run` with a configuration and a policy of its own in DIRECTORY."""

    def __init__(self, directory, configuration, wrapper=()):
        self.directory = directory
        self.configuration = configuration
        self.wrapper = list(wrapper)
        self.process = None
        self.ports = []
        self.listening = []
        self.admin_port = None
        self.stderr = []
        self.log_path = os.path.join(directory, "decisions.log")

    # -- its life --------------------------------------------------------------

    def launch(self):
        """Starts it without waiting until it is ready."""
        path = os.path.join(self.directory, "sallyport.yml")
        write(path, json.dumps(self.configuration, indent=1))
        self.process = subprocess.Popen(
            [*self.wrapper, *UNDER, SALLYPORT, "run", "--config", path], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        self.stdout = []
        self.ready = threading.Event()
        self.readers = [threading.Thread(target=self.read_stderr, daemon=True),
                        threading.Thread(target=self.read_stdout, daemon=True)]
        for reader in self.readers:
            reader.start()
        return self

    def start(self):
        self.launch()
        wait_until(lambda: self.ready.is_set() or self.process.poll() is not None, "ready")
        if not self.ready.is_set():
            self.join()
            raise AssertionError("the proxy did not start:\n" + "\n".join(self.stderr))
        return self

    def read_stdout(self):
        for line in self.process.stdout:
            self.stdout.append(line.rstrip("\n"))

    def read_stderr(self):
        for line in self.process.stderr:
            line = line.rstrip("\n")
            self.stderr.append(line)
            if line.startswith("sallyport: listening on "):
                self.listening.append(line[len("sallyport: listening on "):])
                port = line.rsplit(":", 1)[1]
                self.ports.append(int(port) if port.isdigit() else 0)
            elif line.startswith("sallyport: admin on "):
                self.admin_port = int(line.rsplit(":", 1)[1])
            elif line == "sallyport: ready":
                self.ready.set()

    def join(self, patience=None):
        """Waits for its end; the exit status."""
        status = self.process.wait(patience or 2 * PATIENCE)
        for reader in self.readers:
            reader.join(PATIENCE)
        return status

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, status=0):
        """SIGTERM; it has to end with STATUS and without a word of the sanitizers."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            came = self.join()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.join()
            raise AssertionError("the proxy did not stop after SIGTERM:\n"
                                 + "\n".join(self.stderr[-20:])) from None
        self.assert_clean()
        assert came == status, f"exit status {came}, expected {status}\n" + "\n".join(self.stderr)

    def assert_clean(self):
        """Neither a sanitizer nor valgrind has said a word."""
        text = "\n".join(self.stderr)
        assert not SANITIZER_WORDS.search(text), text

    # -- talking to it ---------------------------------------------------------

    @property
    def port(self):
        return self.ports[0]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def connect(self, listener=0):
        return wire.connect("127.0.0.1", self.ports[listener])

    def admin(self, path):
        """(status, text) of a page of the admin listener."""
        with wire.connect("127.0.0.1", self.admin_port) as client:
            client.send(f"GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
            response = client.response()
        return response.status, response.body.decode()

    def metrics(self):
        """name{labels} → value."""
        _, text = self.admin("/metrics")
        samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    # -- what it says ----------------------------------------------------------

    def log_lines(self, path=None):
        """Whole ones: the last may be being written."""
        try:
            with open(path or self.log_path, encoding="utf-8") as file:
                return file.read().rpartition("\n")[0].splitlines()
        except FileNotFoundError:
            return []

    def log(self, **match):
        """The log's records whose members equal MATCH."""
        records = [json.loads(line) for line in self.log_lines() if line]
        return [record for record in records
                if all(record.get(key) == value for key, value in match.items())]

    def wait_log(self, count=1, **match):
        """The records that match, once there are COUNT of them."""
        def look():
            found = self.log(**match)
            return found if len(found) >= count else None
        try:
            return wait_until(look, "")
        except AssertionError:
            raise AssertionError(f"no {count} log records with {match}; there are:\n"
                                 + "\n".join(self.log_lines()[-20:])) from None

    def status_kib(self, name="VmRSS"):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1])
        raise AssertionError(f"no {name}")

    def descriptors(self):
        try:
            return len(os.listdir(f"/proc/{self.process.pid}/fd"))
        except PermissionError:
            raise unittest.SkipTest("only root sees the descriptors of a guarded process") from None

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # -- its policy ------------------------------------------------------------

    def policy_path(self, app="demo", environment="development", name="manifest.yml"):
        return os.path.join(self.directory, "policy", app, environment, name)

    def declare(self, addresses, app="demo", environment="development"):
        """Deploys a manifest with these addresses."""
        write(self.policy_path(app, environment), manifest(addresses))


class Scenario(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        # nginx workers and other users must be able to look inside
        self.directory = tempfile.mkdtemp(prefix="sallyport-")
        os.chmod(self.directory, 0o755)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def path(self, *parts):
        path = os.path.join(self.directory, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def prepare(self, allow=(), apps=None, hosts=None, wrapper=(), **sections):
        """A proxy that is not started. ALLOW: what demo/development declares. APPS: (app,
        environment) → addresses, further ones. HOSTS: name → address, or addresses; names below .test that are
        declared or given in ALLOW are 127.0.0.1 by themselves. SECTIONS go over the configuration."""
        number = len([n for n in os.listdir(self.directory) if n.startswith("proxy")])
        directory = os.path.join(self.directory, f"proxy{number}")
        os.makedirs(directory)
        apps = {("demo", "development"): allow, **(apps or {})}
        known = {}
        for addresses in apps.values():
            for address in addresses:
                name = address.split("://")[-1].split("/")[0].split(":")[0]
                if name.endswith(".test") and "*" not in name:
                    known[name] = "127.0.0.1"
        known.update(hosts or {})
        write(os.path.join(directory, "hosts"),
              "".join(f"{address} {name}\n" for name, addresses in known.items()
                      for address in ([addresses] if isinstance(addresses, str) else addresses)))
        configuration = merge({
            "listeners": [{"address": "127.0.0.1:0", "identity": STATIC}],
            "policy": {"path": os.path.join(directory, "policy"), "plain_http": True},
            "network": {"allow_ranges": ["127.0.0.0/8"],
                        "hosts_file": os.path.join(directory, "hosts")},
            "log": {"decisions": os.path.join(directory, "decisions.log")},
            "admin": {"address": "127.0.0.1:0"},
            "workers": 2,
            "timeouts": {name: seconds * SLOW for name, seconds in QUICK_SECONDS.items()},
            "process": {"sandbox": "off" if is_instrumented() else "on"},
        }, sections)
        proxy = Proxy(directory, configuration, wrapper)
        for (app, environment), addresses in apps.items():
            proxy.declare(addresses, app, environment)
        self.addCleanup(self.end, proxy)
        return proxy

    def proxy(self, *arguments, **options):
        return self.prepare(*arguments, **options).start()

    @staticmethod
    def end(proxy):
        if proxy.process and proxy.process.returncode is None:
            proxy.stop()
        proxy.assert_clean()

    def keep(self, thing):
        self.addCleanup(thing.close)
        return thing

    def origin(self, talk=None, **options):
        return self.keep(origins.Origin(talk, **options))

    def refusing_port(self):
        """A port of loopback that refuses connections, and that nobody else can get meanwhile."""
        taken = self.keep(socket.socket())
        taken.bind(("127.0.0.1", 0))  # bound and not listening
        return taken.getsockname()[1]

    def http_origin(self, answer=None, **options):
        return self.keep(origins.HttpOrigin(answer, **options))

    def authority(self):
        directory = os.path.join(self.directory, "authority")
        os.makedirs(directory, exist_ok=True)
        return origins.Authority(directory)

    def nginx(self, root, certificate, key):
        directory = os.path.join(self.directory, "nginx")
        os.makedirs(directory, exist_ok=True)
        return self.keep(origins.Nginx(directory, root, certificate, key))

    def name_server(self, records):
        return self.keep(origins.NameServer(self.directory, records))

    def assertDenied(self, response, reason, status=403):
        """The contract's denial, in every place that says it."""
        self.assertEqual(response.status, status, response.body)
        self.assertEqual(response.get("forge-proxy-error"), "BLOCKED_EGRESS")
        self.assertEqual(response.get("Content-Type"), "application/problem+json")
        problem = json.loads(response.body)
        self.assertEqual(problem["reason"], reason)
        self.assertEqual(problem["status"], status)
        self.assertIn(f'details="{reason}"', response.get("Proxy-Status"))
        return problem


def can_listen_v6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False
