"""The bypass cases (test/bypass), ours alone; `make bypass` puts two peers beside it."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bypass"))
import cases  # noqa: E402  pylint: disable=wrong-import-position
import hello  # noqa: E402  pylint: disable=wrong-import-position
import run  # noqa: E402  pylint: disable=wrong-import-position

KINDS = cases.kinds()


class Bypass(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        found = [case for _, some in KINDS.values() for case in some]
        cls.results = run.run_all("sallyport", found, 4)

    def holds(self, kind):
        results = [(case.name, wrong) for case, wrong in self.results if case.kind == kind]
        self.assertEqual(len(results), len(KINDS[kind][1]))
        self.assertEqual([result for result in results if result[1]], [])

    def test_there_are_four_hundred_cases_and_more_and_no_two_alike(self):
        found = [case for _, some in KINDS.values() for case in some]
        self.assertGreaterEqual(len(found), 400)
        told = {(case.it, repr(case.fields)) for case in found}
        self.assertEqual(len(told), len(found))
        print(f"note: bypass: {len(found)} cases of {len(KINDS)} kinds")

    def test_a_hello_is_made_as_asked(self):
        made = hello.build(sni=b"a.test", split=b"1")
        self.assertEqual(made[:5], b"\x16\x03\x01\0\x01")
        self.assertEqual(len(hello.build(sni=b"a.test", pad=b"100")) - len(hello.build(sni=b"a.test")),
                         104)


for KIND in KINDS:
    def holds(self, kind=KIND):
        self.holds(kind)
    setattr(Bypass, f"test_nothing_gets_past_by_{KIND}", holds)
