"""Runner: where a stage works on its blocks, kept apart from what it does with them."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Protocol, TypeVar

from audiosetzsl.machine import usable_cores
from audiosetzsl.show import progress_bar
from flows.meters import Meter, watched
from flows.politeness.gates import Gate, open_gate

METER_S = 1.0
# For what a worker has in hand when the process that started it is killed.
GRACE_S = 2.0

T = TypeVar("T")
R = TypeVar("R")


class Runner(Protocol):
    """Maps a function over blocks, in any order and any place."""

    def map(
        self,
        name: str,
        function: Callable[[T], R],
        blocks: Sequence[T],
        meter: Meter | None = None,
        workers: int | None = None,
    ) -> Iterator[R]:
        """Yield results as they come.

        Args:
            name: what people are shown.
            function: what is done with each block, in another process.
            blocks: each is a value that can be sent there.
            meter: how far the work is, in steps finer than blocks.
            workers: blocks that are worked on at once; None is what the runner thinks right.
        """
        ...

    def gate(self) -> Gate:
        """Who has to be asked, besides the local pace, before a question goes out to somebody's server."""
        ...


class Processes:
    """The default: processes of this machine, one a core, with a progress bar."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or usable_cores()

    def map(
        self,
        name: str,
        function: Callable[[T], R],
        blocks: Sequence[T],
        meter: Meter | None = None,
        workers: int | None = None,
    ) -> Iterator[R]:
        """Run in worker processes; the first error stops the stage, and finished blocks stay finished.

        So does Ctrl-C, or whoever hears no more of the results: blocks that are just worked on are broken off.
        """
        if not blocks:
            return
        # Spawned, not forked: a fork of a process that has used torch's threads can hang.
        context = get_context("spawn")
        # Open until the end: an event would wait for workers that died to take notice of it.
        over, until = context.Pipe(duplex=False)
        n = min(workers or self.workers, len(blocks))
        with (
            over,
            progress_bar() as bar,
            ProcessPoolExecutor(n, mp_context=context, initializer=_begin, initargs=(over,)) as pool,
        ):
            task = bar.add_task(name, total=meter.total if meter else len(blocks))

            def show(done: int, words: str) -> None:
                bar.update(task, completed=done, words=words)

            futures = [pool.submit(_work, function, block) for block in blocks]
            try:
                with watched(meter, METER_S, show):
                    for future in as_completed(futures):
                        yield future.result()
                        if meter is None:
                            bar.advance(task)
            finally:
                for future in futures:
                    future.cancel()
                until.close()

    def gate(self) -> Gate:
        """Nobody."""
        return open_gate


def label(block: object) -> str:
    """What people are shown of a block: its number, where it has one."""
    return str(getattr(block, "number", block))


class _Worker:
    """What a worker process knows of itself. The pool hands it one block more than can be called back."""

    works = False
    is_over = False


def _begin(over: Connection) -> None:
    """Set a worker up: one thread, as many work side by side; and Ctrl-C is the business of who started it."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, _break_off)
    threading.Thread(target=_listen, args=(over,), daemon=True).start()


def _listen(over: Connection) -> None:
    """Wait for the end, and wake the main thread out of whatever it does.

    The end is told by closing the other side, which happens also to a stage that is killed. The pool would then
    wait for ever for its next block.
    """
    wait([over])
    _Worker.is_over = True
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    time.sleep(GRACE_S)
    parent = parent_process()
    if parent is not None and not parent.is_alive():
        os._exit(1)


def _break_off(signum: int, frame: FrameType | None) -> None:
    if _Worker.works:  # between two blocks, it would break the pool
        _Worker.works = False
        raise KeyboardInterrupt


def _work(function: Callable[[T], R], block: T) -> R:
    try:
        _Worker.works = True
        if _Worker.is_over:
            raise KeyboardInterrupt
        return function(block)
    finally:
        _Worker.works = False
