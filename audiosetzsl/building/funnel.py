"""Funnel: from all of AudioSet's segments to those of the dataset, every one accounted for."""

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from audiosetzsl.building.labels import Drop


@dataclass(frozen=True, slots=True)
class Funnel:
    """Where the rows of AudioSet's lists went; `rows` is the sum of the others."""

    rows: int
    no_class: int
    dropped: dict[str, int]
    kept: int
    balanced_would_add: int  # rows of the unused balanced list that fit every other rule

    def lines(self) -> list[tuple[str, int]]:
        """The funnel from top to bottom, as (what, segments)."""
        return [
            ("segments in AudioSet's lists", self.rows),
            ("carry none of the classes", -self.no_class),
            ("in a list that is not used (balanced)", -self.dropped[Drop.UNUSED_LIST]),
            ("carry several of the classes", -self.dropped[Drop.SEVERAL_CLASSES]),
            ("carry an excluded label", -self.dropped[Drop.EXCLUDED_LABEL]),
            ("not in the authors' release", -self.dropped[Drop.NOT_IN_RELEASE]),
            ("in the dataset", self.kept),
        ]

    def what_ifs(self) -> list[tuple[str, int]]:
        """How large the dataset would be if one rule were off."""
        return [
            ("without the excluded labels", self.kept + self.dropped[Drop.EXCLUDED_LABEL]),
            ("with the balanced list", self.kept + self.balanced_would_add),
        ]


def funnel_of(rows: int, drops: pa.Table, kept: int, balanced_would_add: int) -> Funnel:
    """Count drops by reason; what carries no class is the rest."""
    counted = Counter(drops["reason"].to_pylist())
    dropped = {str(reason): counted[reason] for reason in Drop}
    return Funnel(rows, rows - kept - len(drops), dropped, kept, balanced_would_add)


def class_counts(manifest: pa.Table) -> dict[str, dict[str, int]]:
    """Segments per class and split."""
    grouped = manifest.group_by(["class_name", "split"]).aggregate([([], "count_all")])
    counts: dict[str, dict[str, int]] = {}
    for name, split, n in zip(
        grouped["class_name"].to_pylist(),
        grouped["split"].to_pylist(),
        grouped["count_all"].to_pylist(),
        strict=True,
    ):
        counts.setdefault(name, {})[split] = n
    return counts
