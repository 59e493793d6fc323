"""Feature set: clips with their features, classes and splits, and a vector for each class; of any data set."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """All that a method learns from and is asked about, clip by clip.

    `held_out` are seen classes that a data set itself sets apart to choose settings on (the validation classes of
    xlsa17 and of AVCA's first stage); empty where it names none. In the end they are trained on like the others.
    `made_of` says what made features and class vectors, in plain JSON; empty where nobody knows.
    """

    clip_ids: np.ndarray  # str [n_clips], no two alike
    labels: Int[np.ndarray, " n_clips"]  # column of each clip's class
    splits: np.ndarray  # str [n_clips]: train, val, test
    features: ClipFeatures
    classes: ClassTable
    class_vectors: Float[np.ndarray, "n_classes text_width"]
    held_out: tuple[str, ...] = ()
    made_of: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a set whose parts do not belong together."""
        n_clips, n_classes = len(self.clip_ids), len(self.classes.names)
        lengths = (len(self.labels), len(self.splits), len(self.features))
        if lengths != (n_clips,) * 3:
            raise SetupError(
                f"{n_clips} clip ids, but labels, splits and features are {lengths}; give one each"
            )
        if len(self.class_vectors) != n_classes:
            raise SetupError(
                f"{len(self.class_vectors)} class vectors for {n_classes} classes; give one each"
            )
        self._check_texts()
        self._check_values(n_classes)
        twice = [name for name, count in Counter(self.clip_ids.tolist()).items() if count > 1]
        if twice:
            raise SetupError(
                f"{len(twice)} clip ids stand more than once, the first is {twice[0]}; give each clip one"
            )

    def _check_texts(self) -> None:
        for what, texts in (("clip ids", self.clip_ids), ("splits", self.splits)):
            if texts.dtype.kind != "U" or texts.ndim != 1:
                raise SetupError(
                    f"{what} are {texts.dtype} {texts.shape}, expected text in a row: take .astype(str)"
                )
        if len(empty := np.flatnonzero(self.clip_ids == "")):
            raise SetupError(f"clip {empty[0]} has an empty id, one of {len(empty)}; give each clip an id")

    def _check_values(self, n_classes: int) -> None:
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < n_classes:
            raise SetupError(
                f"labels run from {self.labels.min()} to {self.labels.max()}, expected columns of {n_classes} classes"
            )
        if strange := sorted(set(np.unique(self.splits).tolist()) - set(SPLITS)):
            raise SetupError(f"splits {strange} are unknown, expected {', '.join(SPLITS)}")
        bad = np.flatnonzero(~np.isfinite(self.class_vectors).all(axis=1))
        if len(bad):
            raise SetupError(f"the vector of class {self.classes.names[bad[0]]} is not finite; give numbers")
        seen = {name for name, is_seen in zip(self.classes.names, self.classes.seen, strict=True) if is_seen}
        if wrong := sorted(set(self.held_out) - seen):
            raise SetupError(f"held-out classes {wrong} are no seen classes; only seen ones can be held out")

    def __len__(self) -> int:
        return len(self.clip_ids)

    @property
    def seen(self) -> Bool[np.ndarray, " n_clips"]:
        """Whether a clip's class is seen."""
        mask: np.ndarray = self.classes.seen_mask[self.labels]
        return mask

    def rows(self, index: Int[np.ndarray, " n"] | Bool[np.ndarray, " n_clips"]) -> "FeatureSet":
        """Some of the clips, with all classes."""
        return FeatureSet(
            self.clip_ids[index],
            self.labels[index],
            self.splits[index],
            self.features.rows(index),
            self.classes,
            self.class_vectors,
            self.held_out,
            self.made_of,
        )

    def in_order(self) -> "FeatureSet":
        """The same clips by class and id; nothing is copied where they stand so already."""
        order = np.lexsort((self.clip_ids, self.labels))
        return self if (order == np.arange(len(order))).all() else self.rows(order)
