"""Who asks: static listeners, Basic credentials, unix sockets, https:// listeners."""
import base64
import hashlib
import os
import signal
import ssl

import wire
from harness import STATIC, Scenario, can_listen_v6, wait_until
from origins import ok

PEOPLE = [("alpha", "development", "alpha-dev-secret"), ("alpha", "staging", "alpha-stg-secret"),
          ("beta", "development", "beta-dev-secret"), ("beta", "staging", "beta-stg-secret")]


def basic(user, secret):
    word = base64.b64encode(f"{user}:{secret}".encode()).decode()
    return f"Proxy-Authorization: Basic {word}"


class Gateway(Scenario):
    """Two apps in two environments, each with an origin of its own, on one listener."""

    def setUp(self):
        super().setUp()
        self.server = self.http_origin(lambda request: ok(request.get("Host").encode()))
        lines = [f"- {{app: {app}, environment: {environment}, "
                 f"sha256: {hashlib.sha256(secret.encode()).hexdigest()}}}\n"
                 for app, environment, secret in PEOPLE]
        path = self.path("credentials.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines)
        apps = {(app, environment): [self.address(app, environment)]
                for app, environment, _ in PEOPLE}
        self.gate = self.proxy(apps=apps, listeners=[
            {"address": "127.0.0.1:0", "identity": {"basic": path}}])

    def address(self, app, environment):
        return f"http://{app}-{environment}.test:{self.server.port}"

    def ask(self, url, *fields):
        with self.gate.connect() as client:
            return client.get(url + "/", *fields)

    def test_each_sees_exactly_its_own_manifest(self):
        for app, environment, secret in PEOPLE:
            for other, elsewhere, _ in PEOPLE:
                with self.subTest(who=f"{app}/{environment}", what=f"{other}/{elsewhere}"):
                    response = self.ask(self.address(other, elsewhere),
                                        basic(f"{app}/{environment}", secret))
                    if (app, environment) == (other, elsewhere):
                        self.assertEqual(response.status, 200)
                    else:
                        problem = self.assertDenied(response, "undeclared")
                        self.assertEqual((problem["app"], problem["environment"]), (app, environment))

    def test_mode_report_lets_an_app_out_but_none_of_production(self):
        path = self.path("credentials.yml")
        digest = hashlib.sha256(b"secret").hexdigest()
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"- {{app: alpha, environment: production, sha256: {digest}}}\n")
        self.gate = self.proxy(apps={("alpha", "development"): [], ("alpha", "production"): []},
                               hosts={"elsewhere.test": "127.0.0.1"}, mode="report",
                               listeners=[{"address": "127.0.0.1:0", "identity": {"basic": path}}])
        elsewhere = f"http://elsewhere.test:{self.server.port}"
        tested = self.ask(elsewhere, basic("alpha/development", "alpha-dev-secret"))
        self.assertEqual(tested.status, 200)
        self.assertDenied(self.ask(elsewhere, basic("alpha/production", "secret")), "undeclared")
        for environment, mode in (("development", "report"), ("production", "enforce")):
            [record] = self.gate.wait_log(event="decision", environment=environment)
            self.assertEqual((record["verdict"], record["mode"], record["reason"]),
                             ("deny", mode, "undeclared"))

    def unauthenticated(self, *fields):
        response = self.ask(self.address("alpha", "development"), *fields)
        self.assertEqual(response.status, 407)
        self.assertEqual(response.get("Proxy-Authenticate"), 'Basic realm="sallyport"')
        [record] = self.gate.wait_log(event="decision")
        self.assertEqual((record["verdict"], record["reason"]), ("deny", "unauthenticated"))
        self.assertIsNone(record["app"])
        self.assertEqual(self.server.received, b"")

    def test_no_credentials_are_407(self):
        self.unauthenticated()

    def test_a_wrong_secret_is_407(self):
        self.unauthenticated(basic("alpha/development", "wrong"))

    def test_the_secret_of_another_environment_is_407(self):
        self.unauthenticated(basic("alpha/development", "alpha-stg-secret"))

    def test_an_unknown_app_is_407(self):
        self.unauthenticated(basic("gamma/development", "alpha-dev-secret"))

    def test_a_user_name_without_environment_is_407(self):
        self.unauthenticated(basic("alpha", "alpha-dev-secret"))

    def test_an_empty_secret_is_407(self):
        self.unauthenticated(basic("alpha/development", ""))

    def test_another_scheme_is_407(self):
        self.unauthenticated("Proxy-Authorization: Bearer alpha-dev-secret")

    def test_broken_base64_is_407(self):
        self.unauthenticated("Proxy-Authorization: Basic !!!!")

    def test_credentials_in_authorization_do_not_count(self):
        self.unauthenticated(basic("alpha/development", "alpha-dev-secret").replace("Proxy-", ""))

    def test_connect_without_credentials_is_407(self):
        with self.gate.connect() as client:
            self.assertEqual(client.tunnel(f"alpha-development.test:{self.server.port}").status, 407)

    def test_a_client_may_try_again_on_the_same_connection(self):
        with self.gate.connect() as client:
            url = self.address("alpha", "development") + "/"
            self.assertEqual(client.get(url).status, 407)
            self.assertEqual(client.get(url, basic("alpha/development", "alpha-dev-secret")).status,
                             200)

    def test_who_asked_before_is_not_who_asks_now(self):
        """Nor is it logged so: what follows on the connection brings no credentials, or none that are understood."""
        url, mine = self.address("alpha", "development") + "/", basic("alpha/development", "alpha-dev-secret")
        other = basic("beta/staging", "beta-stg-secret")
        authority = url.split("/")[2]
        rests = (f"GET {url} HTTP/1.1\r\nHost: {authority}\r\n\r\n",
                 f"GET {url} HTTP/1.1\r\nHost: {authority}\r\n{mine}\r\n{mine}\r\n\r\n",
                 f"GET {url} HTTP/1.1\r\nHost: {authority}\r\n{mine}\r\n{other}\r\n\r\n",
                 f"GET {url} HTTP/1.1\r\nHost: {authority}\r\nProxy-Authorization:\r\n\r\n",
                 f"GET {url} HTTP/1.1\r\nHost: {authority}\r\n{mine.replace('Basic ', 'Basic,')}\r\n\r\n",
                 f"GET {url} HTTP/1.1\r\nHost: {authority}\r\n{mine} , Basic e\r\n\r\n",
                 "GET\r\n\r\n", f"GET {url} HTT")
        for number, rest in enumerate(rests, 1):
            with self.subTest(rest), self.gate.connect() as client:
                self.assertEqual(client.get(url, mine).status, 200)
                client.send(rest)
                client.half_close()
                client.rest()
            last = self.gate.wait_log(2 * number, event="decision")[-1]
            self.assertEqual((last["verdict"], last["app"], last["environment"]), ("deny", None, None))
        self.assertEqual(len(self.gate.log(event="close", app="alpha")), len(rests))

    def test_credentials_of_an_app_without_policy_are_403(self):
        os.remove(self.gate.policy_path("beta", "staging"))
        os.rmdir(os.path.dirname(self.gate.policy_path("beta", "staging")))
        self.gate.signal(signal.SIGHUP)

        def denied():
            response = self.ask(self.address("beta", "staging"),
                                basic("beta/staging", "beta-stg-secret"))
            return response if response.status != 200 else None
        self.assertDenied(wait_until(denied, "the app is gone"), "unknown_app")

    def test_secrets_are_never_logged(self):
        for app, environment, secret in PEOPLE:
            self.ask(self.address(app, environment), basic(f"{app}/{environment}", secret))
            self.ask(self.address(app, environment), basic(f"{app}/{environment}", secret + "x"))
        self.gate.wait_log(8, event="decision")
        text = "\n".join(self.gate.log_lines() + self.gate.stderr + self.gate.stdout)
        for app, environment, secret in PEOPLE:
            self.assertNotIn(secret, text)
            encoded = base64.b64encode(f"{app}/{environment}:{secret}".encode()).decode()
            self.assertNotIn(encoded[:20], text)


class Listeners(Scenario):
    def test_static_gives_every_client_the_same_app(self):
        server = self.http_origin()
        proxy = self.proxy(apps={("other", "staging"): [f"http://origin.test:{server.port}"]},
                           listeners=[{"address": "127.0.0.1:0", "identity": STATIC},
                                      {"address": "127.0.0.1:0", "identity":
                                       {"static": {"app": "other", "environment": "staging"}}}])
        with proxy.connect(0) as client:
            self.assertDenied(client.get(f"http://origin.test:{server.port}/"), "undeclared")
        with proxy.connect(1) as client:
            self.assertEqual(client.get(f"http://origin.test:{server.port}/").status, 200)

    def test_static_of_an_app_without_policy_denies(self):
        proxy = self.proxy(listeners=[{"address": "127.0.0.1:0", "identity": {
            "static": {"app": "ghost", "environment": "staging"}}}])
        with proxy.connect() as client:
            self.assertDenied(client.tunnel("origin.test:443"), "unknown_app")

    def test_a_unix_socket_serves(self):
        server = self.http_origin()
        path = self.path("gate.sock")
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"],
                           listeners=[{"address": "unix:" + path, "identity": STATIC}])
        with wire.connect_unix(path) as client:
            self.assertEqual(client.get(f"http://origin.test:{server.port}/").status, 200)
        [record] = proxy.wait_log(event="decision")
        self.assertEqual(record["client"], "unix")

    def test_a_unix_socket_left_behind_is_no_obstacle(self):
        path = self.path("gate.sock")
        listeners = [{"address": "unix:" + path, "identity": STATIC}]
        first = self.proxy(listeners=listeners)
        first.process.kill()
        first.join()
        self.proxy(listeners=listeners)
        with wire.connect_unix(path) as client:
            self.assertDenied(client.tunnel("origin.test:443"), "undeclared")

    def test_ipv6_serves(self):
        if not can_listen_v6():
            self.skipTest("this machine has no IPv6 loopback")
        server = self.http_origin()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"],
                           listeners=[{"address": "[::1]:0", "identity": STATIC}])
        with wire.connect("::1", proxy.port) as client:
            self.assertEqual(client.get(f"http://origin.test:{server.port}/").status, 200)
        self.assertTrue(proxy.wait_log(event="decision")[0]["client"].startswith("[::1]:"))

    def given_tls(self, *allow):
        self.ca = self.authority()
        certificate, key = self.ca.issue("proxy.test")
        self.server = self.http_origin()
        allow = [f"http://origin.test:{self.server.port}", *allow]
        return self.proxy(allow=allow, listeners=[
            {"address": "127.0.0.1:0", "identity": STATIC,
             "tls": {"certificate": certificate, "key": key}}])

    def test_tls_serves_by_1_2_and_1_3(self):
        proxy = self.given_tls()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version.name), proxy.connect() as client:
                client.start_tls("proxy.test", self.ca.certificate, version)
                for _ in range(3):
                    response = client.get(f"http://origin.test:{self.server.port}/")
                    self.assertEqual(response.body, b"hello from the origin\n")

    def test_tls_carries_a_tunnel_of_megabytes_both_ways(self):
        size = 4 << 20
        echo = self.origin(lambda wire: wire.send(wire.read(size)))
        proxy = self.given_tls(f"http://origin.test:{echo.port}")
        with proxy.connect() as client:
            client.start_tls("proxy.test", self.ca.certificate)
            self.assertEqual(client.tunnel(f"origin.test:{echo.port}").status, 200)
            data = os.urandom(size)
            client.send(data)
            self.assertEqual(client.read(size), data)

    def test_tls_1_1_is_refused(self):
        proxy = self.given_tls()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with proxy.connect() as client, self.assertRaises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(client.sock, server_hostname="proxy.test")

    def test_plain_words_to_a_tls_listener_end_the_connection_only(self):
        proxy = self.given_tls()
        with proxy.connect() as client:
            client.send("CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n")
            self.assertNotIn(b"200", client.rest())
        with proxy.connect() as client:
            client.start_tls("proxy.test", self.ca.certificate)
            self.assertEqual(client.get(f"http://origin.test:{self.server.port}/").status, 200)
