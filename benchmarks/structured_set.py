"""Structured set: drawn clips as many as the paper's, of which it is known which modality is spoilt.

    python benchmarks/structured_set.py npz:FILE [--seed 0] [--scale 1]

Writes one, for `python -m flows reproduce --features npz:FILE`.
"""

import argparse
from dataclasses import dataclass

import numpy as np

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures
from audiosetzsl.feature_sets import FeatureSet
from audiosetzsl.feature_sets.feature_set import SPLITS
from audiosetzsl.feature_sets.opening import save_set
from audiosetzsl.show import say
from audiosetzsl.tables.paper import COUNTS

FACTORS = 24  # of which meanings are made; fewer than classes, so that unseen ones can be guessed
# How far clips of a class lie apart, against meanings of length 1: classes overlap, as real ones do, and more so in
# sound. Classes that hardly overlap teach a network within a pass or two to see nothing but seen ones.
AUDIO_NOISE, VIDEO_NOISE = 1.7, 1.3
SPOILT = (0.25, 0.25)  # shares of clips of which there is no sound, no picture
FLOOR = 0.2  # what remains of the noise where there is nothing: silence hisses


@dataclass(frozen=True, slots=True)
class StructuredSet:
    """A feature set and, clip by clip, what is wrong with it."""

    clips: FeatureSet
    audio_spoilt: np.ndarray  # bool [n_clips]
    video_spoilt: np.ndarray


def main() -> None:
    """Write a set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="npz:FILE, or another form of docs/feature-sets.md")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=1.0)
    asked = parser.parse_args()
    written = save_set(asked.name, structured_set(asked.seed, scale=asked.scale).clips, leave_out=True)
    say(f"{asked.name}: {len(written):,} clips")


def structured_set(
    seed: int, *, scale: float = 1.0, width: int = 1024, text_width: int = 300
) -> StructuredSet:
    """Draw a set; `scale` 1 has the clips of the paper's table 10, of every class and split at least three."""
    draw = np.random.default_rng(seed)
    table = ClassTable.of(AUDIOSETZSL)
    counts = np.array([COUNTS[name] for name in table.names])
    counts = np.maximum(3, np.round(scale * counts)).astype(int)
    labels = np.repeat(np.arange(len(counts)), counts.sum(1))
    splits = np.concatenate([np.repeat(SPLITS, of_class) for of_class in counts])
    meanings = _unit(draw.normal(size=(len(counts), FACTORS)))
    words = _unit(
        meanings @ _mix(draw, text_width) + 0.3 * _unit(draw.normal(size=(len(counts), text_width)))
    )
    what = draw.random(len(labels))
    audio_spoilt, video_spoilt = what < SPOILT[0], what > 1 - SPOILT[1]
    audio = _seen_through(draw, meanings, labels, audio_spoilt, AUDIO_NOISE, width)
    video = _seen_through(draw, meanings, labels, video_spoilt, VIDEO_NOISE, width)
    clips = FeatureSet(
        clip_ids=np.array([f"clip-{number:06d}" for number in range(len(labels))]),
        labels=labels,
        splits=splits,
        features=ClipFeatures(audio, video),
        classes=table,
        class_vectors=words.astype(np.float32),
    )
    return StructuredSet(clips, audio_spoilt, video_spoilt)


def _seen_through(
    draw: np.random.Generator,
    meanings: np.ndarray,
    labels: np.ndarray,
    spoilt: np.ndarray,
    noise: float,
    width: int,
) -> np.ndarray:
    """What a fixed network with biases and rectified outputs makes of noisy meanings, or of next to nothing."""
    mix = _mix(draw, width).astype(np.float32)
    bias = draw.standard_normal(width, dtype=np.float32) / np.sqrt(np.float32(FACTORS))
    rows = noise / np.sqrt(FACTORS) * draw.standard_normal((len(labels), FACTORS), dtype=np.float32)
    rows[spoilt] *= FLOOR
    rows[~spoilt] += meanings[labels[~spoilt]]
    return np.maximum(rows.astype(np.float32) @ mix + bias, 0)


def _mix(draw: np.random.Generator, width: int) -> np.ndarray:
    return draw.normal(size=(FACTORS, width)) / np.sqrt(FACTORS)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
