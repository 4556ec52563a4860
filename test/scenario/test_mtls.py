"""Client certificates: who a verified certificate stands for, and who is turned away, and how it is told."""
import os
import signal
import socket
import ssl
import subprocess
import time

import wire
from harness import STATIC, Scenario, sallyport, wait_until, write

BASE = "basicConstraints=critical,CA:FALSE\nauthorityKeyIdentifier=keyid\n"


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)


class Authority:
    """`sallyport ca` in a directory, and certificates that it would not issue, signed with its key."""

    def __init__(self, directory):
        self.directory = directory
        self.run("init", directory)

    def run(self, *arguments):
        done = sallyport("ca", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def file(self, name):
        return os.path.join(self.directory, name)

    def pair(self, name):
        return self.file(name + ".pem"), self.file(name + ".key")

    def issue(self, *arguments):
        return tuple(self.run("issue", self.directory, *arguments).split())

    def app(self, app, environment, *more):
        return self.issue("-a", app, "-e", environment, *more)

    def revoke(self, name):
        self.run("revoke", self.directory, name)

    def odd(self, name, extensions=BASE + "extendedKeyUsage=clientAuth\n", subject="/CN=odd",
            dates=("20200101000000Z", "21200101000000Z"), issuer="ca", key=("ec", "P-256")):
        """A certificate with any EXTENSIONS, SUBJECT and DATES."""
        write(self.file("odd.ext"), extensions)
        option = "ec_paramgen_curve" if key[0] == "ec" else "rsa_keygen_bits"
        openssl("req", "-new", "-newkey", key[0], "-pkeyopt", f"{option}:{key[1]}", "-nodes",
                "-subj", subject, "-keyout", self.file(name + ".key"), "-out", self.file("odd.csr"))
        write(self.file("odd.cnf"), f"""
[ca]
default_ca = x
[x]
database = {self.file('odd.txt')}
new_certs_dir = {self.directory}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = optional
organizationName = optional
""")
        write(self.file("odd.txt"), "")
        openssl("ca", "-batch", "-notext", "-config", self.file("odd.cnf"), "-cert",
                self.file(issuer + ".pem"), "-keyfile", self.file(issuer + ".key"), "-multivalue-rdn",
                "-startdate", dates[0], "-enddate", dates[1], "-extfile", self.file("odd.ext"),
                "-in", self.file("odd.csr"), "-out", self.file(name + ".pem"))
        return self.pair(name)


def uri(*names):
    alternatives = ",".join("URI:" + name for name in names)
    return f"{BASE}extendedKeyUsage=clientAuth\nsubjectAltName={alternatives}\n"


class Mtls(Scenario):
    """One mTLS listener in front of an origin that orders/production may reach, and demo too."""

    identity = {"mtls": "spiffe"}

    def setUp(self):
        super().setUp()
        self.ca = Authority(os.path.join(self.directory, "ca"))
        self.ca.issue("--server", "proxy.test")
        self.server = self.http_origin()
        self.url = f"http://origin.test:{self.server.port}/"

    def start(self, identity=None, tls=None, **more):
        certificate, key = self.ca.pair("server-proxy.test")
        listener = {"address": "127.0.0.1:0", "identity": identity or self.identity,
                    "tls": {"certificate": certificate, "key": key, "client_ca": self.ca.file("ca.pem"),
                            "crl": self.ca.file("crl.pem"), **(tls or {})}, **more}
        origin = f"http://origin.test:{self.server.port}"
        self.gate = self.proxy(apps={("orders", "production"): [origin], ("billing", "staging"): []},
                               hosts={"origin.test": "127.0.0.1"}, listeners=[listener])
        return self.gate

    def context(self, pair=None, version=None):
        context = ssl.create_default_context(cafile=self.ca.file("ca.pem"))
        if pair:
            context.load_cert_chain(*pair)
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def open(self, pair=None, version=None, session=None):
        sock = socket.create_connection(("127.0.0.1", self.gate.port), wire.PATIENCE)
        try:
            return wire.Wire(self.context(pair, version).wrap_socket(
                sock, server_hostname="proxy.test", session=session))
        except BaseException:
            sock.close()
            raise

    def ask(self, pair=None, *fields, version=None):
        with self.open(pair, version) as client:
            return client.get(self.url, *fields)

    def assertKnown(self, pair, app="orders", environment="production", **more):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.ask(pair, version=version)
        for record in self.gate.wait_log(2, event="decision"):
            self.assertEqual((record["app"], record["environment"]), (app, environment))
            for key, value in more.items():
                self.assertEqual(record[key], value)

    def assertTurnedAway(self, pair, why):
        """Before a word of HTTP, by both versions, with the alert that reaches the client."""
        for number, version in enumerate((ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3), 1):
            with self.assertRaisesRegex((OSError, EOFError), "(?i)alert|end came"):
                self.ask(pair, version=version)
            records = self.gate.wait_log(number, event="decision")
            self.assertEqual(len(records), number)
            for record in records:
                self.assertEqual((record["verdict"], record["reason"]), ("deny", "unauthenticated"))
                self.assertIsNone(record["app"])
                self.assertRegex(record["detail"], why)
        self.assertEqual(self.server.received, b"")

    def assertNobody(self, pair, why):
        """The certificate is good and names nobody: 403, in words."""
        response = self.ask(pair)
        problem = self.assertDenied(response, "unauthenticated")
        self.assertRegex(problem["detail"], why)
        [record] = self.gate.wait_log(event="decision")
        self.assertRegex(record["detail"], why)
        self.assertIsNone(record["app"])
        self.assertEqual(self.server.received, b"")


class Spiffe(Mtls):
    def test_the_right_certificate_is_its_app(self):
        self.start()
        pair = self.ca.app("orders", "production")
        self.assertEqual(self.ask(pair).status, 200)
        self.assertKnown(pair)

    def test_an_installation_is_known_by_its_name(self):
        self.start()
        self.assertKnown(self.ca.app("orders", "production", "-i", "site-1"), installation="site-1")

    def test_another_apps_certificate_has_that_apps_rights(self):
        self.start()
        problem = self.assertDenied(self.ask(self.ca.app("billing", "staging")), "undeclared")
        self.assertEqual((problem["app"], problem["environment"]), ("billing", "staging"))

    def test_an_app_that_no_policy_knows_is_403(self):
        self.start()
        self.assertDenied(self.ask(self.ca.app("ghost", "production")), "unknown_app")

    def test_credentials_in_the_request_change_nothing(self):
        self.start()
        response = self.ask(self.ca.app("billing", "staging"),
                            "Proxy-Authorization: Basic b3JkZXJzL3Byb2R1Y3Rpb246eA==")
        self.assertDenied(response, "undeclared")

    def test_no_certificate(self):
        self.start()
        self.assertTurnedAway(None, "did not return a certificate")

    def test_a_certificate_of_another_authority(self):
        self.start()
        other = Authority(os.path.join(self.directory, "other"))
        self.assertTurnedAway(other.app("orders", "production"), "unable to get|self.signed|issuer")

    def test_an_expired_certificate(self):
        self.start()
        name = "spiffe://sallyport.internal/app/orders/environment/production"
        self.assertTurnedAway(self.ca.odd("old", uri(name), dates=("20200101000000Z",
                                                                   "20200201000000Z")), "expired")

    def test_a_certificate_of_tomorrow(self):
        self.start()
        name = "spiffe://sallyport.internal/app/orders/environment/production"
        self.assertTurnedAway(self.ca.odd("new", uri(name), dates=("20990101000000Z",
                                                                   "20990201000000Z")), "not yet valid")

    def test_a_revoked_certificate(self):
        pair = self.ca.app("orders", "production")
        self.ca.revoke("orders-production")
        self.start()
        self.assertTurnedAway(pair, "revoked")

    def test_a_servers_certificate_is_no_clients(self):
        self.start()
        self.assertTurnedAway(self.ca.pair("server-proxy.test"), "purpose")

    def test_a_name_of_another_trust_domain_cannot_be_signed(self):
        self.start()
        name = "spiffe://other.internal/app/orders/environment/production"
        self.assertTurnedAway(self.ca.odd("foreign", uri(name)), "permitted subtree")

    def test_what_inspection_signs_is_no_client(self):
        self.start()
        self.ca.issue("--inspect")
        name = "spiffe://sallyport.internal/app/orders/environment/production"
        certificate, key = self.ca.odd("minted", uri(name), issuer="inspect")
        with open(self.ca.file("inspect.pem"), encoding="ascii") as chain:
            with open(certificate, "a", encoding="ascii") as file:
                file.write(chain.read())
        self.assertTurnedAway((certificate, key), "purpose|CRL")

    def test_a_key_that_is_too_weak(self):
        self.start()
        name = "spiffe://sallyport.internal/app/orders/environment/production"
        pair = self.ca.odd("weak", uri(name), key=("rsa", "1024"))
        context = self.context()
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(*pair)
        with socket.create_connection(("127.0.0.1", self.gate.port), wire.PATIENCE) as sock:
            with self.assertRaises((OSError, EOFError)):
                wire.Wire(context.wrap_socket(sock, server_hostname="proxy.test")).get(self.url)
        [record] = self.gate.wait_log(event="decision")
        self.assertIn("too weak", record["detail"])

    def test_two_uri_names_are_nobody(self):
        self.start()
        name = "spiffe://sallyport.internal/app/orders/environment/"
        self.assertNobody(self.ca.odd("two", uri(name + "production", name + "staging")),
                          "no URI name, or more than one")

    def test_a_name_of_another_form_is_nobody(self):
        self.start()
        for number, tail in enumerate(("app/orders", "app/orders/environment/production/x",
                                       "app/Orders/environment/production")):
            with self.subTest(tail):
                pair = self.ca.odd(f"form{number}", uri("spiffe://sallyport.internal/" + tail))
                self.assertIn("spiffe:// name", self.assertDenied(self.ask(pair), "unauthenticated")
                              ["detail"])

    def test_whoever_may_sign_is_nobody(self):
        """X509-SVID, section 5.2: a name is shown by a leaf, and only authorities may sign."""
        self.start()
        name = uri("spiffe://sallyport.internal/app/orders/environment/production")
        for number, extensions in enumerate((name.replace("CA:FALSE", "CA:TRUE"),
                                             name + "keyUsage=critical,digitalSignature,keyCertSign\n",
                                             name + "keyUsage=critical,digitalSignature,cRLSign\n")):
            with self.subTest(extensions):
                response = self.ask(self.ca.odd(f"signs{number}", extensions))
                self.assertIn("may sign", self.assertDenied(response, "unauthenticated")["detail"])
        self.assertEqual(self.server.received, b"")
        self.ask(self.ca.odd("leaf", name + "keyUsage=critical,digitalSignature\n"))
        self.assertNotEqual(self.server.received, b"")

    def test_a_common_name_is_no_spiffe_name(self):
        self.start()
        self.assertNobody(self.ca.odd("common", subject="/CN=orders\\/production"), "no URI name")

    def test_a_trust_domain_that_is_asked_for_has_to_be_the_one(self):
        self.start({"mtls": {"spiffe": "example.org"}})
        self.assertNobody(self.ca.app("orders", "production"), "another trust domain")

    def test_a_list_of_another_authority_lets_nobody_in(self):
        other = Authority(os.path.join(self.directory, "other"))
        self.start(tls={"crl": other.file("crl.pem")})
        self.assertTurnedAway(self.ca.app("orders", "production"), "unable to get certificate CRL")

    def test_a_list_that_is_out_of_date_lets_nobody_in(self):
        pair = self.ca.app("orders", "production")
        self.ca.odd("other")  # which leaves a configuration to sign with
        openssl("ca", "-gencrl", "-config", self.ca.file("odd.cnf"), "-cert", self.ca.file("ca.pem"), "-keyfile",
                self.ca.file("ca.key"), "-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200102000000Z",
                "-out", self.ca.file("old.pem"))
        self.start(tls={"crl": self.ca.file("old.pem")})
        self.assertTurnedAway(pair, "CRL has expired")

    def lists(self, name):
        """The list of the authority and that of the one NAME below it, in one file."""
        openssl("ca", "-gencrl", "-config", self.ca.file("odd.cnf"), "-cert", self.ca.file(name + ".pem"), "-keyfile",
                self.ca.file(name + ".key"), "-crldays", "9", "-out", self.ca.file("list.pem"))
        with open(self.ca.file("crl.pem"), encoding="ascii") as one, open(self.ca.file("list.pem"),
                                                                          encoding="ascii") as two:
            write(self.ca.file("lists.pem"), one.read() + two.read())
        return self.ca.file("lists.pem")

    def below(self, name, **options):
        """orders/production's certificate by an authority NAME, which the one above has signed; its chain and key."""
        middle, _ = self.ca.odd(name, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
                                "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n", f"/CN={name}", **options)
        leaf, key = self.ca.odd("of-" + name, uri("spiffe://sallyport.internal/app/orders/environment/production"),
                                issuer=name)
        with open(leaf, encoding="ascii") as one, open(middle, encoding="ascii") as two:
            write(self.ca.file("chain.pem"), one.read() + two.read())
        return self.ca.file("chain.pem"), key

    def test_an_authority_below_another_needs_a_list_of_its_own(self):
        pair = self.below("middle")
        self.start()
        self.assertTurnedAway(pair, "unable to get certificate CRL")
        self.start(tls={"crl": self.lists("middle")})
        self.assertKnown(pair)

    def test_an_authority_that_has_expired_lets_nobody_in(self):
        pair = self.below("middle", dates=("20200101000000Z", "20200102000000Z"))
        self.start(tls={"crl": self.lists("middle")})
        self.assertTurnedAway(pair, "certificate has expired")


class Resumption(Mtls):
    def test_no_session_is_resumed_and_no_identity_carried_over(self):
        self.start()
        mine, other = self.ca.app("orders", "production"), self.ca.app("billing", "staging")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version.name):
                context = self.context(mine, version)
                session = None
                for turn in range(3):
                    sock = socket.create_connection(("127.0.0.1", self.gate.port), wire.PATIENCE)
                    with wire.Wire(context.wrap_socket(sock, server_hostname="proxy.test",
                                                       session=session)) as client:
                        self.assertEqual(client.get(self.url).status, 200)
                        self.assertFalse(client.sock.session_reused)
                        self.assertFalse(client.sock.session and client.sock.session.has_ticket)
                        session = client.sock.session or session
                context.load_cert_chain(*other)
                sock = socket.create_connection(("127.0.0.1", self.gate.port), wire.PATIENCE)
                with wire.Wire(context.wrap_socket(sock, server_hostname="proxy.test",
                                                   session=session)) as client:
                    self.assertEqual(self.assertDenied(client.get(self.url), "undeclared")["app"],
                                     "billing")

    def test_a_session_cannot_outlive_its_certificate(self):
        self.start()
        mine = self.ca.app("orders", "production")
        saved = self.ca.file("session")
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.gate.port}", "-CAfile",
                   self.ca.file("ca.pem"), "-tls1_2", "-cert", mine[0], "-key", mine[1], "-quiet"]
        head = f"GET {self.url} HTTP/1.1\r\nHost: origin.test:{self.server.port}\r\n" \
               "Connection: close\r\n\r\n"
        first = subprocess.run([*command, "-sess_out", saved], input=head, capture_output=True,
                               text=True, timeout=wire.PATIENCE, check=False)
        self.assertIn("200 OK", first.stdout)
        self.ca.revoke("orders-production")
        self.gate.signal(signal.SIGHUP)
        self.gate.wait_log(event="certificate_loaded")
        resumed = ["-sess_in", saved] if os.path.exists(saved) else []  # there is none to be saved
        second = subprocess.run([*command, *resumed], input=head, capture_output=True,
                                text=True, timeout=wire.PATIENCE, check=False)
        self.assertNotIn("200 OK", second.stdout)
        self.gate.wait_log(event="decision", reason="unauthenticated",
                           detail="client certificate: certificate revoked")


class CommonNames(Mtls):
    identity = {"mtls": "cn"}

    def test_a_common_name_speaks_for_itself(self):
        self.start()
        self.assertKnown(self.ca.app("orders", "production"))

    def test_a_common_name_of_another_form_is_nobody(self):
        self.start()
        self.assertNobody(self.ca.odd("x", subject="/CN=orders"), "APP/ENVIRONMENT")

    def test_a_name_of_an_installation_without_one_is_nobody(self):
        """Whoever fills in a template may have none; what the whole app may is no better guess."""
        self.start()
        self.assertNobody(self.ca.odd("odd", subject="/CN=orders\\/production\\/"), "is not APP/ENVIRONMENT")

    def test_two_common_names_are_nobody(self):
        self.start()
        self.assertNobody(self.ca.odd("x", subject="/CN=orders\\/production/CN=billing\\/staging"),
                          "no common name, or more than one")

    def roles(self, *lines):
        path = self.path("roles.yml")
        write(path, "".join(f"- {line}\n" for line in lines))
        self.start({"mtls": {"cn": path}})

    def test_a_file_of_roles_says_who_it_is(self):
        self.roles('{cn: "Orders, the service", app: orders, environment: production, '
                   "installation: site-9}", "{cn: b, app: billing, environment: staging}")
        self.assertKnown(self.ca.odd("x", subject="/CN=Orders, the service"), installation="site-9")

    def test_a_name_that_is_not_in_the_file_is_nobody(self):
        self.roles("{cn: b, app: billing, environment: staging}")
        self.assertNobody(self.ca.app("orders", "production"), "not in the file of roles")

    def test_a_broken_file_of_roles_refuses_the_start(self):
        for text, why in (("cn: a", "not a list"), ("- {cn: a, app: b}", "a role is"),
                          ("- {cn: a, app: b, environment: c}\n- {cn: a, app: d, environment: e}",
                           "twice"), ("- {cn: [a], app: b, environment: c}", "common name")):
            with self.subTest(text):
                path = self.path("roles.yml")
                write(path, text)
                proxy = self.prepare(listeners=[{
                    "address": "127.0.0.1:0", "identity": {"mtls": {"cn": path}},
                    "tls": {"certificate": self.ca.pair("server-proxy.test")[0],
                            "key": self.ca.pair("server-proxy.test")[1],
                            "client_ca": self.ca.file("ca.pem")}}])
                proxy.launch()
                self.assertEqual(proxy.join(), 2)
                self.assertIn(why, "\n".join(proxy.stderr))


class Several(Mtls):
    """Other ways beside mtls on one listener: the certificate goes before them, right or wrong."""

    identity = {"mtls": "spiffe", **STATIC}

    def test_without_a_certificate_the_next_way_is_taken(self):
        self.start()
        problem = self.assertDenied(self.ask(), "undeclared")
        self.assertEqual(problem["app"], "demo")

    def test_with_one_it_counts(self):
        self.start()
        self.assertKnown(self.ca.app("orders", "production"))

    def test_a_wrong_one_is_not_made_good_by_the_next_way(self):
        pair = self.ca.app("orders", "production")
        self.ca.revoke("orders-production")
        self.start()
        self.assertTurnedAway(pair, "revoked")

    def test_one_that_names_nobody_is_not_either(self):
        self.start()
        self.assertNobody(self.ca.odd("odd"), "no URI name")

    def test_client_ca_asks_for_a_certificate_whatever_the_identity_is(self):
        self.start(STATIC)
        self.assertEqual(self.assertDenied(self.ask(self.ca.app("orders", "production")),
                                           "undeclared")["app"], "demo")
        with self.assertRaises((OSError, EOFError)):
            self.ask()


class Reload(Mtls):
    def expiry(self, kind="certificate"):
        [value] = [value for name, value in self.gate.metrics().items()
                   if name.startswith("sallyport_certificate_expires") and f'kind="{kind}"' in name]
        return value

    def test_a_new_certificate_is_shown_after_sighup(self):
        self.start()
        pair = self.ca.app("orders", "production")
        before = self.expiry()
        with self.open(pair) as old:
            serial = old.sock.getpeercert()["serialNumber"]
            self.ca.issue("--server", "proxy.test", "--days", "30", "--replace")
            self.gate.signal(signal.SIGHUP)
            self.gate.wait_log(event="certificate_loaded")
            with self.open(pair) as new:
                self.assertNotEqual(new.sock.getpeercert()["serialNumber"], serial)
            self.assertEqual(old.get(self.url).status, 200)
        self.assertLess(self.expiry(), before)

    def test_a_bad_new_one_keeps_the_old_and_says_so(self):
        self.start()
        pair = self.ca.app("orders", "production")
        with open(self.ca.file("server-proxy.test.key"), encoding="ascii") as file:
            good = file.read()
        write(self.ca.file("server-proxy.test.key"), good[:80])
        self.gate.signal(signal.SIGHUP)
        [record] = self.gate.wait_log(event="certificate_rejected")
        self.assertIn("server-proxy.test.key", record["detail"])
        self.assertEqual(self.ask(pair).status, 200)
        status, text = self.gate.admin("/readyz")
        self.assertEqual(status, 503)
        self.assertIn("certificates: ", text)
        self.assertEqual(self.gate.metrics()['sallyport_certificate_reloads_total{result="rejected"}'],
                         1)
        write(self.ca.file("server-proxy.test.key"), good)
        self.gate.signal(signal.SIGHUP)
        self.gate.wait_log(event="certificate_loaded")
        wait_until(lambda: self.gate.admin("/readyz")[0] == 200, "ready again")
        words = "\n".join(self.gate.log_lines() + self.gate.stderr) + text
        self.assertNotIn(good.splitlines()[1][:20], words)

    def test_a_certificate_revoked_meanwhile_is_turned_away_after_sighup(self):
        self.start()
        pair = self.ca.app("orders", "production")
        self.assertEqual(self.ask(pair).status, 200)
        self.ca.revoke("orders-production")
        self.gate.signal(signal.SIGHUP)
        self.gate.wait_log(event="certificate_loaded")
        with self.assertRaises((OSError, EOFError)):
            self.ask(pair)
        self.gate.wait_log(event="decision", detail="client certificate: certificate revoked")

    def test_expiry_is_told_fourteen_days_ahead(self):
        self.ca.issue("--server", "proxy.test", "--days", "13", "--replace")
        self.start()
        [record] = self.gate.wait_log(event="certificate_expires")
        self.assertIn("server-proxy.test.pem, expires ", record["detail"])
        self.assertTrue(any("certificate of 127.0.0.1:0" in line for line in self.gate.stderr))
        self.assertAlmostEqual(self.expiry(), time.time() + 13 * 86400, delta=86400)
        self.assertGreater(self.expiry("crl"), time.time() + 3000 * 86400)

    def test_before_that_nothing_is_said(self):
        self.ca.issue("--server", "proxy.test", "--days", "16", "--replace")
        self.start()
        self.assertEqual(self.gate.log(event="certificate_expires"), [])

    def test_many_reloads_under_connections(self):
        self.start()
        pair = self.ca.app("orders", "production")
        for _ in range(150):
            self.gate.signal(signal.SIGHUP)
            if _ % 15 == 0:
                self.assertEqual(self.ask(pair).status, 200)
        self.gate.wait_log(event="certificate_loaded")
        self.assertEqual(self.ask(pair).status, 200)
        self.assertEqual(self.gate.log(event="certificate_rejected"), [])
