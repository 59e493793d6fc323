"""Finding: one thing that is wrong with a shard, and where."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from audiosetzsl.shards.schema import Kind


class Problem(StrEnum):
    """What may be wrong with a shard."""

    MISSING = "missing"
    DAMAGED = "damaged"
    ROWS = "other segments"
    RECIPE = "other recipe"
    WIDTH = "other width"
    STALE = "stale"
    CLIPS = "other clips"
    LOG_MELS = "other log-mels"
    STRAY = "not of the plan"
    LEFTOVER = "leftover"


@dataclass(frozen=True, slots=True)
class Finding:
    """A file in the folder of a kind, and what is wrong with it."""

    kind: Kind
    path: Path
    problem: Problem
    detail: str

    @property
    def is_wrong(self) -> bool:
        """What a killed process left behind is in nobody's way."""
        return self.problem is not Problem.LEFTOVER
