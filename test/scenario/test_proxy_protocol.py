"""Behind a front: the PROXY protocol says who the client is; and the other ways that need no secret."""
import hashlib
import os
import socket
import ssl
import struct

import wire
from harness import STATIC, Scenario
from test_identity import basic
from test_mtls import Authority

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
NAME = "spiffe://example.org/app/orders/environment/production"


def vector(kind, value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">BH", kind, len(value)) + value


def certificate(name, client=3, verify=0):
    return vector(0x20, struct.pack(">BI", client, verify) + vector(0x22, name))


def binary(*vectors, client="192.0.2.7", port=40000, command=1):
    """A header of version 2 for a client of IPv4."""
    body = socket.inet_aton(client) + socket.inet_aton("10.0.0.1") + struct.pack(">HH", port, 443)
    body += b"".join(vectors)
    return SIGNATURE + bytes([0x20 | command, 0x11]) + struct.pack(">H", len(body)) + body


class Front(Scenario):
    def setUp(self):
        super().setUp()
        self.server = self.http_origin()
        self.url = f"http://origin.test:{self.server.port}/"

    def start(self, identity, **listener):
        origin = f"http://origin.test:{self.server.port}"
        self.gate = self.proxy(
            apps={("orders", "production"): [origin], ("billing", "staging"): []},
            hosts={"origin.test": "127.0.0.1"}, timeouts={"head_seconds": 2},
            listeners=[{"address": "127.0.0.1:0", "identity": identity,
                        "proxy_protocol": ["127.0.0.1"], **listener}])
        return self.gate

    def ask(self, header, *fields):
        with self.gate.connect() as client:
            client.send(header)
            return client.get(self.url, *fields)

    def assertKnown(self, header, app, client, *fields):
        response = self.ask(header, *fields)
        self.assertEqual(response.status, 200 if app == "orders" else 403, response.body)
        self.gate.wait_log(event="decision", app=app, client=client)

    def assertRefused(self, header, why):
        with self.gate.connect() as client:
            client.send(header)
            self.assertEqual(client.rest(), b"")
        [record] = self.gate.wait_log(event="decision")
        self.assertEqual((record["verdict"], record["reason"], record["app"]),
                         ("deny", "unauthenticated", None))
        self.assertIn(why, record["detail"])
        self.assertEqual(self.server.received, b"")


SOURCES = {"source": [
    {"from": "192.0.2.0/24", "app": "billing", "environment": "staging"},
    {"from": "192.0.2.0/29", "app": "orders", "environment": "production"},
    {"from": "192.0.2.6", "app": "billing", "environment": "staging"},
    {"from": "2001:db8::/32", "app": "orders", "environment": "production"}]}


class Sources(Front):
    def test_the_longest_prefix_that_holds_the_client_counts(self):
        self.start(SOURCES)
        for address, app in (("192.0.2.7", "orders"), ("192.0.2.6", "billing"),
                             ("192.0.2.200", "billing")):
            with self.subTest(address):
                self.assertKnown(f"PROXY TCP4 {address} 10.0.0.1 5 443\r\n", app, address + ":5")
                self.assertKnown(binary(client=address, port=6), app, address + ":6")
        self.assertKnown("PROXY TCP6 2001:db8::1 ::1 5 443\r\n", "orders", "[2001:db8::1]:5")

    def test_an_ipv4_address_is_the_same_in_ipv6s_clothes(self):
        self.start({**SOURCES, "static": {"app": "billing", "environment": "staging"}})
        self.assertKnown("PROXY TCP6 ::ffff:192.0.2.7 ::1 5 443\r\n", "orders", "192.0.2.7:5")

    def test_so_it_is_in_a_range(self):
        """As the front's own log writes it; with nothing behind it, it is one address."""
        self.start({"source": [{"from": "::ffff:192.0.2.0/120", "app": "billing", "environment": "staging"},
                               {"from": "192.0.2.6/31", "app": "orders", "environment": "production"},
                               {"from": "::ffff:192.0.2.6", "app": "billing", "environment": "staging"}],
                    "static": {"app": "orders", "environment": "production"}})
        for address, app in (("192.0.2.200", "billing"), ("192.0.2.7", "orders"), ("192.0.2.6", "billing"),
                             ("198.51.100.1", "orders")):
            with self.subTest(address):
                self.assertKnown(f"PROXY TCP6 ::ffff:{address} ::1 5 443\r\n", app, address + ":5")

    def test_an_address_in_no_range_is_nobody(self):
        self.start(SOURCES)
        self.assertDenied(self.ask("PROXY TCP4 198.51.100.1 10.0.0.1 5 443\r\n"), "unauthenticated")

    def test_a_client_that_is_not_told_is_not_taken_for_its_front(self):
        self.start({"source": [{"from": "127.0.0.0/8", "app": "orders",
                                "environment": "production"}]})
        for header in ("PROXY UNKNOWN\r\n", SIGNATURE + b"\x21\x00\x00\x00"):
            with self.subTest(header):
                self.assertDenied(self.ask(header), "unauthenticated")
        self.assertEqual({record["client"] for record in self.gate.wait_log(2, event="decision")},
                         {"unknown"})

    def test_the_fronts_own_connection_is_its_own(self):
        self.start({"source": [{"from": "127.0.0.0/8", "app": "billing", "environment": "staging"},
                               *SOURCES["source"]]})
        self.assertDenied(self.ask(binary(command=0)), "undeclared")

    def test_without_a_front_the_connections_address_counts(self):
        self.start({"source": [{"from": "127.0.0.1", "app": "orders",
                                "environment": "production"}]}, proxy_protocol=[])
        self.assertEqual(self.ask(b"").status, 200)


class Headers(Front):
    def test_a_header_in_pieces_and_with_the_request_behind_it(self):
        self.start(SOURCES)
        header = b"PROXY TCP4 192.0.2.7 10.0.0.1 5 443\r\n"
        request = f"GET {self.url} HTTP/1.1\r\nHost: {self.url.split('/')[2]}\r\n\r\n".encode()
        with self.gate.connect() as client:
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in header:
                client.send(bytes([byte]))
            client.send(request)
            self.assertEqual(client.response().status, 200)
        with self.gate.connect() as client:
            client.send(binary() + request + request)
            self.assertEqual([client.response().status for _ in range(2)], [200, 200])

    def test_a_header_of_the_clients_own_behind_the_fronts_says_nothing(self):
        self.start({"proxy": "spiffe", **SOURCES})
        request = f"GET {self.url} HTTP/1.1\r\nHost: {self.url.split('/')[2]}\r\n\r\n".encode()
        for number, second in enumerate((binary(vector(0xE0, NAME)), binary(vector(0xE0, NAME), command=0),
                                         b"PROXY TCP4 192.0.2.7 10.0.0.1 5 443\r\n"), 1):
            with self.subTest(second), self.gate.connect() as client:
                client.send(binary(client="192.0.2.200") + second + request)
                self.assertIn(b" 400 ", client.rest().split(b"\r\n")[0])
            record = self.gate.wait_log(number, event="decision")[-1]
            self.assertEqual((record["app"], record["client"]), ("billing", "192.0.2.200:40000"))
        self.assertEqual(self.server.received, b"")

    def test_the_longest_header_with_tls_in_the_same_segment(self):
        ca = Authority(os.path.join(self.directory, "ca"))
        server, key = ca.issue("--server", "proxy.test")
        self.start({"proxy": "spiffe"}, tls={"certificate": server, "key": key})
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=ca.file("ca.pem"))
        tls = context.wrap_bio(incoming, outgoing, server_hostname="proxy.test")
        header = binary(vector(0xE0, NAME), vector(4, "x" * (4096 - len(binary(vector(0xE0, NAME), vector(4, ""))))))
        self.assertEqual(len(header), 4096)
        with self.gate.connect() as client:
            with self.assertRaises(ssl.SSLWantReadError):
                tls.do_handshake()
            client.send(header + outgoing.read())
            client.finish_handshake(tls, incoming)
            tls.write(f"GET {self.url} HTTP/1.1\r\nHost: {self.url.split('/')[2]}\r\n\r\n".encode())
            client.send(outgoing.read())
            self.gate.wait_log(event="close", app="orders", status=200)

    def test_no_header_is_refused(self):
        self.start(SOURCES)
        self.assertRefused(f"GET {self.url} HTTP/1.1\r\n\r\n", "does not begin with a PROXY protocol")

    def test_a_broken_header_is_refused(self):
        self.start(SOURCES)
        self.assertRefused("PROXY TCP4 192.0.2.7 10.0.0.1 5\r\n", "two addresses and two ports")

    def test_a_header_that_does_not_end_has_its_time(self):
        self.start(SOURCES)
        with self.gate.connect() as client:
            client.send("PROXY TCP4 192.0")
            self.assertEqual(client.rest(), b"")

    def test_a_front_that_ends_midway_is_let_go(self):
        self.start(SOURCES)
        with self.gate.connect() as client:
            client.send(SIGNATURE + b"\x21\x11\x00\x0c123")
            client.half_close()
            self.assertEqual(client.rest(), b"")

    def test_who_is_no_front_is_refused(self):
        self.start(SOURCES, proxy_protocol=["127.0.0.2", "::1"])
        self.assertRefused("PROXY TCP4 192.0.2.7 10.0.0.1 5 443\r\n", "only the fronts")

    def test_tls_comes_behind_the_header(self):
        ca = Authority(os.path.join(self.directory, "ca"))
        server, key = ca.issue("--server", "proxy.test")
        self.start(SOURCES, tls={"certificate": server, "key": key})
        with self.gate.connect() as client:
            client.send(binary())
            client.start_tls("proxy.test", ca.file("ca.pem"))
            self.assertEqual(client.get(self.url).status, 200)


class Names(Front):
    def test_a_front_says_the_spiffe_name(self):
        self.start({"proxy": "spiffe"})
        self.assertKnown(binary(vector(0xE0, NAME)), "orders", "192.0.2.7:40000")
        self.assertKnown(binary(certificate(NAME)), "orders", "192.0.2.7:40000")

    def test_a_name_of_no_verified_certificate_does_not_count(self):
        self.start({"proxy": "spiffe"})
        for header in (binary(certificate(NAME, client=1)), binary(certificate(NAME, verify=1)),
                       binary(), binary(certificate("orders/production")),
                       "PROXY TCP4 192.0.2.7 10.0.0.1 5 443\r\n"):
            with self.subTest(header):
                self.assertDenied(self.ask(header), "unauthenticated")
        self.assertEqual(self.server.received, b"")

    def test_a_front_on_its_own_behalf_says_no_name(self):
        self.start({"proxy": "spiffe", "source": [{"from": "127.0.0.0/8", "app": "billing",
                                                   "environment": "staging"}]})
        for vectors in (vector(0xE0, NAME), certificate(NAME)):
            with self.subTest(vectors):
                self.assertEqual(self.assertDenied(self.ask(binary(vectors, command=0)), "undeclared")["app"],
                                 "billing")

    def test_of_two_names_the_custom_one_counts_and_is_not_made_good_by_the_other(self):
        self.start({"proxy": "spiffe"})
        other = NAME.replace("orders/environment/production", "billing/environment/staging")
        self.assertKnown(binary(vector(0xE0, NAME), certificate(other)), "orders", "192.0.2.7:40000")
        self.assertDenied(self.ask(binary(vector(0xE0, other + "\0"), certificate(NAME))), "unauthenticated")

    def test_a_common_name_with_a_nul_is_nobodys(self):
        path = self.path("roles.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('- {cn: "Orders", app: orders, environment: production}\n')
        self.start({"proxy": {"cn": path}, **STATIC})
        for name in ("Orders\0", "Orders\0x", "\0Orders", "orders", "Orders "):
            with self.subTest(name):
                self.assertDenied(self.ask(binary(certificate(name))), "unauthenticated")

    def test_a_broken_name_is_not_made_good_by_the_next_way(self):
        self.start({"proxy": {"spiffe": "example.org"}, **SOURCES, **STATIC})
        for name in (NAME + "/x", NAME.replace("example.org", "example.com"), "orders"):
            with self.subTest(name):
                problem = self.assertDenied(self.ask(binary(vector(0xE0, name))), "unauthenticated")
                self.assertIn("name", problem["detail"])
        self.assertKnown(binary(), "orders", "192.0.2.7:40000")

    def test_a_common_name_by_itself_and_by_roles(self):
        path = self.path("roles.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('- {cn: "Orders", app: orders, environment: production}\n')
        self.start({"proxy": "cn"})
        self.assertKnown(binary(certificate("orders/production")), "orders", "192.0.2.7:40000")
        self.start({"proxy": {"cn": path}})
        self.assertKnown(binary(certificate("Orders")), "orders", "192.0.2.7:40000")
        self.assertDenied(self.ask(binary(certificate("orders/production"))), "unauthenticated")

    def test_our_own_certificates_go_before_what_a_front_says(self):
        ca = Authority(os.path.join(self.directory, "ca"))
        server, key = ca.issue("--server", "proxy.test")
        mine = ca.app("billing", "staging")
        self.start({"mtls": "spiffe", "proxy": "spiffe"},
                   tls={"certificate": server, "key": key, "client_ca": ca.file("ca.pem")})
        context = ssl.create_default_context(cafile=ca.file("ca.pem"))
        for pair, app in ((None, "orders"), (mine, "billing")):
            if pair:
                context.load_cert_chain(*pair)
            with self.gate.connect() as client:
                client.send(binary(vector(0xE0, NAME)))
                client.sock = context.wrap_socket(client.sock, server_hostname="proxy.test")
                client.get(self.url)
            self.gate.wait_log(event="decision", app=app)


class Peers(Scenario):
    def start(self, *peers, **others):
        self.server = self.http_origin()
        self.socket = self.path("gate.sock")
        origin = f"http://origin.test:{self.server.port}"
        self.gate = self.proxy(apps={("orders", "production"): [origin]},
                               hosts={"origin.test": "127.0.0.1"},
                               listeners=[{"address": "unix:" + self.socket,
                                           "identity": {"peer": list(peers), **others}}])

    def ask(self):
        with wire.connect_unix(self.socket) as client:
            return client.get(f"http://origin.test:{self.server.port}/")

    def entry(self, **who):
        return {**who, "app": "orders", "environment": "production"}

    def test_a_user_is_known_by_number(self):
        self.start(self.entry(uid=os.geteuid() + 1), self.entry(uid=os.geteuid()))
        self.assertEqual(self.ask().status, 200)

    def test_a_group_is_known_by_number(self):
        self.start(self.entry(gid=os.getegid()))
        self.assertEqual(self.ask().status, 200)

    def test_both_have_to_be_equal_where_both_are_given(self):
        self.start(self.entry(uid=os.geteuid(), gid=os.getegid() + 1),
                   self.entry(uid=os.geteuid() + 1, gid=os.getegid()))
        self.assertDenied(self.ask(), "unauthenticated")
        [record] = self.gate.wait_log(event="decision")
        self.assertEqual((record["client"], record["app"]), ("unix", None))

    def test_others_are_taken_by_the_next_way(self):
        self.start(self.entry(uid=os.geteuid() + 1), **STATIC)
        self.assertEqual(self.assertDenied(self.ask(), "undeclared")["app"], "demo")

    def test_everybody_may_connect_to_be_asked_unless_that_makes_them_somebody(self):
        self.start(self.entry(uid=os.geteuid()))
        self.assertEqual(os.stat(self.socket).st_mode & 0o777, 0o666)
        self.end(self.gate)
        self.start(self.entry(uid=os.geteuid()), **STATIC)
        self.assertEqual(os.stat(self.socket).st_mode & 0o022, 0)


class BasicBesideOthers(Front):
    def test_credentials_go_before_the_address_and_wrong_ones_do_not_fall_back(self):
        path = self.path("credentials.yml")
        digest = hashlib.sha256(b"secret").hexdigest()
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"- {{app: billing, environment: staging, sha256: {digest}}}\n")
        self.start({"basic": path, **SOURCES})
        self.assertEqual(self.ask(binary()).status, 200)
        self.assertKnown(binary(), "billing", "192.0.2.7:40000", basic("billing/staging", "secret"))
        self.assertEqual(self.ask(binary(), basic("billing/staging", "wrong")).status, 407)
        self.assertEqual(self.ask(binary(client="198.51.100.1")).status, 407)
