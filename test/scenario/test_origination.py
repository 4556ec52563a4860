"""Absolute-form https://: the proxy speaks TLS to the origin, in the client's place."""
import base64
import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
import threading

import wire
from harness import PATIENCE, Scenario, wait_until, write
from origins import HttpOrigin, Origin, ok
from pki import CLIENT, SERVER, Pki, Server


class Origination(Scenario):
    def setUp(self):
        super().setUp()
        self.pki = Pki(self.path("pki", "x").rsplit("/", 1)[0])

    def tls_origin(self, pair=None, answer=None, context=None):
        origin = self.keep(HttpOrigin(answer, tls=pair or self.pki.issue("origin", "origin.test")))
        if context:
            context(origin.context)
        return origin

    def start(self, origin, name="origin.test", allow=(), **sections):
        self.base = f"https://{name}:{origin.port}"
        network = {"trust": self.pki.root, **sections.pop("network", {})}
        self.gate = self.proxy(allow=[self.base, *allow], network=network, **sections)
        self.client = self.keep(self.gate.connect())

    def assertFailed(self, response, error, *words):
        self.assertEqual(response.status, 502, response.body)
        self.assertIn(f"sallyport; error={error};", response.get("Proxy-Status"))
        detail = json.loads(response.body)["detail"]
        for word in words:
            self.assertIn(word, detail)


class Requests(Origination):
    def test_go_through_verified_tls_and_stay_on_one_connection(self):
        origin = self.tls_origin()
        self.start(origin)
        for number in range(3):
            response = self.client.get(f"{self.base}/{number}")
            self.assertEqual((response.status, response.body), (200, b"hello from the origin\n"))
        self.assertEqual([request.target for request in origin.requests], ["/0", "/1", "/2"])
        self.assertEqual(origin.requests[0].get("Host"), f"origin.test:{origin.port}")
        self.assertEqual(origin.connections, 1)
        decision = self.gate.wait_log(3, event="decision")[0]
        self.assertEqual((decision["scheme"], decision["verdict"]), ("https", "allow"))
        self.assertEqual(self.gate.wait_log(3, event="close")[0]["outcome"], "ok")

    def test_carry_bodies_byte_for_byte_both_ways(self):
        origin = self.tls_origin(answer=lambda request: ok(request.body))
        self.start(origin)
        body = os.urandom(1 << 20)
        head = f"POST {self.base}/ HTTP/1.1\r\nHost: origin.test:{origin.port}\r\n"
        self.client.send(head + f"Content-Length: {len(body)}\r\n\r\n", body)
        self.assertEqual(self.client.response().body, body)
        self.client.send(head + "Transfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 70000):
            piece = body[at:at + 70000]
            self.client.send(b"%x\r\n" % len(piece), piece, b"\r\n")
        self.client.send("0\r\n\r\n")
        self.assertEqual(self.client.response().body, body)
        self.assertEqual(origin.connections, 1)

    def test_send_the_name_and_take_http_1_1_where_that_is_chosen(self):
        seen = {}

        def note(sock, name, context):
            seen["name"] = name

        def prepare(context):
            context.sni_callback = note
            context.set_alpn_protocols(["http/1.1"])
        origin = self.tls_origin(context=prepare)
        self.start(origin)
        self.assertEqual(self.client.get(self.base + "/").status, 200)
        self.assertEqual(seen["name"], "origin.test")

    def test_are_decided_as_https(self):
        origin = self.tls_origin()
        plain = f"http://plain.test:{origin.port}"
        self.start(origin, allow=[plain], hosts={"origin.test": "127.0.0.1"})
        self.assertDenied(self.client.get(f"https://plain.test:{origin.port}/"), "scheme_not_declared")
        self.assertDenied(self.client.get(f"http://origin.test:{origin.port}/"), "scheme_not_declared")
        self.assertEqual(origin.connections, 0)

    def test_never_share_a_connection_with_plain_ones_of_the_same_address(self):
        def first_byte_tells(listener):
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                self.kinds.append(sock.recv(1, socket.MSG_PEEK))
                talk = wire.Wire(context.wrap_socket(sock, server_side=True)
                                 if self.kinds[-1] == b"\x16" else sock)
                self.threads.append(threading.Thread(target=converse, args=(talk,), daemon=True))
                self.threads[-1].start()

        def converse(talk):
            while talk.request() is not None:
                talk.send(ok(b"x"))
            talk.close()
        self.kinds, self.threads = [], []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.pki.issue("origin", "origin.test"))
        listener = self.keep(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=first_byte_tells, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        self.gate = self.proxy(allow=[f"https://origin.test:{port}", f"http://origin.test:{port}"],
                               network={"trust": self.pki.root}, workers=1)
        with self.gate.connect() as client:
            for scheme in ("http", "https", "http", "https"):
                self.assertEqual(client.get(f"{scheme}://origin.test:{port}/").status, 200)
        self.assertEqual(sorted(self.kinds), [b"\x16", b"G"])

    def test_to_an_address_verify_the_address(self):
        origin = self.tls_origin(self.pki.issue("address", "127.0.0.1"))
        self.start(origin, "127.0.0.1")
        self.assertEqual(self.client.get(self.base + "/").status, 200)

    def test_carry_websockets(self):
        def talk(line):
            request = line.request()
            key = request.get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            line.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                      f"Sec-WebSocket-Accept: {accept}\r\n\r\n")
            line.send(line.read(5)[::-1])
        origin = self.keep(Origin(talk, tls=self.pki.issue("origin", "origin.test")))
        self.start(origin)
        response = self.client.get(self.base.replace("https", "wss") + "/", "Connection: upgrade",
                                   "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        self.assertDenied(response, "scheme_not_declared")
        response = self.client.get(self.base + "/", "Connection: upgrade", "Upgrade: websocket",
                                   "Sec-WebSocket-Version: 13",
                                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        self.assertEqual(response.status, 101)
        self.client.send("hello")
        self.assertEqual(self.client.read(5), b"olleh")

    def test_are_what_curl_sends_where_it_is_told_to(self):
        origin = self.tls_origin()
        self.start(origin)
        done = subprocess.run(["curl", "-sS", "--proxy", self.gate.url, "--request-target",
                               f"{self.base}/curl", f"http://origin.test:{origin.port}/"],
                              capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
        self.assertEqual(done.stdout, "hello from the origin\n", done.stderr)
        self.assertEqual(origin.requests[0].target, "/curl")


class BadOrigins(Origination):
    """Each is 502 with the reason in words, and no request reaches it."""

    def refuse(self, pair, *words, error="tls_certificate_error", name="origin.test", network=None,
               context=None):
        origin = self.tls_origin(pair, context=context)
        self.start(origin, name, network=network or {})
        self.assertFailed(self.client.get(self.base + "/secret"), error, name, *words)
        close = self.gate.wait_log(event="close")[0]
        self.assertEqual((close["outcome"], close["status"]), (error, 502))
        self.assertIn(words[0], close["detail"])
        self.assertEqual(self.gate.log(event="decision")[0]["verdict"], "allow")
        self.assertEqual(origin.requests, [])

    def test_with_another_name(self):
        self.refuse(self.pki.issue("other", "other.test"), "hostname mismatch")

    def test_with_the_name_as_common_name_only(self):
        self.refuse(self.pki.issue("origin.test"), "hostname mismatch")

    def test_with_another_address(self):
        self.refuse(self.pki.issue("address", "127.0.0.9"), "IP address mismatch", name="127.0.0.1")

    def test_expired(self):
        self.refuse(self.pki.issue("old", "origin.test", days=-1), "certificate has expired")

    def test_self_signed(self):
        self.refuse(self.pki.self_signed("self", "origin.test"), "self-signed certificate")

    def test_of_an_authority_that_nobody_trusts(self):
        self.refuse(None, "unable to get local issuer certificate", network={"trust": ""})

    def test_without_their_intermediate(self):
        self.pki.issue("middle", extensions="basicConstraints=critical,CA:TRUE\n"
                                            "keyUsage=critical,keyCertSign\n")
        pair = self.pki.issue("leaf", "origin.test", issuer="middle")
        self.refuse(pair, "unable to get local issuer certificate")
        whole = self.tls_origin(self.pki.chain(pair, "middle"))
        self.start(whole)
        self.assertEqual(self.client.get(self.base + "/").status, 200)

    def test_with_a_client_certificate(self):
        self.refuse(self.pki.issue("client", "origin.test", extensions=CLIENT), "purpose")

    def test_with_a_short_key(self):
        certificate, key = self.pki.self_signed("root", "Short")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=origin.test",
                        "-addext", "subjectAltName=DNS:origin.test", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)

        def weak(context):
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.load_cert_chain(certificate, key)
        self.refuse(None, "key too weak", context=weak,
                    network={"trust": certificate})

    def test_that_speak_only_old_tls(self):
        def old(context):
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        self.refuse(None, "protocol version", error="tls_protocol_error", context=old)

    def test_that_speak_none_of_our_protocols(self):
        server = self.keep(Server(self.directory, self.pki.issue("origin", "origin.test"), "-alpn", "h3"))
        self.start(server)
        self.assertFailed(self.client.get(self.base + "/"), "tls_protocol_error", "no application protocol")

    def test_that_speak_no_tls(self):
        origin = self.origin(lambda line: line.send(ok(b"what?")))
        self.start(origin)
        self.assertFailed(self.client.get(self.base + "/"), "tls_protocol_error", "wrong version number")
        self.assertNotIn(b"GET", origin.received)

    def test_that_say_nothing(self):
        origin = self.origin()
        self.start(origin, timeouts={"dial_seconds": 0.5})
        response = self.client.get(self.base + "/")
        self.assertEqual(response.status, 504)
        self.assertIn("error=connection_timeout", response.get("Proxy-Status"))

    def test_that_staple_their_revocation(self):
        pair = self.pki.issue("origin", "origin.test")
        revoked = self.keep(Server(self.directory, pair, "-status_file", self.pki.staple(pair, "R")))
        self.start(revoked)
        self.assertFailed(self.client.get(self.base + "/"), "tls_certificate_error", "certificate revoked")
        valid = self.keep(Server(self.directory, pair, "-status_file", self.pki.staple(pair, "V")))
        self.start(valid)
        self.assertEqual(self.client.get(self.base + "/").status, 200)

    def test_that_must_staple_and_do_not(self):
        pair = self.pki.issue("must", "origin.test", extensions=SERVER + "tlsfeature=status_request\n")
        silent = self.keep(Server(self.directory, pair))
        self.start(silent)
        self.assertFailed(self.client.get(self.base + "/"), "tls_certificate_error", "OCSP")
        good = self.keep(Server(self.directory, pair, "-status_file", self.pki.staple(pair, "V")))
        self.start(good)
        self.assertEqual(self.client.get(self.base + "/").status, 200)


class ClientCertificates(Origination):
    """An origin that wants one, and tells whose came."""

    def given(self, **sections):
        self.ours = self.pki.issue("orders", extensions=CLIENT)
        self.server = self.keep(Origin(self.converse, tls=self.pki.issue("origin", "origin.test", "plain.test")))
        self.server.context.verify_mode = ssl.CERT_OPTIONAL
        self.server.context.load_verify_locations(self.pki.root)
        self.base = f"https://origin.test:{self.server.port}"
        entry = {"apps": ["demo/development"], "hosts": ["origin.test"], "certificate": self.ours[0],
                 "key": self.ours[1]}
        listener = {"address": "127.0.0.1:0", "identity": {"static": {"app": "other", "environment": "development"}}}
        demo = {"address": "127.0.0.1:0", "identity": {"static": {"app": "demo", "environment": "development"}}}
        addresses = [self.base, f"https://plain.test:{self.server.port}"]
        self.gate = self.proxy(allow=addresses, apps={("other", "development"): addresses},
                               listeners=[demo, listener], network={"trust": self.pki.root},
                               client_certificates=[entry], workers=1, **sections)

    @staticmethod
    def converse(line):
        certificate = line.sock.getpeercert()
        name = dict(pair[0] for pair in certificate["subject"])["commonName"] if certificate else "nobody"
        while line.request() is not None:
            line.send(ok(name.encode()))

    def who(self, url, listener=0):
        with self.gate.connect(listener) as client:
            return client.get(url + "/").body.decode()

    def test_are_shown_for_their_app_and_host_alone(self):
        self.given()
        for _ in range(2):
            self.assertEqual(self.who(self.base), "orders")
            self.assertEqual(self.who(self.base, listener=1), "nobody")
            self.assertEqual(self.who(f"https://plain.test:{self.server.port}"), "nobody")
        self.assertEqual(self.server.connections, 3)

    def test_are_read_again_on_sighup_and_no_old_connection_serves_then(self):
        self.given()
        self.assertEqual(self.who(self.base), "orders")
        new = self.pki.issue("new", extensions=CLIENT)
        for old_path, new_path in zip(self.ours, new):
            os.replace(new_path, old_path)
        self.gate.signal(signal.SIGHUP)
        wait_until(lambda: self.who(self.base) == "new", "the new certificate")

    def test_that_do_not_load_leave_the_old_ones_in_force_and_no_key_is_told(self):
        self.given()
        with open(self.ours[1], encoding="ascii") as file:
            secret = file.read().splitlines()[1]
        write(self.ours[1], "-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n")
        self.gate.signal(signal.SIGHUP)
        told = self.gate.wait_log(event="certificate_rejected")[0]["detail"]
        self.assertIn(self.ours[1], told)
        self.assertEqual(self.gate.admin("/readyz")[0], 503)
        self.assertEqual(self.who(self.base), "orders")
        everything = "\n".join(self.gate.log_lines() + self.gate.stderr) + self.gate.admin("/readyz")[1]
        self.assertNotIn(secret[:16], everything)

    def test_that_do_not_load_at_the_start_keep_it_from_starting(self):
        self.ours = self.pki.issue("orders", extensions=CLIENT)
        other = self.pki.issue("other", extensions=CLIENT)
        entry = {"apps": ["demo/development"], "hosts": ["origin.test"], "certificate": self.ours[0],
                 "key": other[1]}
        gate = self.prepare(client_certificates=[entry])
        gate.launch()
        self.assertEqual(gate.join(), 1)
        self.assertIn(f"{other[1]}: this key does not belong to {self.ours[0]}", "\n".join(gate.stderr))
