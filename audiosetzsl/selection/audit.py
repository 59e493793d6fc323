"""Audit: whether the classes of a list meet the criteria by which the paper chose its own."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from audiosetzsl.audioset.ontology import Ontology, Quality
from audiosetzsl.building.labels import judge
from audiosetzsl.classes import Class, ClassList
from audiosetzsl.selection.co_occurrence import Companion, count_labels
from audiosetzsl.selection.kinetics import KineticsNames, Nearest, embed_class
from audiosetzsl.word_tables.table import WordTable

MIN_QUALITY = 0.7  # the paper, section 4: classes whose annotation is less sure than this are removed
UNRATED = Quality(0, 0)


@dataclass(frozen=True, slots=True)
class Audit:
    """What is known of one class, criterion by criterion."""

    name: str
    seen: bool
    label: str
    group: str
    quality: Quality
    segments: int  # that carry the label
    candidates: int  # of these, that carry no other class and no excluded label
    in_group: Companion | None  # of the classes of its group, the one it shares most segments with
    anywhere: Companion | None  # of all classes
    nearest: Nearest | None  # Kinetics class; for unseen classes, where word vectors are given

    @property
    def quality_passes(self) -> bool:
        """Whether raters agreed often enough; a label that nobody rated does not pass."""
        return passes_quality(self.quality)


def passes_quality(quality: Quality | None) -> bool:
    """Whether a label may become a class by the paper's first criterion."""
    ratio = (quality or UNRATED).ratio
    return ratio is not None and ratio >= MIN_QUALITY


def audit(
    classes: ClassList,
    ontology: Ontology,
    label_sets: Mapping[str, int],
    *,
    table: WordTable | None = None,
    kinetics: KineticsNames | None = None,
) -> list[Audit]:
    """Hold each class to the paper's criteria.

    Args:
        classes: the classes.
        ontology: AudioSet's labels, groups and quality counts.
        label_sets: number of segments per label set, of the lists that a build draws on.
        table: word vectors of the classes.
        kinetics: word vectors of the Kinetics names.
    """
    counts = count_labels(label_sets, ontology.labels)
    candidates = candidates_of(classes, label_sets)
    group = {c.mid: ontology.group(c.mid) for c in classes}

    def nearest(c: Class) -> Nearest | None:
        if c.seen or table is None or kinetics is None:
            return None
        return kinetics.nearest(embed_class(c, table))

    return [
        Audit(
            name=c.name,
            seen=c.seen,
            label=ontology.labels[c.mid],
            group=group[c.mid],
            quality=ontology.quality.get(c.mid, UNRATED),
            segments=counts.segments(c.mid),
            candidates=candidates[c.name],
            in_group=counts.strongest(c.mid, [mid for mid in group if group[mid] == group[c.mid]]),
            anywhere=counts.strongest(c.mid, group),
            nearest=nearest(c),
        )
        for c in classes
    ]


def candidates_of(classes: ClassList, label_sets: Mapping[str, int]) -> dict[str, int]:
    """Segments of each class that a build would keep: those with no other class and no excluded label."""
    verdicts = judge(list(label_sets), classes)
    kept = (verdicts.n_classes == 1) & ~verdicts.excluded
    times = np.fromiter(label_sets.values(), np.int64, len(label_sets))
    sizes = np.bincount(verdicts.class_index[kept], times[kept], len(classes))
    return {c.name: int(size) for c, size in zip(classes, sizes, strict=True)}
