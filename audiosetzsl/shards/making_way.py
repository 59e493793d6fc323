"""Making way: shards that a stage is to make again step aside for it, and come back where it did not."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from audiosetzsl.errors import ShardError
from audiosetzsl.shards.current import AGAIN
from audiosetzsl.shards.io import clips_of, read_shard, recipe_of, write_shard
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
    """
    aside = place.root / "set-aside" / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    try:
        for redo in redos:
            _make_way(redo, _seat(redo, aside))
        yield aside
    finally:
        for redo in redos:
            _bring_back(redo, _seat(redo, aside))
        _remove_empty(aside)


def is_unmade(path: Path) -> bool:
    """Whether a shard is missing, or still to be made again."""
    try:
        return clips_of(path) == AGAIN
    except ShardError:
        return True


def _seat(redo: Redo, aside: Path) -> Path:
    """Where a file, or its copy, lies while a stage works."""
    return aside / redo.kind / redo.path.name


def _make_way(redo: Redo, seat: Path) -> None:
    if redo.way is Way.DELETE:
        redo.path.unlink(missing_ok=True)
    if redo.way not in (Way.ASIDE, Way.IN_PLACE):
        return
    seat.parent.mkdir(parents=True, exist_ok=True)
    if redo.way is Way.ASIDE:
        redo.path.rename(seat)
        return
    shutil.copy2(redo.path, seat)
    table = read_shard(redo.path, redo.kind).replace_schema_metadata(None)
    write_shard(table, redo.path, redo.kind, recipe_of(redo.path), AGAIN)


def _bring_back(redo: Redo, seat: Path) -> None:
    """Bring back what no stage has made again; of what it has, the copy goes, and what moved aside stays there."""
    if not seat.is_file() or not redo.is_of_plan:
        return
    if is_unmade(redo.path):
        seat.replace(redo.path)
    elif redo.way is Way.IN_PLACE:
        seat.unlink()


def _remove_empty(aside: Path) -> None:
    """Remove folders in which nothing was left."""
    for folder in [*aside.glob("*"), aside, aside.parent]:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
