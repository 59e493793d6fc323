"""Finding: one thing that is wrong with a shard, and where."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from audiosetzsl.shards.schema import Kind

_SHARD = re.compile(r"part-\d{5}\.parquet")


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


def is_shard(path: Path) -> bool:
    """Whether a file looks like a shard; what else lies in the folder of a kind is somebody's."""
    return path.is_file() and _SHARD.fullmatch(path.name) is not None
