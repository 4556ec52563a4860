"""narrow.yml: methods and paths of declared addresses, judged as the origin will read them."""
import json
import os
import signal

from harness import ROOT, Scenario, manifest, sallyport, wait_until, write
from origins import Nginx
from wire import connect

NARROW = """\
- address: http://origin.test:{port}
  methods: [GET, HEAD]
  paths:
    - /public/*
    - /v2/*/info
    - regex: '/reports/[0-9]+'
- address: http://origin.test:{port}
  methods: [POST]
  paths: [/v2/orders]
"""


class Narrowed(Scenario):
    def given(self, narrow=NARROW, hosts=None, **options):
        self.server = self.http_origin()
        self.base = f"http://origin.test:{self.server.port}"
        self.gate = self.prepare(allow=[self.base], hosts=hosts, **options)
        self.narrow = self.gate.policy_path(name="narrow.yml")
        write(self.narrow, narrow.format(port=self.server.port))
        self.addCleanup(self.end, self.gate)
        self.gate.start()
        self.client = self.keep(self.gate.connect())

    def status(self, path, method="GET"):
        with self.gate.connect() as client:
            return client.get(self.base + path, method=method).status


class Requests(Narrowed):
    def test_pass_where_method_and_path_are_allowed(self):
        self.given()
        for method, path in (("GET", "/public/a/b"), ("GET", "/v2/users/info?x=/admin"),
                             ("GET", "/reports/17"), ("POST", "/v2/orders")):
            with self.subTest(path):
                self.assertEqual(self.status(path, method), 200)

    def test_are_denied_by_the_line_that_says_so(self):
        self.given()
        problem = self.assertDenied(self.client.get(self.base + "/admin?token=s3cret"),
                                    "path_not_declared")
        self.assertIn("narrow.yml:1:12", problem["detail"])
        problem = self.assertDenied(self.client.get(self.base + "/public/a", method="DELETE"),
                                    "method_not_declared")
        self.assertIn("narrow.yml:1:12", problem["detail"])
        self.assertDenied(self.client.get(self.base + "/public/a", method="POST"),
                          "method_not_declared")
        problem = self.assertDenied(self.client.get(self.base + "/public/..;/admin"),
                                    "path_not_declared")
        self.assertIn("more than one way", problem["detail"])
        records = self.gate.wait_log(4, event="decision", verdict="deny")
        self.assertEqual(records[0]["rule"]["line"], 1)
        self.assertTrue(records[0]["rule"]["file"].endswith("narrow.yml"))
        self.assertNotIn("s3cret", json.dumps(records))
        self.assertNotIn("/admin", json.dumps(records))

    def test_are_sent_as_they_were_judged(self):
        self.given()
        for sent, reaches in (("/public//a/./b", "/public/a/b"),
                              ("/x/%2e%2e/public/%7euser/%2f?q=%2F/../x", None),
                              ("/x/%2e%2e/public/%7euser?q=%2F/../x", "/public/~user?q=%2F/../x"),
                              ("/public/a%2bb", "/public/a%2Bb"),
                              ("/public/a", "/public/a")):
            with self.subTest(sent):
                status = self.status(sent)
                self.assertEqual(status, 403 if reaches is None else 200)
                if reaches is not None:
                    self.assertEqual(self.server.requests[-1].target, reaches)

    def test_keep_their_path_where_no_rule_speaks_of_it(self):
        self.given("- {{address: 'http://origin.test:{port}', methods: [GET]}}\n")
        self.assertEqual(self.status("/a//../b/%2e/..;/%2F"), 200)
        self.assertEqual(self.server.requests[-1].target, "/a//../b/%2e/..;/%2F")
        self.assertEqual(self.status("/a", "POST"), 403)

    def test_of_a_websocket_are_judged_as_well(self):
        self.given()
        fields = ("Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        self.assertDenied(self.client.get(self.base + "/admin", *fields), "path_not_declared")

    def test_pass_in_report_mode_and_are_logged(self):
        self.given(mode="report")
        self.assertEqual(self.status("/admin//x"), 200)
        self.assertEqual(self.server.requests[-1].target, "/admin//x")
        self.gate.wait_log(1, verdict="deny", reason="path_not_declared", mode="report")


class Tunnels(Narrowed):
    def test_to_a_narrowed_host_are_denied(self):
        self.given()
        problem = self.assertDenied(self.client.tunnel(f"origin.test:{self.server.port}"),
                                    "path_not_declared")
        self.assertIn("opaque: allow", problem["detail"])

    def test_pass_where_opaque_ones_are_allowed(self):
        self.given("- {{address: 'http://origin.test:{port}', paths: [/a], opaque: allow}}\n")
        self.assertEqual(self.client.tunnel(f"origin.test:{self.server.port}").status, 200)

    def test_that_are_open_end_when_their_host_is_narrowed(self):
        self.given("[]\n", policy={"watch": True, "revoke": "close"})
        self.assertEqual(self.client.tunnel(f"origin.test:{self.server.port}").status, 200)
        write(self.narrow, NARROW.format(port=self.server.port))
        self.gate.wait_log(1, event="close", outcome="revoked")


class Reload(Narrowed):
    def test_takes_a_new_file_by_itself(self):
        self.given(policy={"watch": True})
        self.assertEqual(self.status("/admin"), 403)
        write(self.narrow, f"- {{address: '{self.base}', paths: [/admin]}}\n")
        wait_until(lambda: self.status("/admin") == 200, "the new file rules")
        os.unlink(self.narrow)
        wait_until(lambda: self.status("/anything") == 200, "the file is gone")

    def test_keeps_the_old_policy_when_the_file_cannot_be_taken(self):
        self.given()
        for broken in ("", "- {address: [", "- {address: 'http://other.test', methods: [GET]}\n",
                       f"- {{address: '{self.base}', paths: [{{regex: '/(a+)+'}}]}}\n"):
            with self.subTest(broken):
                write(self.narrow, broken)
                self.gate.signal(signal.SIGHUP)
                wait_until(lambda: "narrow.yml" in str(self.gate.admin("/readyz")), "it is said")
                self.assertEqual((self.status("/admin"), self.status("/public/a")), (403, 200))
                write(self.narrow, NARROW.format(port=self.server.port))
                self.gate.signal(signal.SIGHUP)
                wait_until(lambda: "narrow.yml" not in str(self.gate.admin("/readyz")),
                           "it is whole again")


class Addresses(Scenario):
    """What narrow.yml speaks of has to be declared."""

    def check(self, address, declared, extra=""):
        directory = self.path("policy", "demo", "development", "manifest.yml")
        write(directory, "permissions:\n  external:\n    fetch:\n      backend:\n"
              + "".join(f"        - {entry}\n" for entry in declared) + extra)
        narrow = self.path("policy", "demo", "development", "narrow.yml")
        write(narrow, f"- methods: [GET]\n  address: '{address}'\n")
        result = sallyport("check", "--policy", self.path("policy"), "-a", "demo", "-e",
                           "development", "unasked.example.com")
        if result.returncode == 2:
            self.assertIn("narrow.yml:2:12: ", result.stderr)
            self.assertIn("is not declared by", result.stderr)
        return result.returncode != 2

    def test_are_covered_by_themselves_or_by_a_wildcard_above(self):
        for address, declared, taken in (
                ("api.example.com", ["api.example.com"], True),
                ("https://api.example.com:443", ["api.example.com"], True),
                ("api.example.com:8443", ["api.example.com"], False),
                ("wss://api.example.com", ["api.example.com"], False),
                ("www.example.com", ["api.example.com"], False),
                ("api.example.com", ["'*.example.com'"], True),
                ("example.com", ["'*.example.com'"], False),
                ("*.example.com", ["'*.example.com'"], True),
                ("*.eu.example.com", ["'*.example.com'"], True),
                ("*.com", ["'*.example.com'"], False),
                ("*.example.com", ["api.example.com"], False),
                ("*", ["'*'"], True),
                ("*", ["'*.example.com'"], False),
                ("api.example.com", ["'*'"], True),
                ("*.example.com", ["'*'"], True)):
            with self.subTest(address=address, declared=declared):
                self.assertEqual(self.check(address, declared), taken)

    def test_are_covered_by_a_remote_of_any_region(self):
        remotes = ("remotes:\n  - key: api\n    baseUrl:\n      default: https://api.example.com\n"
                   "      EU: https://eu.example.com\n")
        self.assertTrue(self.check("eu.example.com", ["remote: api"], remotes))
        self.assertTrue(self.check("api.example.com", ["remote: api"], remotes))
        self.assertFalse(self.check("us.example.com", ["remote: api"], remotes))


class LocationNginx(Nginx):
    """nginx with locations that answer which of them it chose, slashes merged."""

    def __init__(self, directory):
        super().__init__(directory, directory, None, None)

    def configuration(self, directory, root, certificate, key):
        whole = super().configuration(directory, root, certificate, key)
        head, server = whole.split("    server {", 1)
        self.tls_port = self.port
        return head + f"""
    server {{
        listen 127.0.0.1:{self.port};
        merge_slashes on;
        location /          {{ return 200 "other"; }}
        location /public/   {{ return 200 "public"; }}
        location /admin     {{ return 200 "admin"; }}
        location /public/private {{ return 200 "private"; }}
        location ~ ^/v2/[^/]+/info$ {{ return 200 "info"; }}
    }}
}}
"""


UP = ("..", "%2e%2e", "%2E%2e", ".%2e", "%2e.", "..;", "..;x=1", ";/..", "..%3b", "..%2f", "..%2F..",
      "..%5c", "..\\", "%252e%252e", "..%252f", "%c0%ae%c0%ae", "..%c0%af", "..%00", "...", "..%20",
      "..%09", "..%0d%0a", "%u002e%u002e", "%%32%65", "..//", ".//..", "./..", "..%ff")
PLACES = ("/public/{}/admin", "/public/x/{}/../admin", "//public/{}/admin", "/public/{}//admin/x",
          "/{}/admin", "/public/private/{}/private")
PLAIN = ("/admin", "/%61dmin", "//admin", "/./admin", "/admin;x", "/admin/", "/ADMIN", "/%41dmin",
         "/public", "/public/private", "/public/%70rivate", "/public//private", "/public/./private/",
         "/v2/a/info", "/v2//info", "/v2/a/b/info", "/v2/a%2fb/info", "/v2/a/info/", "/v2/a/../info",
         "/v2/%2a/info", "/v2/a;b/info", "/v2/..;/info", "/", "", "/public/", "/public/a b",
         "/public/%", "/public/%zz", "/public/\x7f", "/public/a#/../../admin", "/public?/../admin",
         "/public/a?/../../admin", "/public/%3f/../../admin", "/public/%23/../../admin")


class PathsAsNginxReadsThem(Scenario):
    """No path that nginx serves as a forbidden place gets there, however it is spelled."""

    ALLOWED = ("public", "info")

    def given(self):
        directory = self.path("nginx", "")
        self.nginx_server = self.keep(LocationNginx(directory))
        self.base = f"http://origin.test:{self.nginx_server.port}"
        self.gate = self.prepare(allow=[self.base])
        write(self.gate.policy_path(name="narrow.yml"),
              f"- address: '{self.base}'\n  paths:\n    - /public/\n    - /v2/*/info\n"
              "    - regex: '/public/(?!private(/|$)).*'\n")
        self.addCleanup(self.end, self.gate)
        self.gate.start()

    def ask(self, client, target):
        authority = f"origin.test:{self.nginx_server.port}"
        client.send(f"GET {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")
        return client.response()

    def place(self, path):
        """The location that nginx itself chooses; None: it refuses the path."""
        with connect("127.0.0.1", self.nginx_server.port) as client:
            response = self.ask(client, path or "/")
            return response.body.decode() if response.status == 200 else None

    def test_never_reach_what_is_forbidden(self):
        self.given()
        passed, denied, forbidden = set(), set(), set()
        spellings = list(dict.fromkeys([form.format(up) for up in UP for form in PLACES] + list(PLAIN)))
        self.assertGreaterEqual(len(spellings), 100)
        for path in spellings:
            with self.subTest(path), self.gate.connect() as client:
                place = self.place(path)
                response = self.ask(client, self.base + path)
                if place not in self.ALLOWED + (None,):
                    forbidden.add(path)
                    self.assertIn(response.status, (400, 403))
                if response.status != 200:
                    self.assertIn(response.status, (400, 403))
                    denied.add(path)
                    continue
                passed.add(path)
                self.assertIn(response.body.decode(), self.ALLOWED)
        self.assertLessEqual({"/public/", "/v2/a/info", "/v2/%2a/info"}, passed)
        self.assertLessEqual({"/public/..%2f/admin", "/public/..;/admin", "//admin"}, denied)
        self.assertGreater(len(forbidden), 30)


class DryRuns(Scenario):
    """`check` and `test` judge as the proxy does."""

    def setUp(self):
        super().setUp()
        write(self.path("policy", "demo", "development", "manifest.yml"),
              manifest(["api.example.com", "open.example.com", "free.example.com"]))
        write(self.path("policy", "demo", "development", "narrow.yml"),
              "- {address: api.example.com, methods: [GET], paths: [/v2/*]}\n"
              "- {address: open.example.com, methods: [GET], opaque: allow}\n")

    def check(self, target, *options):
        result = sallyport("check", "--policy", self.path("policy"), "-a", "demo", "-e",
                           "development", "--format", "json", *options, target)
        return json.loads(result.stdout)

    def test_check_takes_path_and_method_into_account(self):
        for target, options, reason in (
                ("https://api.example.com/v2/users", (), "declared"),
                ("https://api.example.com/v2/users?x=/admin", ("--method", "GET"), "declared"),
                ("https://api.example.com/v2/users", ("--method", "POST"), "method_not_declared"),
                ("https://api.example.com/v2/../admin", (), "path_not_declared"),
                ("https://api.example.com/v2/#/../admin", (), "declared"),
                ("https://api.example.com", (), "path_not_declared"),
                ("api.example.com", (), "path_not_declared"),
                ("api.example.com", ("--method", "GET"), "declared"),
                ("open.example.com:443", (), "declared"),
                ("https://free.example.com/admin", ("--method", "POST"), "declared")):
            with self.subTest(target=target, options=options):
                self.assertEqual(self.check(target, *options)["reason"], reason)

    def test_check_names_the_line(self):
        allowed = self.check("https://api.example.com/v2/users")
        self.assertEqual((allowed["narrow"]["line"], allowed["narrow"]["column"]), (1, 54))
        self.assertEqual(allowed["rule"]["list"], "fetch.backend")
        denied = self.check("https://api.example.com/admin")
        self.assertEqual((denied["nearest"]["list"], denied["nearest"]["line"]), ("narrow", 1))
        self.assertIn("narrow.yml:1:13", denied["detail"])
        text = sallyport("check", "--policy", self.path("policy"), "-a", "demo", "-e",
                         "development", "https://api.example.com/v2/%2e%2e%2f")
        self.assertRegex(text.stdout, r"^DENY  \S+  path_not_declared  \S+narrow\.yml:1:13  "
                                      r"\(api\.example\.com, an encoded slash")

    def test_policy_tests_may_name_a_method(self):
        write(self.path("tests.yml"), """\
tests:
  - policy: policy
    app: demo
    environment: development
    allow: [{target: 'https://api.example.com/v2/a', method: GET}]
    deny:
      - {target: 'https://api.example.com/v2/a', method: POST, reason: method_not_declared}
      - {target: 'https://api.example.com/a', reason: path_not_declared}
      - {target: api.example.com, reason: path_not_declared}
""")
        result = sallyport("test", self.path("tests.yml"))
        self.assertEqual((result.returncode, result.stdout.splitlines()[-1]), (0, "4 passed, 0 failed"))

    def test_check_refuses_what_is_no_method(self):
        result = sallyport("check", "--policy", "p", "-a", "a", "-e", "e", "--method", "G T", "x.example")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--method", result.stderr)

    def test_the_sample_is_read_as_it_says(self):
        def verdict(target, *options):
            result = sallyport("check", "--policy", os.path.join(ROOT, "conf", "sample", "policy"), "-a",
                               "orders", "-e", "staging", "--format", "json", *options, target)
            return json.loads(result.stdout)["reason"]
        base = "https://payments-sandbox.example"
        self.assertEqual(verdict(base + "/v1/payments/17"), "declared")
        self.assertEqual(verdict(base + "/v1/accounts/a/balance"), "declared")
        self.assertEqual(verdict(base + "/v1/reports/2026-01.csv"), "declared")
        self.assertEqual(verdict(base + "/v1/drafts/1", "--method", "DELETE"), "declared")
        self.assertEqual(verdict(base + "/v1/payments/17", "--method", "DELETE"), "method_not_declared")
        self.assertEqual(verdict(base + "/v1/accounts/a/owner"), "path_not_declared")
        self.assertEqual(verdict("payments-sandbox.example"), "path_not_declared")
        self.assertEqual(verdict("feed.staging.orders.example"), "scheme_not_declared")
        self.assertEqual(verdict("wss://feed.staging.orders.example/live/x"), "declared")
