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
NETWORK = ".safetensors"
HALVES = ".audio_cnn-*"  # a network or a log that is being written
LOCK = "lock"
PROGRESS = "progress"
KEPT_DAYS = 30  # the progress of a training that broke off; all else in its folder is cheap to make again
DAY_S = 86_400


@contextmanager
def scratch_of(place: Workspace, network: Path) -> Iterator[Path | None]:
    """Hold the scratch folder of one training, beside its network; None where the network is there already.

    At the beginning there is nothing in it but `progress`, where the training was broken off. However the block
    ends, no more is left of it; and nothing at all once there is a network or where there is no progress. What
    killed runs of other trainings left is deleted; their progress is so when it is 30 days old.

    Raises:
        SetupError: another run holds it.
    """
    folder, turn = network.with_suffix(SUFFIX), place.root / SUFFIX
    lock = None if network.is_file() else _take(folder, network, turn)
    if lock is None:
        yield None
        return
    with lock:
        try:
            yield folder
        finally:
            with locked(turn):
                _tidy(folder)


def _take(folder: Path, network: Path, turn: Path) -> IO[str] | None:
    """The lock of a training that is to be made; None where its network came meanwhile."""
    with locked(turn):  # so that nobody takes hold of a folder while another deletes it
        lock = _hold(folder)
        # Looked for once it is known whether somebody holds it: who does may just have written it.
        if not network.is_file():
            if lock is None:
                raise SetupError(
                    f"{network} is being trained by another run; wait for it, then repeat this command"
                )
            _leave_progress(folder)
            _sweep(network.parent, folder)
            return lock
        if lock is not None:
            with lock:
                _tidy(folder)
        return None


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
    held = set()
    for folder in sorted(models.glob(f"*{SUFFIX}")):
        lock = None if folder == own else _hold(folder)
        if lock is None:
            held.add(folder.stem)
            continue
        with lock:
            progress = folder / PROGRESS
            if progress.is_file() and time.time() - progress.stat().st_mtime > KEPT_DAYS * DAY_S:
                progress.unlink()
            _tidy(folder)
        if folder.is_dir():
            say(
                f"{folder} is of a training that was broken off: repeat its command within {KEPT_DAYS} days to go "
                "on, or delete the folder"
            )
    _delete_halves(models, held - {own.stem})


def _delete_halves(models: Path, held: set[str]) -> None:
    """Delete halves of networks and logs: only who holds a training writes them, so others are of killed runs."""
    for half in models.glob(HALVES):
        if half.name.split(".")[1] not in held:
            half.unlink(missing_ok=True)


def _tidy(folder: Path) -> None:
    """Leave the progress of a training that can go on, and nothing of any other."""
    if (folder / PROGRESS).is_file() and not folder.with_suffix(NETWORK).is_file():
        _leave_progress(folder)
    else:
        shutil.rmtree(folder)


def _leave_progress(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name not in (LOCK, PROGRESS):
            path.unlink()
