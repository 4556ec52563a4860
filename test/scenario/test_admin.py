"""The admin listener: /healthz, /readyz, /metrics."""
import re
import signal

from harness import STATIC, Scenario

SAMPLE = re.compile(r'^[a-zA-Z_:][a-zA-Z0-9_:]*'
                    r'(\{([a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\\n])*",?)*\})? '
                    r'(-?[0-9.]+([eE][-+]?[0-9]+)?|[+-]Inf|NaN)$')


class Admin(Scenario):
    def test_is_healthy_and_ready_after_the_start(self):
        proxy = self.proxy()
        self.assertEqual(proxy.admin("/healthz")[0], 200)
        self.assertEqual(proxy.admin("/readyz")[0], 200)

    def test_knows_no_other_page(self):
        proxy = self.proxy()
        for path in ("/", "/metricsx", "/../metrics", "/healthz/x"):
            self.assertEqual(proxy.admin(path)[0], 404, path)

    def test_is_not_a_proxy(self):
        server = self.http_origin()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        status, _ = proxy.admin(f"http://origin.test:{server.port}/")
        self.assertNotEqual(status, 200)
        self.assertEqual(server.connections, 0)

    def test_metrics_are_well_formed_prometheus_text(self):
        server = self.http_origin()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.get(f"http://origin.test:{server.port}/")
            client.tunnel("evil.test:443")
        proxy.wait_log(2, event="decision")
        _, text = proxy.admin("/metrics")
        typed = {}
        self.assertTrue(text.endswith("\n"))
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, typed)
                typed[name] = kind
            elif not line.startswith("#"):
                self.assertRegex(line, SAMPLE)
                name = re.split(r"[{ ]", line)[0]
                base = re.sub(r"_(bucket|sum|count)$", "", name)
                self.assertTrue(name in typed or typed.get(base) == "histogram", line)
                self.assertTrue(name.startswith("sallyport_"), line)
        self.assertIn("histogram", typed.values())

    def test_metrics_count_decisions_connections_and_bytes(self):
        server = self.http_origin()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            for _ in range(3):
                client.get(f"http://origin.test:{server.port}/")
            for _ in range(2):
                client.tunnel("evil.test:443")
        proxy.wait_log(3, event="close", outcome="ok")
        samples = proxy.metrics()
        counted = {name: value for name, value in samples.items() if "decisions_total" in name}

        def count(verdict):
            return sum(value for name, value in counted.items() if f'verdict="{verdict}"' in name
                       and 'app="demo"' in name and 'environment="development"' in name)
        self.assertEqual((count("allow"), count("deny")), (3, 2))
        self.assertTrue(any('reason="undeclared"' in name for name in counted))
        down = [value for name, value in samples.items() if "bytes" in name and "down" in name]
        self.assertEqual(down, [66])

    def test_can_be_turned_off(self):
        proxy = self.prepare()
        proxy.configuration["admin"] = {"address": ""}
        self.addCleanup(self.end, proxy)
        proxy.start()
        with proxy.connect() as client:
            self.assertDenied(client.tunnel("evil.test:443"), "undeclared")

    def test_cardinality_is_bounded_by_apps_not_by_hosts(self):
        proxy = self.proxy()
        with proxy.connect() as client:
            for number in range(50):
                client.tunnel(f"host-{number}.test:443")
        self.assertNotIn("host-7", proxy.admin("/metrics")[1])

    def test_is_not_ready_while_it_drains(self):
        server = self.origin()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"],
                           listeners=[{"address": "127.0.0.1:0", "identity": STATIC}])
        with proxy.connect() as client:
            client.tunnel(f"origin.test:{server.port}")
            proxy.signal(signal.SIGTERM)
            try:
                for _ in range(200):
                    status, _ = proxy.admin("/readyz")
                    if status == 503:
                        break
                self.assertEqual(status, 503)
            except ConnectionError:
                pass  # the admin listener has been closed: not ready either
        self.assertEqual(proxy.join(), 0)
