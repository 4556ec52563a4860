"""Starting, stopping, and the proxy at its limits."""
import asyncio
import os
import signal
import socket
import threading
import time

from crowd import CrowdOrigin, gather_bounded, open_tunnel, raise_descriptor_limit
from harness import PATIENCE, SLOW, STATIC, Scenario, sallyport, wait_until, write

FULL = bool(os.environ.get("SALLYPORT_FULL"))  # the figures in full length
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [" + ", ".join([f"*{chr(97 + n)}"] * 9) + "]\n" for n in range(12))


class BadStarts(Scenario):
    """A clear word with file and line where there is one, and the contract's exit status."""

    def fails(self, proxy, statuses, *words):
        proxy.launch()
        self.addCleanup(lambda: proxy.process.poll() is None and proxy.process.kill())
        status = proxy.join()
        text = "\n".join(proxy.stderr)
        self.assertIn(status, statuses, text)
        self.assertTrue(any(line.startswith("sallyport: ") for line in proxy.stderr), text)
        for word in words:
            self.assertIn(word, text)
        proxy.assert_clean()
        self.assertNotIn("sallyport: ready", text)

    def with_manifest(self, text):
        proxy = self.prepare()
        write(proxy.policy_path(), text)
        return proxy

    def with_configuration(self, text):
        """A proxy whose configuration is TEXT."""
        proxy = self.prepare()
        path = os.path.join(proxy.directory, "given.yml")
        write(path, text.replace("{policy}", proxy.configuration["policy"]["path"]))
        return path

    def run_fails(self, path, status, *words):
        done = sallyport("run", "--config", path)
        self.assertEqual(done.returncode, status, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_a_broken_manifest_is_2_with_file_and_line(self):
        self.fails(self.with_manifest("app:\n  id: x\npermissions: [unclosed\n"), {2}, "manifest.yml:")

    def test_a_manifest_with_a_bad_address_is_2_with_file_and_line(self):
        proxy = self.prepare(allow=["https://ok.test", "gopher://bad.test"])
        self.fails(proxy, {2}, "manifest.yml:8:", "gopher")

    def test_a_billion_laughs_are_2_and_cheap(self):
        proxy = self.with_manifest(LAUGHS + "permissions: {external: {fetch: {backend: []}}}\n")
        self.fails(proxy, {2}, "manifest.yml")

    def test_a_manifest_of_two_megabytes_is_2(self):
        self.fails(self.with_manifest("# " + "x" * (2 << 20) + "\napp: {}\n"), {2}, "manifest.yml")

    def test_a_deeply_nested_manifest_is_2(self):
        self.fails(self.with_manifest("a: " + "[" * 100000 + "\n"), {2}, "manifest.yml")

    def test_a_manifest_with_a_nul_is_2(self):
        self.fails(self.with_manifest("app: {id: \0}\n"), {2}, "manifest.yml")

    def test_an_empty_policy_directory_is_2(self):
        proxy = self.prepare()
        os.rename(proxy.configuration["policy"]["path"], self.path("elsewhere"))
        os.makedirs(proxy.configuration["policy"]["path"])
        self.fails(proxy, {2}, "policy")

    def test_a_missing_policy_directory_is_2(self):
        proxy = self.prepare()
        os.rename(proxy.configuration["policy"]["path"], self.path("elsewhere"))
        self.fails(proxy, {2}, "policy")

    def test_a_broken_configuration_is_2_with_file_and_line(self):
        path = self.with_configuration("listeners:\n  - {address: 127.0.0.1:0\npolicy: {path: x}\n")
        self.run_fails(path, 2, "given.yml:")

    def test_an_unknown_key_is_2_and_named_with_its_place_and_the_nearest(self):
        path = self.with_configuration("mode: enforce\npolicy:\n  pathh: x\n")
        self.run_fails(path, 2, "given.yml:3:3", "pathh", "path")

    def test_a_key_given_twice_is_2(self):
        path = self.with_configuration("mode: enforce\nmode: report\n")
        self.run_fails(path, 2, "given.yml:2", "mode")

    def test_a_wrong_value_is_2_with_its_place(self):
        for line, column, word in [
                ("mode: perhaps", 7, "report"), ("workers: many", 10, "whole number"),
                ("sni: maybe", 6, "off"), ("timeouts: {idle_seconds: soon}", 26, "seconds"),
                ("network: {allow_ranges: [127.0.0.1/8]}", 26, "prefix"),
                ("network: {resolvers: [example.com]}", 23, "192.0.2.53"),
                ("listeners: [{address: nowhere}]", 23, "127.0.0.1:3128")]:
            with self.subTest(line):
                self.run_fails(self.with_configuration(line + "\n"), 2, f"given.yml:1:{column}:", word)

    def test_a_missing_configuration_is_2(self):
        self.run_fails(self.path("nothing.yml"), 2, "nothing.yml")

    def test_a_port_in_use_is_1_and_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            proxy = self.prepare(listeners=[{"address": f"127.0.0.1:{port}", "identity": STATIC}])
            self.fails(proxy, {1}, f"127.0.0.1:{port}", "end what listens there")

    def test_an_admin_port_in_use_is_1_and_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.fails(self.prepare(admin={"address": f"127.0.0.1:{port}"}), {1}, str(port))

    def tls(self, certificate, key):
        return self.prepare(listeners=[{"address": "127.0.0.1:0", "identity": STATIC,
                                        "tls": {"certificate": certificate, "key": key}}])

    def test_an_unreadable_key_is_named(self):
        certificate, _ = self.authority().issue("proxy.test")
        self.fails(self.tls(certificate, self.path("missing.key")), {1, 2}, "missing.key")

    def test_a_key_that_is_none_is_named(self):
        certificate, _ = self.authority().issue("proxy.test")
        write(self.path("garbage.key"), "not a key\n")
        self.fails(self.tls(certificate, self.path("garbage.key")), {1, 2}, "garbage.key")

    def test_a_key_of_another_certificate_is_named(self):
        authority = self.authority()
        certificate, _ = authority.issue("proxy.test")
        _, other = authority.issue("other.test")
        self.fails(self.tls(certificate, other), {1, 2}, "other.test.key")

    def test_a_log_path_that_cannot_be_written_is_1_and_named(self):
        self.fails(self.prepare(log={"decisions": self.path("no", "x") + "/such/log"}), {1, 2},
                   "/such/log")

    def test_broken_credentials_are_2_with_file_and_line(self):
        write(self.path("credentials.yml"), "- {app: a, environment: b, sha256: zz}\n")
        proxy = self.prepare(listeners=[{"address": "127.0.0.1:0", "identity":
                                         {"basic": self.path("credentials.yml")}}])
        self.fails(proxy, {2}, "credentials.yml:1:")

    def test_report_mode_for_production_is_refused(self):
        proxy = self.prepare(mode="report", listeners=[{"address": "127.0.0.1:0", "identity": {
            "static": {"app": "demo", "environment": "production"}}}],
                             apps={("demo", "production"): []})
        self.fails(proxy, {2}, "mode report is refused for production apps")


class Stops(Scenario):
    def transfers(self, count, after):
        """COUNT transfers held half-way; AFTER(proxy, release) is called in the middle. Whole ones."""
        halves = [os.urandom(1 << 16), os.urandom(1 << 16)]

        async def talk(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 131072\r\n\r\n" + halves[0])
            await go.wait()
            writer.write(halves[1])
        server = self.keep(CrowdOrigin(talk))
        go, release = server.event()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"],
                           timeouts={"drain_seconds": 300})

        async def one(number):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            authority = f"origin.test:{server.port}"
            if number % 2:
                writer.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
            else:
                writer.write(f"GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            first = await reader.readexactly(1 << 16)
            arrived.append(number)
            if len(arrived) == count:
                await asyncio.get_running_loop().run_in_executor(None, after, proxy, release)
            second = await reader.readexactly(1 << 16)
            writer.close()
            return first + second == halves[0] + halves[1]
        arrived = []

        async def all_of_them():
            return await asyncio.gather(*[one(number) for number in range(count)])
        return proxy, asyncio.run(asyncio.wait_for(all_of_them(), 2 * PATIENCE))

    def test_sigterm_lets_200_transfers_end_whole_and_logs_them_all(self):
        def after(proxy, release):
            proxy.signal(signal.SIGTERM)

            def refused():
                try:
                    with proxy.connect() as client:
                        return client.sock.recv(1) == b""
                except OSError:
                    return True
            wait_until(refused, "no new connections")
            self.assertIsNone(proxy.process.poll())
            release()
        proxy, whole = self.transfers(200, after)
        self.assertEqual(whole, [True] * 200)
        self.assertEqual(proxy.join(), 0)
        self.assertEqual(len(proxy.log(event="decision", verdict="allow")), 200)
        self.assertEqual(len(proxy.log(event="close")), 200)

    def test_a_second_sigterm_ends_at_once(self):
        server = self.origin()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"],
                           timeouts={"drain_seconds": 3600})
        with proxy.connect() as client:
            client.tunnel(f"origin.test:{server.port}")
            proxy.signal(signal.SIGTERM)
            wait_until(lambda: any("stopping" in line for line in proxy.stderr), "the first is heard")
            self.assertIsNone(proxy.process.poll())
            proxy.signal(signal.SIGTERM)
            proxy.join()
        self.assertEqual(len(proxy.log(event="decision")), 1)

    def test_however_many_come_the_last_of_its_work_is_done(self):
        for _ in range(5):
            proxy = self.proxy()
            with proxy.connect() as client:
                client.get("http://evil.test/")
            while proxy.process.poll() is None:
                proxy.signal(signal.SIGTERM)
            self.assertEqual(proxy.join(), 0)
            self.assertEqual(len(proxy.log(event="decision")), 1)

    def test_the_drain_has_an_end(self):
        server = self.origin()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"],
                           timeouts={"drain_seconds": 0.5})
        with proxy.connect() as client:
            client.tunnel(f"origin.test:{server.port}")
            proxy.signal(signal.SIGTERM)
            self.assertEqual(proxy.join(), 0)
        self.assertEqual(len(proxy.log(event="close")), 1)

    def test_an_idle_kept_connection_does_not_hold_it_up(self):
        server = self.http_origin()
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"],
                           timeouts={"drain_seconds": 3600})
        with proxy.connect() as client:
            client.get(f"http://origin.test:{server.port}/")
            proxy.signal(signal.SIGTERM)
            self.assertTrue(client.ended())
            self.assertEqual(proxy.join(), 0)

    def test_sigint_stops_like_sigterm(self):
        proxy = self.proxy()
        proxy.signal(signal.SIGINT)
        self.assertEqual(proxy.join(), 0)

    def test_a_client_that_says_nothing_costs_a_descriptor_for_a_while_only(self):
        proxy = self.proxy(timeouts={"head_seconds": 0.5, "keep_alive_seconds": 0.5})
        before = proxy.descriptors()
        clients = [proxy.connect() for _ in range(50)]
        for client in clients:
            self.assertIn(client.rest()[:12], (b"", b"HTTP/1.1 408"))
            client.close()
        wait_until(lambda: proxy.descriptors() <= before, "the descriptors are back")


class Limits(Scenario):
    def test_descriptors_running_out_makes_it_refuse_without_spinning_and_resume(self):
        server = self.keep(CrowdOrigin())
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"], workers=1,
                           wrapper=["/bin/sh", "-c", 'ulimit -n 64; exec "$@"', "sh"])
        clients = []
        for _ in range(120):
            client = self.keep(proxy.connect())
            client.send(f"CONNECT origin.test:{server.port} HTTP/1.1\r\n"
                        f"Host: origin.test:{server.port}\r\n\r\n")
            clients.append(client)
        full = 'sallyport_gave_way_total{who="greediest",resource="descriptors"}'
        wait_until(lambda: proxy.metrics()[full] > 0, "the descriptors are used up")
        used = proxy.processor_seconds()
        time.sleep(1)
        self.assertLess(proxy.processor_seconds() - used, 0.5 * SLOW, "it spins")
        self.assertIsNone(proxy.process.poll())
        for client in clients:
            client.close()

        def served():
            with proxy.connect() as client:
                if client.tunnel(f"origin.test:{server.port}").status != 200:
                    return False
                client.send("ping")
                return client.read(4) == b"ping"
        wait_until(served, "a new tunnel works")

    def test_5000_idle_tunnels_are_held_and_each_answers(self):
        wanted = 5000
        allowed = raise_descriptor_limit(4 * wanted + 1000)
        count = min(wanted, (allowed - 500) // 3)
        if count < wanted:
            print(f"note: only {allowed} descriptors are allowed here: {count} tunnels")
        server = self.keep(CrowdOrigin())
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        authority = f"origin.test:{server.port}"

        async def talk(pair, word):
            reader, writer = pair
            writer.write(word)
            return await reader.readexactly(len(word)) == word

        async def crowd():
            first = await open_tunnel(proxy.port, authority)
            before = proxy.status_kib()
            pairs = [first] + await gather_bounded(
                [open_tunnel(proxy.port, authority) for _ in range(count - 1)])
            held = proxy.status_kib()
            print(f"note: {count} idle tunnels: {before} KiB before, {held} KiB held, "
                  f"{(held - before) * 1024 // count} bytes each")
            for turn in range(2):
                answers = await gather_bounded(
                    [talk(pair, f"{turn}-{number}".encode()) for number, pair in enumerate(pairs)])
                self.assertTrue(all(answers))
            for _, writer in pairs:
                writer.close()
            return (held - before) * 1024 / count
        each = asyncio.run(asyncio.wait_for(crowd(), 4 * PATIENCE))
        if SLOW == 1:
            self.assertLess(each, 4096)
        wait_until(lambda: proxy.metrics()["sallyport_tunnels_open"] == 0, "all are closed")
        proxy.wait_log(count, event="close")

    def test_a_gigabyte_through_one_tunnel_to_a_slow_reader_keeps_memory_flat(self):
        size = (1 << 30) if FULL else (256 << 20)
        block = os.urandom(1 << 20)
        sent = [0]

        def talk(wire):
            while sent[0] < size:
                wire.send(block)
                sent[0] += len(block)
        server = self.origin(talk)
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        with proxy.connect() as client:
            client.tunnel(f"origin.test:{server.port}")
            before = peak = proxy.status_kib()
            self.wait_still(sent)
            self.assertLess(sent[0], size // 2, "nobody held the origin back")
            got = len(client.buffer)
            while got < size:
                data = client.sock.recv(1 << 18)
                start = got % len(block)
                if start + len(data) <= len(block):
                    self.assertEqual(data, block[start:start + len(data)])
                got += len(data)
                if got % 256 == 0:
                    peak = max(peak, proxy.status_kib())
            self.assertEqual(got, size)
            peak = max(peak, proxy.status_kib())
        print(f"note: {size >> 20} MiB through a tunnel to a slow reader: {before} KiB before, "
              f"{peak} KiB at most")
        self.assertLess(peak - before, 8 << 10)
        proxy.wait_log(event="close", bytes_down=size)

    @staticmethod
    def wait_still(sent):
        """Until the origin no longer gets rid of anything."""
        last = -1
        while sent[0] != last:
            last = sent[0]
            threading.Event().wait(0.3)

    def test_a_thousand_connections_that_do_nothing_leave_nothing(self):
        raise_descriptor_limit(3000)
        proxy = self.proxy()
        before = proxy.descriptors()
        for _ in range(10):
            clients = [proxy.connect() for _ in range(100)]
            for client in clients:
                client.close()
        wait_until(lambda: proxy.descriptors() <= before, "the descriptors are back")
