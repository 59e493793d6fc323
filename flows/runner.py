"""Runner: where a stage works on its blocks, kept apart from what it does with them."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Protocol, TypeVar

from audiosetzsl.show import progress_bar

T = TypeVar("T")
R = TypeVar("R")


class Runner(Protocol):
    """Maps a function over blocks, in any order and any place."""

    def map(self, name: str, function: Callable[[T], R], blocks: Sequence[T]) -> Iterator[R]:
        """Yield results as they come; `name` is shown to people."""
        ...


class Processes:
    """The default: processes of this machine, one a core, with a progress bar."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))

    def map(self, name: str, function: Callable[[T], R], blocks: Sequence[T]) -> Iterator[R]:
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
            task = bar.add_task(name, total=len(blocks))
            futures = [pool.submit(function, block) for block in blocks]
            try:
                for future in as_completed(futures):
                    yield future.result()
                    bar.advance(task)
            finally:
                for future in futures:
                    future.cancel()


class PrefectTasks:
    """The same inside a Prefect flow: every block is a task run, recorded by the server."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))

    def map(self, name: str, function: Callable[[T], R], blocks: Sequence[T]) -> Iterator[R]:
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


def label(block: object) -> str:
    """What people are shown of a block: its number, where it has one."""
    return str(getattr(block, "number", block))


def _one_thread() -> None:
    """One thread a process: as many processes as cores run side by side."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
