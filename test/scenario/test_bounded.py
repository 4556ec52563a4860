"""64 MiB of whatever bytes as manifest, targets or log: a clear refusal, soon and in little memory.

Where lines are read one by one, many short ones take their time, in which answers stream out: of
these there are fewer bytes here.
"""
import gzip
import os
import random
import subprocess

from harness import SALLYPORT, SLOW, Scenario, manifest, write

SIZE = 64 << 20
STREAMED = 8 << 20  # of short lines
CHUNK = 1 << 20  # what this process holds at a time: its memory is counted with the child's
SECONDS = 5 * SLOW  # of a processor; two would do where nothing else pushes at its caches
MEMORY = 256 << 10  # KiB

# What a writer who means harm may try, each repeated up to SIZE.
PIECES = {
    "zeros": b"\0",
    "letters without an end of line": b"a",
    "open brackets": b"[",
    "open braces": b"{\"a\":",
    "quotes": b"\"",
    "anchors and aliases": b"- &a [*a, *a, *a, *a]\n",
    "a list": b"- a\n",
    "keys": b"a: b\n",
    "records cut short": b"{\"event\":\"decision\",\"host\":\"\\ud800\n",
    "bytes of UTF-8 without a beginning": b"\xbf\xbe",
    "backslashes": b"\\",
    "noise": random.Random(1).randbytes(CHUNK),
}


class Ended:
    def __init__(self, status, output, complaint, seconds, memory):
        self.status, self.output, self.complaint = status, output, complaint
        self.seconds, self.memory = seconds, memory


class Bounded(Scenario):
    def setUp(self):
        super().setUp()
        self.big = self.path("big")
        self.manifest = self.path("manifest.yml")
        write(self.manifest, manifest(["https://api.test"]))
        self.worst = 0, 0
        self.addCleanup(lambda: print(f"note: {self.id().split('.')[-1]}: at most "
                                      f"{self.worst[0]:.2f} s and {self.worst[1] >> 10} MiB"))

    def contents(self, of_lines=SIZE):
        """The name of each content in turn, while it stands at self.big."""
        for name, piece in PIECES.items():
            chunk = piece * (CHUNK // len(piece))
            with open(self.big, "wb") as file:
                for _ in range((of_lines if b"\n" in piece[:64] else SIZE) // CHUNK):
                    file.write(chunk)
            yield name

    def measure(self, *arguments, stdin=None):
        """Runs sallyport; the beginning of what it wrote, its time on a processor and its largest memory."""
        paths = self.path("out"), self.path("err")
        with open(stdin or os.devnull, "rb") as source, open(paths[0], "wb") as out, \
                open(paths[1], "wb") as err:
            process = subprocess.Popen([SALLYPORT, *arguments], stdin=source, stdout=out, stderr=err)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        words = []
        for path in paths:
            with open(path, encoding="utf-8", errors="replace") as file:
                words.append(file.read(1 << 17))
        return Ended(process.returncode, *words, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)

    def expect_little(self, ended):
        self.worst = max(self.worst[0], ended.seconds), max(self.worst[1], ended.memory)
        self.assertLess(ended.seconds, SECONDS)
        if SLOW == 1:  # a sanitizer's shadow counts as memory
            self.assertLess(ended.memory, MEMORY)

    def test_is_refused_as_a_manifest(self):
        for name in self.contents():
            for arguments in (["check", "-m", self.big, "api.test"], ["lint", self.big],
                              ["diff", self.manifest, self.big], ["csp", self.big],
                              ["test", self.big]):
                with self.subTest(f"{name}, {arguments[0]}"):
                    ended = self.measure(*arguments)
                    self.assertEqual(ended.status, 2, ended.output)
                    self.assertIn(self.big, ended.complaint)
                    self.expect_little(ended)

    def test_streams_as_targets(self):
        for name in self.contents(STREAMED):
            with self.subTest(name):
                ended = self.measure("check", "-m", self.manifest, "-", stdin=self.big)
                self.assertEqual(ended.status, 2, ended.complaint)
                self.assertRegex(ended.output, r"^INVALID  .*  invalid_target  \(")
                self.expect_little(ended)

    def test_streams_as_a_log(self):
        for name in self.contents(STREAMED):
            for command in ("replay", "learn"):
                with self.subTest(f"{name}, {command}"):
                    ended = self.measure(command, "-m", self.manifest, self.big)
                    self.assertEqual(ended.status, 2, ended.output)
                    self.assertIn(self.big, ended.complaint)
                    self.expect_little(ended)

    def test_streams_as_a_compressed_log(self):
        for name, piece, size in (("one line", b"\0", SIZE), ("lines", b"{}\n", STREAMED)):
            with self.subTest(name):
                with gzip.open(self.big, "wb", 1) as file:
                    for _ in range(size // CHUNK):
                        file.write(piece * (CHUNK // len(piece)))
                ended = self.measure("replay", "-m", self.manifest, self.big)
                self.assertEqual(ended.status, 2, ended.output)
                self.assertIn(self.big, ended.complaint)
                self.expect_little(ended)
