import math

import numpy as np
import pytest

from audiosetzsl.evaluation.retrieval import Embeddings
from models.cjme import Inference, score_by


def three_clips():
    """Distances to the two classes: audio (1, 3), video (5, 1) for every clip; alpha differs."""
    text = np.array([[0.0], [4.0]])
    audio, video = np.full((3, 1), 1.0), np.full((3, 1), 5.0)
    return Embeddings(audio, video, text, np.array([0.2, 0.5, 0.8]))


def test_selection_by_hand():
    e = three_clips()
    np.testing.assert_allclose(score_by(e, Inference.AUDIO), [[-1, -3]] * 3)
    np.testing.assert_allclose(score_by(e, Inference.VIDEO), [[-5, -1]] * 3)
    np.testing.assert_allclose(score_by(e, Inference.BOTH), [[-3, -2]] * 3)
    np.testing.assert_allclose(score_by(e, Inference.SELECTED), [[-1, -3], [-3, -2], [-5, -1]])


def test_alpha_on_a_threshold_is_undecided():
    e = three_clips()
    on_the_edge = Embeddings(e.audio, e.video, e.text, np.array([0.25, 0.75, math.nextafter(0.75, 1)]))
    np.testing.assert_allclose(score_by(on_the_edge, Inference.SELECTED), [[-3, -2], [-3, -2], [-5, -1]])
    wide = score_by(e, Inference.SELECTED, video_above=0.9, audio_below=0.1)
    np.testing.assert_allclose(wide, [[-3, -2]] * 3)


def entropy(clip, classes):
    inverse = [1 / max(math.dist(clip, c), 1e-6) for c in classes]
    return -sum(i / sum(inverse) * math.log(i / sum(inverse)) for i in inverse)


@pytest.mark.parametrize("xi", [0.0, 0.1, 10.0])
def test_eq7_takes_the_surer_modality_of_each_clip_among_all_classes(xi):
    draw = np.random.default_rng(0)
    audio, video, text = draw.normal(size=(40, 3)), draw.normal(size=(40, 3)), draw.normal(size=(5, 3))
    audio[0], video[1] = text[2], text[3]  # on top of a class: certain
    scores = score_by(Embeddings(audio, video, text, np.zeros(40)), Inference.EQ7, xi=xi)
    for a, v, found in zip(audio, video, scores, strict=True):
        lead = entropy(a, text) - entropy(v, text)
        of_video = 1.0 if lead > xi else 0.0 if lead < -xi else 0.5
        slow = [-((1 - of_video) * math.dist(a, t) + of_video * math.dist(v, t)) for t in text]
        np.testing.assert_allclose(found, slow, atol=1e-7)
