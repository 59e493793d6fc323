"""Alone: one run of a command at a time in a workspace, and what the disk does not let it do is said."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.files import lock_if_free
from audiosetzsl.workspace import Workspace
from flows.fetching.attempt import refuse_full_disk

READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def alone(place: Workspace, command: str) -> Iterator[None]:
    """Hold a workspace for a command, in this process and those it starts; other commands stay free.

    Raises:
        SetupError: the workspace is not there, another run of the command holds it, its disk is full, or it cannot be
            written to.
    """
    if not place.root.is_dir():
        raise SetupError(f"{place.root} does not exist; check --workspace, or begin one with build-dataset")
    with disk_told(place), lock_if_free(place.lock(command)) as is_mine:
        if not is_mine:
            raise SetupError(
                f"another run of {command} is going on in {place.root}; "
                "wait for it, or use a workspace of its own"
            )
        yield


@contextmanager
def disk_told(place: Workspace) -> Iterator[None]:
    """Say what the disk of a workspace does not let us do.

    Raises:
        SetupError: it is full, or cannot be written to.
    """
    try:
        yield
    except OSError as problem:
        refuse_full_disk(problem, place)
        if problem.errno in READ_ONLY and not _is_elsewhere(problem, place):
            raise SetupError(
                f"{place.root} cannot be written to ({problem.strerror}); use a copy, or give yourself the right to"
            ) from problem
        raise


def _is_elsewhere(problem: OSError, place: Workspace) -> bool:
    """Whether it is about a file outside the workspace, such as a table of words that may not be read."""
    return problem.filename is not None and not Path(str(problem.filename)).is_relative_to(place.root)
