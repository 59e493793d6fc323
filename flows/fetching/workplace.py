"""Workplace: one run at a time fetches into a workspace, and begins by sweeping up after one that was killed."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process

from audiosetzsl.errors import SetupError
from audiosetzsl.workspace import Workspace


@contextmanager
def alone(place: Workspace) -> Iterator[None]:
    """Hold the workspace for fetching, in this process and those it starts.

    Raises:
        SetupError: another run holds it.
    """
    place.root.mkdir(parents=True, exist_ok=True)
    with (place.root / ".fetching").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise SetupError(
                f"another run is fetching into {place.root}; wait for it, or use a workspace of its own"
            ) from problem
        _wait_for_orphans(place)
        sweep(place)
        yield


@contextmanager
def at_work(place: Workspace) -> Iterator[None]:
    """Be seen to work on a block: a new run waits for the workers of one that was killed."""
    with (place.root / ".working").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def is_orphan() -> bool:
    """Whether the process that started this one is dead: nobody hears what this one finds any more."""
    parent = parent_process()
    return parent is not None and not parent.is_alive()


def _wait_for_orphans(place: Workspace) -> None:
    with (place.root / ".working").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def sweep(place: Workspace) -> None:
    """Remove what a killed process left: scratch files, which nobody writes any more."""
    shutil.rmtree(place.root / "scratch", ignore_errors=True)
    for folder in (place.media, place.clips, place.canaries, place.health, place.root / "checks"):
        for path in folder.rglob(".*"):
            path.unlink(missing_ok=True)
