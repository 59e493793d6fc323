"""Blocks of a workspace as it was planned: which shards there have to be, and the segments of each."""

import json

from audiosetzsl.blocks import Block, plan_blocks, plan_id
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import read_manifest
from audiosetzsl.workspace import Workspace


def planned_blocks(place: Workspace) -> list[Block]:
    """Blocks that the stages of the factory work on in this workspace; nothing is planned here.

    Raises:
        SetupError: there is no plan, or the manifest has changed since.
    """
    note = place.root / "plan.json"
    try:
        planned = json.loads(note.read_text())
        size, noted = planned["block_size"], planned["plan_id"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise SetupError(
            f"{note} does not say which blocks there are ({problem}); run a stage such as "
            "`python -m flows fetch-clips` on this workspace first, or name another"
        ) from problem
    blocks = plan_blocks(read_manifest(place.manifest)["segment_id"].to_pylist(), size)
    if plan_id(blocks) != noted:
        raise SetupError(
            f"{place.manifest} is not the manifest that {note} was made for, so nothing can be said of the shards; "
            "bring that manifest back, or use a new workspace"
        )
    return blocks
