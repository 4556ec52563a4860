"""The README's commands do what is said there, as they are printed there."""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from harness import BUILD, PATIENCE, ROOT, is_instrumented


# What the walk prints, in this order, each at the beginning of a line.
WALK = (r"1\.1$", r"orders/production/site-a: installed with version 1", r"2\.1$",
        r"  MAJOR egress-added: .*payments\.example", r"DENY  .*  pending_approval ",
        r"orders/production/site-a: approved version 2", r"ALLOW  .*/versions/2\.1/",
        r"verdict +deny, pending_approval", r"waits +2\.1 ", r"whole: 4 entries")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Readme(unittest.TestCase):
    def blocks(self, heading):
        """The fenced blocks behind HEADING: (language, text)."""
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            rest = file.read().split(heading, 1)[1]
        return re.findall(r"```(\w*)\n(.*?)```", rest, re.DOTALL)

    def test_the_dry_run_prints_what_it_says(self):
        (language, commands), (_, expected) = self.blocks("**The dry run**")[:2]
        self.assertEqual(language, "sh")
        output, statuses = "", []
        for command in commands.splitlines():
            command = command.replace("build/sallyport", os.path.join(BUILD, "sallyport"), 1)
            done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True,
                                  timeout=PATIENCE, check=False)
            self.assertEqual(done.stderr, "")
            output += done.stdout
            statuses.append(done.returncode)
        self.assertEqual(statuses, [1, 1, 0, 3])
        for line in expected.splitlines():
            self.assertIn(line + "\n", output)

    @unittest.skipUnless(shutil.which("curl"), "no curl")
    def test_the_walk_from_a_first_version_to_a_proof_is_true(self):
        language, commands = self.blocks("From a first version to a proof")[0]
        self.assertEqual((language, commands.count("127.0.0.1:3130")), ("sh", 2))
        commands = commands.replace("127.0.0.1:3130", f"127.0.0.1:{free_port()}") + "wait\n"
        if is_instrumented():
            self.assertIn("admin: {", commands)
            commands = commands.replace("admin: {", "process: {sandbox: off}, admin: {")
        with tempfile.TemporaryDirectory() as checkout:
            os.symlink(os.path.join(ROOT, "conf"), os.path.join(checkout, "conf"))
            os.mkdir(os.path.join(checkout, "build"))
            os.symlink(os.path.join(os.path.abspath(BUILD), "sallyport"),
                       os.path.join(checkout, "build", "sallyport"))
            done = subprocess.run(["sh", "-c", commands], cwd=checkout, capture_output=True,
                                  text=True, timeout=2 * PATIENCE, check=False)
            with open(os.path.join(checkout, "build/trial/page.html"), encoding="utf-8") as page:
                self.assertIn("payments.example", page.read())
        self.assertIn("403", done.stderr)
        rest = done.stdout
        for line in WALK:
            found = re.search("^" + line, rest, re.MULTILINE)
            self.assertIsNotNone(found, f"{line} in {rest}\n{done.stderr}")
            rest = rest[found.end():]

    def test_every_command_of_its_table_is_there(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            named = set(re.findall(r"^\| `sallyport (\w+)", file.read(), re.MULTILINE))
        done = subprocess.run([os.path.join(BUILD, "sallyport"), "help"], capture_output=True,
                              text=True, timeout=PATIENCE, check=True)
        there = set(re.findall(r"^  (\w+) {2,}", done.stdout, re.MULTILINE)) - {"help"}
        self.assertEqual(named, there)
