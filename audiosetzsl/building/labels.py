"""Labels: which class a segment belongs to, or why it is left out."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from audiosetzsl.classes import ClassList


class Drop(StrEnum):
    """Why a segment that carries a class is not in the dataset; the first reason that applies is given."""

    UNUSED_LIST = "unused_list"
    SEVERAL_CLASSES = "several_classes"
    EXCLUDED_LABEL = "excluded_label"
    NOT_IN_RELEASE = "not_in_release"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the labels of each label set say: how many classes, which one, and whether it is excluded."""

    n_classes: np.ndarray  # int8 [n_sets]
    class_index: np.ndarray  # int16 [n_sets], the only class where n_classes is 1
    excluded: np.ndarray  # bool [n_sets], meaningful where n_classes is 1


def judge(label_sets: list[str], classes: ClassList) -> Verdicts:
    """Judge label sets (`mid,mid,...`): a class is exactly its one mid, descendants are not expanded.

    The rule was read off the authors' release, which it fits in all of its 156,416 rows.
    """
    index = {c.mid: number for number, c in enumerate(classes)}
    everywhere = frozenset(classes.excluded_mids)
    excluding = [everywhere | frozenset(c.excluded_mids) for c in classes]
    n_classes = np.zeros(len(label_sets), np.int8)
    class_index = np.full(len(label_sets), -1, np.int16)
    excluded = np.zeros(len(label_sets), bool)
    for number, text in enumerate(label_sets):
        mids = text.split(",")
        hits = [index[mid] for mid in mids if mid in index]
        if hits:
            n_classes[number] = len(hits)
            class_index[number] = hits[0]
            excluded[number] = not excluding[hits[0]].isdisjoint(mids)
    return Verdicts(n_classes, class_index, excluded)
