"""nghttp and h2load, which know no proxy, through a pump: HTTP/2 in inspected tunnels to nginx."""
import base64
import collections
import hashlib
import os
import re
import subprocess

from harness import PATIENCE, SLOW, wait_until, write
from pump import Pump
from test_clients import needs
from test_http2 import Http2

REQUESTS, CONNECTIONS, STREAMS = (2000 if SLOW == 1 else 200), 4, 10


class Pumped(Http2):
    """The proxy asks for credentials, which the pump has: demo/development's."""

    def given(self, narrow=None):
        digest = hashlib.sha256(b"sesame").hexdigest()
        credentials = self.path("credentials.yml")
        write(credentials, f"- {{app: demo, environment: development, sha256: {digest}}}\n")
        self.web = self.nginx()
        self.port = self.web.port
        self.gate = self.prepare(
            allow=[f"https://{name}:{self.port}" for name in ("origin.test", "other.test")],
            network={"trust": self.pki.root}, inspect=[self.rule()],
            listeners=[{"address": "127.0.0.1:0", "identity": {"basic": credentials}}])
        if narrow:
            write(self.gate.policy_path(name="narrow.yml"), narrow.format(port=self.port))
        self.gate.start()
        self.authority = f"origin.test:{self.port}"
        key = base64.b64encode(b"demo/development:sesame").decode()
        self.pump = self.keep(Pump(self.gate, self.authority, f"Proxy-Authorization: Basic {key}"))

    def run_client(self, *command, complaint=b""):
        done = subprocess.run(command, env={"PATH": os.environ["PATH"], "SSL_CERT_FILE": self.root},
                              capture_output=True, timeout=4 * PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, complaint), done.stdout[-2000:])
        return done.stdout

    def nghttp(self, *arguments, paths=("/small",), authority=None, **options):
        """What it prints. It says "localhost" to itself alone: SNI is taken from :authority."""
        return self.run_client("nghttp", *arguments, "-H", f":authority: {authority or self.authority}",
                               *(f"https://localhost:{self.pump.port}{path}" for path in paths), **options)

    def h2load(self, *arguments):
        """It names the origin, and asks for /small."""
        return self.run_client("h2load", f"--connect-to=127.0.0.1:{self.pump.port}",
                               f"https://{self.authority}/small", *arguments).decode()

    def assertLogged(self, method, count, **match):
        """COUNT decisions of METHOD, and one close of each."""
        decisions = self.gate.wait_log(count, event="decision", method=method, **match)
        self.assertEqual(len(decisions), count)
        ids = {one["id"] for one in decisions}
        self.assertEqual(len(ids), count)
        def closes():
            return [one["id"] for one in self.gate.log(event="close") if one["id"] in ids]
        wait_until(lambda: ids <= set(closes()), "a close of each")
        self.assertEqual(len(closes()), count)


@needs("nghttp")
class Nghttp(Pumped):
    def test_reads_a_body_byte_for_byte(self):
        self.given()
        came = self.nghttp(paths=["/large"])
        self.assertEqual(hashlib.sha256(came).digest(), hashlib.sha256(self.content("large")).digest())
        [(_, protocol, *_)] = self.web.requests()
        self.assertEqual(protocol, "HTTP/2.0")

    def test_reads_many_streams_of_one_connection(self):
        self.given()
        sizes = {65 + number: 100_000 + 7777 * number for number in range(8)}
        for byte, size in sizes.items():  # nghttp prints them as they come, one between the other
            with open(os.path.join(self.root_folder, chr(byte)), "wb") as file:
                file.write(bytes([byte]) * size)
        came = self.nghttp("-m", "3", paths=[f"/{chr(byte)}" for byte in sizes])
        self.assertEqual(collections.Counter(came), {byte: 3 * size for byte, size in sizes.items()})
        self.assertLogged("GET", 24, verdict="allow")
        self.assertLogged("CONNECT", 1)

    def test_sends_a_body_byte_for_byte(self):
        self.given()
        sent = os.path.join(self.root_folder, "large")
        for options in ((), ("--no-content-length",), ("--expect-continue",), ("-b", "255")):
            with self.subTest(options):
                self.assertEqual(self.nghttp("-d", sent, *options, paths=["/echo"]), self.content("large"))

    def test_is_held_to_narrow_yml(self):
        self.given(narrow="- {{address: 'https://origin.test:{port}', methods: [GET], paths: [/small]}}\n")
        self.assertEqual(self.nghttp(), self.content("small"))
        self.assertIn(b'"reason":"path_not_declared"', self.nghttp(paths=["/large"]))
        self.assertIn(b'"reason":"method_not_declared"', self.nghttp("-H", ":method: DELETE"))
        self.assertEqual([path for *_, path, _, _ in self.web.requests()], ["/small"])

    def test_is_refused_under_another_name_than_the_tunnels(self):
        self.given()
        said = self.nghttp(authority=f"other.test:{self.port}",
                           complaint=b"Some requests were not processed. total=1, processed=0\n")
        self.assertEqual(said, b"")
        self.assertLogged("CONNECT", 1, verdict="deny", reason="sni_mismatch")
        self.assertEqual(self.web.requests(), [])


@needs("h2load")
class H2load(Pumped):
    def test_is_answered_each_time_and_each_is_logged_once(self):
        self.given()
        told = self.h2load("-n", str(REQUESTS), "-c", str(CONNECTIONS), "-m", str(STREAMS))
        self.assertIn(f"{REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout", told)
        self.assertIn(f"status codes: {REQUESTS} 2xx", told)
        self.assertRegex(told, rf"\({12 * REQUESTS}\) data")
        self.assertLogged("GET", REQUESTS, verdict="allow")
        self.assertLogged("CONNECT", CONNECTIONS)
        self.assertEqual(len(self.web.requests()), REQUESTS)

    def test_is_refused_where_authority_is_not_what_sni_says(self):
        self.given()
        told = self.h2load("-n", "20", "-c", "2", "-m", "5", "-H", f":authority: other.test:{self.port}")
        self.assertIn("status codes: 0 2xx, 0 3xx, 20 4xx, 0 5xx", told)
        self.assertLogged("GET", 20, verdict="deny", reason="sni_mismatch")
        self.assertEqual(self.web.requests(), [])
