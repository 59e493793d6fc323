"""Crew: threads that work through a queue, each of which is given up when it takes too long."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
# Called by a worker when its waiting is over and its time begins.
Begin = Callable[[], None]
Work = Callable[[T, Begin], R]
_LOOK_S = 0.2
# After an error, for what is being done just then.
LAST_S = 10.0


class Over(Exception):
    """Nothing further is to begin: another has failed meanwhile, or nobody hears what comes."""


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    """One item in the hands of a thread."""

    item: T
    since_s: float | None = None  # of time.monotonic; None while it waits, and once it is done
    given_up: bool = False


class Crew(Generic[T, R]):
    """Calls a function for every item in threads; one that takes longer than `limit_s` is left to itself.

    A thread cannot be ended from outside. One that hangs, in a look-up of a name or in a server's silence, is
    replaced by another, and whatever it still brings is not heard.
    """

    def __init__(self, work: Work[T, R], threads: int, limit_s: float) -> None:
        self._work, self._threads, self._limit_s = work, threads, limit_s
        self._todo: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[T, R | None, BaseException | None]] = queue.SimpleQueue()
        self._jobs: list[_Job[T]] = []
        self._lock = threading.Lock()  # over jobs: each is either done or given up
        self._problems: list[BaseException] = []
        self._over = False
        self._looked_s = time.monotonic()

    def work_through(self, items: Sequence[T]) -> Iterator[tuple[T, R | None] | None]:
        """Yield items with their results as they come, None for a result that took too long.

        A bare None comes now and then while nothing does, for those who have something to do meanwhile. An
        exception of the function ends the work: nothing further is begun, and what others are just doing is
        yielded before the exception is raised.
        """
        for item in items:
            self._todo.put(item)
        for _ in range(min(self._threads, len(items))):
            self._hire()
        left = len(items)
        try:
            while left and not self._problems:
                outcome = self._late() or self._next()
                left -= outcome is not None
                yield outcome
            self._over = True
            if self._problems:
                yield from self._last()
                raise self._problems[0]
        finally:
            self._over = True

    def _last(self) -> Iterator[tuple[T, R | None]]:
        """What was begun before an error, and comes soon after it."""
        until_s = time.monotonic() + LAST_S
        while (self._is_busy() or not self._done.empty()) and time.monotonic() < until_s:
            if (outcome := self._next()) is not None:
                yield outcome

    def _is_busy(self) -> bool:
        with self._lock:
            return any(job.since_s is not None for job in self._jobs)

    def _next(self) -> tuple[T, R | None] | None:
        try:
            item, result, problem = self._done.get(timeout=_LOOK_S)
        except queue.Empty:
            return None
        if problem is not None:
            self._problems.append(problem)
            return None
        return item, result

    def _late(self) -> tuple[T, None] | None:
        """Give up one job that has taken too long, if there is one, and hire another worker for it."""
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_S:
            return None
        with self._lock:
            for job in self._jobs:
                if job.since_s is not None and now_s - job.since_s > self._limit_s:
                    job.given_up = True
                    self._jobs.remove(job)
                    self._hire()
                    return job.item, None
        self._looked_s = now_s
        return None

    def _hire(self) -> None:
        # As a daemon it does not keep the process from ending.
        threading.Thread(target=self._toil, daemon=True).start()

    def _toil(self) -> None:
        while not self._over:
            try:
                job = _Job(self._todo.get_nowait())
            except queue.Empty:
                return
            with self._lock:
                self._jobs.append(job)
            outcome = self._outcome(job)
            with self._lock:
                if job.given_up:
                    return  # another has taken the place of this thread
                self._jobs.remove(job)
                self._over |= outcome[1] is not None
                self._done.put((job.item, *outcome))

    def _outcome(self, job: _Job[T]) -> tuple[R | None, BaseException | None]:
        def begin() -> None:
            if self._over:
                raise Over
            job.since_s = time.monotonic()

        try:
            return self._work(job.item, begin), None
        except BaseException as problem:
            return None, problem


def in_time(function: Callable[[T], None], item: T, limit_s: float) -> None:
    """Call a function in a thread that is given up after `limit_s`.

    Raises:
        TimeoutError: it took longer. What the function raises comes through as it is.
    """

    def work(item: T, begin: Begin) -> bool:
        begin()
        function(item)
        return True

    for outcome in Crew(work, 1, limit_s).work_through([item]):
        if outcome is not None and outcome[1] is None:
            raise TimeoutError(f"given up after {limit_s:.0f} s")
