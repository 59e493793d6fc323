"""Blocks of 256 segments: the unit of work, of resumption and of distribution."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

BLOCK_SIZE = 256


@dataclass(frozen=True, slots=True)
class Block:
    """Some segments that are worked on, written and resumed together."""

    number: int
    segment_ids: tuple[str, ...]

    @property
    def file_name(self) -> str:
        """Name of this block's file in every folder of a workspace."""
        return f"part-{self.number:05d}.parquet"


def plan_blocks(segment_ids: Sequence[str], size: int = BLOCK_SIZE) -> list[Block]:
    """Cut segments into blocks; the same segments give the same blocks, whatever order they come in.

    Segments are spread by the digest of their id, so every block is a fair sample of the classes and
    half a run is half of every class.
    """
    ordered = sorted(segment_ids, key=lambda name: hashlib.sha256(name.encode()).digest())
    return [
        Block(number, tuple(ordered[start : start + size]))
        for number, start in enumerate(range(0, len(ordered), size))
    ]


def plan_id(blocks: Sequence[Block]) -> str:
    """Digest of a plan: two workspaces with the same id hold the same blocks in the same order."""
    lines = "\n".join(name for block in blocks for name in (f"[{block.number}]", *block.segment_ids))
    return hashlib.sha256(lines.encode()).hexdigest()[:12]
