"""Two sites of one app: what each admin approved, in force as soon as it is written."""
import base64
import hashlib
import os
import time

from harness import Scenario, manifest, sallyport, wait_until, write
from origins import ok

APP = ("demo", "production")
SECRET = "the-third-sites-secret"


def listener(site):
    return {"address": "127.0.0.1:0", "identity": {"static": {
        "app": APP[0], "environment": APP[1], "installation": site}}}


class Sites(Scenario):
    """1.1 declares the first host, 2.1 the second as well; site-a and site-b begin with 1."""

    def setUp(self):
        super().setUp()
        self.server = self.http_origin(lambda request: ok(request.get("Host").encode()))
        self.raw = self.origin(lambda wire: wire.send(wire.read(4)) or wire.rest())
        names = ["first", "second", "stats", "eu", "any", "erp"]
        credentials = self.path("credentials.yml")
        write(credentials, f"- {{app: {APP[0]}, environment: {APP[1]}, installation: site-c, "
              f"sha256: {hashlib.sha256(SECRET.encode()).hexdigest()}}}\n")
        self.gate = self.prepare(
            apps={APP: []}, hosts={f"{name}.test": "127.0.0.1" for name in names},
            listeners=[listener("site-a"), listener("site-b"),
                       {"address": "127.0.0.1:0", "identity": {"basic": credentials}}])
        self.version("1.1", manifest(self.urls("first")))
        self.version("2.1", manifest(self.urls("first", "second")))
        write(self.gate.policy_path(*APP), manifest(self.urls("first", "second")))
        self.say("{id: site-a, approved: 1}", "{id: site-b, approved: 1}")

    def urls(self, *names):
        return [f"http://{name}.test:{server.port}" for name in names
                for server in (self.server, self.raw)]

    def url(self, name):
        return f"http://{name}.test:{self.server.port}"

    def version(self, number, text):
        write(self.gate.policy_path(*APP, f"versions/{number}/manifest.yml"), text)

    def say(self, *sites):
        self.installed = self.gate.policy_path(*APP, "installations.yml")
        write(self.installed, "installations:\n" + "".join(f"  - {site}\n" for site in sites))

    def ask(self, site, name, *fields):
        with self.gate.connect(site) as client:
            return client.get(self.url(name) + "/", *fields)

    def becomes(self, site, name, status):
        wait_until(lambda: self.ask(site, name).status == status, f"{name} becomes {status}")

    def denial(self, site, name):
        """The first one: each worker takes what is said for itself."""
        def ask():
            answer = self.ask(site, name)
            return answer if answer.status == 403 else None
        return wait_until(ask, f"{name} is denied")

    def tunnel(self, site, name):
        client = self.keep(self.gate.connect(site))
        self.assertEqual(client.tunnel(f"{name}.test:{self.raw.port}").status, 200)
        return client

    def answers(self, client):
        client.send("ping")
        return client.read(4) == b"ping"

    def test_approve_each_for_itself(self):
        self.gate.start()
        for site, identity in enumerate(("site-a", "site-b")):
            self.assertEqual(self.ask(site, "first").status, 200)
            problem = self.assertDenied(self.ask(site, "second"), "pending_approval")
            self.assertIn("declared by version 2, which waits for approval", problem["detail"])
            self.assertIn("sallyport installation approve --policy "
                          f"{os.path.join(self.gate.directory, 'policy')} --app demo --environment "
                          f"production --id {identity} --version 2 --by WHO --why TEXT",
                          problem["detail"])
        self.say("{id: site-a, approved: 2}", "{id: site-b, approved: 1}")
        self.becomes(0, "second", 200)
        self.assertDenied(self.ask(1, "second"), "pending_approval")
        [allowed] = self.gate.wait_log(verdict="allow", host="second.test")
        self.assertEqual(allowed["installation"], "site-a")
        self.assertIn("versions/2.1/manifest.yml", allowed["rule"]["file"])

    def test_have_their_tunnels_closed_when_an_approval_is_taken_back(self):
        self.say("{id: site-a, approved: 2}", "{id: site-b, approved: 2}")
        self.gate.start()
        old, withdrawn, other = (self.tunnel(0, "first"), self.tunnel(0, "second"),
                                 self.tunnel(1, "second"))
        self.say("{id: site-a, approved: 1}", "{id: site-b, approved: 2}")
        self.assertTrue(withdrawn.ended())
        self.gate.wait_log(event="close", outcome="revoked", installation="site-a")
        self.assertTrue(self.answers(old))
        self.assertTrue(self.answers(other))

    def test_reach_nothing_while_suspended(self):
        self.gate.start()
        open_tunnel, other = self.tunnel(0, "first"), self.tunnel(1, "first")
        self.say("{id: site-a, approved: 1, suspended: true}", "{id: site-b, approved: 1}")
        self.assertTrue(open_tunnel.ended())
        problem = self.assertDenied(self.denial(0, "first"), "unknown_app")
        self.assertIn("is suspended, so nothing is allowed", problem["detail"])
        self.assertTrue(self.answers(other))
        self.say("{id: site-a, approved: 1}", "{id: site-b, approved: 1}")
        self.becomes(0, "first", 200)

    def test_switch_analytics_off_and_move_between_regions(self):
        self.version("2.2", f'''permissions:
  external:
    configurable: {{enabled: true}}
    fetch:
      backend:
        - {{address: "{self.url("stats")}", category: analytics}}
        - {{remote: orders}}
remotes:
  - {{key: orders, baseUrl: {{default: "{self.url("any")}", EU: "{self.url("eu")}"}}}}
''')
        self.say("{id: site-a, approved: 2}", "{id: site-b, approved: 2}")
        self.gate.start()
        for name, status in (("stats", 200), ("any", 200), ("eu", 403), ("erp", 403)):
            self.assertEqual(self.ask(0, name).status, status, name)
        self.say("{id: site-a, approved: 2, analytics: off, region: EU, egress: [{key: erp, "
                 f'configured: [{{domain: "{self.url("erp")}", type: [FETCH_BACKEND_SIDE]}}]}}]}}',
                 "{id: site-b, approved: 2}")
        self.becomes(0, "eu", 200)
        self.assertDenied(self.denial(0, "stats"), "analytics_disabled")
        self.assertDenied(self.denial(0, "any"), "undeclared")
        self.becomes(0, "erp", 200)
        for name, status in (("stats", 200), ("any", 200), ("eu", 403), ("erp", 403)):
            self.assertEqual(self.ask(1, name).status, status, name)

    def test_are_told_by_their_credentials_and_unknown_until_they_are_listed(self):
        self.gate.start()
        word = base64.b64encode(f"demo/production/site-c:{SECRET}".encode()).decode()
        field = f"Proxy-Authorization: Basic {word}"
        problem = self.assertDenied(self.ask(2, "first", field), "unknown_app")
        self.assertIn('installation "site-c" of app demo in production is not known',
                      problem["detail"])
        self.say("{id: site-a, approved: 1}", "{id: site-c, approved: 1}")
        wait_until(lambda: self.ask(2, "first", field).status == 200, "site-c is listed")
        self.assertDenied(self.denial(1, "first"), "unknown_app")

    def test_keep_what_they_had_when_the_list_is_broken(self):
        self.gate.start()
        self.say("{id: site-a, approved: 7}")
        [event] = self.gate.wait_log(event="policy_rejected")
        self.assertIn("installations.yml:2:28: there is no version 7", event["detail"])
        self.assertEqual(self.ask(1, "first").status, 200)
        self.assertDenied(self.ask(0, "second"), "pending_approval")

    def test_are_asked_about_by_the_dry_run(self):
        self.say("{id: site-a, approved: 2}", "{id: site-b, approved: 1}")
        source = ["--policy", os.path.join(self.gate.directory, "policy"), "-a", APP[0], "-e",
                  APP[1], "--plain-http", self.url("second")]
        self.assertEqual(sallyport("check", "-i", "site-a", *source).returncode, 0)
        pending = sallyport("check", "-i", "site-b", *source)
        self.assertEqual(pending.returncode, 1)
        self.assertIn("pending_approval", pending.stdout)
        self.assertIn("declared by version 2, which waits for approval", pending.stdout)
        unknown = sallyport("check", "-i", "site-d", *source)
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("unknown_app", unknown.stdout)


class Production(Scenario):
    def test_does_not_declare_everything_unless_that_is_configured(self):
        gate = self.prepare(apps={APP: ["*"]})
        self.assertEqual(gate.launch().join(), 2)
        self.assertIn("refused in production", "\n".join(gate.stderr))
        gate.configuration["policy"]["production_everything"] = True
        gate.start()
        self.end(gate)


class Apart(Scenario):
    """What two sites of one app do not share. One worker: what could be shared would be."""

    def given(self, **options):
        self.connections = []

        def serve(wire):
            sites = []
            self.connections.append(sites)
            while request := wire.request():
                sites.append(request.get("X-Site"))
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.server = self.origin(serve)
        self.gate = self.prepare(apps={APP: [f"http://shared.test:{self.server.port}"]}, workers=1,
                                 listeners=[listener("site-a"), listener("site-b")], **options)
        write(self.gate.policy_path(*APP, "installations.yml"),
              "installations: [{id: site-a, approved: 1}, {id: site-b, approved: 1}]\n")
        self.gate.start()

    def ask(self, site):
        with self.gate.connect(site) as client:
            return client.get(f"http://shared.test:{self.server.port}/", "X-Site: " + "ab"[site]).status

    def test_connections(self):
        self.given(hosts={"shared.test": "127.0.0.1"})
        self.assertEqual([self.ask(site) for site in (0, 1, 0, 1, 0)], [200] * 5)
        self.assertEqual(sorted(self.connections), [["a", "a", "a"], ["b", "b"]])
        self.assertEqual([record["installation"] for record in self.gate.wait_log(5, event="decision")],
                         ["site-a", "site-b", "site-a", "site-b", "site-a"])

    def test_cached_names(self):
        names = self.name_server({"shared.test": ["127.0.0.1"]})
        self.given(network={"hosts_file": "", "resolvers": [f"127.0.0.1:{names.port}"]})
        once = [self.ask(0), self.ask(0), names.asked().count("shared.test")]
        both = [self.ask(1), self.ask(1), names.asked().count("shared.test")]
        self.assertEqual((once[:2], both[:2]), ([200, 200], [200, 200]))
        self.assertEqual(both[2], 2 * once[2], "the second site's name is asked for on its own")

    def test_limits(self):
        self.given(hosts={"shared.test": "127.0.0.1"}, limits={"requests_per_minute": 3})
        while time.monotonic() % 60 > 45:  # the minute must not end midway
            time.sleep(0.5)
        self.assertEqual([self.ask(0) for _ in range(5)], [200] * 3 + [429] * 2)
        self.assertEqual(self.ask(1), 200)
