"""Runs one scenario module (or one class or test of it) and tells each result on a line of its own.

    /usr/bin/python3 test/scenario/harness_run.py test_connect[.CLASS[.TEST]]

A result is `@@ ` and a JSON object; test/run adds them up. Everything else that is printed is
shown with a failure; lines that begin with `note: ` are shown always.
"""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class Teller(unittest.TestResult):
    """Tells each result as it comes; a test with subtests fails once a failing subtest."""

    def tell(self, test, result, why=""):
        name = test.id().split(".", 1)[1]
        print("@@ " + json.dumps({"test": name, "result": result, "why": why}), flush=True)

    def addSuccess(self, test):
        self.tell(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell(test, "failed", self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        self.tell(test, "failed", self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is None:
            self.tell(subtest, "passed")
        else:
            self.tell(subtest, "failed", self._exc_info_to_string(err, subtest))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell(test, "skipped", reason)


loader = unittest.TestLoader()
suite = loader.loadTestsFromName(sys.argv[1])
result = Teller()
suite.run(result)
sys.exit(0 if result.wasSuccessful() else 1)
