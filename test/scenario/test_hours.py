"""What the proxy does by the hour and by the day, seen by a clock that jumps: keys of tickets, warnings."""
import os
import ssl

from clock import Clock
from harness import STATIC, Scenario, sallyport

HOUR = 3600


class Hours(Scenario):
    def start(self, *options):
        """An https:// listener; its certificate is issued with OPTIONS."""
        directory = self.path("ca", "x").rsplit("/", 1)[0]
        for arguments in (["init", directory], ["issue", directory, "--server", "proxy.test", *options]):
            done = sallyport("ca", *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
        certificate, key = done.stdout.split()
        self.root = os.path.join(directory, "ca.pem")
        self.passed = 0
        self.clock = Clock(self.directory)
        self.gate = self.proxy(wrapper=self.clock.wrapper, listeners=[{
            "address": "127.0.0.1:0", "identity": STATIC, "tls": {"certificate": certificate, "key": key}}])

    def let_pass(self, hours):
        """Until the main thread has done what is due then: when it answers, it has."""
        self.passed += hours
        self.clock.set(monotonic=self.passed * HOUR)
        self.assertEqual(self.gate.admin("/healthz")[0], 200)


class Tickets(Hours):
    def visit(self, context, session=None):
        """(whether SESSION was resumed, the session to come again with)"""
        with self.gate.connect() as client:
            client.sock = context.wrap_socket(client.sock, server_hostname="proxy.test", session=session)
            self.assertEqual(client.get("http://undeclared.test/").status, 403)  # tickets come ahead of it
            return client.sock.session_reused, client.sock.session

    def test_are_good_for_the_hour_of_their_key_and_the_next(self):
        self.start()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version.name):
                context = ssl.create_default_context(cafile=self.root)
                context.minimum_version = context.maximum_version = version
                _, first = self.visit(context)
                self.assertTrue(self.visit(context, first)[0])
                self.let_pass(1)
                resumed, second = self.visit(context, first)
                self.assertTrue(resumed)
                self.let_pass(1)
                self.assertFalse(self.visit(context, first)[0])
                self.assertTrue(self.visit(context, second)[0])
                self.let_pass(1)
                self.assertFalse(self.visit(context, second)[0])


class Warnings(Hours):
    def test_of_what_expires_come_every_day(self):
        self.start("--days", "3")
        self.gate.wait_log(1, event="certificate_expires")
        for day in (1, 2):
            self.let_pass(23)
            self.assertEqual(len(self.gate.log(event="certificate_expires")), day)
            self.let_pass(1)
            self.gate.wait_log(day + 1, event="certificate_expires")
