"""What all commands have in common, however they are used (README.md, the table of commands)."""
import os
import subprocess

from harness import ROOT, SALLYPORT, SLOW, Scenario, sallyport

MANIFEST = os.path.join(ROOT, "conf/sample/policy/orders/production/manifest.yml")


def commands():
    """The names that `sallyport help` lists, `help` itself left out."""
    lines = sallyport("help").stdout.splitlines()
    names = [line.split()[0] for line in lines if line.startswith("  ") and line[2].isalpha()]
    return [name for name in names if name != "help"]


class Commands(Scenario):
    def test_tell_by_themselves_what_help_tells_of_them(self):
        for name in commands():
            with self.subTest(name):
                told = sallyport("help", name)
                self.assertEqual((told.returncode, told.stderr), (0, ""))
                self.assertTrue(told.stdout.startswith(f"usage: sallyport {name} "))
                own = sallyport(name, "--help")
                self.assertEqual((own.returncode, own.stdout, own.stderr), (0, told.stdout, ""))

    def test_say_their_exit_statuses(self):
        for name in commands():
            with self.subTest(name):
                self.assertRegex(sallyport("help", name).stdout, r"(?m)^Exit status: 0 ")

    def test_refuse_an_option_that_they_do_not_have(self):
        for name in commands():
            for option in ("--no-such-option", "-Z"):
                with self.subTest(f"{name} {option}"):
                    done = sallyport(name, option)
                    self.assertEqual((done.returncode, done.stdout), (2, ""))
                    self.assertEqual(done.stderr, f"sallyport: unknown option {option}; "
                                                  f"see 'sallyport help {name}'\n")

    def test_refuse_to_do_nothing(self):
        for name in commands():
            if name == "run":
                continue  # it has a default configuration
            with self.subTest(name):
                done = sallyport(name)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertRegex(done.stderr, rf"^sallyport: .*; see 'sallyport help {name}'\n$")

    def test_are_refused_where_there_is_none_of_the_name(self):
        for arguments in (["chek"], ["help", "chek"], ["--no-such-option"]):
            with self.subTest(arguments):
                done = sallyport(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn("see 'sallyport help'", done.stderr)

    def test_mention_what_a_mistyped_word_may_mean(self):
        for arguments, meant in ((["chek"], "check"), (["help", "learm"], "learn"),
                                 (["lint", "--formt=text", MANIFEST], "--format"),
                                 (["installation", "aprove"], "approve")):
            with self.subTest(arguments):
                done = sallyport(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(f"(did you mean {meant}?); see 'sallyport help", done.stderr)

    def test_say_that_nobody_got_what_they_print(self):
        for arguments in (["help"], ["help", "lint"], ["help", "--man"], ["--version"],
                          ["completion", "bash"], ["lint", MANIFEST], ["csp", MANIFEST],
                          ["diff", MANIFEST, MANIFEST]):
            with self.subTest(arguments), open("/dev/full", "wb") as full:
                done = subprocess.run([SALLYPORT, *arguments], stdout=full, stderr=subprocess.PIPE,
                                      timeout=60 * SLOW, check=False)
                self.assertEqual((done.returncode, done.stderr),
                                 (2, b"sallyport: standard output cannot be written: "
                                     b"No space left on device\n"))
