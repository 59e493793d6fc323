"""Meters: how far a stage is, in steps finer than blocks, told now and then while it works."""

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

log = logging.getLogger(__name__)


class Meter(Protocol):
    """Tells how far a stage is from the files that it writes."""

    total: int

    def read(self) -> tuple[int, str]:
        """Steps done so far, and a few words on them."""
        ...


@contextmanager
def watched(meter: Meter | None, every_s: float, show: Callable[[int, str], None]) -> Iterator[None]:
    """Show what a meter reads every so often, and once more at the end; without a meter, nothing."""
    if meter is None:
        yield
        return
    over = threading.Event()

    def look() -> None:
        try:
            show(*meter.read())
        except Exception as problem:  # it only tells: what goes wrong with it must not end the work
            log.warning("progress is not shown: %s", type(problem).__name__)

    def watch() -> None:
        while not over.wait(every_s):
            look()

    # Prefect's settings and run are variables of the context, which a thread does not inherit.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(watch,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        look()
