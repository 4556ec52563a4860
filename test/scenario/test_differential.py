"""What is sent on is read by nginx, Python and Node as the message that was understood."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "differential"))
import run  # noqa: E402  pylint: disable=wrong-import-position


class Differential(run.Stage):
    def test_of_600_messages_none_is_read_as_another(self):
        seed = int(time.time())
        result = self.compare(600, seed)
        self.assertEqual(result.wrong, [], f"seed {seed}")
        for name, counts in result.counts.items():
            self.assertGreater(counts["read"], 300, name)
            self.assertGreater(counts["refused by the proxy"], 30, name)
