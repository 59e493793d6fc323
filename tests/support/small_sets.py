"""Feature sets small enough to be learnt within a test: classes whose sound and picture follow from their words."""

import numpy as np

from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures
from audiosetzsl.feature_sets import FeatureSet

SEEN, UNSEEN = 6, 3
SPLITS = ("train", "val", "test")


def small_set(seed=0, *, per_split=6, audio_width=12, video_width=10, text_width=5, noise=0.5, held_out=()):
    """Six seen classes and three unseen, as many clips of each in every split; a width of 0 leaves a modality out."""
    draw = np.random.default_rng(seed)
    names = tuple(f"class-{number}" for number in range(SEEN + UNSEEN))
    words = draw.normal(size=(len(names), text_width))
    labels = np.repeat(np.arange(len(names)), per_split * len(SPLITS))
    splits = np.tile(np.repeat(SPLITS, per_split), len(names))

    def features(width):
        rows = words[labels] @ draw.normal(size=(text_width, width))
        return (rows + noise * draw.normal(size=rows.shape)).astype(np.float32)

    return FeatureSet(
        clip_ids=np.array([f"clip-{number:04d}" for number in range(len(labels))]),
        labels=labels,
        splits=splits,
        features=ClipFeatures(features(audio_width), features(video_width)),
        classes=ClassTable(names, (True,) * SEEN + (False,) * UNSEEN),
        class_vectors=words.astype(np.float32),
        held_out=held_out,
    )
