"""A small world for closed forms: classes whose sound and picture follow from their vectors, but for noise."""

import numpy as np

from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, SeenClips, SeenLabels

N_SEEN, N_UNSEEN = 9, 4
TABLE = ClassTable(
    tuple(f"class-{i}" for i in range(N_SEEN + N_UNSEEN)), (True,) * N_SEEN + (False,) * N_UNSEEN
)


class ClosedFormWorld:
    def __init__(self, seed=0, width=12, text_width=6, video_width=None):
        self.generator = np.random.default_rng(seed)
        self.class_vectors = self.generator.normal(size=(N_SEEN + N_UNSEEN, text_width)).astype(np.float32)
        self.to_audio = self.generator.normal(size=(text_width, width))
        self.to_video = self.generator.normal(size=(text_width, video_width or width))

    def clips(self, actual, noise=0.5):
        directions = self.class_vectors / np.linalg.norm(self.class_vectors, axis=1, keepdims=True)
        audio, video = (directions[actual] @ to for to in (self.to_audio, self.to_video))
        return ClipFeatures(
            *(
                (rows + noise * self.generator.normal(size=rows.shape)).astype(np.float32)
                for rows in (audio, video)
            )
        )

    def seen(self, counts=(6, 9, 3, 5, 8, 4, 7, 5, 6), noise=0.5):
        """Clips of the seen classes, not equally many of each, in no order."""
        actual = self.generator.permutation(np.arange(len(counts)).repeat(counts))
        return labelled(self.clips(actual, noise), actual), actual


def labelled(clips, actual):
    names = tuple(TABLE.names[i] for i in actual)
    return SeenClips(clips, SeenLabels(names, ("train",) * len(names), TABLE))
