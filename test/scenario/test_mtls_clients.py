"""Real clients through an mTLS https:// proxy: with the right certificate, and with six that are not."""
import importlib.util
import os
import ssl
import subprocess

from harness import PATIENCE, Scenario, wait_until
from test_clients import HERE, needs, skip_without
from test_mtls import Authority, uri


class Gate(Scenario):
    """nginx behind an mTLS proxy; orders/production may reach it, billing/staging may not."""

    def setUp(self):
        super().setUp()
        root = self.path("site", "x")[:-2]
        self.words = b"words " * 1000
        with open(os.path.join(root, "words"), "wb") as file:
            file.write(self.words)
        os.chmod(os.path.join(root, "words"), 0o644)
        self.root = root
        self.ca = Authority(os.path.join(self.directory, "ca"))
        site = self.ca.issue("--server", "site.test")
        certificate, key = self.ca.issue("--server", "localhost", "--server", "127.0.0.1")
        self.web = self.nginx(root, *site)
        self.url = f"https://site.test:{self.web.tls_port}/words"
        self.pairs = {"right": self.ca.app("orders", "production"),
                      "another app's": self.ca.app("billing", "staging"),
                      "an unknown app's": self.ca.app("ghost", "staging"),
                      "revoked": self.ca.app("orders", "production", "-i", "gone"),
                      "expired": self.ca.odd("old", uri(
                          "spiffe://sallyport.internal/app/orders/environment/production"),
                          dates=("20200101000000Z", "20200201000000Z")),
                      "the wrong authority's": Authority(os.path.join(self.directory, "other")).app(
                          "orders", "production"),
                      "none": ()}
        self.ca.revoke("orders-production-gone")
        self.gate = self.proxy(
            apps={("orders", "production"): [f"https://site.test:{self.web.tls_port}"],
                  ("billing", "staging"): []},
            listeners=[{"address": "127.0.0.1:0", "identity": {"mtls": "spiffe"},
                        "tls": {"certificate": certificate, "key": key,
                                "client_ca": self.ca.file("ca.pem"),
                                "crl": self.ca.file("crl.pem")}}])
        self.proxy_url = f"https://localhost:{self.gate.port}"

    def run_client(self, *command, **environment):
        kept = {"PATH": os.environ["PATH"], "HOME": self.directory, "LC_ALL": "C"}
        return subprocess.run(command, env={**kept, **environment}, capture_output=True,
                              timeout=2 * PATIENCE, check=False, cwd=self.directory)

    def try_all(self, fetch):
        """FETCH(pair) gives the body, or None when it failed: exactly one certificate works."""
        reasons = {"right": "declared", "another app's": "undeclared",
                   "an unknown app's": "unknown_app"}
        details = {"revoked": "revoked", "expired": "expired", "none": "did not return",
                   "the wrong authority's": "issuer"}
        for kind, pair in self.pairs.items():
            with self.subTest(kind):
                self.assertEqual(fetch(*pair), self.words if kind == "right" else None)
                reason = reasons.get(kind, "unauthenticated")
                wait_until(lambda: any(details.get(kind, "") in (record.get("detail") or "")
                                       for record in self.gate.log(event="decision", reason=reason)),
                           f"{reason} in the log")


class MtlsClients(Gate):
    @needs("curl")
    def test_curl(self):
        def fetch(certificate=None, key=None):
            mine = ["--proxy-cert", certificate, "--proxy-key", key] if key else []
            done = self.run_client("curl", "-sS", "-x", self.proxy_url, "--proxy-cacert",
                                   self.ca.file("ca.pem"), "--cacert", self.ca.file("ca.pem"), *mine,
                                   self.url)
            return done.stdout if done.returncode == 0 else None
        self.try_all(fetch)

    @skip_without([] if importlib.util.find_spec("urllib3") else ["python3-urllib3"])
    def test_python_urllib3(self):
        import urllib3

        def fetch(*pair):
            outer = ssl.create_default_context(cafile=self.ca.file("ca.pem"))
            inner = ssl.create_default_context(cafile=self.ca.file("ca.pem"))
            if pair:
                outer.load_cert_chain(*pair)
            with urllib3.ProxyManager(self.proxy_url, proxy_ssl_context=outer, ssl_context=inner,
                                      retries=False, timeout=PATIENCE) as manager:
                try:
                    return manager.request("GET", self.url).data
                except urllib3.exceptions.HTTPError:
                    return None
        self.try_all(fetch)

    @skip_without([] if importlib.util.find_spec("requests") else ["python3-requests"])
    def test_python_requests(self):
        import requests
        from requests.adapters import HTTPAdapter

        def fetch(*pair):
            outer = ssl.create_default_context(cafile=self.ca.file("ca.pem"))
            if pair:
                outer.load_cert_chain(*pair)

            class Adapter(HTTPAdapter):
                def proxy_manager_for(self, proxy, **options):
                    return super().proxy_manager_for(proxy, proxy_ssl_context=outer, **options)
            with requests.Session() as session:
                session.trust_env = False
                session.verify = self.ca.file("ca.pem")
                session.proxies = {"https": self.proxy_url}
                session.mount("https://", Adapter())
                try:
                    return session.get(self.url, timeout=PATIENCE).content
                except requests.exceptions.RequestException:
                    return None
        self.try_all(fetch)

    @needs("node")
    def test_node(self):
        def fetch(*pair):
            return self.run_node("mtls_agent.js", *pair)
        self.try_all(fetch)

    @needs("node")
    def test_undici(self):
        def fetch(*pair):
            seconds = PATIENCE if pair == self.pairs["right"] else 5
            body = self.run_node("undici_agent.js", str(seconds), *pair)
            return body if body is None else body[:-1]
        self.try_all(fetch)

    def run_node(self, script, *arguments):
        done = self.run_client("node", os.path.join(HERE, script), self.proxy_url,
                               self.ca.file("ca.pem"), self.url, *arguments, NODE_PATH="/usr/share/nodejs")
        self.assertEqual(done.returncode, 0, done.stderr)
        status, _, body = done.stdout.partition(b" ")
        return body if status == b"200" else None

    @needs("git")
    def test_git(self):
        def git(*arguments):
            done = self.run_client("git", "-c", "user.name=T", "-c", "user.email=t@example.test",
                                   "-c", "init.defaultBranch=main", "-c", "safe.directory=*",
                                   *arguments, GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0")
            return done
        for command in (["init", "-q", "work"], ["-C", "work", "add", "file"],
                        ["-C", "work", "commit", "-q", "-m", "one"],
                        ["clone", "-q", "--bare", "work", "site/project.git"],
                        ["-C", "site/project.git", "update-server-info"]):
            if command[-1] == "file":
                with open(self.path("work", "file"), "wb") as file:
                    file.write(self.words)
            self.assertEqual(git(*command).returncode, 0, command)

        def fetch(certificate=None, key=None):
            mine = ["-c", f"http.proxySSLCert={certificate}", "-c", f"http.proxySSLKey={key}"] \
                if key else []
            copy = f"copy{len(os.listdir(self.directory))}-{len(self.gate.log())}"
            done = git("-c", f"http.proxy={self.proxy_url}", "-c",
                       f"http.proxySSLCAInfo={self.ca.file('ca.pem')}", "-c",
                       f"http.sslCAInfo={self.ca.file('ca.pem')}", *mine, "clone", "-q",
                       self.url.replace("/words", "/project.git"), copy)
            if done.returncode != 0:
                return None
            with open(self.path(copy, "file"), "rb") as file:
                return file.read()
        self.try_all(fetch)
