"""Runner: where a stage works on its blocks, kept apart from what it does with them."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Protocol, TypeVar

from audiosetzsl.show import progress_bar
from flows.politeness.gates import Gate, open_gate, prefect_gate

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

METER_S = 1.0

T = TypeVar("T")
R = TypeVar("R")


class Meter(Protocol):
    """Tells how far a stage is, in steps finer than blocks, from the files that it writes."""

    total: int

    def read(self) -> tuple[int, str]:
        """Steps done so far, and a few words on them."""
        ...


class Runner(Protocol):
    """Maps a function over blocks, in any order and any place."""

    def map(
        self, name: str, function: Callable[[T], R], blocks: Sequence[T], meter: Meter | None = None
    ) -> Iterator[R]:
        """Yield results as they come; `name` is shown to people, and what `meter` reads, where there is one."""
        ...

    def gate(self) -> Gate:
        """Who has to be asked, besides the local pace, before a question goes out to somebody's server."""
        ...


class Processes:
    """The default: processes of this machine, one a core, with a progress bar."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))

    def map(
        self, name: str, function: Callable[[T], R], blocks: Sequence[T], meter: Meter | None = None
    ) -> Iterator[R]:
        """Run in worker processes; the first error stops the stage, and finished blocks stay finished."""
        if not blocks:
            return
        # Spawned, not forked: a fork of a process that has used torch's threads can hang.
        with (
            progress_bar() as bar,
            ProcessPoolExecutor(
                min(self.workers, len(blocks)), mp_context=get_context("spawn"), initializer=_one_thread
            ) as pool,
        ):
            task = bar.add_task(name, total=meter.total if meter else len(blocks))
            futures = [pool.submit(function, block) for block in blocks]
            try:
                with _shown(bar, task, meter):
                    for future in as_completed(futures):
                        yield future.result()
                        if meter is None:
                            bar.advance(task)
            finally:
                for future in futures:
                    future.cancel()

    def gate(self) -> Gate:
        """Nobody."""
        return open_gate


class PrefectTasks:
    """The same inside a Prefect flow: every block is a task run, recorded by the server."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))

    def map(
        self, name: str, function: Callable[[T], R], blocks: Sequence[T], meter: Meter | None = None
    ) -> Iterator[R]:
        """Run as tasks in worker processes; the first error stops the stage, finished blocks stay finished."""
        from prefect import task
        from prefect.cache_policies import NO_CACHE
        from prefect.futures import PrefectFuture, as_completed
        from prefect.task_runners import ProcessPoolTaskRunner

        if not blocks:
            return

        def work(block: T) -> R:
            return function(block)

        # Files are the only memory of what is done, so Prefect's own cache stays off.
        recorded = task(name=name, cache_policy=NO_CACHE, persist_result=False)(work)
        with ProcessPoolTaskRunner(min(self.workers, len(blocks))) as pool:
            futures: list[PrefectFuture[R]] = [
                pool.submit(recorded.with_options(task_run_name=f"{name} {label(block)}"), {"block": block})
                for block in blocks
            ]
            for future in as_completed(futures):
                yield future.result()

    def gate(self) -> Gate:
        """The server's global limit of the egress, which holds for all machines that use it."""
        return prefect_gate


@contextmanager
def _shown(bar: "Progress", task: "TaskID", meter: Meter | None) -> Iterator[None]:
    """Bring the bar up to what the meter reads, every second, while the blocks are worked on."""
    if meter is None:
        yield
        return
    over = threading.Event()

    def show() -> None:
        while not over.wait(METER_S):
            done, words = meter.read()
            bar.update(task, completed=done, words=words)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        done, words = meter.read()
        bar.update(task, completed=done, words=words)


def label(block: object) -> str:
    """What people are shown of a block: its number, where it has one."""
    return str(getattr(block, "number", block))


def _one_thread() -> None:
    """One thread a process: as many processes as cores run side by side."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
