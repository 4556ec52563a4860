"""Go's net/http, through an https:// proxy that asks for certificates and through one that looks into its tunnels.

It speaks TLS to a proxy by itself, and inside it HTTP/2. `make clients` installs Go, which is too large for every
`make test`: without it these are skipped.
"""
import os
import subprocess

from harness import BUILD, PATIENCE
from test_clients import HERE, needs
from test_http2 import Http2
from test_inspect import Inspected
from test_mtls_clients import Gate

SECONDS = str(int(PATIENCE))


def fetch_by_go(directory, proxy, trust, url, *identities):
    """The lines that fetch.go printed."""
    program = os.path.join(directory, "fetch")
    built = subprocess.run(
        ["go", "build", "-o", program, os.path.join(HERE, "fetch.go")], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "HOME": directory, "GOCACHE": os.path.join(BUILD, "go"), "CGO_ENABLED": "0",
             "GO111MODULE": "off", "GOPROXY": "off"}, timeout=8 * PATIENCE, check=False)
    assert built.returncode == 0, built.stderr
    done = subprocess.run([program, proxy, trust, url, SECONDS, *identities], capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, timeout=8 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs("go")
class Certificates(Gate):
    def test_the_right_one_opens_the_way_and_no_other_does(self):
        names = [",".join(pair) or "none" for pair in self.pairs.values()]
        lines = fetch_by_go(self.directory, self.proxy_url, self.ca.file("ca.pem"), self.url, *names)
        answers = dict(zip(self.pairs.values(), lines))
        self.assertEqual(len(answers), len(self.pairs))

        def fetch(*pair):
            status, _, rest = answers[pair].partition(" ")
            return rest.partition(" ")[2].encode() if status == "200" else None
        self.try_all(fetch)


@needs("go")
class Inspection(Inspected):
    def test_believes_the_authority_once_it_is_told_to(self):
        self.start(self.tls_origin())
        url = f"https://origin.test:{self.port}/"
        [line] = fetch_by_go(self.directory, self.gate.url, self.root, url, "none")
        self.assertEqual(line, "200 HTTP/1.1 hello from the origin")
        self.gate.wait_log(event="decision", method="GET", verdict="allow")
        [line] = fetch_by_go(self.directory, self.gate.url, self.pki.root, url, "none")
        self.assertRegex(line, "^ERROR .*certificate signed by unknown authority")
        denied = url.replace("origin.test", "else.test")
        [line] = fetch_by_go(self.directory, self.gate.url, self.root, denied, "none")
        self.assertRegex(line, "^ERROR .*: Egress Denied: undeclared$")


@needs("go")
class InspectionOfHttp2(Http2):
    def test_speaks_it_inside(self):
        origin = self.nginx()
        with open(os.path.join(self.root_folder, "words"), "w", encoding="ascii") as file:
            file.write("words " * 50_000)
        self.start(origin)
        [line] = fetch_by_go(self.directory, self.gate.url, self.root, f"https://origin.test:{self.port}/words", "none")
        self.assertEqual(line, "200 HTTP/2.0 " + "words " * 50_000)
        self.assertEqual([protocol for _, protocol, *_ in origin.requests()], ["HTTP/2.0"])
