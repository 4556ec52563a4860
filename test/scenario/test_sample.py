"""`make run`: the sample as a stranger starts it, and the commands that it prints."""
import os
import shutil
import signal
import socket
import subprocess
import unittest

from harness import BUILD, PATIENCE, ROOT, Scenario, is_instrumented, wait_until

PORTS = [("127.0.0.1", 3128), ("127.0.0.1", 3129), ("127.0.0.1", 9901), ("127.0.0.2", 8443)]


def taken():
    busy = []
    for address in PORTS:
        try:
            socket.create_server(address).close()
        except OSError:
            busy.append(f"{address[0]}:{address[1]}")
    return busy


@unittest.skipIf(shutil.which("curl") is None, "not installed: curl")
class Sample(Scenario):
    def setUp(self):
        super().setUp()
        if is_instrumented():
            self.skipTest("the sample runs in the sandbox, which forbids what sanitizers do at a thread's end")
        if taken():
            self.skipTest("the sample's ports are in use: " + ", ".join(taken()))
        output = self.path("output")
        environment = {**os.environ, "BUILD": os.path.relpath(BUILD, ROOT)}
        with open(output, "wb") as file:
            self.process = subprocess.Popen(
                [os.path.join(ROOT, "test", "run_sample")], cwd=self.directory, env=environment,
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        self.addCleanup(self.end)
        wait_until(lambda: "Ctrl-C stops it" in self.text() or self.process.poll() is not None,
                   "the sample is up")
        self.assertIsNone(self.process.poll(), self.text())

    def text(self):
        with open(self.path("output"), encoding="utf-8") as file:
            return file.read()

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)

    def printed(self, word):
        """Runs the command that stands behind WORD in what was printed."""
        [line] = [line for line in self.text().splitlines() if line.strip().startswith(word + "  ")]
        return subprocess.run(line.strip()[len(word):].strip() + " 2>&1", shell=True, cwd=ROOT, text=True,
                              capture_output=True, timeout=PATIENCE, check=False)

    def test_prints_three_commands_that_behave_as_said_and_ends_without_a_trace(self):
        allowed = self.printed("allowed")
        self.assertEqual(allowed.returncode, 0, allowed.stdout)
        self.assertIn("hello from behind the proxy", allowed.stdout)
        denied = self.printed("denied")
        self.assertIn('"undeclared"', denied.stdout)
        self.assertIn("undeclared.example", denied.stdout)
        dry = self.printed("dry run")
        self.assertEqual(dry.returncode, 1, dry.stdout)
        self.assertIn("ALLOW", dry.stdout)
        self.assertIn("DENY", dry.stdout)
        self.assertIn('"event":"decision"', self.text())
        self.end()
        wait_until(lambda: not taken(), "all ports are free again")
