"""Stages of a protocol: which clips are trained on, which say what is best, which classes count as unseen."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float, Int

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.protocol import Scores
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, SeenClips, SeenLabels
from audiosetzsl.feature_sets.feature_set import FeatureSet

HELD_OUT_SHARE = 10 / 33  # as many of the seen classes as AudioSetZSL has unseen ones of all
VAL_SHARE = 0.2  # of the train clips, where a set has no val clips of its classes


class Protocol(StrEnum):
    """On which classes settings, passes and beta are chosen."""

    PAPER = "paper"  # on val clips of the very classes that test calls unseen, as the paper does
    STRICT = "strict"  # on seen classes that are held out meanwhile: no clip of an unseen class is looked at


@dataclass(frozen=True, slots=True)
class Stage:
    """What is learnt from, and what says how well: classes of its own, as a stage may hold some out."""

    train: SeenClips
    class_vectors: Float[np.ndarray, "n_classes text_width"]
    val: ClipFeatures
    val_labels: Int[np.ndarray, " n_val"]

    @property
    def classes(self) -> ClassTable:
        """The classes of this stage, in the order of the class vectors."""
        return self.train.labels.classes

    def val_scores(self, values: Float[np.ndarray, "n_val n_classes"]) -> Scores:
        """Scores of the val clips, with the truth beside them."""
        return Scores(values, self.val_labels, self.classes, "val")


def stage_of(clips: FeatureSet, protocol: Protocol, *, seed: int = 0) -> Stage:
    """The stage on which everything is chosen: settings, passes, beta.

    With `Protocol.PAPER` it is also the last one. With `Protocol.STRICT` the unseen classes are not there at all, and
    `held_out_classes` stand in for them; what was chosen is then trained once more, on all seen classes
    (`last_stage`).

    Raises:
        SetupError: there is nothing to learn from, no val clip of seen or of unseen classes, or too few seen
            classes are there to hold some out.
    """
    if protocol is Protocol.PAPER:
        advice = "give val clips, or let `reproduce --protocol strict` hold out seen classes"
        return _stage(
            clips, clips.seen & (clips.splits == "train"), clips.splits == "val", clips.classes, advice
        )
    held = np.isin(clips.classes.names, held_out_classes(clips, seed=seed))
    kept = clips.classes.seen_mask
    is_held = held[clips.labels]
    train, val = (clips.seen & (clips.splits == split) for split in ("train", "val"))
    if not (val & ~is_held).any():
        val |= _drawn(clips, train & ~is_held, seed)
    if not (val & is_held).any():
        val |= train & is_held
    names = np.array(clips.classes.names)
    table = ClassTable(tuple(names[kept].tolist()), tuple((~held[kept]).tolist()))
    advice = (
        f"give clips of {', '.join(names[held].tolist())}, which are held out, and of the other seen classes"
    )
    return _stage(clips, train & ~is_held & ~val, val, table, advice)


def last_stage(clips: FeatureSet) -> SeenClips:
    """What is learnt from in the end: train clips of all seen classes."""
    return _seen_clips(clips, clips.seen & (clips.splits == "train"), clips.classes)


def held_out_classes(clips: FeatureSet, *, seed: int = 0) -> tuple[str, ...]:
    """Seen classes that stand in for the unseen ones: the set's own, or 10 in 33 of them, drawn by digest.

    Raises:
        SetupError: fewer than two seen classes would be left to learn from.
    """
    if clips.held_out:
        return clips.held_out
    seen = [name for name, is_seen in zip(clips.classes.names, clips.classes.seen, strict=True) if is_seen]
    n = max(1, round(HELD_OUT_SHARE * len(seen)))
    if len(seen) - n < 2:
        raise SetupError(
            f"{len(seen)} seen classes are too few to hold some out, expected 3 or more; take --protocol paper"
        )
    return tuple(sorted(seen, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())[:n])


def _stage(
    clips: FeatureSet,
    train: Bool[np.ndarray, " n"],
    val: Bool[np.ndarray, " n"],
    table: ClassTable,
    advice: str,
) -> Stage:
    if not train.any():
        raise SetupError(f"no train clips of seen classes are there to learn from; {advice}")
    column = {name: index for index, name in enumerate(clips.classes.names)}
    columns = np.array([column[name] for name in table.names])
    position = np.full(len(clips.classes.names), -1)
    position[columns] = np.arange(len(columns))
    labels = position[clips.labels[val]]
    counts = {kind: int((table.seen_mask[labels] == (kind == "seen")).sum()) for kind in ("seen", "unseen")}
    if not all(counts.values()):
        raise SetupError(
            f"{counts['seen']} val clips of seen classes and {counts['unseen']} of unseen ones: some of each are "
            f"needed to choose on; {advice}"
        )
    return Stage(
        _seen_clips(clips, train, table), clips.class_vectors[columns], clips.features.rows(val), labels
    )


def _seen_clips(clips: FeatureSet, index: Bool[np.ndarray, " n"], table: ClassTable) -> SeenClips:
    names = np.array(clips.classes.names)[clips.labels[index]].tolist()
    return SeenClips(clips.features.rows(index), SeenLabels(names, clips.splits[index].tolist(), table))


def _drawn(clips: FeatureSet, among: Bool[np.ndarray, " n"], seed: int) -> Bool[np.ndarray, " n"]:
    """A fifth of these clips, by the digest of their ids, so that no other clip moves one; at least one."""
    digests = np.array(
        [
            int.from_bytes(hashlib.sha256(f"{seed}:{clip}".encode()).digest()[:4])
            for clip in clips.clip_ids[among].tolist()
        ]
    )
    mask = np.zeros(len(clips), dtype=bool)
    if len(digests):
        mask[np.flatnonzero(among)[digests <= max(int(VAL_SHARE * 2**32), digests.min())]] = True
    return mask
