"""Counts: how many segments have which status and flag, and which lack a feature as their clips are lost."""

from collections import Counter
from collections.abc import Sequence

import pyarrow.compute as pc

from audiosetzsl.blocks import Block
from audiosetzsl.shards import read_shard
from audiosetzsl.workspace import Workspace
from flows.extracting.clips import LOST
from flows.extracting.due import KINDS

COLUMNS = ["segment_id", "status", "reason", "flags"]


def counts_of(place: Workspace, blocks: Sequence[Block]) -> tuple[dict[tuple[str, str], int], set[str]]:
    """Segments by (kind, status or flag), and those that lack a feature as their clips are lost.

    Raises:
        ShardError: a shard is absent or damaged.
    """
    counts: Counter[tuple[str, str]] = Counter()
    lost: set[str] = set()
    for kind in KINDS:
        for block in blocks:
            table = read_shard(place.features(kind) / block.file_name, kind, columns=COLUMNS)
            counts.update((str(kind), status) for status in table["status"].to_pylist())
            counts.update((str(kind), f"flag {f}") for flags in table["flags"].to_pylist() for f in flags)
            lost.update(table.filter(pc.equal(table["reason"], LOST))["segment_id"].to_pylist())
    return dict(counts), lost
