"""Held: what the shards of a kind hold, and what is not all there yet."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.clips.fetched import fetched
from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.features.parts import Parts
from audiosetzsl.shards import Kind, Status, clips_of, read_shard
from audiosetzsl.shards.current import is_current
from audiosetzsl.shards.planned import planned_blocks
from audiosetzsl.workspace import Workspace

_MAKERS = {Kind.LOG_MEL: "extract-features", Kind.VIDEO: "extract-features", Kind.AUDIO: "embed-audio"}
_log = logging.getLogger(__name__)


def held_by(parts: Parts, pool: ThreadPoolExecutor) -> pd.Series:
    """Segments that shards hold, in the order of the shards: whether each has a feature, by id.

    Raises:
        ShardError: a shard is damaged or of another recipe than the rest, or two hold the same segment.
    """

    def read(path: Path) -> pa.Table:
        return read_shard(path, parts.kind, made_by=parts.made_by, columns=["segment_id", "status"])

    rows = pa.concat_tables(table.replace_schema_metadata() for table in pool.map(read, parts.paths))
    has = np.asarray(pc.equal(rows["status"], Status.OK.value))
    held = pd.Series(has, index=pd.Index(rows["segment_id"].to_pandas()))
    refuse_doubled(parts, held.index)
    return held


def refuse_doubled(parts: Parts, held: pd.Index) -> None:
    """Hold the shards of a kind to one row a segment."""
    if (doubled := held[held.duplicated()]).size:
        raise ShardError(
            f"{doubled[0]} stands in two shards of {parts.folder}; find the wrong one with "
            "`audiosetzsl shards verify`"
        )


def refuse(unfinished: Iterable[str], *, allowed: bool) -> None:
    """Raise the first thing that is not finished; where that is allowed, log all of them as warnings."""
    for problem in unfinished:
        if not allowed:
            raise ShardError(f"{problem}; or take what there is, knowing so, with unfinished=True")
        _log.warning(problem)


def lacking(place: Workspace, parts: Parts, asked: pd.Index, held: pd.Index) -> Iterator[str]:
    """Segments that are asked for and that no shard holds: their blocks were not extracted yet, or were lost."""
    lost = asked[held.get_indexer(asked) < 0]  # many times as fast as isin
    if lost.size:
        yield (
            f"{parts.folder} holds no row of {lost.size} of the {asked.size} segments asked for "
            f"({_blocks_without(place, parts, lost)}); finish them with `python -m flows {_MAKERS[parts.kind]}` or "
            f"`audiosetzsl shards repair {place.root}`"
        )


def _blocks_without(place: Workspace, parts: Parts, lost: pd.Index) -> str:
    """Which shards should hold segments; without a plan, as where shards were brought by hand, nobody knows."""
    try:
        blocks = planned_blocks(place)
    except SetupError:
        return f"the first is {lost[0]}"
    without = [b.file_name for b in blocks if not (parts.folder / b.file_name).is_file()]
    if not without:
        return f"the first is {lost[0]}, and every block has its shard"
    return f"{len(without)} of {len(blocks)} blocks have no {parts.kind} shard, the first is {without[0]}"


def of_other_clips(place: Workspace, kinds: Sequence[Parts]) -> Iterator[str]:
    """Kinds that were made of other clips of a block than the rest; blocks are told by the names of their shards.

    Where clips were lost since, each kind may have been made of as many as there were: the ledger knows.
    """
    first, *others = kinds
    for other in others:
        apart = [
            name
            for path in first.paths
            if (name := path.name) in other.names
            and clips_of(path) != clips_of(other.folder / name)
            and not _are_current(place, (first, other), name)
        ]
        if apart:
            yield (
                f"{first.folder} and {other.folder} were made of different clips in {len(apart)} blocks, "
                f"the first is {apart[0]}; run `python -m flows extract-features`, then `embed-audio`, or see "
                f"`audiosetzsl shards verify {place.root}`"
            )


def _are_current(place: Workspace, kinds: Sequence[Parts], name: str) -> bool:
    found = fetched(place, name)
    return found.is_known and all(is_current(parts.folder / name, found) for parts in kinds)
