"""Real clients through the proxy: allowed works byte for byte, denied says why in the client's words."""
import asyncio
import hashlib
import importlib.util
import os
import shutil
import ssl
import subprocess
import unittest
import urllib.error
import urllib.request

from harness import PATIENCE, ROOT, STATIC, Scenario

HERE = os.path.join(ROOT, "test", "scenario")


def needs(*programs):
    """Skips where a client is not installed (make test installs them all)."""
    missing = [program for program in programs if shutil.which(program) is None]
    return skip_without(missing)


def skip_without(missing):
    return unittest.skipIf(missing, "not installed: " + ", ".join(missing))


class Clients(Scenario):
    """nginx with plain HTTP and TLS behind the proxy; site.test is declared, evil.test is not."""

    def setUp(self):
        super().setUp()
        self.root = self.path("site")
        os.makedirs(self.root)
        self.blob = os.urandom(3 << 20)
        with open(os.path.join(self.root, "blob"), "wb") as file:
            file.write(self.blob)
        os.chmod(os.path.join(self.root, "blob"), 0o644)
        self.ca = self.authority()
        self.certificate = self.ca.issue("site.test", "evil.test", "proxy.test")
        self.web = self.nginx(self.root, *self.certificate)
        self.plain = f"http://site.test:{self.web.port}"
        self.secure = f"https://site.test:{self.web.tls_port}"
        self.gate = self.proxy(allow=[self.plain, self.secure], hosts={"evil.test": "127.0.0.1"},
                               listeners=[{"address": "127.0.0.1:0", "identity": STATIC},
                                          {"address": "127.0.0.1:0", "identity": STATIC,
                                           "tls": {"certificate": self.certificate[0],
                                                   "key": self.certificate[1]}}])
        self.evil = f"https://evil.test:{self.web.tls_port}"
        self.evil_plain = f"http://evil.test:{self.web.port}"

    def run_client(self, *command, **environment):
        """A client's finished process, in an environment that knows nothing of this machine's proxies."""
        kept = {"PATH": os.environ["PATH"], "HOME": self.directory, "LC_ALL": "C"}
        return subprocess.run(command, env={**kept, **environment}, capture_output=True,
                              timeout=2 * PATIENCE, check=False, cwd=self.directory)

    def denied_once(self):
        records = self.gate.wait_log(event="decision", verdict="deny")
        self.assertEqual({record["host"] for record in records}, {"evil.test"})


@needs("curl")
class Curl(Clients):
    def curl(self, *arguments):
        return self.run_client("curl", "-sS", "--fail-with-body", "--cacert", self.ca.certificate,
                               "--noproxy", "", *arguments)

    def test_http(self):
        done = self.curl("-x", self.gate.url, self.plain + "/blob")
        self.assertEqual((done.returncode, done.stdout == self.blob), (0, True), done.stderr)

    def test_http_denied(self):
        done = self.curl("-x", self.gate.url, self.evil_plain + "/blob")
        self.assertEqual(done.returncode, 22)
        self.assertIn(b'"reason":"undeclared"', done.stdout.replace(b": ", b":"))
        self.assertIn(b"evil.test", done.stdout)
        self.denied_once()

    def test_https(self):
        done = self.curl("-x", self.gate.url, self.secure + "/blob")
        self.assertEqual((done.returncode, done.stdout == self.blob), (0, True), done.stderr)

    def test_https_denied(self):
        done = self.curl("-v", "-x", self.gate.url, self.evil + "/blob")
        self.assertEqual(done.returncode, 56)
        self.assertIn(b"403", done.stderr)
        self.assertIn(b"BLOCKED_EGRESS", done.stderr)
        self.assertIn(b'details="undeclared"', done.stderr)
        self.denied_once()

    def test_http_1_0(self):
        done = self.curl("--http1.0", "-x", self.gate.url, self.plain + "/blob")
        self.assertEqual((done.returncode, done.stdout == self.blob), (0, True), done.stderr)

    def test_http_1_0_denied(self):
        done = self.curl("--http1.0", "-x", self.gate.url, self.evil_plain + "/blob")
        self.assertIn(b"undeclared", done.stdout)

    def test_connect_by_http_1_0(self):
        done = self.curl("--proxy1.0", f"127.0.0.1:{self.gate.port}", self.secure + "/blob")
        self.assertEqual((done.returncode, done.stdout == self.blob), (0, True), done.stderr)

    def test_proxytunnel(self):
        done = self.curl("--proxytunnel", "-x", self.gate.url, self.plain + "/blob")
        self.assertEqual((done.returncode, done.stdout == self.blob), (0, True), done.stderr)

    def test_proxytunnel_denied(self):
        done = self.curl("--proxytunnel", "-x", self.gate.url, self.evil_plain + "/blob")
        self.assertIn(b"403", done.stderr)

    def test_https_proxy(self):
        proxy = ["-x", f"https://proxy.test:{self.gate.ports[1]}", "--resolve",
                 f"proxy.test:{self.gate.ports[1]}:127.0.0.1", "--proxy-cacert", self.ca.certificate]
        for url in (self.plain, self.secure):
            with self.subTest(url):
                done = self.curl(*proxy, url + "/blob")
                self.assertEqual((done.returncode, done.stdout == self.blob), (0, True), done.stderr)
        self.assertIn(b"403", self.curl(*proxy, self.evil + "/blob").stderr)

    def test_a_redirect_is_a_new_request_with_a_permission_of_its_own(self):
        server = self.http_origin(lambda request: (
            f"HTTP/1.1 302 Found\r\nLocation: {self.evil_plain}/blob\r\n"
            "Content-Length: 0\r\n\r\n").encode())
        proxy = self.proxy(allow=[f"http://hop.test:{server.port}"])
        done = self.curl("-L", "-x", proxy.url, f"http://hop.test:{server.port}/")
        self.assertIn(b"undeclared", done.stdout)

    def test_many_urls_over_one_connection(self):
        done = self.curl("-x", self.gate.url, "-w", "%{num_connects}\n",
                         *["-o", os.devnull, self.plain + "/blob"] * 5)
        self.assertEqual(done.stdout.split(), [b"1", b"0", b"0", b"0", b"0"])

    def test_upload_of_a_megabyte_with_expect(self):
        server = self.http_origin()
        proxy = self.proxy(allow=[f"http://put.test:{server.port}"])
        done = self.curl("-x", proxy.url, "-H", "Expect: 100-continue", "--expect100-timeout", "0.2",
                         "-T", os.path.join(self.root, "blob"), f"http://put.test:{server.port}/")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(server.requests[0].body, self.blob)


@needs("wget")
class Wget(Clients):
    def wget(self, url):
        return self.run_client("wget", "-nv", "--tries=1", "-O", "-", "--content-on-error",
                               "--ca-certificate", self.ca.certificate, url,
                               http_proxy=self.gate.url, https_proxy=self.gate.url)

    def test_fetches_byte_for_byte(self):
        for url in (self.plain, self.secure):
            with self.subTest(url):
                done = self.wget(url + "/blob")
                self.assertEqual((done.returncode, done.stdout == self.blob), (0, True), done.stderr)

    def test_denied_says_403(self):
        done = self.wget(self.evil_plain + "/blob")
        self.assertEqual(done.returncode, 8)
        self.assertIn(b"undeclared", done.stdout)
        self.assertIn(b"Egress Denied: undeclared", self.wget(self.evil + "/blob").stderr)
        self.denied_once()


@needs("git")
class Git(Clients):
    def git(self, *arguments, **environment):
        return self.run_client("git", "-c", "user.name=T", "-c", "user.email=t@example.test",
                               "-c", "init.defaultBranch=main", "-c", "safe.directory=*", *arguments,
                               GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0", **environment)

    def clone(self, base):
        return self.git("-c", f"http.proxy={self.gate.url}", "-c",
                        f"http.sslCAInfo={self.ca.certificate}", "clone", "-q", base + "/project.git",
                        "copy")

    def test_clones_over_https_and_is_denied_elsewhere(self):
        self.git("init", "-q", "work")
        with open(self.path("work", "file"), "wb") as file:
            file.write(self.blob)
        for command in (["add", "file"], ["commit", "-q", "-m", "one"]):
            done = self.git("-C", "work", *command)
            self.assertEqual(done.returncode, 0, done.stderr)
        done = self.git("clone", "-q", "--bare", "work", "site/project.git")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.git("-C", "site/project.git", "update-server-info")
        done = self.clone(self.evil)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"403", done.stderr)
        self.denied_once()
        done = self.clone(self.secure)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("copy", "file"), "rb") as file:
            self.assertEqual(file.read(), self.blob)


class Python(Clients):
    def test_urllib(self):
        context = ssl.create_default_context(cafile=self.ca.certificate)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({"http": self.gate.url, "https": self.gate.url}),
            urllib.request.HTTPSHandler(context=context))
        for url in (self.plain, self.secure):
            with opener.open(url + "/blob", timeout=PATIENCE) as response:
                self.assertEqual(response.read(), self.blob)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            opener.open(self.evil_plain + "/blob", timeout=PATIENCE)
        self.assertEqual(caught.exception.code, 403)
        self.assertIn(b"undeclared", caught.exception.read())
        caught.exception.close()
        with self.assertRaisesRegex(OSError, "403"):
            opener.open(self.evil + "/blob", timeout=PATIENCE)
        self.denied_once()

    @skip_without([] if importlib.util.find_spec("requests") else ["python3-requests"])
    def test_requests(self):
        import requests
        with requests.Session() as session:
            session.trust_env = False
            session.proxies = {"http": self.gate.url, "https": self.gate.url}
            session.verify = self.ca.certificate
            for url in (self.plain, self.secure):
                self.assertEqual(session.get(url + "/blob", timeout=PATIENCE).content, self.blob)
            response = session.get(self.evil_plain + "/blob", timeout=PATIENCE)
            self.assertEqual(response.status_code, 403)
            self.assertEqual(response.json()["reason"], "undeclared")
            with self.assertRaisesRegex(requests.exceptions.ProxyError, "403"):
                session.get(self.evil + "/blob", timeout=PATIENCE)
        self.denied_once()

    @skip_without([] if importlib.util.find_spec("websockets") else ["python3-websockets"])
    def test_websockets_through_a_tunnel_and_as_a_plain_upgrade(self):
        asyncio.run(asyncio.wait_for(self.talk_websocket(), PATIENCE))

    async def talk_websocket(self):
        import websockets

        async def echo(socket, *_):
            async for message in socket:
                await socket.send(message)
        server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_context.load_cert_chain(*self.certificate)
        client_context = ssl.create_default_context(cafile=self.ca.certificate)
        async with websockets.serve(echo, "127.0.0.1", 0, ssl=server_context) as secure, \
                websockets.serve(echo, "127.0.0.1", 0) as plain:
            port = secure.sockets[0].getsockname()[1]
            plain_port = plain.sockets[0].getsockname()[1]
            loop = asyncio.get_running_loop()
            proxy = await loop.run_in_executor(None, lambda: self.proxy(
                allow=[f"wss://site.test:{port}", f"ws://site.test:{plain_port}",
                       f"http://site.test:{plain_port}"]))
            client = await loop.run_in_executor(None, proxy.connect)
            response = await loop.run_in_executor(None, client.tunnel, f"site.test:{port}")
            self.assertEqual(response.status, 200)
            client.sock.settimeout(None)
            async with websockets.connect(f"wss://site.test:{port}/", sock=client.sock,
                                          ssl=client_context, server_hostname="site.test") as socket:
                await self.echoes(socket)
            client = await loop.run_in_executor(None, proxy.connect)
            response = await loop.run_in_executor(None, client.tunnel, f"site.test:{plain_port}")
            self.assertEqual(response.status, 200)
            client.sock.settimeout(None)
            async with websockets.connect(f"ws://site.test:{plain_port}/", sock=client.sock) as socket:
                await self.echoes(socket)
            client = await loop.run_in_executor(None, proxy.connect)
            response = await loop.run_in_executor(None, client.tunnel, "evil.test:443")
            self.assertDenied(response, "undeclared")
            client.close()

    async def echoes(self, socket):
        for message in ("text", b"bytes" * 50000):
            await socket.send(message)
            self.assertEqual(await socket.recv(), message)


@needs("node")
class Node(Clients):
    def fetch(self, url):
        script = os.path.join(HERE, "connect_agent.js")
        done = self.run_client("node", script, str(self.gate.port), self.ca.certificate, url)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def test_fetch_through_a_connect_agent(self):
        with open(os.path.join(self.root, "words"), "w", encoding="utf-8") as file:
            file.write("words " * 1000)
        self.assertEqual(self.fetch(self.secure + "/words"), "200 " + "words " * 1000 + "\n")
        denied = self.fetch(self.evil + "/words")
        self.assertTrue(denied.startswith("ERROR proxy said 403"), denied)
        self.assertIn("undeclared", denied)
        self.denied_once()

    def test_request_through_undicis_proxy_agent(self):
        with open(os.path.join(self.root, "words"), "w", encoding="utf-8") as file:
            file.write("words " * 1000)
        script = os.path.join(HERE, "undici_agent.js")
        answers = [self.run_client("node", script, f"http://127.0.0.1:{self.gate.port}", self.ca.certificate,
                                   base + "/words", "30", NODE_PATH="/usr/share/nodejs").stdout.decode()
                   for base in (self.secure, self.evil)]
        self.assertEqual(answers[0], "200 " + "words " * 1000 + "\n")
        self.assertTrue(answers[1].startswith("ERROR"), answers[1])
        self.denied_once()


@needs("apt-get")
class Apt(Clients):
    def apt(self, base):
        directory = self.path("apt", "x")[:-2]
        for name in ("state/lists/partial", "cache/archives/partial", "etc"):
            os.makedirs(os.path.join(directory, name), exist_ok=True)
        sources = os.path.join(directory, "etc", "sources.list")
        with open(sources, "w", encoding="utf-8") as file:
            file.write(f"deb [trusted=yes] {base}/debian ./\n")
        options = {"Dir::State": directory + "/state", "Dir::Cache": directory + "/cache",
                   "Dir::Etc": directory + "/etc", "Dir::Etc::sourcelist": sources,
                   "Dir::Etc::sourceparts": "/dev/null", "Dir::Etc::parts": "/dev/null",
                   "Dir::Etc::main": "/dev/null", "Dir::State::status": "/dev/null",
                   "Acquire::http::Proxy": self.gate.url, "Acquire::https::Proxy": self.gate.url,
                   "Acquire::https::CAInfo": self.ca.certificate, "Acquire::Retries": "0",
                   "APT::Sandbox::User": "", "Acquire::GzipIndexes": "false", "Acquire::Languages": "none", "Debug::NoLocking": "1"}
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        done = self.run_client("apt-get", *words, "update")
        return done, os.path.join(directory, "state", "lists")

    def test_updates_by_acquire_http_proxy_and_is_denied_elsewhere(self):
        repository = os.path.join(self.root, "debian")
        os.makedirs(repository)
        packages = b"Package: hello\nVersion: 1\nArchitecture: all\nFilename: ./hello.deb\nSize: 1\n" \
                   b"SHA256: " + b"0" * 64 + b"\nDescription: x\n\n"
        with open(os.path.join(repository, "Packages"), "wb") as file:
            file.write(packages)
        with open(os.path.join(repository, "Release"), "w", encoding="utf-8") as file:
            file.write("Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n "
                       f"{hashlib.sha256(packages).hexdigest()} {len(packages)} Packages\n")
        for base, evil in ((self.plain, self.evil_plain), (self.secure, self.evil)):
            with self.subTest(base):
                done, _ = self.apt(evil)
                self.assertIn(b"403", done.stdout + done.stderr)
                done, lists = self.apt(base)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                found = [name for name in os.listdir(lists) if name.endswith("Packages")]
                self.assertEqual(len(found), 1, done.stdout)
                with open(os.path.join(lists, found[0]), "rb") as file:
                    self.assertEqual(file.read(), packages)
                os.remove(os.path.join(lists, found[0]))
        self.denied_once()
