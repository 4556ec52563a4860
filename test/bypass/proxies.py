"""The proxies that are asked: ours, and two of Debian's with the nearest configuration they can have.

Each declares the same: what NAMES, LEADS and PRIVATE of world.py name on port {P}, and t.test,
*.tw.test and 127.0.0.4 for tunnels on port {T}. The peers run in a network of their own (run.py), so
that the name server can have port 53 there, which is the only one that they can ask.
"""
import glob
import os
import ssl

import world
from world import DECLARED, LITERAL, harness, origins

import name_server

LITERALS = ["127.0.0.3", "127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.3]"]


def plain_names():
    """Names that are declared one by one, for plain http."""
    return [name for name in [*world.NAMES, *world.LEADS]
            if not name.endswith((".w.test", ".tw.test")) and name != "t.test"]


class Sallyport:
    title = "Sallyport"

    @staticmethod
    def name_server(records, elsewhere):
        return name_server.NameServer(records, elsewhere)

    def __init__(self, directory, places, names):
        for attempt in range(5):
            stage = harness.Scenario()
            stage.directory = os.path.join(directory, f"try{attempt}")
            os.makedirs(stage.directory)
            self.ports = [origins.free_port() for _ in range(4)]
            self.gate = self.prepare(stage, places, names)
            try:
                self.gate.start()
                return
            except AssertionError:
                if attempt == 4:
                    raise

    def prepare(self, stage, places, names):
        credentials = os.path.join(stage.directory, "credentials.yml")
        with open(credentials, "w", encoding="utf-8") as file:
            file.write(world.credentials())
        at = [f"{DECLARED}:{port}" for port in self.ports]
        shared = [f"http://a.test:{places.p}", f"http://x.w.test:{places.p}"]
        inner = [f"https://{name}:{places.s}" for name in world.TLS_NAMES]
        self.authority(stage, places)
        gate = stage.prepare(
            allow=self.declared(places), workers=1,
            apps={("one", "production"): shared[:1], ("two", "production"): shared,
                  ("inner", "production"): inner, ("sites", "production"): []},
            inspect=[{"apps": ["inner/production"], "ca": self.pem("inspect"), "key": self.pem("inspect", "key")}],
            listeners=[{"address": at[0], "identity": harness.STATIC},
                       {"address": at[1], "identity": {"basic": credentials}},
                       {"address": at[3], "identity": {"static": {"app": "inner", "environment": "production"}}}],
            admin={"address": at[2]},
            timeouts={"resolve_seconds": 2.0 * harness.SLOW},
            network={"trust": self.pem("ca"), "allow_ranges": [DECLARED + "/32", LITERAL + "/32"], "hosts_file": "",
                     "dns_ttl_minimum_seconds": 0, "resolvers": [f"127.0.0.1:{names.port}"]})
        harness.write(gate.policy_path("inner", "production", "narrow.yml"),
                      f"- {{address: '{inner[0]}', methods: [GET, POST, OPTIONS], paths: [/public/*]}}\n")
        self.sites(gate, places)
        return gate

    def pem(self, name, ending="pem"):
        return os.path.join(self.keys, f"{name}.{ending}")

    def authority(self, stage, places):
        """One for the origins' certificates and, below it, one to look into tunnels with."""
        self.keys = os.path.join(stage.directory, "keys")
        names = [["init", self.keys], ["issue", self.keys, "--inspect"]] + \
            [["issue", self.keys, "--server", name] for name in world.TLS_NAMES]
        for arguments in names:
            done = harness.sallyport("ca", *arguments)
            if done.returncode != 0:
                raise RuntimeError(done.stderr)
        contexts = {}
        for name in world.TLS_NAMES:
            contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            contexts[name].load_cert_chain(self.pem(f"server-{name}"), self.pem(f"server-{name}", "key"))
        places.tls = contexts[world.TLS_NAMES[0]]

        def choose(sock, name, _):
            sock.context = contexts.get(name, sock.context)
        places.tls.sni_callback = choose

    @staticmethod
    def sites(gate, places):
        """Two sites of one app, each with a host that its admin has opened."""
        text = ("permissions:\n  external:\n    configurable: {enabled: true}\n    fetch:\n      backend:\n"
                f"        - {{address: 'http://early.test:{places.p}'}}\n")
        for name in ("manifest.yml", "versions/1.1/manifest.yml"):
            harness.write(gate.policy_path("sites", "production", name), text)
        opened = "".join(
            f"  - {{id: {site}, approved: 1, egress: [{{key: own, description: own, configured: "
            f"[{{domain: 'http://{host}:{places.p}', type: [FETCH_BACKEND_SIDE]}}]}}]}}\n"
            for site, host in (("site-a", "a.test"), ("site-b", "first.test")))
        harness.write(gate.policy_path("sites", "production", "installations.yml"), "installations:\n" + opened)

    def declared(self, places):
        hosts = plain_names() + LITERALS + ["*.w.test"]
        return [f"http://{host}:{places.p}" for host in hosts] + \
            [f"https://{host}:{places.t}" for host in ("t.test", "*.tw.test", LITERAL)] + \
            [f"https://s.test:{places.s}"] + \
            [f"http://self.test:{self.ports[0]}", f"http://selfadmin.test:{self.ports[2]}",
             f"http://{DECLARED}:{self.ports[0]}", "http://169.254.169.254"]

    def close(self):
        self.gate.stop()


class Debian:
    """A proxy of Debian's on a configuration file."""
    numbers = iter(range(1, 250))

    @classmethod
    def name_server(cls, records, elsewhere):
        return name_server.NameServer(records, elsewhere, f"127.0.1.{next(cls.numbers)}", 53)

    def __init__(self, directory, places, names):
        self.directory, self.places, self.names = directory, places, names
        self.resolver = names.sock.getsockname()[0]
        for _ in range(10):
            self.port = origins.free_port()
            self.ports = [self.port] * 3
            path = os.path.join(directory, "configuration")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.configuration())
            self.daemon = origins.Daemon(self.command(path), os.path.join(directory, "output"))
            if self.daemon.wait_port(self.port):
                return
            self.daemon.close()
        raise RuntimeError("did not start: " + self.daemon.output())

    def close(self):
        self.daemon.close()


class Squid(Debian):
    title = "Squid"

    def command(self, path):
        self.name = f"sallyportbypass{os.getpid()}x{self.port}"  # its shared memory's, too
        return ["squid", "-N", "-n", self.name, "-f", path]

    def close(self):
        super().close()
        for left in glob.glob(f"/dev/shm/{self.name}*"):
            os.remove(left)

    def configuration(self):
        os.chmod(self.directory, 0o777)  # squid, started by root, becomes a user of its own
        literals = " ".join(literal.strip("[]") for literal in LITERALS)
        return f"""
http_port 127.0.0.1:{self.port}
dns_nameservers {self.resolver}
dns_timeout 3 seconds
hosts_file none
acl names dstdomain -n {" ".join(plain_names())} {literals}
acl wildcard dstdom_regex -n -i ^.+\\.w\\.test$
acl tunnels dstdomain -n t.test {LITERAL}
acl tunnels_wildcard dstdom_regex -n -i ^.+\\.tw\\.test$
acl port_p port {self.places.p}
acl port_t port {self.places.t}
acl origins dst {DECLARED} {LITERAL}
acl CONNECT method CONNECT
http_access deny !origins
http_access allow names port_p
http_access allow wildcard port_p
http_access allow tunnels port_t CONNECT
http_access allow tunnels_wildcard port_t CONNECT
http_access deny all
cache deny all
access_log none
cache_log {self.directory}/cache.log
pid_filename none
pinger_enable off
shutdown_lifetime 0 seconds
coredump_dir {self.directory}
max_filedescriptors 4096
"""


class Tinyproxy(Debian):
    title = "tinyproxy"

    def command(self, path):
        resolv = os.path.join(self.directory, "resolv.conf")
        with open(resolv, "w", encoding="utf-8") as file:
            file.write(f"nameserver {self.resolver}\noptions timeout:1 attempts:1\n")
        script = 'mount --bind "$1" /etc/resolv.conf && exec tinyproxy -d -c "$2"'
        return ["unshare", "--mount", "sh", "-c", script, "sh", resolv, path]

    def configuration(self):
        exact = [*plain_names(), "t.test", *(literal.strip("[]") for literal in [*LITERALS, LITERAL])]
        lines = [f"^{name.replace('.', chr(92) + '.')}$" for name in exact]
        lines += [r"^.+\.w\.test$", r"^.+\.tw\.test$"]
        with open(os.path.join(self.directory, "filter"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        return f"""
Port {self.port}
Listen 127.0.0.1
Timeout 20
MaxClients 100
Filter "{self.directory}/filter"
FilterDefaultDeny Yes
FilterExtended On
ConnectPort {self.places.t}
ConnectPort {self.places.p}
LogFile "{self.directory}/tinyproxy.log"
LogLevel Connect
DisableViaHeader Yes
"""


PROXIES = {"sallyport": Sallyport, "squid": Squid, "tinyproxy": Tinyproxy}
