"""Completions and the man page: what the shells and the formatters make of them."""
import os
import shutil
import subprocess
import unittest

from harness import Scenario, sallyport, write

BASH = """
source completion.bash
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_sallyport
printf '%s\\n' "${COMPREPLY[@]}"
"""


def commands():
    """The names that `sallyport help` lists."""
    lines = sallyport("help").stdout.splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ") and line[2].isalpha()]


class Completion(Scenario):
    def script(self, shell):
        done = sallyport("completion", shell)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        write(self.path("completion." + shell), done.stdout)
        return done.stdout

    def shell(self, *command):
        return subprocess.run(command, cwd=self.path(""), capture_output=True, text=True,
                              timeout=60, check=False)

    def bash(self, *words):
        """What bash offers for the last of WORDS."""
        self.script("bash")
        done = self.shell("bash", "-c", BASH, "bash", "sallyport", *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def fish(self, line):
        self.script("fish")
        done = self.shell("fish", "--no-config", "-c", f"source completion.fish; complete -C '{line}'")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [offer.split("\t")[0] for offer in done.stdout.splitlines()]

    def test_offers_every_command_in_bash(self):
        self.assertEqual(sorted(self.bash("")), sorted([*commands(), "--help", "--version"]))

    def test_completes_a_command_in_bash(self):
        self.assertEqual(self.bash("che"), ["check"])
        self.assertEqual(self.bash("help", "li"), ["lint"])

    def test_completes_an_option_in_bash(self):
        self.assertEqual(self.bash("check", "--fo"), ["--format"])
        self.assertEqual(self.bash("run", "--"), ["--config", "--takeover", "--help"])

    def test_completes_the_word_that_an_option_takes_in_bash(self):
        self.assertEqual(self.bash("lint", "--format", "s"), ["sarif"])
        self.assertEqual(self.bash("lint", "--format", "=", "s"), ["sarif"])
        self.assertEqual(self.bash("lint", "--format", "="), ["text", "json", "sarif"])

    def test_completes_files_and_directories_where_they_are_taken_in_bash(self):
        write(self.path("manifest.yml"), "")
        os.mkdir(self.path("maps"))
        self.assertEqual(sorted(self.bash("check", "-m", "ma")), ["manifest.yml", "maps"])
        self.assertEqual(self.bash("check", "--policy", "ma"), ["maps"])
        self.assertEqual(self.bash("lint", "man"), ["manifest.yml"])

    def test_offers_nothing_where_nothing_can_be_guessed_in_bash(self):
        self.assertEqual(self.bash("check", "--app", ""), [])
        self.assertEqual(self.bash("no-such-command", ""), [])

    def test_completes_a_shells_name_in_bash(self):
        self.assertEqual(self.bash("completion", ""), ["bash", "zsh", "fish"])

    @unittest.skipUnless(shutil.which("fish"), "there is no fish")
    def test_completes_in_fish(self):
        self.assertEqual(self.fish("sallyport che"), ["check"])
        self.assertEqual(self.fish("sallyport check --fo"), ["--format"])
        self.assertEqual(sorted(self.fish("sallyport lint --format ")), ["json", "sarif", "text"])
        write(self.path("manifest.yml"), "")
        self.assertEqual(self.fish("sallyport lint man"), ["manifest.yml"])

    @unittest.skipUnless(shutil.which("zsh"), "there is no zsh")
    def test_is_loaded_by_zsh(self):
        self.script("zsh")
        loaded = "autoload -U compinit; compinit -D -u; source completion.zsh; print $_comps[sallyport]"
        done = self.shell("zsh", "-f", "-c", loaded)
        self.assertEqual((done.stdout, done.stderr), ("_sallyport\n", ""))

    def test_is_refused_for_another_shell(self):
        for arguments in ([], ["tcsh"], ["bash", "zsh"], ["--no-such-option"]):
            done = sallyport("completion", *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertRegex(done.stderr, r"^sallyport: .*; see 'sallyport help completion'\n$")


class ManPage(Scenario):
    def page(self):
        done = sallyport("help", "--man")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        write(self.path("sallyport.1"), done.stdout)
        return done.stdout

    def test_has_a_section_a_command(self):
        page = self.page()
        for name in commands():
            if name != "help":
                self.assertIn(f"\n.SS {name}\n", page)

    @unittest.skipUnless(shutil.which("groff"), "there is no groff")
    def test_pleases_groff(self):
        self.page()
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", self.path("sallyport.1")],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("Decides each TARGET as the proxy would", done.stdout)

    @unittest.skipUnless(shutil.which("mandoc"), "there is no mandoc")
    def test_pleases_mandoc(self):
        self.page()
        done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", self.path("sallyport.1")],
                              capture_output=True, text=True, check=False)
        complaints = [line for line in done.stdout.splitlines() if "missing date" not in line]
        self.assertEqual(complaints, [])
