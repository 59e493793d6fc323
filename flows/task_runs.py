"""Task runs: the runner inside a Prefect flow, where every block is a task that the server records."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar
from uuid import UUID

from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ProcessPoolTaskRunner

from audiosetzsl.machine import usable_cores
from flows.meters import Meter, watched
from flows.politeness.gates import Gate, prefect_gate
from flows.runner import label

METER_S = 10.0

T = TypeVar("T")
R = TypeVar("R")


class PrefectTasks:
    """The same inside a Prefect flow: every block is a task run, recorded by the server."""

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
        """Run as tasks in worker processes; the first error stops the stage, finished blocks stay finished."""
        if not blocks:
            return

        def work(block: T) -> R:
            return function(block)

        # Files are the only memory of what is done, so Prefect's own cache stays off.
        recorded = task(name=name, cache_policy=NO_CACHE, persist_result=False)(work)
        with ProcessPoolTaskRunner(min(workers or self.workers, len(blocks))) as pool:
            futures: list[PrefectFuture[R]] = [
                pool.submit(recorded.with_options(task_run_name=_run_name(name, block)), {"block": block})
                for block in blocks
            ]
            with watched(meter, METER_S, _artifact(name, meter)):
                for future in as_completed(futures):
                    yield future.result()

    def gate(self) -> Gate:
        """The server's global limit of the egress, which holds for all machines that use it."""
        return prefect_gate


def _run_name(name: str, block: object) -> str:
    """What the page of the flow run calls a block; Prefect would take braces for places to fill in."""
    return f"{name} {label(block)}".replace("{", "{{").replace("}", "}}")


def _artifact(name: str, meter: Meter | None) -> Callable[[int, str], None]:
    """A progress bar on the page of the flow run."""
    if meter is None:
        return lambda done, words: None
    artifact = create_progress_artifact(0.0, key=name, description=f"0 of {meter.total:,}")
    assert isinstance(artifact, UUID)  # it would be a coroutine in a flow that is one
    total = max(meter.total, 1)

    def show(done: int, words: str) -> None:
        told = f"{done:,} of {meter.total:,}" + (f": {words}" if words else "")
        update_progress_artifact(artifact, min(100.0, 100 * done / total), told)

    return show
