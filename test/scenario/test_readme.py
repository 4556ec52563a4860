"""The README's dry run does what is printed there, as it is printed there."""
import os
import re
import subprocess
import unittest

from harness import BUILD, PATIENCE, ROOT


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

    def test_every_command_of_its_table_is_there(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            named = set(re.findall(r"^\| `sallyport (\w+)", file.read(), re.MULTILINE))
        done = subprocess.run([os.path.join(BUILD, "sallyport"), "help"], capture_output=True,
                              text=True, timeout=PATIENCE, check=True)
        there = set(re.findall(r"^  (\w+) {2,}", done.stdout, re.MULTILINE)) - {"help"}
        self.assertEqual(named, there)
