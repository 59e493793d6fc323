"""A small world of sound, picture and words for the tests of CJME's training."""

import numpy as np

from audiosetzsl.evaluation.protocol import Scores
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, SeenClips, SeenLabels
from models.cjme import CjmeConfig, CjmeTraining
from models.training import Optimising

N_SEEN, N_UNSEEN, WIDTH, TEXT_WIDTH = 12, 4, 32, 8
TABLE = ClassTable(
    tuple(f"class-{i}" for i in range(N_SEEN + N_UNSEEN)), (True,) * N_SEEN + (False,) * N_UNSEEN
)
CONFIG = CjmeConfig(WIDTH, WIDTH, TEXT_WIDTH, hidden=64, width=16, attention_hidden=16)


def trained_for(passes, patience=20, learning_rate=1e-3, **settings):
    how = Optimising(batch_size=64, passes=passes, patience=patience, learning_rate=learning_rate)
    return CjmeTraining(optimising=how, **settings)


class World:
    """Classes whose sound and picture follow from their word vector, so that unseen ones can be guessed."""

    def __init__(self, seed=0):
        self.generator = np.random.default_rng(seed)
        self.class_vectors = self.generator.normal(size=(len(TABLE.names), TEXT_WIDTH)).astype(np.float32)
        self.to_audio, self.to_video = self.generator.normal(size=(2, TEXT_WIDTH, WIDTH))

    def clips(self, actual, bad_audio=None, bad_video=None, noise=0.4):
        directions = self.class_vectors / np.linalg.norm(self.class_vectors, axis=1, keepdims=True)
        audio, video = (directions[actual] @ to for to in (self.to_audio, self.to_video))
        for rows, bad in ((audio, bad_audio), (video, bad_video)):
            if bad is not None:
                rows[bad] = self.generator.normal(size=(int(bad.sum()), WIDTH))
            rows += noise * self.generator.normal(size=rows.shape)
        return ClipFeatures(audio.astype(np.float32), video.astype(np.float32))

    def seen(self, n_per_class=40, **bad):
        actual = np.arange(N_SEEN).repeat(n_per_class)
        return labelled(self.clips(actual, **bad), actual)

    def scores(self, model, split):
        actual = np.arange(len(TABLE.names)).repeat(20)
        return Scores(model.scores(self.clips(actual), self.class_vectors), actual, TABLE, split)


def labelled(clips, actual):
    names = tuple(TABLE.names[i] for i in actual)
    return SeenClips(clips, SeenLabels(names, ("train",) * len(names), TABLE))


def bad_halves(n):
    bad_audio = np.random.default_rng(7).random(n) < 0.5
    return {"bad_audio": bad_audio, "bad_video": ~bad_audio}
