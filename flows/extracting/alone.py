"""Alone: one run at a time extracts in a workspace, and says what the disk does not let it do."""

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from audiosetzsl.errors import SetupError
from audiosetzsl.workspace import Workspace
from flows.fetching.attempt import refuse_full_disk

READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def extracting(place: Workspace) -> Iterator[None]:
    """Hold a workspace for extraction.

    Raises:
        SetupError: another run holds it, its disk is full, or it cannot be written to.
    """
    try:
        with (place.root / ".extracting").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as problem:
                raise SetupError(
                    f"another run is extracting in {place.root}; wait for it, or use a workspace of its own"
                ) from problem
            yield
    except OSError as problem:
        refuse_full_disk(problem, place)
        if problem.errno in READ_ONLY:
            raise SetupError(
                f"{place.root} cannot be written to ({problem.strerror}); use a copy, or give yourself the right to"
            ) from problem
        raise
