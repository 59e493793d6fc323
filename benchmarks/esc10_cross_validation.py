"""The audio CNN on real sounds: cross-validation on ESC-10 from scratch, beside the mean log-mel and chance.

Every fold once, with one seed; `--passes 16` tells within three minutes whether it learns at all.

python benchmarks/esc10_cross_validation.py [--passes 40] [--seed 0]
"""

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: see flows/cli/__init__.py

import numpy as np  # noqa: E402
import torch  # noqa: E402 - a script's own folder
from esc10 import TRAINING, Sounds, accuracy, fit_fold, nearest_mean, read_esc10, split_fold  # noqa: E402

from audiosetzsl.show import say, show_table  # noqa: E402
from models.audio_cnn import best_of  # noqa: E402


@dataclass(frozen=True)
class Outcome:
    """What came of one fold."""

    fold: int
    sizes: tuple[int, int, int]  # clips to train on, held out, asked about
    actual: tuple[str, ...]
    network: list[str]  # answers of the class head
    vectors: list[str]  # nearest class mean of the 1024 numbers
    mean_log_mel: list[str]  # nearest class mean of the mean over time
    kept: str
    seconds: float

    def shares(self) -> list[float]:
        """Accuracy of each way to answer, in percent."""
        ways = (self.network, self.vectors, self.mean_log_mel)
        return [100 * accuracy(answers, self.actual) for answers in ways]


def main() -> None:
    """Print accuracy by fold, the confusion of all folds, and what limits them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "audio")
    parser.add_argument("--passes", type=int, default=TRAINING.passes)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sounds = read_esc10(options.data)
    if not len(sounds):
        say(f"no sounds of ESC-10 at {options.data}; name their folder with --data")
        return
    outcomes = []
    for fold in sorted(set(sounds.folds)):
        outcomes.append(ask_fold(sounds, fold, options.passes, options.seed))
        say(f"fold {fold}: {outcomes[-1].shares()[0]:.1f} %")
    show_accuracy(outcomes, 100 / len(sounds.table.names))
    say(f"one training a fold, seed {options.seed}, {options.passes} passes at most")
    show_confusion(outcomes, sounds.table.names)
    show_limits(sounds, outcomes)


def ask_fold(sounds: Sounds, fold: int, passes: int, seed: int) -> Outcome:
    """Train without the fold, then ask about it."""
    began = time.perf_counter()
    train, val, test = split_fold(sounds, fold)
    model, done = fit_fold(sounds, fold, replace(TRAINING, passes=passes), seed)
    with torch.inference_mode():
        heard = [model(torch.from_numpy(x).float()[None]).argmax() for x in test.log_mels]
    # The two without training of their own get what was held out, too.
    known = (*train.class_names, *val.class_names)
    vectors, means = (
        nearest_mean(np.concatenate([of(train), of(val)]), known, of(test))
        for of in (lambda some: model.embed_all(some.log_mels), mean_log_mels)
    )
    return Outcome(
        fold,
        (len(train), len(val), len(test)),
        test.class_names,
        [model.class_names[int(answer)] for answer in heard],
        vectors,
        means,
        f"{best_of(done).number} of {len(done)}",
        time.perf_counter() - began,
    )


def mean_log_mels(sounds: Sounds) -> np.ndarray:
    """Mean over time of each clip [n, 64]."""
    return np.stack([x.astype(np.float32).mean(0) for x in sounds.log_mels])


def show_accuracy(outcomes: list[Outcome], chance: float) -> None:
    """A row a fold, then mean and spread."""
    rows = [[str(o.fold), *o.sizes, *o.shares(), chance, o.kept, o.seconds] for o in outcomes]
    shares = np.array([o.shares() for o in outcomes])
    seconds = sum(o.seconds for o in outcomes)
    for name, of_columns in (("mean", shares.mean(0)), ("spread (sd)", shares.std(0, ddof=1))):
        mean = name == "mean"
        rows.append(
            [
                name,
                *[None] * 3,
                *map(float, of_columns),
                chance if mean else None,
                "",
                seconds if mean else None,
            ]
        )
    columns = [
        "fold",
        "train",
        "held out",
        "test",
        "network %",
        "its vectors %",
        "mean log-mel %",
        "chance %",
    ]
    show_table("ESC-10, six classes, accuracy on the fold left out", [*columns, "pass kept", "s"], rows)
    say(
        "its vectors and mean log-mel: class of the nearest class mean; no clip of a fold has a say in its training"
    )


def show_confusion(outcomes: list[Outcome], names: tuple[str, ...]) -> None:
    """What was heard as what, over all folds."""
    pairs = Counter(pair for o in outcomes for pair in zip(o.actual, o.network, strict=True))
    rows = [[name, *(pairs[name, heard] for heard in names)] for name in names]
    show_table("Network: rows are what it is, columns what was heard", ["", *names], rows)


def show_limits(sounds: Sounds, outcomes: list[Outcome]) -> None:
    """How little there is to learn from."""
    recordings = {
        name: len({r for r, c in zip(sounds.recordings, sounds.class_names, strict=True) if c == name})
        for name in sounds.table.names
    }
    few, many = min(o.sizes[0] for o in outcomes), max(o.sizes[0] for o in outcomes)
    told = ", ".join(f"{name} {n}" for name, n in recordings.items())
    say(
        f"What limits it: {few} to {many} clips of 5 s to train 4.5 million weights, and fewer recordings than clips "
        f"({told}); one clip of a fold is {100 / max(o.sizes[2] for o in outcomes):.0f} to "
        f"{100 / min(o.sizes[2] for o in outcomes):.0f} points."
    )


if __name__ == "__main__":
    main()
