"""What rests costs nothing: a process without work sleeps, however many tunnels it holds."""
import glob
import time

from harness import Scenario, is_instrumented

SECONDS = 8
A_SECOND = 2


def wakes(pid):
    """How often PID's threads, and those of its helper, went to sleep so far."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        processes = [pid, *file.read().split()]
    total = 0
    for process in processes:
        for path in glob.glob(f"/proc/{process}/task/*/status"):
            with open(path, encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file
                             if line.startswith("voluntary_ctxt_switches"))
    return total


class Idle(Scenario):
    def setUp(self):
        if is_instrumented(b"__tsan_init"):
            self.skipTest("ThreadSanitizer has a thread of its own, which wakes ten times a second")
        super().setUp()

    def rests(self, proxy):
        time.sleep(1)  # what was begun comes to rest
        before = wakes(proxy.process.pid)
        time.sleep(SECONDS)
        self.assertLess(wakes(proxy.process.pid) - before, A_SECOND * SECONDS)

    def test_a_process_without_work_wakes_less_than_twice_a_second(self):
        self.rests(self.proxy())

    def test_so_does_one_that_holds_tunnels(self):
        server = self.origin(lambda wire: wire.rest())
        proxy = self.proxy(allow=[f"http://origin.test:{server.port}"])
        for _ in range(100):
            client = self.keep(proxy.connect())
            self.assertEqual(client.tunnel(f"origin.test:{server.port}").status, 200)
        self.rests(proxy)
