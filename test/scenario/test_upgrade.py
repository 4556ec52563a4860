"""A new process takes the place of one that runs: nothing is refused, nothing is lost."""
import json
import os
import re
import signal
import subprocess
import threading

from harness import PATIENCE, SALLYPORT, Scenario, wait_until, write
from origins import free_port, ok

TAKEN_OVER = re.compile(r"sallyport: process (\d+) has taken over")


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"


class Load:
    """Clients that come and go: CONNECT, a word there and back; GET on a connection that is kept."""

    def __init__(self, gate, port):
        self.gate, self.port = gate, port
        self.done = threading.Event()
        self.wrong, self.tunnels, self.requests = [], 0, 0
        self.threads = [threading.Thread(target=self.run, args=(work,))
                        for work in (self.connect, self.connect, self.get, self.get)]
        for thread in self.threads:
            thread.start()

    def run(self, work):
        try:
            while not self.done.is_set():
                work()
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(f"{type(error).__name__}: {error}")

    def connect(self):
        with self.gate.connect() as client:
            status = client.tunnel(f"origin.test:{self.port}").status
            client.send("ping")
            if status != 200 or client.read(4) != b"ping":
                self.wrong.append(status)
        self.tunnels += 1

    def get(self):
        with self.gate.connect() as client:
            for _ in range(20):
                response = client.get(f"http://origin.test:{self.port}/")
                self.requests += 1
                if response.status != 200:
                    self.wrong.append(response.status)
                if response.get("Connection") == "close":
                    return

    def goes_on(self):
        goal = self.tunnels + 30, self.requests + 60
        wait_until(lambda: self.wrong or (self.tunnels, self.requests) >= goal, "the load goes on")

    def end(self):
        self.done.set()
        for thread in self.threads:
            thread.join()


class Upgrade(Scenario):
    def given(self, **options):
        self.server = self.origin(self.talk)
        self.address = f"http://origin.test:{self.server.port}"
        self.other = f"http://other.test:{self.server.port}"
        self.gate = self.proxy(allow=[self.address, self.other],
                               limits={"requests_per_minute": 0, "tunnels": 0}, **options)
        # whoever takes over listens where this one does, in words of the configuration
        self.gate.configuration["listeners"][0]["address"] = f"127.0.0.1:{self.gate.port}"
        self.gate.configuration["admin"]["address"] = f"127.0.0.1:{self.gate.admin_port}"
        self.configuration = os.path.join(self.gate.directory, "sallyport.yml")
        self.others = []
        self.addCleanup(self.end_others)

    @staticmethod
    def talk(wire):
        first = wire.read(4)
        if first != b"GET ":
            wire.send(first)
            while word := wire.buffer or (wire.more() and wire.buffer):
                wire.send(word)
                wire.buffer = b""
            return
        while True:
            wire.until(b"\r\n\r\n")
            wire.send(ok(b"ok"))
            wire.read(4)

    def end_others(self):
        for pid in self.others:
            if is_there(pid):
                os.kill(pid, signal.SIGTERM)
            wait_until(lambda pid=pid: not is_there(pid), "the new one stops")

    @staticmethod
    def end_process(process):
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def configure(self):
        write(self.configuration, json.dumps(self.gate.configuration))

    def take_over(self, *more):
        """Starts the one that follows and waits until it serves."""
        log = open(self.path(f"second{len(self.others)}.txt"), "w+", encoding="utf-8")
        self.addCleanup(log.close)
        process = subprocess.Popen([SALLYPORT, "run", "--takeover", "--config", self.configuration, *more],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(self.end_process, process)

        def said():
            log.seek(0)
            return log.read()
        wait_until(lambda: "sallyport: ready" in said() or process.poll() is not None, "it is ready")
        return process, said

    def upgrade(self):
        """SIGUSR2; the process that serves then."""
        self.gate.signal(signal.SIGUSR2)
        found = wait_until(lambda: [TAKEN_OVER.match(line) for line in self.gate.stderr
                                    if TAKEN_OVER.match(line)], "it is taken over")
        self.others.append(int(found[0].group(1)))
        return self.others[-1]

    def tunnel(self, name="origin"):
        client = self.keep(self.gate.connect())
        self.assertEqual(client.tunnel(f"{name}.test:{self.server.port}").status, 200)
        self.assertTrue(self.answers(client))
        return client

    @staticmethod
    def answers(client):
        client.send("ping")
        return client.read(4) == b"ping"

    def every_exchange_is_told(self, load):
        """Each line whole, each decision with its close, and as many as there were."""
        records = [json.loads(line) for line in self.gate.log_lines()]
        decided = [record["id"] for record in records if record["event"] == "decision"]
        closed = [record["id"] for record in records if record["event"] == "close"]
        self.assertEqual(len(set(decided)), len(decided))
        self.assertEqual(sorted(decided), sorted(closed))
        self.assertEqual(len(decided), load.tunnels + load.requests)

    def test_by_takeover_under_load_fails_no_exchange_and_loses_no_line(self):
        self.given()
        self.configure()
        load = Load(self.gate, self.server.port)
        load.goes_on()
        process, _ = self.take_over()
        load.goes_on()
        load.end()
        self.assertEqual(load.wrong, [])
        self.assertEqual(self.gate.join(), 0)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)
        self.every_exchange_is_told(load)
        self.assertEqual(len(self.gate.log(event="taken_over")), 1)

    def test_by_signal_again_and_again_under_load(self):
        self.given()
        self.configure()
        load = Load(self.gate, self.server.port)
        second = self.upgrade()
        load.goes_on()
        self.assertEqual(self.gate.join(), 0)
        for turn in range(3):
            os.kill(second, signal.SIGUSR2)
            [*_, event] = self.gate.wait_log(turn + 2, event="taken_over")
            wait_until(lambda pid=second: not is_there(pid), "what was taken over ends")
            second = int(event["detail"].split()[1])
            self.others.append(second)
            load.goes_on()
        load.end()
        self.assertEqual(load.wrong, [])
        os.kill(second, signal.SIGTERM)
        wait_until(lambda: not is_there(second), "the last one ends")
        self.every_exchange_is_told(load)

    def test_with_ports_of_the_kernels_choice_keeps_them(self):
        self.given()
        port = self.gate.port
        self.upgrade()
        wait_until(lambda: self.gate.listening[1:], "the new one says where it listens")
        self.assertEqual(self.gate.listening[1:], [f"127.0.0.1:{port}"])
        self.assertTrue(self.answers(self.tunnel()))
        self.assertEqual(self.gate.admin("/readyz")[0], 200)

    def test_an_open_tunnel_goes_on_in_the_old_process_until_a_new_policy_ends_it(self):
        self.given(policy={"watch": False})
        self.configure()
        kept, withdrawn = self.tunnel(), self.tunnel("other")
        process, _ = self.take_over()
        self.gate.wait_log(event="taken_over")
        self.assertTrue(self.answers(kept) and self.answers(withdrawn))
        self.gate.declare([self.address])
        process.send_signal(signal.SIGHUP)  # told to the new one alone
        self.assertTrue(withdrawn.ended())
        self.gate.wait_log(event="close", outcome="revoked")
        self.assertTrue(self.answers(kept))
        self.assertIsNone(self.gate.process.poll())
        kept.close()
        self.assertEqual(self.gate.join(), 0)

    def test_the_old_process_opens_the_log_anew_when_the_new_one_is_told_to(self):
        self.given()
        self.configure()
        kept = self.tunnel()
        process, _ = self.take_over()
        self.gate.wait_log(event="taken_over")
        os.rename(self.gate.log_path, self.gate.log_path + ".1")
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: os.path.exists(self.gate.log_path), "the log is anew")
        self.tunnel().close()
        self.gate.wait_log(event="close")
        kept.close()
        self.assertEqual(self.gate.join(), 0)
        self.gate.wait_log(event="stop")

    def test_a_bad_configuration_leaves_the_old_process_at_work_and_says_why(self):
        self.given()
        write(self.configuration, "mode: perhaps\n")
        self.gate.signal(signal.SIGUSR2)
        [event] = self.gate.wait_log(event="takeover_failed")
        self.assertIn("sallyport.yml:1:7: mode", event["detail"])
        self.assertTrue(any("this process goes on" in line for line in self.gate.stderr))
        self.assertTrue(self.answers(self.tunnel()))

    def test_a_policy_that_does_not_load_leaves_the_old_process_at_work_and_says_why(self):
        self.given(policy={"watch": False})
        self.configure()
        write(self.gate.policy_path(), "permissions: [unclosed\n")
        process, _ = self.take_over()
        self.assertEqual(process.wait(), 2)
        [event] = self.gate.wait_log(event="takeover_failed")
        self.assertIn("manifest.yml:", event["detail"])
        self.tunnel().close()
        self.gate.declare([self.address, self.other])
        process, _ = self.take_over()
        self.assertIsNone(process.poll())
        self.assertEqual(self.gate.join(), 0)

    def test_the_new_configuration_may_differ(self):
        self.given()
        more = self.gate.configuration
        more["workers"] = 3
        first = f"127.0.0.1:{free_port()}"
        more["listeners"].insert(0, {**more["listeners"][0], "address": first})
        self.configure()
        load = Load(self.gate, self.server.port)
        load.goes_on()
        self.take_over()
        load.goes_on()
        self.assertEqual(self.gate.join(), 0)
        more["workers"] = 1
        more["listeners"].pop(0)
        self.configure()
        self.take_over(f"--takeover={first}")
        load.goes_on()
        load.end()
        self.assertEqual(load.wrong, [])

    def test_a_unix_socket_is_handed_over_and_its_file_stays(self):
        self.given()
        self.gate.stop()
        path = self.path("gate.sock")
        self.gate.configuration["listeners"][0]["address"] = f"unix:{path}"
        self.gate.start()
        process, _ = self.take_over()
        self.assertEqual(self.gate.join(), 0)
        self.assertTrue(os.path.exists(path))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)
        self.assertFalse(os.path.exists(path))

    def test_nobody_to_take_over_from_is_said(self):
        self.given()
        self.configure()
        self.gate.stop()
        process, said = self.take_over()
        self.assertEqual(process.wait(), 1)
        self.assertIn("nobody at 127.0.0.1:", said())

    def test_off_lets_nobody_take_over(self):
        self.given(process={"takeover": False})
        self.configure()
        process, said = self.take_over()
        self.assertEqual(process.wait(), 1)
        self.assertIn("nobody at 127.0.0.1:", said())
        self.gate.signal(signal.SIGUSR2)
        wait_until(lambda: any("not started again" in line for line in self.gate.stderr), "it says so")
        self.assertTrue(self.answers(self.tunnel()))

    def test_the_helper_ends_with_the_process(self):
        self.given()
        with open(f"/proc/{self.gate.process.pid}/task/{self.gate.process.pid}/children",
                  encoding="ascii") as file:
            [helper] = map(int, file.read().split())
        self.gate.process.kill()
        self.gate.process.wait()
        wait_until(lambda: not is_there(helper), "the helper ends")
