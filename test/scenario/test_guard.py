"""Addresses that are never dialled, and names that are never asked for (SECURITY.md)."""
import json

from harness import STATIC, Scenario, can_listen_v6

PROHIBITED = {
    "loopback.test": "127.0.0.1", "private10.test": "10.0.0.1", "private172.test": "172.16.0.1",
    "private192.test": "192.168.1.1", "metadata.test": "169.254.169.254", "cgnat.test": "100.64.0.1",
    "unspecified.test": "0.0.0.0", "broadcast.test": "255.255.255.255", "multicast.test": "224.0.0.1",
    "documentation.test": "192.0.2.1", "reserved.test": "240.0.0.1", "benchmark.test": "198.18.0.1",
    "loopback6.test": "::1", "linklocal6.test": "fe80::1", "unique6.test": "fd00::1",
    "mapped6.test": "::ffff:127.0.0.1", "nat64.test": "64:ff9b::7f00:1",
    "sixtofour.test": "2002:7f00:1::1", "teredo.test": "2001:0:1::1", "documentation6.test": "2001:db8::1",
    "multicast6.test": "ff02::1", "unspecified6.test": "::",
}


class Guard(Scenario):
    def given(self, records, allow, **options):
        self.names = self.name_server({name: [address] for name, address in records.items()})
        network = {"allow_ranges": [], "hosts_file": "",
                   "resolvers": [f"127.0.0.1:{self.names.port}"]}
        network.update(options.pop("network", {}))
        return self.proxy(allow=allow, network=network, **options)

    def prohibited(self, response):
        self.assertEqual(response.status, 403, response.body)
        self.assertIn("destination_ip_prohibited", response.get("Proxy-Status"))
        problem = json.loads(response.body)
        self.assertEqual(problem["reason"], "address_prohibited")

    def test_refuses_every_prohibited_address_a_name_resolves_to(self):
        proxy = self.given(PROHIBITED, [f"http://{name}" for name in PROHIBITED])
        for name in PROHIBITED:
            with self.subTest(name), proxy.connect() as client:
                self.prohibited(client.get(f"http://{name}/"))
            with self.subTest(name + " by CONNECT"), proxy.connect() as client:
                self.prohibited(client.tunnel(f"{name}:80"))
        denied = proxy.wait_log(2 * len(PROHIBITED), reason="address_prohibited")
        self.assertEqual({record["verdict"] for record in denied}, {"deny"})

    def test_refuses_a_prohibited_literal_that_is_declared(self):
        proxy = self.proxy(allow=["http://127.0.0.1:9", "http://169.254.169.254"],
                           network={"allow_ranges": []})
        with proxy.connect() as client:
            self.prohibited(client.tunnel("127.0.0.1:9"))
            self.prohibited(client.get("http://169.254.169.254/latest/meta-data/"))

    def test_refuses_it_though_everything_is_declared(self):
        proxy = self.given({"inside.test": "10.1.2.3"}, ["*"])
        with proxy.connect() as client:
            self.prohibited(client.tunnel("inside.test:443"))

    def test_reaches_nothing_on_this_machine_by_default(self):
        server = self.origin()
        proxy = self.given({"here.test": "127.0.0.1"}, [f"http://here.test:{server.port}"])
        with proxy.connect() as client:
            self.prohibited(client.get(f"http://here.test:{server.port}/"))
        self.assertEqual(server.connections, 0)

    def test_allow_ranges_open_what_they_name_and_no_more(self):
        server = self.http_origin()
        proxy = self.given({"here.test": "127.0.0.1", "there.test": "127.0.0.2"},
                           [f"http://here.test:{server.port}", f"http://there.test:{server.port}"],
                           network={"allow_ranges": ["127.0.0.1/32"]})
        with proxy.connect() as client:
            self.assertEqual(client.get(f"http://here.test:{server.port}/").status, 200)
            self.prohibited(client.get(f"http://there.test:{server.port}/"))

    def test_the_own_listeners_are_refused_whatever_allow_ranges_says(self):
        listeners = [{"address": "127.0.0.1:0", "identity": STATIC}]
        if can_listen_v6():
            listeners.append({"address": "[::1]:0", "identity": STATIC})
        names = self.name_server({"self.test": ["127.0.0.1"], "self6.test": ["::1"]})
        proxy = self.proxy(allow=["*"], listeners=listeners, sni="off", network={
            "hosts_file": "", "allow_ranges": ["127.0.0.0/8", "::1/128"],
            "resolvers": [f"127.0.0.1:{names.port}"]})
        for host, port in [("self.test", proxy.ports[0]), ("127.0.0.1", proxy.ports[0]),
                           ("self6.test", proxy.ports[-1] if can_listen_v6() else proxy.ports[0]),
                           ("self.test", proxy.admin_port)]:
            if host == "self6.test" and not can_listen_v6():
                continue
            with self.subTest(f"{host}:{port}"), proxy.connect() as client:
                self.prohibited(client.tunnel(f"{host}:{port}"))

    def test_a_good_address_behind_a_prohibited_one_is_not_a_way_in(self):
        server = self.http_origin()
        names = self.name_server({"two.test": ["10.0.0.1", "127.0.0.1"]})
        proxy = self.proxy(allow=[f"http://two.test:{server.port}"], network={
            "hosts_file": "", "allow_ranges": ["127.0.0.1"],
            "resolvers": [f"127.0.0.1:{names.port}"]})
        for _ in range(4):
            with proxy.connect() as client:
                self.assertIn(client.get(f"http://two.test:{server.port}/").status, (200, 403))
        for record in proxy.log(event="close"):
            self.assertNotIn("10.0.0.1", str(record.get("upstream")))


class Resolution(Scenario):
    def test_a_name_that_is_not_declared_is_never_asked_for(self):
        server = self.http_origin()
        names = self.name_server({"known.test": ["127.0.0.1"], "secret-data.evil.test": ["127.0.0.1"]})
        proxy = self.proxy(allow=[f"http://known.test:{server.port}", "https://only-https.test"],
                           network={"hosts_file": "", "resolvers": [f"127.0.0.1:{names.port}"]})
        with proxy.connect() as client:
            for host in ("secret-data.evil.test", "sub.known.test", "test", "only-https.test",
                         "knownxtest", "c2VjcmV0.exfiltrate.test"):
                self.assertEqual(client.get(f"http://{host}/").status, 403, host)
                self.assertEqual(client.tunnel(f"{host}:8080").status, 403, host)
            self.assertEqual(client.get(f"http://known.test:{server.port}/").status, 200)
        self.assertEqual(set(names.asked()), {"known.test"})

    def test_a_name_of_an_unauthenticated_client_is_never_asked_for(self):
        names = self.name_server({"known.test": ["127.0.0.1"]})
        path = self.path("credentials.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[]\n")
        proxy = self.proxy(allow=["http://known.test"],
                           listeners=[{"address": "127.0.0.1:0", "identity": {"basic": path}}],
                           network={"hosts_file": "", "resolvers": [f"127.0.0.1:{names.port}"]})
        with proxy.connect() as client:
            self.assertEqual(client.get("http://known.test/").status, 407)
        self.assertEqual(names.asked(), [])

    def test_an_answer_is_kept_for_a_while(self):
        server = self.http_origin()
        names = self.name_server({"known.test": ["127.0.0.1"]})
        proxy = self.proxy(allow=[f"http://known.test:{server.port}"], workers=1,
                           network={"hosts_file": "", "resolvers": [f"127.0.0.1:{names.port}"],
                                    "dns_ttl_minimum_seconds": 60})
        for _ in range(10):
            with proxy.connect() as client:
                self.assertEqual(client.tunnel(f"known.test:{server.port}").status, 200)
        self.assertLessEqual(len(names.asked()), 2)  # A and AAAA, once

    def test_the_hosts_file_goes_before_the_resolver(self):
        server = self.http_origin()
        names = self.name_server({})
        proxy = self.proxy(allow=[f"http://listed.test:{server.port}"],
                           network={"resolvers": [f"127.0.0.1:{names.port}"]})
        with proxy.connect() as client:
            self.assertEqual(client.get(f"http://listed.test:{server.port}/").status, 200)
        self.assertEqual(names.asked(), [])

    def test_a_resolver_that_is_silent_times_out(self):
        silent = self.origin()  # a TCP port: nobody answers on UDP
        proxy = self.proxy(allow=["http://known.test"], timeouts={"resolve_seconds": 0.5},
                           network={"hosts_file": "", "resolvers": [f"127.0.0.1:{silent.port}"]})
        with proxy.connect() as client:
            response = client.get("http://known.test/")
        self.assertIn(response.status, (502, 504))
        self.assertRegex(response.get("Proxy-Status"), "dns_(timeout|error)")
