"""Planning: which blocks a workspace has, and what is in them."""

import json
from dataclasses import fields
from functools import lru_cache
from pathlib import Path

from audiosetzsl.blocks import BLOCK_SIZE, Block, plan_blocks, plan_id
from audiosetzsl.errors import SetupError
from audiosetzsl.files import write_bytes
from audiosetzsl.manifest import Segment, read_manifest
from audiosetzsl.workspace import Workspace


def plan_workspace(place: Workspace, block_size: int | None = None) -> list[Block]:
    """Cut a workspace's manifest into blocks; the first plan is kept, and everything later is held to it.

    Raises:
        SetupError: the manifest, or the block size, is another than when the workspace was planned.
    """
    note = place.root / "plan.json"
    planned = json.loads(note.read_text()) if note.is_file() else None
    size = block_size or (planned["block_size"] if planned else BLOCK_SIZE)
    blocks = plan_blocks(read_manifest(place.manifest)["segment_id"].to_pylist(), size)
    plan = {"plan_id": plan_id(blocks), "block_size": size, "n_blocks": len(blocks)}
    if planned is None:
        write_bytes(note, (json.dumps(plan, indent=1) + "\n").encode())
    elif planned != plan:
        raise SetupError(
            f"{place.root} was planned as {planned}, its manifest now gives {plan}; clips and features there "
            "belong to the other plan: use a new workspace, or the manifest and block size it was planned with"
        )
    return blocks


def segments_of(place: Workspace, block: Block) -> list[Segment]:
    """Segments of a block, in the block's order."""
    by_id = _segments(place.manifest)
    return [by_id[name] for name in block.segment_ids]


@lru_cache(maxsize=1)
def _segments(path: Path) -> dict[str, Segment]:
    """Segments of a manifest by id, read once a process."""
    columns = [read_manifest(path)[field.name].to_pylist() for field in fields(Segment)]
    return {row[0]: Segment(*row) for row in zip(*columns, strict=True)}
