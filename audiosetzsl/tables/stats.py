"""Tables 1, 8, 9 and 10 of the paper, for any manifest."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from audiosetzsl.building.funnel import class_counts
from audiosetzsl.building.splits import Split
from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.errors import ManifestError
from audiosetzsl.tables.paper import Spread


@dataclass(frozen=True, slots=True)
class ClassCount:
    """One row of table 10: a class and its segments in train, val and test."""

    name: str
    seen: bool
    counts: tuple[int, int, int]

    @property
    def total(self) -> int:
        """Segments of the class, as figure 3 shows them."""
        return sum(self.counts)

    @property
    def marked(self) -> str:
        """The name, with the paper's asterisk on an unseen class."""
        return self.name if self.seen else f"{self.name}*"


@dataclass(frozen=True, slots=True)
class Tables:
    """The paper's four tables about the dataset."""

    table_1: Spread
    table_8: dict[str, Spread]  # by split
    table_9: dict[str, tuple[int, int, int]]  # train, val and test of: seen classes, unseen classes, total
    table_10: tuple[ClassCount, ...]


def tables_of(manifest: pa.Table) -> Tables:
    """Compute the tables of a manifest.

    Raises:
        ManifestError: the manifest holds no segment.
    """
    return tables_of_counts(count_classes(manifest))


def count_classes(manifest: pa.Table) -> list[ClassCount]:
    """Count segments per class and split; the dataset's own classes come first and in its order.

    Raises:
        ManifestError: the manifest holds no segment.
    """
    if not len(manifest):
        raise ManifestError("the manifest holds no segment, expected at least one; build it again")
    pairs = manifest.group_by(["class_name", "seen"]).aggregate([])
    seen = dict(zip(pairs["class_name"].to_pylist(), pairs["seen"].to_pylist(), strict=True))
    counts = class_counts(manifest)
    known = AUDIOSETZSL.names
    order = sorted(counts, key=lambda name: (known.index(name) if name in known else len(known), name))
    return [ClassCount(name, seen[name], _by_split(counts[name])) for name in order]


def tables_of_counts(classes: Sequence[ClassCount]) -> Tables:
    """Compute the tables from segments per class and split."""
    by_split = list(zip(*(c.counts for c in classes), strict=True))
    return Tables(
        table_1=spread_of([c.total for c in classes]),
        table_8={str(split): spread_of(counts) for split, counts in zip(Split, by_split, strict=True)},
        table_9={
            "seen classes": _sum([c.counts for c in classes if c.seen]),
            "unseen classes": _sum([c.counts for c in classes if not c.seen]),
            "total": _sum([c.counts for c in classes]),
        },
        table_10=tuple(classes),
    )


def spread_of(counts: Sequence[int]) -> Spread:
    """Least, most, mean and sample standard deviation; a single count has no deviation (nan)."""
    deviation = statistics.stdev(counts) if len(counts) > 1 else float("nan")
    return Spread(min(counts), max(counts), statistics.fmean(counts), deviation)


def _by_split(counts: dict[str, int]) -> tuple[int, int, int]:
    train, val, test = (counts.get(split, 0) for split in Split)
    return train, val, test


def _sum(rows: Sequence[tuple[int, int, int]]) -> tuple[int, int, int]:
    train, val, test = (sum(row[column] for row in rows) for column in range(len(Split)))
    return train, val, test
