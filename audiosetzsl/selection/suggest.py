"""Suggest: the labels of AudioSet that could become classes of one's own subset."""

from collections.abc import Mapping
from dataclasses import dataclass

from audiosetzsl.audioset.ontology import Ontology, Quality
from audiosetzsl.errors import SetupError
from audiosetzsl.selection.audit import passes_quality
from audiosetzsl.selection.co_occurrence import Companion, count_labels


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A label that raters agreed on, and the labels that share most of its segments.

    Companions are labels that could be suggested too. Those above or below it in the ontology do not count:
    they are the same sound, named more or less exactly.
    """

    mid: str
    label: str
    group: str
    quality: Quality
    segments: int  # that carry the label
    in_group: Companion | None
    anywhere: Companion | None


def suggest(
    ontology: Ontology, label_sets: Mapping[str, int], *, group: str | None = None, min_size: int = 0
) -> list[Suggestion]:
    """List the labels that pass the paper's quality criterion, by group and the largest first.

    Args:
        ontology: AudioSet's labels, groups and quality counts.
        label_sets: number of segments per label set, of the lists that a build draws on.
        group: only labels of this group.
        min_size: only labels that at least so many segments carry.

    Raises:
        SetupError: there is no such group; the message lists those there are.
    """
    counts = count_labels(label_sets, ontology.labels)
    groups = {
        mid: ontology.group(mid) for mid in ontology.labels if passes_quality(ontology.quality.get(mid))
    }
    if group is not None and group not in groups.values():
        raise SetupError(
            f"there is no group {group!r} with labels of good quality, "
            f"expected one of: {'; '.join(sorted(set(groups.values())))}"
        )
    above = {mid: ontology.ancestors(mid) for mid in groups}
    suggestions = []
    for mid, own in groups.items():
        if (group is not None and own != group) or counts.segments(mid) < min_size:
            continue
        others = [other for other in groups if other not in above[mid] and mid not in above[other]]
        near = [other for other in others if groups[other] == own]
        suggestions.append(
            Suggestion(
                mid=mid,
                label=ontology.labels[mid],
                group=own,
                quality=ontology.quality[mid],
                segments=counts.segments(mid),
                in_group=counts.strongest(mid, near),
                anywhere=counts.strongest(mid, others),
            )
        )
    return sorted(suggestions, key=lambda s: (s.group, -s.segments, s.label))
