"""How often AudioSet's labels stand together on the segments that a dataset is drawn from."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiosetzsl.building.build import POOL
from audiosetzsl.building.candidates import read_list


@dataclass(frozen=True, slots=True)
class Companion:
    """A label that stands on the segments of another, and on which share of them."""

    mid: str
    share: float


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Segments that carry a label (diagonal) and that carry two (elsewhere)."""

    index: Mapping[str, int]  # mid -> row and column
    together: np.ndarray  # int64 [n_labels, n_labels]

    def segments(self, mid: str) -> int:
        """Segments that carry the label, alone or not."""
        at = self.index[mid]
        return int(self.together[at, at])

    def strongest(self, mid: str, among: Iterable[str]) -> Companion | None:
        """The label of `among` that stands on the largest share of the segments of `mid`; None if none does."""
        own = self.segments(mid)
        row = self.together[self.index[mid]]
        others = [other for other in among if other != mid]
        most = max(others, key=lambda other: row[self.index[other]], default=mid)
        both = int(row[self.index[most]])
        return Companion(most, both / own) if others and both else None


def pool_label_sets(
    directory: Path, labels: Collection[str], *, any_lists: bool = False
) -> Mapping[str, int]:
    """Count the label sets (`mid,mid,...`) of the lists that a build takes segments from.

    Raises:
        AudioSetFileError: a list is absent, wrong, truncated or re-ordered.
    """
    counted: Counter[str] = Counter()
    for source in POOL:
        codes, label_sets = read_list(directory, source, labels, any_lists=any_lists).label_sets()
        times = np.bincount(codes, minlength=len(label_sets)).tolist()
        counted.update(dict(zip(label_sets, times, strict=True)))
    return counted


def count_labels(label_sets: Mapping[str, int], mids: Iterable[str]) -> LabelCounts:
    """Count labels and pairs of labels over label sets and the number of segments that carry each."""
    index = {mid: number for number, mid in enumerate(mids)}
    together = np.zeros((len(index), len(index)), np.int64)
    for text, times in label_sets.items():
        at = [index[mid] for mid in text.split(",")]
        together[np.ix_(at, at)] += times
    return LabelCounts(index, together)
