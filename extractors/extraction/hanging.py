"""Hanging: a process that works on one clip for too long is ended, as if its decoder had crashed."""

import faulthandler
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TextIO

# Work on a clip of 10 s hangs after this; decoding it takes about 1 s of one core, and the largest network 25 s.
HUNG_S = 600.0
CLIP_S = 10.0


def patience_s(hung_s: float, length_s: float) -> float:
    """How long work on a clip of `length_s` may take, where one of 10 s may take `hung_s`; never less than that."""
    return hung_s * max(length_s / CLIP_S, 1.0)


@contextmanager
def ended_after(limit_s: float) -> Iterator[None]:
    """End this process if what is done inside takes longer; where it hung goes to its standard error.

    A thread that needs nothing of Python does it, so that also a decoder that loops for ever comes to its end.
    Whoever waits for the process hears that it has died. A process that was stopped (SIGSTOP) goes on to hang.
    """
    with _standard_error() as told:
        faulthandler.dump_traceback_later(limit_s, exit=True, file=told)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _standard_error() -> AbstractContextManager[TextIO]:
    """Standard error; nowhere, where it was closed before this process began, as some services do."""
    return nullcontext(sys.__stderr__) if sys.__stderr__ is not None else Path(os.devnull).open("w")
