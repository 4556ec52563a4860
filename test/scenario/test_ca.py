"""`sallyport ca`: what it makes, judged by openssl, Java and a TLS client; what it refuses to do."""
import os
import shutil
import ssl
import stat
import subprocess
import threading
import unittest

from harness import Scenario, sallyport


def openssl(*arguments, stdin=None):
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, input=stdin,
                          check=False)


class Ca(Scenario):
    def setUp(self):
        super().setUp()
        self.ca = os.path.join(self.directory, "ca")
        self.run_ca("init", self.ca)

    def run_ca(self, *arguments, status=0):
        done = sallyport("ca", *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def file(self, name):
        return os.path.join(self.ca, name)

    def read(self, name):
        with open(self.file(name), "rb") as file:
            return file.read()

    def issue(self, *arguments, status=0):
        return self.run_ca("issue", self.ca, *arguments, status=status)

    def verify(self, name, purpose, *more):
        return openssl("verify", "-x509_strict", "-purpose", purpose, "-CAfile",
                       self.file("ca.pem"), "-crl_check", "-CRLfile", self.file("crl.pem"), *more,
                       self.file(name))

    def assertVerifies(self, name, purpose, *more):
        done = self.verify(name, purpose, *more)
        self.assertEqual(done.returncode, 0, done.stderr)

    def assertDoesNotVerify(self, name, purpose, why, *more):
        done = self.verify(name, purpose, *more)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(why, done.stderr)

    def text_of(self, name):
        return openssl("x509", "-noout", "-text", "-in", self.file(name)).stdout

    # -- what it issues ------------------------------------------------------------

    def test_an_app_gets_a_client_certificate_with_its_name(self):
        told = self.issue("--app", "orders", "--environment", "production")
        self.assertEqual(told.splitlines(), [self.file("orders-production.pem"),
                                             self.file("orders-production.key")])
        self.assertVerifies("orders-production.pem", "sslclient")
        self.assertDoesNotVerify("orders-production.pem", "sslserver", "purpose")
        self.assertIn("URI:spiffe://sallyport.internal/app/orders/environment/production\n",
                      self.text_of("orders-production.pem"))

    def test_an_installation_has_a_name_and_files_of_its_own(self):
        self.issue("-a", "orders", "-e", "production", "-i", "site-1")
        self.assertIn("/app/orders/environment/production/installation/site-1\n",
                      self.text_of("orders-production-site-1.pem"))

    def test_a_server_gets_every_name_it_was_given(self):
        self.issue("--server", "proxy.test", "--server", "*.proxy.test", "--server", "192.0.2.1",
                   "--server", "2001:db8::1")
        for check in (["-verify_hostname", "proxy.test"], ["-verify_hostname", "a.proxy.test"],
                      ["-verify_ip", "192.0.2.1"], ["-verify_ip", "2001:db8::1"]):
            self.assertVerifies("server-proxy.test.pem", "sslserver", *check)
        self.assertDoesNotVerify("server-proxy.test.pem", "sslserver", "hostname mismatch",
                                 "-verify_hostname", "other.test")
        self.assertDoesNotVerify("server-proxy.test.pem", "sslclient", "purpose")

    def sign_with(self, issuer, extensions):
        """A leaf signed by ISSUER's key with openssl, whatever the authority would say to it."""
        with open(self.file("leaf.ext"), "w", encoding="ascii") as file:
            file.write(extensions)
        made = openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                       "-nodes", "-subj", "/CN=leaf", "-keyout", self.file("leaf.key"), "-out",
                       self.file("leaf.csr"))
        self.assertEqual(made.returncode, 0, made.stderr)
        made = openssl("x509", "-req", "-in", self.file("leaf.csr"), "-CA",
                       self.file(issuer + ".pem"), "-CAkey", self.file(issuer + ".key"),
                       "-CAcreateserial", "-days", "1", "-extfile", self.file("leaf.ext"), "-out",
                       self.file("leaf.pem"))
        self.assertEqual(made.returncode, 0, made.stderr)

    def test_inspection_may_sign_servers_but_no_client_and_no_authority(self):
        self.issue("--inspect")
        chain = ["-untrusted", self.file("inspect.pem")]
        base = "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
        self.sign_with("inspect", base + "subjectAltName=DNS:api.example\nextendedKeyUsage=serverAuth\n")
        done = openssl("verify", "-purpose", "sslserver", "-CAfile", self.file("ca.pem"), *chain,
                       "-verify_hostname", "api.example", self.file("leaf.pem"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.sign_with("inspect", base + "subjectAltName=URI:spiffe://sallyport.internal/app/a/"
                                         "environment/b\nextendedKeyUsage=clientAuth\n")
        done = openssl("verify", "-purpose", "sslclient", "-CAfile", self.file("ca.pem"), *chain,
                       self.file("leaf.pem"))
        self.assertIn("purpose", done.stderr)
        self.assertIn("pathlen:0", self.text_of("inspect.pem"))

    def test_the_authority_is_bound_to_its_trust_domain(self):
        base = "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
        for domain, fine in (("sallyport.internal", True), ("other.internal", False),
                             ("a.sallyport.internal", False)):
            self.sign_with("ca", f"{base}subjectAltName=URI:spiffe://{domain}/app/a/environment/b\n")
            done = openssl("verify", "-CAfile", self.file("ca.pem"), self.file("leaf.pem"))
            self.assertEqual(done.returncode == 0, fine, (domain, done.stderr))

    def test_another_trust_domain_is_taken_on(self):
        self.ca = os.path.join(self.directory, "second")
        self.run_ca("init", self.ca, "--trust-domain", "example.org")
        self.issue("-a", "orders", "-e", "staging")
        self.assertIn("URI:spiffe://example.org/app/orders/environment/staging\n",
                      self.text_of("orders-staging.pem"))
        self.assertVerifies("orders-staging.pem", "sslclient")

    def test_a_leaf_does_not_outlive_its_authority(self):
        self.ca = os.path.join(self.directory, "short")
        self.run_ca("init", self.ca, "--days", "10")
        self.issue("-a", "orders", "-e", "staging", "--days", "365")
        ends = [openssl("x509", "-noout", "-enddate", "-in", self.file(name)).stdout
                for name in ("ca.pem", "orders-staging.pem")]
        self.assertEqual(ends[0], ends[1])

    def test_serials_are_random_and_keys_are_p_256(self):
        serials = set()
        for app in "abcdefgh":
            self.issue("-a", app, "-e", "staging")
            text = self.text_of(f"{app}-staging.pem")
            self.assertIn("NIST CURVE: P-256", text)
            serials.add(openssl("x509", "-noout", "-serial", "-in",
                                self.file(f"{app}-staging.pem")).stdout)
        self.assertEqual(len(serials), 8)
        self.assertTrue(all(len(serial) >= len("serial=\n") + 32 for serial in serials), serials)

    def test_the_ledgers_keys_sign_and_verify(self):
        self.issue("--ledger")
        with open(self.file("words"), "w", encoding="ascii") as file:
            file.write("checkpoint")
        signed = openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file("ledger.key"), "-in",
                         self.file("words"), "-out", self.file("signature"))
        self.assertEqual(signed.returncode, 0, signed.stderr)
        done = openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", self.file("ledger.pub"),
                       "-in", self.file("words"), "-sigfile", self.file("signature"))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_files_are_for_their_owner_whatever_the_umask(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.issue("-a", "orders", "-e", "staging")
        self.issue("--server", "proxy.test")
        self.issue("--inspect")
        self.issue("--ledger")
        for name in os.listdir(self.ca):
            mode = stat.S_IMODE(os.stat(self.file(name)).st_mode)
            self.assertEqual(mode, 0o600 if name.endswith(".key") else 0o644, name)
            self.assertFalse(name.startswith("."), name)

    # -- what it refuses -------------------------------------------------------------

    def test_nothing_is_overwritten_in_silence(self):
        for arguments in (["-a", "orders", "-e", "staging"], ["--server", "proxy.test"],
                          ["--inspect"], ["--ledger"]):
            with self.subTest(arguments):
                key = os.path.basename(self.issue(*arguments).split()[1])
                before = self.read(key)
                self.assertIn("--replace", self.issue(*arguments, status=2))
                self.assertEqual(self.read(key), before)
                self.issue(*arguments, "--replace")
                self.assertNotEqual(self.read(key), before)
        before = self.read("ca.key")
        self.assertIn("already", self.run_ca("init", self.ca, status=2))
        self.assertEqual(self.read("ca.key"), before)

    def test_two_apps_whose_files_would_be_the_same_do_not_meet(self):
        self.issue("-a", "a-b", "-e", "c")
        self.assertIn("a-b-c.key: ", self.issue("-a", "a", "-e", "b-c", status=2))

    def test_bad_words_are_refused_and_nothing_is_made(self):
        before = sorted(os.listdir(self.ca))
        for arguments in ([], ["-a", "orders"], ["-e", "staging"], ["-a", "Orders", "-e", "staging"],
                          ["-a", "../x", "-e", "staging"], ["-a", "x", "-e", ""],
                          ["-a", "x", "-e", "y", "-i", "-"], ["--inspect", "--ledger"],
                          ["--server", "x.test", "--inspect"], ["--server", ""],
                          ["--server", "a..b"], ["--server", "-a.test"], ["--server", "a-.test"],
                          ["--server", "a.test,DNS:b.test"], ["--server", "a/../b"],
                          ["--server", "a.*.test"], ["--server", "*"], ["--server", "a" * 64 + ".test"],
                          ["--server", "spiffe://x/app/a/environment/b"],
                          ["-a", "x", "-e", "y", "--days", "0"],
                          ["-a", "x", "-e", "y", "--days", "3651"],
                          ["-a", "x", "-e", "y", "--days", "1d"]):
            with self.subTest(arguments):
                self.assertTrue(self.issue(*arguments, status=2).startswith("sallyport: "))
        self.assertEqual(sorted(os.listdir(self.ca)), before)

    def test_without_an_authority_it_says_how_one_is_made(self):
        for arguments in (["issue", "--inspect"], ["list"], ["env"], ["revoke"]):
            verb, *more = arguments
            words = [verb, self.path("empty", "x")[:-2], *more] + (["x"] if verb == "revoke" else [])
            with self.subTest(arguments):
                self.assertIn("sallyport ca init", self.run_ca(*words, status=2))
        self.assertIn("trust domain", self.run_ca("init", self.path("new"), "--trust-domain", "A B",
                                                  status=2))

    def test_a_key_of_another_authority_signs_nothing(self):
        other = os.path.join(self.directory, "other")
        self.run_ca("init", other)
        shutil.copy(os.path.join(other, "ca.key"), self.file("ca.key"))
        self.assertIn("does not belong", self.issue("--inspect", status=2))

    def test_errors_show_nothing_of_a_key(self):
        secret = self.read("ca.key").decode().splitlines()[1]
        with open(self.file("ca.key"), "w", encoding="ascii") as file:
            file.write("-----BEGIN PRIVATE KEY-----\n" + secret[:40] + "\n-----END PRIVATE KEY-----\n")
        complaint = self.issue("--inspect", status=2)
        self.assertIn("ca.key: not a PEM key", complaint)
        self.assertNotIn(secret[:20], complaint)

    # -- revoking ---------------------------------------------------------------------

    def states(self):
        return [tuple(line.split()[index] for index in (0, 3))
                for line in self.run_ca("list", self.ca).splitlines()]

    def test_what_is_revoked_no_longer_verifies_and_the_rest_does(self):
        self.issue("-a", "orders", "-e", "staging")
        self.issue("-a", "billing", "-e", "staging")
        self.run_ca("revoke", self.ca, "orders-staging")
        self.assertDoesNotVerify("orders-staging.pem", "sslclient", "certificate revoked")
        self.assertVerifies("billing-staging.pem", "sslclient")
        self.assertEqual(self.states(), [("revoked", "orders-staging"), ("valid", "billing-staging")])
        self.assertIn("no valid certificate", self.run_ca("revoke", self.ca, "orders-staging", status=2))

    def test_a_replaced_certificate_is_revoked_by_its_serial_alone(self):
        self.issue("-a", "orders", "-e", "staging")
        shutil.copy(self.file("orders-staging.pem"), self.file("old.pem"))
        self.issue("-a", "orders", "-e", "staging", "--replace")
        serial = self.run_ca("list", self.ca).split()[2]
        self.run_ca("revoke", self.ca, serial)
        self.assertDoesNotVerify("old.pem", "sslclient", "certificate revoked")
        self.assertVerifies("orders-staging.pem", "sslclient")

    def test_the_list_is_there_from_the_first_day(self):
        done = openssl("crl", "-in", self.file("crl.pem"), "-CAfile", self.file("ca.pem"), "-noout",
                       "-text")
        self.assertIn("verify OK", done.stderr)
        self.assertIn("No Revoked Certificates", done.stdout)

    def test_many_at_once_do_not_lose_one_another(self):
        threads = [threading.Thread(target=sallyport,
                                    args=("ca", "issue", self.ca, "-a", f"app{n}", "-e", "staging"))
                   for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(name for _, name in self.states()),
                         sorted(f"app{n}-staging" for n in range(12)))

    # -- env --------------------------------------------------------------------------

    def environment(self, *arguments):
        script = self.run_ca("env", self.ca, *arguments)
        done = subprocess.run(["sh", "-c", script + "env"], capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"]}, check=True)
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def test_env_is_what_a_shell_evaluates(self):
        told = self.environment("--proxy", "https://proxy.test:3130")
        for name in ("HTTPS_PROXY", "https_proxy", "http_proxy"):
            self.assertEqual(told[name], "https://proxy.test:3130")
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"):
            self.assertEqual(told[name], self.file("bundle.pem"))
        self.assertEqual(told["NODE_EXTRA_CA_CERTS"], self.file("ca.pem"))
        self.assertIn("-Dhttps.proxyHost=proxy.test -Dhttps.proxyPort=3130", told["JAVA_TOOL_OPTIONS"])

    def test_the_bundle_holds_the_systems_authorities_and_this_one(self):
        self.environment()
        context = ssl.create_default_context(cafile=self.file("bundle.pem"))
        system = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")
        self.assertEqual(context.cert_store_stats()["x509_ca"],
                         system.cert_store_stats()["x509_ca"] + 1)

    def test_a_directory_with_a_quote_in_its_name_is_quoted(self):
        self.ca = os.path.join(self.directory, "it's $HOME `x`")
        self.run_ca("init", self.ca)
        self.assertEqual(self.environment()["SSL_CERT_FILE"], self.file("bundle.pem"))

    @unittest.skipIf(shutil.which("keytool") is None, "not installed: keytool")
    def test_java_knows_the_authority(self):
        self.environment()
        done = subprocess.run(["keytool", "-list", "-keystore", self.file("truststore.p12"),
                               "-storepass", "sallyport", "-alias", "sallyport"],
                              capture_output=True, text=True, check=False)
        self.assertIn("trustedCertEntry", done.stdout)
