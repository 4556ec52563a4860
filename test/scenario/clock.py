"""A program's clocks in the scenario's hand, so that an hour passes in no time."""
import os
import struct
import subprocess
import unittest

from harness import ROOT, is_instrumented


class Clock:
    """Of the program that is started with `wrapper` before its command."""

    def __init__(self, directory):
        if is_instrumented():
            raise unittest.SkipTest("sanitizers want to be loaded first")
        shim, self.offsets = os.path.join(directory, "clock.so"), os.path.join(directory, "offsets")
        subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O1", "-o", shim,
                        os.path.join(ROOT, "test", "scenario", "clock_jump.c")], check=True)
        with open(self.offsets, "wb") as file:
            file.write(bytes(16))
        self.set()
        self.wrapper = ["env", f"LD_PRELOAD={shim}", f"CLOCK_OFFSET={self.offsets}"]

    def set(self, wall=0, monotonic=0):
        """Seconds ahead of the machine's."""
        with open(self.offsets, "r+b") as file:
            file.write(struct.pack("qq", wall, monotonic))
