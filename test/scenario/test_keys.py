"""Keys and secrets are told nowhere: not in the log, not by an error, not on a page, whatever is wrong with their files."""
import hashlib
import os
import signal
import ssl

from harness import STATIC, sallyport, write
from pki import CLIENT, EC, openssl
from test_identity import basic
from test_inspect import Inspected


def marks(path):
    """What a private key could be recognised by: the lines of its file, and the number that it is."""
    with open(path, encoding="ascii") as file:
        lines = [line[:20] for line in file.read().splitlines() if line and "-----" not in line]
    text = openssl("pkey", "-in", path, "-noout", "-text").split("pub:")[0].split("priv:")[1]
    number = text.replace(":", "").replace("\n", "").replace(" ", "")[-64:]
    return [mark.encode() for mark in (*lines, number, number.upper(), text.strip()[:44])] + [bytes.fromhex(number)]


class Keys(Inspected):
    secret = "a secret of demo's, that nobody else may know"

    def given(self):
        """A gate with a key for every use there is: a TLS listener's, an inspecting authority's, one that is shown."""
        done = sallyport("ca", "issue", self.ca, "--server", "proxy.test")
        self.listener = done.stdout.split()
        self.shown = self.pki.issue("shown", extensions=CLIENT)
        self.credentials = self.path("credentials.yml")
        write(self.credentials, "- {app: demo, environment: development, sha256: "
                                f"{hashlib.sha256(self.secret.encode()).hexdigest()}}}\n")
        tls = {"certificate": self.listener[0], "key": self.listener[1]}
        self.start(self.tls_origin(), listeners=[
            {"address": "127.0.0.1:0", "identity": STATIC},
            {"address": "127.0.0.1:0", "identity": STATIC, "tls": tls},
            {"address": "127.0.0.1:0", "identity": {"basic": self.credentials}, "tls": tls}],
            client_certificates=[{"apps": ["demo/development"], "hosts": ["other.test"],
                                  "certificate": self.shown[0], "key": self.shown[1]}])
        self.keys = [self.listener[1], os.path.join(self.ca, "inspect.key"), self.shown[1]]
        self.marks = [mark for key in self.keys for mark in marks(key)]
        self.marks += [self.secret.encode(), hashlib.sha256(self.secret.encode()).hexdigest().encode()]

    def by_tls(self, listener, trust=None):
        client = self.gate.connect(listener)
        context = ssl.create_default_context(cafile=trust or self.root)
        client.sock = context.wrap_socket(client.sock, server_hostname="proxy.test")
        return self.keep(client)

    def use(self):
        """Each key, well and badly."""
        self.assertEqual(self.get(self.inside()).status, 200)
        with self.assertRaises(ssl.SSLError):
            self.inside(trust=self.pki.root).read(1)
        with self.assertRaises(ssl.SSLError):
            self.by_tls(1, trust=self.pki.root)
        with self.gate.connect(1) as client:
            client.send("GET / HTTP/1.1\r\n\r\n")
            client.rest()
        for secret in (self.secret, self.secret + "!"):
            self.by_tls(2).get(f"https://other.test:{self.port}/", basic("demo/development", secret))

    def told(self):
        pages = [self.gate.admin(page)[1] for page in ("/readyz", "/metrics")]
        return "\n".join(self.gate.log_lines() + self.gate.stderr + self.gate.stdout + pages).encode()

    def assertNothingTold(self):
        told = self.told()
        self.assertGreater(len(told), 1000)
        for mark in self.marks:
            self.assertNotIn(mark, told)

    def reload(self):
        count = len(self.gate.log(event="certificate_rejected"))
        self.gate.signal(signal.SIGHUP)
        self.gate.wait_log(count + 1, event="certificate_rejected")

    def test_are_told_nowhere(self):
        self.given()
        self.use()
        for path in self.keys:
            with open(path, encoding="ascii") as file:
                good = file.read()
            lines = good.splitlines()
            other = self.path("other.key")
            openssl("req", "-x509", *EC, "-subj", "/CN=x", "-keyout", other, "-out", self.path("other.pem"))
            self.marks += marks(other)
            openssl("pkey", "-in", path, "-aes128", "-passout", "pass:word", "-out", other + ".locked")
            with open(other, encoding="ascii") as file, open(other + ".locked", encoding="ascii") as locked:
                wrong = [file.read(), locked.read()]
            for text in (*wrong, "\n".join(lines[:2]), "\n".join([lines[0], "!" + lines[1], *lines[2:]]), "\n".join(lines[1:]),
                         ""):
                write(path, text)
                self.reload()
            write(path, good)
        write(self.credentials, f"- {{app: demo, environment: development, sha256: {self.secret}}}\n")
        self.gate.signal(signal.SIGHUP)
        self.gate.wait_log(event="identities_rejected")
        self.use()
        self.assertNothingTold()

    def test_that_do_not_load_at_the_start_are_not_told_either(self):
        self.given()
        with open(self.keys[0], encoding="ascii") as file:
            write(self.keys[0], file.read()[:120])
        gate = self.gate
        self.end(gate)
        gate.stderr = []
        gate.launch()
        self.assertEqual(gate.join(), 1)
        said = "\n".join(gate.stderr).encode()
        self.assertIn(self.keys[0].encode(), said)
        for mark in self.marks:
            self.assertNotIn(mark, said)
