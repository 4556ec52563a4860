"""Java's HttpClient, through an https:// proxy that asks for certificates and through one that looks into its tunnels.

It speaks no TLS to a proxy; Fetch.java says how it gets there all the same. `make clients` installs a JDK, which is
too large for every `make test`: without one these are skipped.
"""
import os
import subprocess

from harness import PATIENCE, sallyport
from pki import openssl
from test_clients import HERE, needs
from test_inspect import Inspected
from test_mtls_clients import Gate

SECONDS = str(int(PATIENCE))


def java(*arguments, trust, home):
    """The lines that Fetch.java printed."""
    done = subprocess.run(
        ["java", f"-Djavax.net.ssl.trustStore={trust}", "-Djavax.net.ssl.trustStorePassword=sallyport",
         "-XX:TieredStopAtLevel=1", "-Xshare:auto", os.path.join(HERE, "Fetch.java"), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": home, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True,
        timeout=8 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def trust_of(directory):
    """`ca env` writes what Java is to believe."""
    done = sallyport("ca", "env", directory)
    assert done.returncode == 0, done.stderr
    return os.path.join(directory, "truststore.p12")


@needs("java", "javac")
class Certificates(Gate):
    def store(self, kind, pair):
        """PAIR as a PKCS12 file."""
        if not pair:
            return "none"
        path = self.path(f"{kind.replace(' ', '-')}.p12")
        openssl("pkcs12", "-export", "-in", pair[0], "-inkey", pair[1], "-out", path, "-passout", "pass:changeit")
        return path

    def test_the_right_one_opens_the_way_and_no_other_does(self):
        stores = {pair: self.store(kind, pair) for kind, pair in self.pairs.items()}
        lines = java(self.proxy_url, self.url, SECONDS, *stores.values(), trust=trust_of(self.ca.directory),
                     home=self.directory)
        answers = dict(zip(stores, lines))
        self.assertEqual(len(answers), len(self.pairs))

        def fetch(*pair):
            status, _, rest = answers[pair].partition(" ")
            return rest.partition(" ")[2].encode() if status == "200" else None
        self.try_all(fetch)


@needs("java", "javac")
class Inspection(Inspected):
    def test_believes_the_authority_once_it_is_told_to(self):
        self.start(self.tls_origin())
        url = f"https://origin.test:{self.port}/"
        [line] = java(self.gate.url, url, SECONDS, "none", trust=trust_of(self.ca), home=self.directory)
        self.assertRegex(line, r"^200 \S+ hello from the origin")
        self.gate.wait_log(event="decision", method="GET", verdict="allow")
        denied = url.replace("origin.test", "else.test")
        [line] = java(self.gate.url, denied, SECONDS, "none", trust=trust_of(self.ca), home=self.directory)
        self.assertRegex(line, "^ERROR .*403")
