"""Survivors: how much of each class and split is left at a date, beside the manifest's own counts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from audiosetzsl.building.splits import Split
from audiosetzsl.clips.standing import Life

THIN = 50  # under so many segments a class or a split of one is thin


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of some segments of a manifest."""

    class_name: str
    seen: bool
    split: str
    segments: int  # in the manifest
    alive: int
    closed: int
    gone: int
    unknown: int  # never observed, or without a result

    @property
    def left(self) -> int:
        """All that are not known to be gone: what `load_manifest(alive_on=...)` gives."""
        return self.segments - self.gone

    @property
    def marked(self) -> str:
        """Name of the class; unseen ones bear a *."""
        return self.class_name if self.seen else f"{self.class_name}*"


def survivors_of(manifest: pa.Table, known: Mapping[str, Life]) -> list[Left]:
    """Count what is left of each class and split, in the order of their names, train before val before test."""
    columns = [manifest[name].to_pylist() for name in ("class_name", "seen", "split", "ytid")]
    counts: dict[tuple[str, bool, str], Counter[Life]] = {}
    for class_name, seen, split, ytid in zip(*columns, strict=True):
        counts.setdefault((class_name, seen, split), Counter())[known.get(ytid, Life.UNKNOWN)] += 1
    order = list(Split)
    return [
        _left(*key, counts[key]) for key in sorted(counts, key=lambda k: (k[0], order.index(Split(k[2]))))
    ]


def summed(parts: list[Left], name: str, split: str = "all") -> Left:
    """Several parts as one; it counts as seen if they all are."""
    together = Counter[Life]()
    for part in parts:
        together.update({life: getattr(part, life) for life in Life})
    return _left(name, all(part.seen for part in parts), split, together)


def thin(parts: list[Left], limit: int = THIN) -> list[Left]:
    """Parts of which fewer than `limit` segments are left."""
    return [part for part in parts if part.left < limit]


def _left(class_name: str, seen: bool, split: str, lives: Counter[Life]) -> Left:
    return Left(
        class_name=class_name,
        seen=seen,
        split=split,
        segments=lives.total(),
        alive=lives[Life.ALIVE],
        closed=lives[Life.CLOSED],
        gone=lives[Life.GONE],
        unknown=lives[Life.UNKNOWN],
    )
