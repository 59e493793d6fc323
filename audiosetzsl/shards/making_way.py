"""Making way: shards that a stage is to make again step aside for it, and come back where it did not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.files import copy_file, lock_if_free, move_file
from audiosetzsl.shards.current import is_marked, mark
from audiosetzsl.shards.redo import Redo, Way
from audiosetzsl.workspace import Workspace


@contextmanager
def made_way(place: Workspace, redos: Sequence[Redo]) -> Iterator[Path]:
    """Make way for stages that run within the block, and bring back what they did not make again.

    What no stage can read, or what it would refuse, moves aside, and stays there for its owner to delete. What can be
    read stays where it is with a note that it is to be made again: the stage puts the new shard in its place in one
    go, and takes over rows whose clips are lost. So a process that is killed at any moment takes no row with it.

    Args:
        place: a workspace.
        redos: what is to be made again.

    Yields:
        The folder where files were moved to; it exists if there are any.

    Raises:
        SetupError: a run of extract-features is going on, and nothing was touched; or one began beside the stages and
            goes on still: it makes these shards, so that nothing is brought back.
    """
    aside = place.root / "set-aside" / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    with at_rest(place):
        try:
            for redo in redos:
                _make_way(redo, _seat(redo, aside))
        except BaseException:
            _bring_all_back(redos, aside)
            raise
    # The stages ask for the lock themselves.
    try:
        yield aside
    finally:
        with at_rest(place, f"; what it does not make again lies in {aside}" if aside.is_dir() else ""):
            _bring_all_back(redos, aside)


@contextmanager
def at_rest(place: Workspace, besides: str = "") -> Iterator[None]:
    """Hold off runs of extract-features, which write the shards that are to be moved; `besides` ends the message.

    Raises:
        SetupError: one is going on.
    """
    with lock_if_free(place.lock("extract-features")) as is_mine:
        if not is_mine:
            raise SetupError(
                f"a run of extract-features is going on in {place.root}; wait for it, and then repair{besides}"
            )
        yield


def is_unmade(path: Path) -> bool:
    """Whether a shard is missing, or still to be made again."""
    try:
        return is_marked(path)
    except ShardError:
        return True


def _seat(redo: Redo, aside: Path) -> Path:
    """Where a file, or its copy, lies while a stage works."""
    return aside / redo.kind / redo.path.name


def _make_way(redo: Redo, seat: Path) -> None:
    if redo.way is Way.DELETE:
        redo.path.unlink(missing_ok=True)
    if not redo.path.is_file():
        return  # nor is it there any more, if it was
    if redo.way is Way.ASIDE:
        move_file(redo.path, seat)
    if redo.way is not Way.IN_PLACE:
        return
    copy_file(redo.path, seat)
    mark(redo.path, redo.kind)


def _bring_all_back(redos: Sequence[Redo], aside: Path) -> None:
    for redo in redos:
        _bring_back(redo, _seat(redo, aside))
    _remove_empty(aside)


def _bring_back(redo: Redo, seat: Path) -> None:
    """Bring back what no stage has made again; of what it has, the copy goes, and what moved aside stays there."""
    if not seat.is_file() or not redo.is_of_plan:
        return
    if is_unmade(redo.path):
        move_file(seat, redo.path)
    elif redo.way is Way.IN_PLACE:
        seat.unlink()


def _remove_empty(aside: Path) -> None:
    """Remove folders in which nothing was left."""
    for folder in [*aside.glob("*"), aside, aside.parent]:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
