"""Who is who is read again on SIGHUP: secrets, common names, certificates; and what becomes of those who are connected."""
import hashlib
import json
import os
import signal
import ssl
import subprocess
import threading
import time
import unittest

import wire
from harness import PATIENCE, UNDER, Scenario, wait_until, write
from http2_origins import Http2Origin
from origins import HttpOrigin, ok
from test_identity import basic
from test_mtls import Mtls
from test_proxy_protocol import binary, certificate
from test_upgrade import is_there


STATIC_ORDERS = {"static": {"app": "orders", "environment": "production"}}


class Reloading:
    def reload(self, event):
        """SIGHUP; the record of what came of it."""
        count = len(self.gate.log(event=event))
        self.gate.signal(signal.SIGHUP)
        return self.gate.wait_log(count + 1, event=event)[-1]


class Secrets(Reloading, Scenario):
    def setUp(self):
        super().setUp()
        self.server = self.http_origin()
        self.url = f"http://origin.test:{self.server.port}/"
        self.file = self.path("credentials.yml")
        self.write("old")
        self.gate = self.proxy(allow=[self.url], listeners=[{"address": "127.0.0.1:0",
                                                             "identity": {"basic": self.file}}])

    def write(self, *secrets):
        write(self.file, "".join(f"- {{app: demo, environment: development, sha256: "
                                 f"{hashlib.sha256(secret.encode()).hexdigest()}}}\n" for secret in secrets) or "[]")

    def status(self, client, secret):
        return client.get(self.url, basic("demo/development", secret)).status

    def test_are_taken_with_the_next_request(self):
        with self.gate.connect() as client:
            self.assertEqual([self.status(client, secret) for secret in ("old", "new")], [200, 407])
            self.write("old", "new")
            self.assertEqual(self.reload("identities_loaded")["detail"], "127.0.0.1:0")
            wait_until(lambda: self.status(client, "new") == 200, "the new secret")
            self.assertEqual(self.status(client, "old"), 200)
            self.write("new")
            self.reload("identities_loaded")
            wait_until(lambda: self.status(client, "old") == 407, "the end of the old secret")
            self.assertEqual(self.status(client, "new"), 200)
        self.assertEqual(self.gate.metrics()['sallyport_identity_reloads_total{result="loaded"}'], 2)

    def test_of_a_file_that_does_not_load_change_nothing_and_it_is_said(self):
        write(self.file, "- {app: demo, environment: development}\n")
        detail = self.reload("identities_rejected")["detail"]
        self.assertEqual(detail, f"{self.file}:1:3: this credential has no sha256")
        self.assertIn(f"sallyport: identities not reloaded, the old ones stay: {detail}", self.gate.stderr)
        status, text = self.gate.admin("/readyz")
        self.assertEqual(status, 503)
        self.assertIn(f"identities: the files do not load, the old ones are in force: {detail}", text)
        with self.gate.connect() as client:
            self.assertEqual([self.status(client, secret) for secret in ("old", "new")], [200, 407])
            self.write("new")
            self.reload("identities_loaded")
            wait_until(lambda: self.status(client, "new") == 200, "the new secret")
        self.assertEqual(self.gate.admin("/readyz")[0], 200)

    def test_of_a_file_that_is_gone_stay(self):
        os.remove(self.file)
        self.assertIn("No such file", self.reload("identities_rejected")["detail"])
        with self.gate.connect() as client:
            self.assertEqual(self.status(client, "old"), 200)


class Certificates(Reloading, Mtls):
    """orders/production is connected with a certificate, and billing/staging with another."""

    def start_with(self, identity=None, sections=None, origin=None, **policy):
        self.mine, self.other = self.ca.app("orders", "production"), self.ca.app("billing", "staging")
        certificate, key = self.ca.pair("server-proxy.test")
        origin = origin or f"http://origin.test:{self.server.port}"
        self.gate = self.proxy(
            apps={("orders", "production"): [origin], ("billing", "staging"): [origin]}, policy=policy,
            hosts={"origin.test": "127.0.0.1"}, timeouts={"drain_seconds": 1}, **(sections or {}),
            listeners=[{"address": "127.0.0.1:0", "identity": identity or self.identity,
                        "tls": {"certificate": certificate, "key": key, "client_ca": self.ca.file("ca.pem"),
                                "crl": self.ca.file("crl.pem")}}])

    def tunnel(self, pair):
        client = self.keep(self.open(pair))
        self.assertEqual(client.tunnel(f"origin.test:{self.server.port}").status, 200)
        self.use(client)
        return client

    def use(self, client):
        client.send(f"GET / HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n\r\n")
        self.assertEqual(client.response().status, 200)

    def revoke_mine(self):
        self.ca.revoke("orders-production")
        self.reload("certificate_loaded")

    def test_that_are_revoked_end_their_connections_and_no_others(self):
        self.start_with()
        tunnels = [self.tunnel(self.mine) for _ in range(3)]
        kept, idle = self.tunnel(self.other), self.keep(self.open(self.mine))
        self.assertEqual(idle.get(self.url).status, 200)
        self.revoke_mine()
        began = time.monotonic()
        for client in (*tunnels, idle):
            self.assertTrue(client.ended())
        print(f"note: connections ended {(time.monotonic() - began) * 1000:.0f} ms after the list was loaded")
        self.use(kept)
        self.assertEqual(len(self.gate.wait_log(3, event="close", outcome="revoked")), 3)
        self.assertTurnedAway(self.mine, "certificate revoked")

    def assertTurnedAway(self, pair, why):
        with self.assertRaisesRegex((OSError, EOFError), "(?i)alert|end came"):
            self.ask(pair)
        self.gate.wait_log(event="decision", reason="unauthenticated", detail=f"client certificate: {why}")

    def test_that_are_revoked_may_drain(self):
        self.start_with(revoke="drain")
        tunnel, idle = self.tunnel(self.mine), self.keep(self.open(self.mine))
        self.assertEqual(idle.get(self.url).status, 200)
        self.revoke_mine()
        self.assertTrue(idle.ended())
        self.gate.declare([f"http://origin.test:{self.server.port}", "https://more.test"], "orders", "production")
        self.gate.wait_log(event="policy_loaded")  # which pardons nobody
        self.assertTrue(tunnel.ended())
        self.gate.wait_log(event="close", outcome="revoked")

    def test_that_are_revoked_may_finish_a_response_and_no_more(self):
        goes_on = threading.Event()
        goes_on.set()
        self.addCleanup(goes_on.set)
        self.server.answer = lambda request: (goes_on.wait(PATIENCE), ok(b"whole"))[1]
        self.start_with(revoke="drain", sections={"workers": 1})
        client, idle = self.keep(self.open(self.mine)), self.keep(self.open(self.mine))
        self.assertEqual(idle.get(self.url).status, 200)
        goes_on.clear()
        client.send(f"GET {self.url} HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n\r\n")
        wait_until(lambda: len(self.server.requests) == 2, "the origin is asked")
        self.revoke_mine()
        self.assertTrue(idle.ended())  # so the one worker has withdrawn them all
        goes_on.set()
        response = client.response()
        self.assertEqual((response.body, response.get("Connection")), (b"whole", "close"))
        self.assertTrue(client.ended())

    def test_that_are_revoked_do_not_drain_without_end(self):
        """A response, or a body that is sent, that goes on when the time is over."""
        self.server.answer = lambda request: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"
        self.start_with(revoke="drain")
        reader, writer = self.keep(self.open(self.mine)), self.keep(self.open(self.mine))
        head = f"{self.url} HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n"
        reader.send(f"GET {head}\r\n")
        reader.until(b"part\r\n")
        writer.send(f"POST {head}Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        wait_until(lambda: b"first" in self.server.received, "the body has begun")
        self.revoke_mine()
        self.assertTrue(reader.ended())
        self.assertTrue(writer.ended())
        self.gate.wait_log(2, event="close", outcome="revoked")

    def test_that_are_revoked_may_stay_connected(self):
        self.start_with(revoke="keep")
        tunnel = self.tunnel(self.mine)
        self.revoke_mine()
        self.assertTurnedAway(self.mine, "certificate revoked")
        self.use(tunnel)

    def test_that_are_revoked_end_what_is_under_way_inside_of_an_inspected_tunnel(self):
        gone = threading.Event()
        self.addCleanup(gone.set)
        self.end_what_is_under_way(self.keep(HttpOrigin(
            lambda request: (gone.wait(PATIENCE), ok(b"late"))[1], tls=self.ca.issue("--server", "origin.test"))))

    def test_that_are_revoked_end_streams_of_http_2_too(self):
        self.end_what_is_under_way(self.keep(Http2Origin(
            self.ca.issue("--server", "origin.test"), lambda connection, stream: None)))

    def end_what_is_under_way(self, origin):
        authority, key = self.ca.issue("--inspect")
        self.start_with(origin=f"https://origin.test:{origin.port}", sections={
            "network": {"trust": self.ca.file("ca.pem")},
            "inspect": [{"apps": ["orders/production"], "ca": authority, "key": key}]})
        certificate, key = self.mine
        root = self.ca.file("ca.pem")
        client = subprocess.Popen(
            ["curl", "-sS", "-x", f"https://proxy.test:{self.gate.port}", "--resolve",
             f"proxy.test:{self.gate.port}:127.0.0.1", "--proxy-cacert", root, "--cacert", root, "--proxy-cert", certificate,
             "--proxy-key", key, f"https://origin.test:{origin.port}/"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.gate.wait_log(event="decision", method="GET")
        self.revoke_mine()
        self.assertEqual(client.communicate(timeout=PATIENCE)[0], b"")
        self.assertNotEqual(client.returncode, 0)
        self.gate.wait_log(event="close", outcome="revoked")

    def test_that_are_revoked_end_their_connections_where_they_only_let_in(self):
        """client_ca asks for a certificate, and the identity comes by another way."""
        self.start_with(identity=STATIC_ORDERS)
        tunnel, idle = self.tunnel(self.mine), self.keep(self.open(self.mine))
        kept = self.tunnel(self.other)
        self.assertEqual(idle.get(self.url).status, 200)
        self.revoke_mine()
        for client in (tunnel, idle):
            self.assertTrue(client.ended())
        self.use(kept)
        self.gate.wait_log(event="close", outcome="revoked")

    def test_that_are_revoked_while_they_are_being_shown_are_turned_away(self):
        self.check_shown_late()

    def test_that_are_revoked_while_they_are_being_shown_do_not_let_in_either(self):
        self.check_shown_late(identity=STATIC_ORDERS)

    def check_shown_late(self, **options):
        self.start_with(revoke="keep", **options)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context(self.mine).wrap_bio(incoming, outgoing, server_hostname="proxy.test")
        with wire.connect("127.0.0.1", self.gate.port) as client:
            with self.assertRaises(ssl.SSLWantReadError):
                tls.do_handshake()
            client.send(outgoing.read())
            client.finish_handshake(tls, incoming)
            self.revoke_mine()
            self.ask(self.other)  # each worker has accepted under the new list, or looks at it
            client.send(outgoing.read())
            client.rest()
        self.gate.wait_log(event="decision", reason="unauthenticated",
                           detail="client certificate: withdrawn while it was being shown")

    def test_of_an_authority_that_is_no_longer_believed_end_their_connections(self):
        self.start_with()
        tunnel = self.tunnel(self.mine)
        other = type(self.ca)(self.path("other"))
        for name in ("ca.pem", "crl.pem"):
            with open(other.file(name), encoding="ascii") as file:
                write(self.ca.file(name), file.read())
        self.reload("certificate_loaded")
        self.assertTrue(tunnel.ended())

    def end_process(self, pid):
        self.assertTrue(is_there(pid), "\n".join(["the one that followed has ended:", *self.gate.stderr]))
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not is_there(pid), "the one that followed stops")

    @unittest.skipIf(UNDER, "what follows a process under valgrind does not run under it")
    def test_that_are_revoked_end_the_connections_of_a_process_that_was_taken_over_from(self):
        self.start_with()
        tunnel, kept = self.tunnel(self.mine), self.tunnel(self.other)
        self.gate.signal(signal.SIGUSR2)
        [record] = self.gate.wait_log(event="taken_over")
        follower = int(record["detail"].split()[1])
        self.addCleanup(self.end_process, follower)
        self.use(tunnel)
        self.ca.revoke("orders-production")
        os.kill(follower, signal.SIGHUP)
        self.assertTrue(tunnel.ended())
        self.use(kept)
        kept.close()
        self.assertEqual(self.gate.join(), 0)

    def test_that_are_as_good_as_before_keep_their_connections(self):
        self.start_with()
        tunnels = [self.tunnel(pair) for pair in (self.mine, self.other)]
        self.reload("certificate_loaded")
        self.ca.app("orders", "staging")
        self.ca.revoke("orders-staging")
        self.reload("certificate_loaded")
        for client in tunnels:
            self.use(client)
        self.assertEqual(self.gate.log(event="close", outcome="revoked"), [])

    def test_whose_common_name_is_another_apps_now_end_their_connections(self):
        names = self.path("roles.yml")
        roles = [{"cn": "one", "app": "orders", "environment": "production"},
                 {"cn": "two", "app": "orders", "environment": "production"}]
        write(names, json.dumps(roles))
        self.start_with(identity={"mtls": {"cn": names}})
        one, two = (self.ca.odd(name, subject=f"/CN={name}") for name in ("one", "two"))
        tunnels = [self.tunnel(pair) for pair in (one, two)]
        write(names, json.dumps([roles[0], {"cn": "two", "app": "billing", "environment": "staging"}]))
        self.reload("identities_loaded")
        self.assertTrue(tunnels[1].ended())
        self.use(tunnels[0])
        write(names, "no list")
        self.reload("identities_rejected")
        self.use(tunnels[0])
        write(names, "[]")
        self.reload("identities_loaded")
        self.assertTrue(tunnels[0].ended())
        self.assertIn("not in the file of roles", self.ask(one).body.decode())


class FrontsNames(Reloading, Scenario):
    """Behind a front, which says the common names of the certificates that it has verified."""

    def test_that_are_another_apps_now_end_their_connections(self):
        for revoke, ends in (("close", True), ("drain", True), ("keep", False)):
            with self.subTest(revoke):
                self.check_names(revoke, ends)

    def check_names(self, revoke, ends):
        server, names = self.http_origin(), self.path("roles.yml")
        url = f"http://origin.test:{server.port}/"
        roles = [{"cn": name, "app": "orders", "environment": "production"} for name in ("one", "two")]
        write(names, json.dumps(roles))
        self.gate = self.proxy(
            apps={("orders", "production"): [url], ("billing", "staging"): []}, policy={"revoke": revoke},
            hosts={"origin.test": "127.0.0.1"}, timeouts={"drain_seconds": 1},
            listeners=[{"address": "127.0.0.1:0", "identity": {"proxy": {"cn": names}},
                        "proxy_protocol": ["127.0.0.1"]}])
        idle, tunnel, other = (self.keep(self.gate.connect()) for _ in range(3))
        for client, name in ((idle, "two"), (tunnel, "two"), (other, "one")):
            client.send(binary(certificate(name)))
            self.assertEqual(client.get(url).status, 200)
        self.assertEqual(tunnel.tunnel(f"origin.test:{server.port}").status, 200)
        write(names, json.dumps([roles[0], {"cn": "two", "app": "billing", "environment": "staging"}]))
        self.reload("identities_loaded")
        if ends:
            self.assertTrue(idle.ended())
            self.assertTrue(tunnel.ended())
            self.gate.wait_log(event="close", outcome="revoked")
        else:
            self.assertEqual(idle.get(url).status, 200)
        self.assertEqual(other.get(url).status, 200)
