"""Training set: labels and features that only clips of seen classes and of the train split can enter."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float, Int

from audiosetzsl.classes import ClassList
from audiosetzsl.errors import ManifestError, SetupError


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The classes in the order of every score matrix, and which of them may be learnt from."""

    names: tuple[str, ...]
    seen: tuple[bool, ...]

    def __post_init__(self) -> None:
        """Refuse a table that could not say what a column is."""
        if len(self.names) != len(self.seen):
            raise SetupError(f"{len(self.names)} class names but {len(self.seen)} seen flags; give one each")
        twice = sorted(name for name, count in Counter(self.names).items() if count > 1)
        if twice:
            raise SetupError(f"class names must differ, but {twice} stand more than once")

    @staticmethod
    def of(classes: ClassList) -> "ClassTable":
        """Take names, order and seen flags from a class list."""
        return ClassTable(tuple(classes.names), tuple(c.seen for c in classes))

    @property
    def seen_mask(self) -> Bool[np.ndarray, " n_classes"]:
        """True where a class is seen."""
        return np.array(self.seen, dtype=bool)

    def indices_of(self, names: Sequence[str]) -> Int[np.ndarray, " n"]:
        """Column of each name.

        Raises:
            SetupError: a name is not in the table.
        """
        column = {name: index for index, name in enumerate(self.names)}
        unknown = sorted(set(names) - set(column))
        if unknown:
            raise SetupError(f"classes {unknown} are not in the table of {len(self.names)} classes")
        return np.array([column[name] for name in names], dtype=np.int64)


LARGEST_FEATURE = 1e15  # whose square, and sums of them, float32 still holds


def faulty_rows(rows: Float[np.ndarray, "n width"]) -> tuple[Int[np.ndarray, " n_faulty"], str]:
    """Rows that would turn every score into NaN, and what they are; mostly none."""
    # Least and largest first: a NaN comes out of either, and nothing as large as the rows is made.
    if not rows.size or -LARGEST_FEATURE <= float(rows.min()) <= float(rows.max()) <= LARGEST_FEATURE:
        return np.empty(0, np.int64), ""
    bad = np.flatnonzero(~(np.abs(rows.astype(np.float64)) <= LARGEST_FEATURE).all(axis=1))
    return bad, "not finite" if not np.isfinite(rows[bad]).all() else f"beyond {LARGEST_FEATURE:.0e}"


class View(StrEnum):
    """What a method of one input looks at."""

    AUDIO = "audio"
    VIDEO = "video"
    CONCAT = "concat"  # audio, then video, as one vector


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """Features of clips, a row a clip: what a model is asked about; a set without sound has audio of width 0."""

    audio: Float[np.ndarray, "n_audio audio_width"]
    video: Float[np.ndarray, "n_video video_width"]

    def __post_init__(self) -> None:
        """Refuse rows that do not pair up, or that would turn every score into NaN."""
        if len(self.audio) != len(self.video):
            raise SetupError(
                f"{len(self.audio)} rows of audio but {len(self.video)} of video; join them on id"
            )
        for name, rows in (("audio", self.audio), ("video", self.video)):
            bad, what = faulty_rows(rows)
            if len(bad):
                raise SetupError(
                    f"{len(bad)} of {len(rows)} {name} features are {what}, the first in row {bad[0]}; "
                    "extract these clips again or leave them out"
                )

    def __len__(self) -> int:
        return len(self.audio)

    def view(self, view: View) -> Float[np.ndarray, "n_clips width"]:
        """What a method of one input is given.

        Raises:
            SetupError: there are no features of that kind.
        """
        wanted = {View.AUDIO: [self.audio], View.VIDEO: [self.video]}.get(view, [self.audio, self.video])
        if not all(rows.shape[1] for rows in wanted):
            raise SetupError(f"these clips have no {view} features; take a method of what they have")
        return wanted[0] if len(wanted) == 1 else np.concatenate(wanted, axis=1)

    def rows(self, index: Int[np.ndarray, " n"] | Bool[np.ndarray, " n_clips"] | slice) -> "ClipFeatures":
        """Some of the clips; a view of the same memory where they stand in a row."""
        if (run := _run_of(index)) is not None:
            index = run
        return ClipFeatures(self.audio[index], self.video[index])


@dataclass(frozen=True, slots=True)
class SeenLabels:
    """A class and a split for each clip, all seen and all train: the only labels a model is fitted on."""

    class_names: Sequence[str]
    splits: Sequence[str]
    classes: ClassTable

    def __post_init__(self) -> None:
        """Keep the zero-shot condition: whoever holds this value cannot have trained on anything else."""
        if len(self.class_names) != len(self.splits):
            raise SetupError(
                f"{len(self.class_names)} class names but {len(self.splits)} splits; give one each"
            )
        unseen = self.classes.seen_mask
        np.logical_not(unseen, out=unseen)
        offending = Counter(
            self.classes.names[index] for index in self.classes.indices_of(self.class_names) if unseen[index]
        )
        if offending:
            raise ManifestError(
                f"{offending.total()} of {len(self.class_names)} clips to train on are of unseen classes "
                f"({_counted(offending)}); training takes seen classes only, so drop these rows"
            )
        elsewhere = Counter(str(split) for split in self.splits if split != "train")
        if elsewhere:
            raise ManifestError(
                f"{elsewhere.total()} of {len(self.splits)} clips to train on are not of the train split "
                f"({_counted(elsewhere)}); training takes train clips only, so drop these rows"
            )

    @property
    def indices(self) -> Int[np.ndarray, " n_clips"]:
        """Column of each clip's class in the class table."""
        return self.classes.indices_of(self.class_names)

    def __len__(self) -> int:
        return len(self.class_names)


@dataclass(frozen=True, slots=True)
class SeenClips:
    """Features with their seen labels: what an audio-visual model is fitted on."""

    clips: ClipFeatures
    labels: SeenLabels

    def __post_init__(self) -> None:
        """Refuse labels of other clips."""
        if len(self.clips) != len(self.labels):
            raise SetupError(f"{len(self.clips)} clips but {len(self.labels)} labels; give one each")


def _run_of(index: np.ndarray | slice) -> slice | None:
    """The slice that takes the same rows as a mask, if there is one."""
    if isinstance(index, slice) or index.dtype != bool or not index.any():
        return None
    first, last = int(index.argmax()), len(index) - int(index[::-1].argmax())
    return slice(first, last) if index[first:last].all() else None


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
