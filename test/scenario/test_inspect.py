"""Inspection: the tunnel's TLS ends in the proxy, and every request in it is decided and logged."""
import json
import os
import signal
import socket
import ssl
import subprocess
import threading

import requests

import wire
from harness import PATIENCE, STATIC, Scenario, sallyport, wait_until, write
from origins import HttpOrigin, Origin, ok
from pki import SERVER, Pki, Server, openssl
from test_clients import HERE, needs


def websocket(line):
    """An origin that does what a WebSocket's would, and echoes backwards; the connection that was
    made for the tunnel serves no upgrade."""
    request = line.request()
    if request is None:
        return
    line.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    assert request.target == "/socket"
    line.send(line.read(5)[::-1])
    line.rest()


class Inspected(Scenario):
    """demo/development is looked into but for pinned.test; origins have certificates of another authority."""

    def setUp(self):
        super().setUp()
        self.pki = Pki(self.path("pki", "x").rsplit("/", 1)[0])
        self.ca = self.path("ca", "x").rsplit("/", 1)[0]
        for arguments in (["init", self.ca], ["issue", self.ca, "--inspect"]):
            done = sallyport("ca", *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.root = os.path.join(self.ca, "ca.pem")

    def tls_origin(self, pair=None, answer=None, names=("origin.test", "pinned.test", "other.test")):
        return self.keep(HttpOrigin(answer, tls=pair or self.pki.issue("origin", *names)))

    def rule(self, **more):
        return {"apps": ["demo/development"], "ca": os.path.join(self.ca, "inspect.pem"),
                "key": os.path.join(self.ca, "inspect.key"), "except": ["pinned.test"], **more}

    def start(self, origin, names=("origin.test", "pinned.test", "other.test"), **sections):
        self.port = origin.port
        sections.setdefault("inspect", [self.rule()])
        self.gate = self.proxy(allow=[f"https://{name}:{origin.port}" for name in names],
                               network={"trust": self.pki.root}, **sections)

    def inside(self, name="origin.test", trust=None, listener=0):
        client = self.keep(self.gate.connect(listener))
        response = client.tunnel(f"{name}:{self.port}")
        self.assertEqual(response.status, 200, response.body)
        return client.start_tls(name, trust or self.root)

    def get(self, client, path="/", *fields, host=None, method="GET"):
        client.send("\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host or f'origin.test:{self.port}'}",
                                 *fields]) + "\r\n\r\n")
        return client.response(method)


class Requests(Inspected):
    def test_are_decided_and_logged_each_on_its_own(self):
        origin = self.tls_origin(answer=lambda request: ok(b"" if request.method == "HEAD" else b"x" * 22))
        self.start(origin)
        client = self.inside()
        for method in ("GET", "HEAD", "DELETE"):
            self.assertEqual(self.get(client, f"/{method}?secret=1", method=method).status, 200)
        self.assertEqual([request.method for request in origin.requests], ["GET", "HEAD", "DELETE"])
        self.assertEqual(origin.requests[0].target, "/GET?secret=1")
        self.assertEqual(origin.connections, 1)
        closes = self.gate.wait_log(4, event="close")
        self.assertEqual([close["outcome"] for close in closes], ["inspected", "ok", "ok", "ok"])
        self.assertEqual([close["bytes_down"] for close in closes], [0, 22, 0, 22])
        decisions = self.gate.log(event="decision")
        self.assertEqual([(one["method"], one["scheme"], one["host"], one["port"], one["reason"])
                          for one in decisions],
                         [(method, "https", "origin.test", self.port, "declared")
                          for method in ("CONNECT", "GET", "HEAD", "DELETE")])
        self.assertEqual(len({one["id"] for one in decisions}), 4)
        self.assertNotIn("secret", "\n".join(self.gate.log_lines()))

    def test_carry_bodies_byte_for_byte_both_ways(self):
        self.start(self.tls_origin(answer=lambda request: ok(request.body)))
        client = self.inside()
        body = os.urandom(1 << 20)
        head = f"POST / HTTP/1.1\r\nHost: origin.test:{self.port}\r\n"
        client.send(head + f"Content-Length: {len(body)}\r\n\r\n", body)
        self.assertEqual(client.response().body, body)
        client.send(head + "Transfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 70000):
            piece = body[at:at + 70000]
            client.send(b"%x\r\n" % len(piece), piece, b"\r\n")
        client.send("0\r\n\r\n")
        self.assertEqual(client.response().body, body)

    def test_stream_chunks_as_they_come(self):
        def talk(line):
            line.request(body=False)
            line.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(3):
                line.send("4\r\ntick\r\n")
                line.read(1)
            line.send("0\r\n\r\n")
        origin = self.keep(Origin(talk, tls=self.pki.issue("origin", "origin.test")))
        self.start(origin)
        client = self.inside()
        client.send(f"POST / HTTP/1.1\r\nHost: origin.test:{self.port}\r\nContent-Length: 3\r\n\r\n")
        client.head()
        for _ in range(3):  # the next comes only when the last was seen
            self.assertEqual(client.read(9), b"4\r\ntick\r\n")
            client.send("x")
        self.assertEqual(client.read(5), b"0\r\n\r\n")

    def test_wait_for_100_continue(self):
        self.start(self.tls_origin(answer=lambda request: ok(request.body)))
        client = self.inside()
        client.send(f"PUT / HTTP/1.1\r\nHost: origin.test:{self.port}\r\nContent-Length: 2\r\n\r\n", "ok")
        self.assertEqual(client.response().body, b"ok")

    def test_carry_websockets(self):
        origin = self.keep(Origin(websocket, tls=self.pki.issue("origin", "origin.test")))
        self.start(origin)
        client = self.inside()
        response = self.get(client, "/socket", "Connection: upgrade", "Upgrade: websocket",
                            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        self.assertEqual(response.status, 101)
        client.send("hello")
        self.assertEqual(client.read(5), b"olleh")
        client.close()
        close = self.gate.wait_log(2, event="close")[1]
        self.assertEqual((close["status"], close["bytes_up"] >= 5), (101, True))

    def test_are_held_to_narrow_yml(self):
        origin = self.tls_origin()
        self.start(origin)
        write(self.gate.policy_path(name="narrow.yml"),
              f"- {{address: 'https://origin.test:{self.port}', methods: [GET], paths: ['/v2/*']}}\n")
        client = self.inside()
        wait_until(lambda: self.get(client, "/v1/x").status == 403, "narrow.yml is in force")
        self.assertDenied(self.get(client, "/v2/../v1"), "path_not_declared")
        self.assertDenied(self.get(client, "/v2/x", method="DELETE"), "method_not_declared")
        self.assertEqual(self.get(client, "/v2/x").status, 200)

    def test_may_come_though_narrow_yml_came_while_the_tunnel_was_opened(self):
        go, context = threading.Event(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.pki.issue("origin", "origin.test"))

        def talk(wire):
            go.wait(PATIENCE)
            wire.sock = context.wrap_socket(wire.sock, server_side=True)
            wire.head()
            wire.send(ok(b"here"))
        origin = self.origin(talk)
        self.start(origin, policy={"watch": False}, workers=1)
        client = self.keep(self.gate.connect())
        client.send(f"CONNECT origin.test:{self.port} HTTP/1.1\r\nHost: origin.test:{self.port}\r\n\r\n")
        wait_until(lambda: origin.connections == 1, "the proxy shakes hands")
        write(self.gate.policy_path(name="narrow.yml"),
              f"- {{address: 'https://origin.test:{self.port}', paths: ['/v2/*']}}\n")
        self.gate.signal(signal.SIGHUP)
        self.gate.wait_log(1, event="policy_loaded")
        with self.gate.connect() as other:  # the one worker has the new policy when it answers this
            self.assertDenied(other.get(f"https://origin.test:{self.port}/v1/x"), "path_not_declared")
        go.set()
        response = client.response("CONNECT")
        self.assertEqual(response.status, 200, response.body)
        self.assertEqual(self.get(client.start_tls("origin.test", self.root), "/v2/x").body, b"here")

    def test_end_with_the_rule_that_let_them(self):
        self.start(self.tls_origin())
        client = self.inside()
        self.assertEqual(self.get(client).status, 200)
        self.gate.declare([f"https://other.test:{self.port}"])
        wait_until(lambda: self.get(client).status == 403, "the new policy")
        self.gate.wait_log(1, event="policy_loaded")

    def test_that_are_none_are_refused(self):
        self.start(self.tls_origin())
        for line in ("CONNECT other.test:443 HTTP/1.1", "GET https://other.test/ HTTP/1.1",
                     f"GET https://origin.test:{self.port}/ HTTP/1.1", "GET * HTTP/1.1", "nonsense"):
            with self.subTest(line):
                client = self.inside()
                client.send(f"{line}\r\nHost: origin.test:{self.port}\r\n\r\n")
                self.assertEqual(client.response().status, 400)

    def test_are_counted(self):
        self.start(self.tls_origin(), limits={"requests_per_minute": 3})
        def used_up():
            client = self.inside()
            return [self.get(client).status for _ in range(3)]
        try:
            statuses = used_up()
        except AssertionError:  # a minute began between
            statuses = used_up()
        self.assertIn(429, statuses)


class Fronting(Inspected):
    def test_a_host_field_for_another_host_is_refused(self):
        origin = self.tls_origin()
        self.start(origin)
        client = self.inside()
        for host in (f"other.test:{self.port}", "origin.test", "origin.test:444", "evil.example"):
            problem = self.assertDenied(self.get(client, host=host), "sni_mismatch")
            self.assertIn(host.split(":")[0], problem["detail"])
        denied = self.gate.wait_log(4, event="decision", verdict="deny", reason="sni_mismatch")
        self.assertIn("other.test", denied[0]["detail"])
        self.assertEqual(denied[0]["host"], "origin.test")
        self.assertEqual(self.get(client, host=f"ORIGIN.test.:{self.port}").status, 200)
        self.assertEqual([request.get("Host") for request in origin.requests], [f"origin.test:{self.port}"])

    def test_a_host_field_for_another_host_is_refused_in_report_mode_too(self):
        origin = self.tls_origin()
        self.start(origin, mode="report")
        self.assertDenied(self.get(self.inside(), host=f"other.test:{self.port}"), "sni_mismatch")
        self.assertEqual(origin.requests, [])

    def test_a_server_name_for_another_host_ends_the_tunnel(self):
        self.start(self.tls_origin())
        client = self.gate.connect()
        self.assertEqual(client.tunnel(f"origin.test:{self.port}").status, 200)
        with self.assertRaises((ssl.SSLError, OSError)):
            client.start_tls("other.test", self.root)
        client.close()
        self.gate.wait_log(event="decision", verdict="deny", reason="sni_mismatch")

    def test_what_is_no_tls_ends_the_tunnel_in_report_mode_too(self):
        origin = self.tls_origin()
        self.start(origin, mode="report")
        with self.gate.connect() as client:
            client.tunnel(f"origin.test:{self.port}")
            client.send("GET / HTTP/1.1\r\n\r\n")
            self.assertTrue(client.ended())
        self.gate.wait_log(event="decision", verdict="deny", reason="not_tls")
        self.assertEqual(origin.requests, [])


class Exceptions(Inspected):
    def test_pinned_hosts_stay_opaque(self):
        origin = self.tls_origin()
        self.start(origin)
        client = self.inside("pinned.test", trust=self.pki.root)
        self.assertEqual(self.get(client, host="anything.test").status, 200)
        self.assertEqual(len(self.gate.log(event="decision")), 1)

    def test_other_apps_stay_opaque(self):
        origin = self.tls_origin()
        self.start(origin, inspect=[self.rule(apps=["other/development"])])
        client = self.inside(trust=self.pki.root)
        self.assertEqual(self.get(client).status, 200)
        self.assertEqual(len(self.gate.log(event="decision")), 1)

    def test_undeclared_hosts_are_refused_before_anything(self):
        origin = self.tls_origin()
        self.start(origin, names=["other.test"], hosts={"origin.test": "127.0.0.1"})
        with self.gate.connect() as client:
            self.assertDenied(client.tunnel(f"origin.test:{self.port}"), "undeclared")
        self.assertEqual(origin.connections, 0)


class Minted(Inspected):
    def test_chain_is_what_s_client_sees(self):
        self.start(self.tls_origin())
        done = subprocess.run(
            ["openssl", "s_client", "-proxy", f"127.0.0.1:{self.gate.port}", "-connect",
             f"origin.test:{self.port}", "-servername", "origin.test", "-CAfile", self.root, "-showcerts",
             "-verify_hostname", "origin.test", "-verify_return_error"],
            input="", capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
        self.assertIn("Verify return code: 0 (ok)", done.stdout, done.stderr)
        self.assertEqual(done.stdout.count("BEGIN CERTIFICATE"), 2)
        self.assertIn("Verified peername: origin.test", done.stdout)

    def test_leaf_is_for_that_host_alone_and_for_a_day_and_made_once(self):
        self.start(self.tls_origin(), workers=1)
        seen = {self.inside().sock.getpeercert(True) for _ in range(3)}
        self.assertEqual(len(seen), 1)
        path = self.path("leaf.der")
        with open(path, "wb") as file:
            file.write(seen.pop())
        text = openssl("x509", "-inform", "DER", "-in", path, "-noout", "-text")
        self.assertRegex(text, r"Not Before: \w+ +\d+ \d\d:55:00 ")  # of the hour, whoever was the first
        self.assertIn("DNS:origin.test\n", text)
        self.assertIn("CA:FALSE", text)
        self.assertIn("TLS Web Server Authentication", text)
        self.assertIn("Issuer: O = Sallyport, CN = Sallyport inspection", text)
        openssl("x509", "-inform", "DER", "-in", path, "-noout", "-checkend", "80000")
        with self.assertRaises(AssertionError):
            openssl("x509", "-inform", "DER", "-in", path, "-noout", "-checkend", "90000")

    def test_addresses_get_leaves_too(self):
        self.start(self.tls_origin(self.pki.issue("address", "127.0.0.1")), names=["127.0.0.1"])
        client = self.inside("127.0.0.1")
        self.assertEqual(self.get(client, host=f"127.0.0.1:{self.port}").status, 200)

    def test_inside_of_tls_to_the_proxy_it_works_the_same(self):
        done = sallyport("ca", "issue", self.ca, "--server", "proxy.test")
        pair = done.stdout.split()
        listener = {"address": "127.0.0.1:0", "identity": STATIC, "tls": {"certificate": pair[0], "key": pair[1]}}
        origin = self.tls_origin(answer=lambda request: ok(request.body))
        self.start(origin, listeners=[listener])
        body = os.urandom(300000)
        write(self.path("body"), "")
        with open(self.path("body"), "wb") as file:
            file.write(body)
        done = subprocess.run(
            ["curl", "-sS", "--proxy", f"https://proxy.test:{self.gate.port}", "--proxy-cacert", self.root,
             "--cacert", self.root, "--resolve", f"proxy.test:{self.gate.port}:127.0.0.1", "--data-binary",
             f"@{self.path('body')}", f"https://origin.test:{self.port}/"],
            capture_output=True, timeout=2 * PATIENCE, check=False)
        self.assertEqual(done.stdout, body, done.stderr)
        self.gate.wait_log(event="decision", method="POST")

    def test_basic_credentials_of_the_connect_hold_inside(self):
        secret = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # "secret"
        write(self.path("credentials.yml"),
              f"- {{app: demo, environment: development, sha256: {secret}}}\n")
        self.start(self.tls_origin(), listeners=[{"address": "127.0.0.1:0",
                                                  "identity": {"basic": self.path("credentials.yml")}}])
        session = self.session()
        session.proxies = {"https": f"http://demo%2Fdevelopment:secret@127.0.0.1:{self.gate.port}"}
        for _ in range(2):
            self.assertEqual(session.get(f"https://origin.test:{self.port}/").status_code, 200)
        self.assertEqual(len(self.gate.wait_log(3, event="decision", app="demo", verdict="allow")), 3)

    def session(self):
        session = requests.Session()
        session.trust_env = False
        session.verify = self.root
        return session

    def test_keys_are_read_again_on_sighup(self):
        self.start(self.tls_origin())
        old = self.inside()
        for arguments in (["issue", self.ca, "--inspect", "--replace"],):
            self.assertEqual(sallyport("ca", *arguments).returncode, 0)
        with open(os.path.join(self.ca, "inspect.pem"), encoding="ascii") as file:
            new = file.read().strip()
        self.gate.signal(signal.SIGHUP)

        def chain():
            done = subprocess.run(["openssl", "s_client", "-proxy", f"127.0.0.1:{self.gate.port}", "-connect",
                                   f"origin.test:{self.port}", "-servername", "origin.test", "-showcerts"],
                                  input="", capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
            return done.stdout
        wait_until(lambda: new in chain(), "the new authority")
        self.assertEqual(self.get(old).status, 200)
        self.assertEqual(self.get(self.inside()).status, 200)

    def test_expiry_of_the_authority_and_of_client_certificates_is_told(self):
        ours = self.pki.issue("ours", days=13)
        entry = {"apps": ["demo/development"], "hosts": ["origin.test"], "certificate": ours[0], "key": ours[1]}
        self.start(self.tls_origin(), client_certificates=[entry])
        told = self.gate.wait_log(event="certificate_expires")
        self.assertEqual(len(told), 1)
        self.assertIn(f"certificate of client_certificates, {ours[0]}, expires", told[0]["detail"])
        names = [name for name in self.gate.metrics() if name.startswith("sallyport_certificate_expires")]
        self.assertEqual(len([name for name in names if 'listener="inspect"' in name]), 1)
        self.assertEqual(len([name for name in names if 'listener="client_certificates"' in name]), 1)

    def test_authority_that_may_not_sign_keeps_it_from_starting(self):
        leaf = self.pki.issue("leaf", "x.test")
        gate = self.prepare(inspect=[self.rule(ca=leaf[0], key=leaf[1])])
        gate.launch()
        self.assertEqual(gate.join(), 1)
        self.assertIn(f"{leaf[0]}: this certificate may not sign others", "\n".join(gate.stderr))

    def test_keys_are_told_nowhere(self):
        self.start(self.tls_origin())
        self.get(self.inside())
        with open(os.path.join(self.ca, "inspect.key"), encoding="ascii") as file:
            secret = file.read().splitlines()[1]
        write(os.path.join(self.ca, "inspect.key"), f"-----BEGIN PRIVATE KEY-----\n{secret}\n")
        self.gate.signal(signal.SIGHUP)
        self.gate.wait_log(event="certificate_rejected")
        told = "\n".join(self.gate.log_lines() + self.gate.stderr) + self.gate.admin("/readyz")[1]
        self.assertNotIn(secret[:16], told)
        self.assertEqual(self.get(self.inside()).status, 200)


class BadUpstreams(Inspected):
    """502 to the CONNECT, before any 200."""

    def refuse(self, pair, words, error="tls_certificate_error"):
        self.start(self.tls_origin(pair))
        with self.gate.connect() as client:
            response = client.tunnel(f"origin.test:{self.port}")
            self.assertEqual(response.status, 502)
            body = json.loads(client.read(int(response.get("Content-Length")))) \
                if not response.body else json.loads(response.body)
        self.assertIn(f"error={error};", response.get("Proxy-Status"))
        self.assertIn(words, body["detail"])
        self.assertIn(words, self.gate.wait_log(event="close")[0]["detail"])

    def test_with_another_name(self):
        self.refuse(self.pki.issue("wrong", "wrong.test"), "hostname mismatch")

    def test_expired(self):
        self.refuse(self.pki.issue("old", "origin.test", days=-1), "certificate has expired")

    def test_self_signed(self):
        self.refuse(self.pki.self_signed("self", "origin.test"), "self-signed certificate")

    def test_without_their_intermediate(self):
        self.pki.issue("middle", extensions="basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
        self.refuse(self.pki.issue("leaf", "origin.test", issuer="middle"), "unable to get local issuer")

    def test_revoked(self):
        pair = self.pki.issue("origin", "origin.test", extensions=SERVER)
        self.start(self.keep(Server(self.directory, pair, "-status_file", self.pki.staple(pair, "R"))))
        with self.gate.connect() as client:
            self.assertEqual(client.tunnel(f"origin.test:{self.port}").status, 502)
        self.assertEqual(self.gate.wait_log(event="close")[0]["detail"], "certificate revoked")


class ClientsThatFail(Inspected):
    def hello(self, **options):
        with self.gate.connect() as client:
            self.assertEqual(client.tunnel(f"origin.test:{self.port}").status, 200)
            context = ssl.create_default_context(cafile=options.get("trust", self.root))
            if "protocols" in options:
                context.set_alpn_protocols(options["protocols"])
            with self.assertRaises(ssl.SSLError) as caught:
                context.wrap_socket(client.sock, server_hostname="origin.test").recv(1)
        return str(caught.exception)

    def test_that_speak_only_http_2_get_an_alert_and_the_log_says_why(self):
        self.start(self.tls_origin())
        self.assertIn("no application protocol", self.hello(protocols=["h2"]).lower().replace("_", " "))
        close = self.gate.wait_log(event="close")[0]
        self.assertEqual(close["outcome"], "tls_handshake_failed")
        self.assertIn("application protocol", close["detail"])

    def test_that_do_not_believe_the_authority_are_told_of_in_the_log(self):
        self.start(self.tls_origin())
        self.assertIn("CERTIFICATE_VERIFY_FAILED", self.hello(trust=self.pki.root))
        self.assertIn("unknown ca", self.gate.wait_log(event="close")[0]["detail"])

    def test_that_offer_both_get_http_1_1(self):
        self.start(self.tls_origin())
        client = self.gate.connect()
        client.tunnel(f"origin.test:{self.port}")
        context = ssl.create_default_context(cafile=self.root)
        context.set_alpn_protocols(["h2", "http/1.1"])
        client.sock = context.wrap_socket(client.sock, server_hostname="origin.test")
        self.assertEqual(client.sock.selected_alpn_protocol(), "http/1.1")
        client.close()

    def test_that_send_their_hello_with_the_connect_lose_nothing(self):
        self.start(self.tls_origin())
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = ssl.create_default_context(cafile=self.root).wrap_bio(incoming, outgoing,
                                                                    server_hostname="origin.test")
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        with self.gate.connect() as client:
            authority = f"origin.test:{self.port}"
            client.send(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n", outgoing.read())
            self.assertEqual(client.response("CONNECT").status, 200)
            client.finish_handshake(tls, incoming)
            tls.write(f"GET / HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n".encode())
            client.send(outgoing.read())
            incoming.write(client.rest())
            self.assertIn(b"hello from the origin", tls.read(10000) + tls.read(10000))


class RealClients(Inspected):
    """nginx's files through an inspected tunnel, byte for byte, and the log sees each request."""

    def setUp(self):
        super().setUp()
        self.site = self.path("site")
        os.makedirs(self.site)
        self.blob = os.urandom(1 << 20)
        with open(os.path.join(self.site, "blob"), "wb") as file:
            file.write(self.blob)
        web = self.nginx(self.site, *self.pki.issue("site", "origin.test"))
        web.port = web.tls_port
        self.start(web)
        self.url = f"https://origin.test:{self.port}/blob"

    def run_client(self, *command, **environment):
        kept = {"PATH": os.environ["PATH"], "HOME": self.directory, "LC_ALL": "C",
                "https_proxy": self.gate.url}
        return subprocess.run(command, env={**kept, **environment}, capture_output=True,
                              timeout=2 * PATIENCE, check=False, cwd=self.directory)

    def saw(self, method="GET", count=1):
        self.gate.wait_log(count, event="decision", method=method, verdict="allow", host="origin.test")

    @needs("curl")
    def test_curl(self):
        done = self.run_client("curl", "-sS", "--cacert", self.root, self.url, self.url)
        self.assertEqual(done.stdout == 2 * self.blob, True, done.stderr)
        self.saw(count=2)
        self.assertEqual(len(self.gate.log(method="CONNECT")), 1)

    @needs("curl")
    def test_curl_that_would_rather_speak_http_2(self):
        done = self.run_client("curl", "-sS", "--http2", "--cacert", self.root, self.url)
        self.assertEqual(done.stdout == self.blob, True, done.stderr)

    @needs("wget")
    def test_wget(self):
        done = self.run_client("wget", "-q", "-O", "-", f"--ca-certificate={self.root}", self.url)
        self.assertEqual(done.stdout == self.blob, True, done.stderr)
        self.saw()

    def test_requests(self):
        session = requests.Session()
        session.trust_env, session.verify = False, self.root
        session.proxies = {"https": self.gate.url}
        for _ in range(2):
            self.assertEqual(session.get(self.url).content == self.blob, True)
        self.saw(count=2)

    @needs("node")
    def test_node(self):
        with open(os.path.join(self.site, "text"), "w", encoding="ascii") as file:
            file.write("a text")
        done = self.run_client("node", os.path.join(HERE, "connect_agent.js"), str(self.gate.port), self.root,
                               self.url.replace("blob", "text"))
        self.assertEqual(done.stdout, b"200 a text\n", done.stderr)
        self.saw()

    @needs("git")
    def test_git(self):
        work, bare = self.path("work"), os.path.join(self.site, "project.git")
        for command in (["git", "init", "-q", work],
                        ["git", "-C", work, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q",
                         "--allow-empty", "-m", "first"],
                        ["git", "clone", "-q", "--bare", work, bare],
                        ["git", "-C", bare, "update-server-info"]):
            done = self.run_client(*command)
            self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_client("git", "-c", f"http.sslCAInfo={self.root}", "clone", "-q",
                               self.url.replace("blob", "project.git"), self.path("clone"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.saw()
