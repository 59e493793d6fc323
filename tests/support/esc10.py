"""ESC-10: real sounds of six classes in the folds of their makers, and what a classifier comes to on a fold."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiosetzsl.evaluation.training_set import ClassTable, SeenLabels
from extractors.log_mel import LogMelConfig, log_mel
from extractors.media.reading import read_sound
from models.audio_cnn import AudioCnn, AudioCnnPass, AudioCnnTraining, HeldOut, fit_audio_cnn

HELD_OUT_SHARE = 0.2
# Small steps: with four batches a pass, larger ones end anywhere. Batch normalisation needs some 250 crops to settle:
# with 64 the figures of one network differ by ten points from draw to draw.
TRAINING = AudioCnnTraining(
    batch_size=16,
    passes=40,
    patience=40,
    learning_rate=3e-4,
    settling_batches=16,
    freq_masks=1,
    time_masks=1,
    time_width=40,
    mixup=0.2,
)


@dataclass(frozen=True)
class Sounds:
    """Clips, a row each. Those of one recording are alike, so they are never on two sides."""

    log_mels: tuple[np.ndarray, ...]
    class_names: tuple[str, ...]
    folds: tuple[int, ...]
    recordings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.log_mels)

    def some(self, rows: Sequence[int]) -> "Sounds":
        """The clips of these rows."""
        return Sounds(*(tuple(column[row] for row in rows) for column in self._columns))

    @property
    def _columns(self) -> tuple[tuple, ...]:
        return self.log_mels, self.class_names, self.folds, self.recordings

    @property
    def table(self) -> ClassTable:
        """Its classes; all are seen."""
        names = tuple(sorted(set(self.class_names)))
        return ClassTable(names, (True,) * len(names))


def read_esc10(folder: Path) -> Sounds:
    """Log-mels of `<class>/esc10_<fold>-<recording>-<take>.ogg`."""
    paths = sorted(folder.glob("*/esc10_*.ogg"))
    config = LogMelConfig()
    parts = [path.stem.removeprefix("esc10_").split("-") for path in paths]
    return Sounds(
        tuple(log_mel(read_sound(path), config).astype(np.float16) for path in paths),
        tuple(path.parent.name for path in paths),
        tuple(int(fold) for fold, *_ in parts),
        tuple(f"{fold}-{recording}" for fold, recording, *_ in parts),
    )


def split_fold(sounds: Sounds, fold: int) -> tuple[Sounds, Sounds, Sounds]:
    """Train, val and test: test is the fold; val are whole recordings of the others, a fifth of each class."""
    rows = range(len(sounds))
    test = [row for row in rows if sounds.folds[row] == fold]
    val: list[int] = []
    for name in sounds.table.names:
        takes = defaultdict(list)
        for row in rows:
            if sounds.class_names[row] == name and sounds.folds[row] != fold:
                takes[sounds.recordings[row]].append(row)
        wanted, chosen = HELD_OUT_SHARE * sum(map(len, takes.values())), []
        # Small recordings first: one of six takes would be half of what there is to learn from.
        for _, some in sorted(takes.items(), key=lambda item: (len(item[1]), item[0])):
            if len(chosen) < wanted:
                chosen += some
        val += chosen
    train = sorted(set(rows) - set(test) - set(val))
    return sounds.some(train), sounds.some(val), sounds.some(test)


def fit_fold(
    sounds: Sounds, fold: int, training: AudioCnnTraining, seed: int = 0
) -> tuple[AudioCnn, list[AudioCnnPass]]:
    """The network trained from scratch without a fold, and its passes; no clip of the fold has a say in it."""
    train, val, _ = split_fold(sounds, fold)
    held_out = HeldOut(val.log_mels, val.class_names, ["val"] * len(val), sounds.table)
    labels = SeenLabels(train.class_names, ["train"] * len(train), sounds.table)
    passes: list[AudioCnnPass] = []
    model = fit_audio_cnn(
        train.log_mels, labels, training, seed=seed, held_out=held_out, on_pass=passes.append
    )
    return model, passes


def nearest_mean(train: np.ndarray, names: Sequence[str], asked: np.ndarray) -> list[str]:
    """Class whose mean vector is nearest, for each row of `asked`."""
    present = sorted(set(names))
    means = np.stack([train[np.array(names) == name].mean(0) for name in present])
    return [present[int(np.square(means - row).sum(1).argmin())] for row in asked]


def accuracy(predicted: Sequence[str], actual: Sequence[str]) -> float:
    """Share that is right."""
    return float(np.mean([p == a for p, a in zip(predicted, actual, strict=True)]))
