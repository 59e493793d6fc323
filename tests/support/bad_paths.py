"""Paths at which something goes wrong that no file can bring about at will."""

import os
import signal
from pathlib import Path

_Path = type(Path())


class Deadly(_Path):
    """Whoever opens it is gone, as if a decoder had crashed."""

    def __fspath__(self):
        os.kill(os.getpid(), signal.SIGKILL)

    __str__ = __fspath__


class Faulty(_Path):
    """Whoever opens it runs into a fault of our own code."""

    def __fspath__(self):
        raise RuntimeError("a fault of ours")

    __str__ = __fspath__
