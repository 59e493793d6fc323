"""Scratch of trainings: a folder each, which one run at a time holds; of one that broke off the progress stays."""

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from audiosetzsl.errors import SetupError
from audiosetzsl.files import locked
from audiosetzsl.show import say
from audiosetzsl.workspace import Workspace

SUFFIX = ".training"
LOCK = "lock"
PROGRESS = "progress"
KEPT_DAYS = 30  # the progress of a training that broke off; all else in its folder is cheap to make again
DAY_S = 86_400


@contextmanager
def scratch_of(place: Workspace, checkpoint: Path) -> Iterator[Path]:
    """Hold the scratch folder of one training, beside its checkpoint; it is deleted when the block succeeds.

    At the beginning there is nothing in it but `progress`, where the training was broken off. What other trainings
    left is deleted unless a run holds it; their progress is so when it is 30 days old.

    Raises:
        SetupError: another run holds it.
    """
    folder, turn = checkpoint.with_suffix(SUFFIX), place.root / SUFFIX
    with locked(turn):  # so that nobody takes hold of a folder while another deletes it
        lock = _hold(folder)
        if lock is None:
            raise SetupError(
                f"{checkpoint} is being trained by another run; wait for it, then repeat this command"
            )
        _sweep(place.models, folder)
    with lock:
        yield folder
        with locked(turn):
            shutil.rmtree(folder)


def _hold(folder: Path) -> IO[str] | None:
    """The lock of a folder, which lasts until it is closed or its process dies; None where another run has it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / LOCK).open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _sweep(models: Path, own: Path) -> None:
    """Delete what killed runs left, but for what they can go on from."""
    _leave_progress(own)
    for folder in sorted(models.glob(f"*{SUFFIX}")):
        lock = None if folder == own else _hold(folder)
        if lock is None:
            continue
        with lock:
            progress = folder / PROGRESS
            if not progress.is_file() or time.time() - progress.stat().st_mtime > KEPT_DAYS * DAY_S:
                shutil.rmtree(folder)
                continue
            _leave_progress(folder)
        say(
            f"{folder} is of a training that was broken off: repeat its command within {KEPT_DAYS} days to go on, "
            "or delete the folder"
        )


def _leave_progress(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name not in (LOCK, PROGRESS):
            path.unlink()
