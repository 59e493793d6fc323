"""Look: what the shard of a block says of itself, read whole and held to its block and to the ledger."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from audiosetzsl.blocks import Block
from audiosetzsl.clips.fetched import fetched
from audiosetzsl.errors import ShardError
from audiosetzsl.files import damage_told
from audiosetzsl.shards.current import is_current, why_stale
from audiosetzsl.shards.finding import Finding, Problem
from audiosetzsl.shards.io import clips_of, read_shard, recipe_of
from audiosetzsl.shards.recipe import Recipe
from audiosetzsl.shards.schema import FEATURES, Kind, width_of
from audiosetzsl.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Look:
    """What a shard that can be read says of itself."""

    path: Path
    recipe: Recipe
    width: int | None
    of_clips: Mapping[str, str]
    head: pa.Table  # its rows without their features
    rows_fault: str  # what is wrong with which segments it holds, "" if nothing is
    stale: str  # why it is to be made again, "" if it is current


def look_at(place: Workspace, kind: Kind, block: Block) -> Look | Finding:
    """Read the shard of a block; a finding where there is none that can be read.

    Raises:
        ShardError: the block's part of the ledger is damaged.
        SetupError: the disk does not give the shard, which is no finding: it may be whole.
    """
    path = place.features(kind) / block.file_name
    with damage_told(path, ShardError):
        is_there = path.is_file()
    if not is_there:
        return Finding(kind, path, Problem.MISSING, f"{len(block.segment_ids)} segments")
    try:
        table, recipe, of_clips = read_shard(path, kind), recipe_of(path), clips_of(path)
    except ShardError as problem:
        return Finding(kind, path, Problem.DAMAGED, _damage(problem, path))
    head, width = table.drop_columns([FEATURES[kind]]), width_of(table.schema, kind)
    # Sound vectors are held to their log-mels, and with them to the clips.
    stale = "" if kind is Kind.AUDIO else _stale(place, path, head)
    return Look(path, recipe, width, of_clips, head, _rows_fault(head, block), stale)


def _damage(problem: ShardError, path: Path) -> str:
    """What an error says of a shard besides its path, that it is damaged, and what to do."""
    text = str(problem).removeprefix(f"{path}").lstrip(": ")
    text = re.sub(r"; (delete it and )?make it again$", "", text)
    return re.sub(r"^is damaged \((.*)\)$", r"\1", text, flags=re.DOTALL)


def _rows_fault(head: pa.Table, block: Block) -> str:
    ids = head["segment_id"].to_pylist()
    if ids == list(block.segment_ids):
        return ""
    strangers, lost = len(set(ids) - set(block.segment_ids)), len(set(block.segment_ids) - set(ids))
    if not lost and not strangers:
        return "the order"
    return f"{lost} segments are missing, {strangers} are not of its block"


def _stale(place: Workspace, path: Path, head: pa.Table) -> str:
    found = fetched(place, path.name)
    return "" if is_current(path, found) else why_stale(path, head, found)
