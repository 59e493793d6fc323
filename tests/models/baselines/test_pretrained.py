import numpy as np
import pytest
from closed_form_world import ClosedFormWorld, labelled

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClipFeatures
from models.baselines.pretrained import fit_pretrained


def test_components_are_those_of_an_svd_of_the_train_clips():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    found = fit_pretrained(seen, world.class_vectors).embed(seen.clips, world.class_vectors)
    for ours, rows in ((found.audio, seen.clips.audio), (found.video, seen.clips.video)):
        centred = rows - rows.mean(0)
        axes = np.linalg.svd(centred, full_matrices=False)[2][:6]
        projected = np.array(
            [[sum(a * b for a, b in zip(row, axis, strict=True)) for axis in axes] for row in centred]
        )
        projected /= np.linalg.norm(projected, axis=1, keepdims=True)
        assert np.allclose(np.abs(ours), np.abs(projected), atol=1e-3)
    assert np.allclose(np.linalg.norm(found.text, axis=1), 1, atol=1e-6)


def test_a_case_small_enough_to_do_by_hand():
    # Most of what changes is in the second dimension, then in the first; the third never changes.
    rows = np.array([[1, 0, 7], [-1, 0, 7], [0, 9, 7], [0, -9, 7]], np.float32)
    seen = labelled(ClipFeatures(rows, rows), [0, 0, 1, 1])
    model = fit_pretrained(seen, np.ones((13, 2), np.float32))
    assert np.allclose(model.audio.axes, [[0, 1], [1, 0], [0, 0]])
    assert np.allclose(model.audio(rows), [[0, 1], [0, -1], [1, 0], [-1, 0]])


def test_features_narrower_than_words_are_filled_up():
    world = ClosedFormWorld(width=4, text_width=7)
    seen, _ = world.seen()
    found = fit_pretrained(seen, world.class_vectors).embed(seen.clips, world.class_vectors)
    assert found.audio.shape[1] == found.text.shape[1] == 7
    assert not found.audio[:, 4:].any()


def test_audio_meets_video_as_it_is_where_both_are_of_one_width():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    raw = fit_pretrained(seen, world.class_vectors).embed_raw(seen.clips, world.class_vectors)
    expected = seen.clips.audio / np.linalg.norm(seen.clips.audio, axis=1, keepdims=True)
    assert np.allclose(raw.audio, expected, atol=1e-6)
    other = ClosedFormWorld(video_width=10)
    seen, _ = other.seen()
    model = fit_pretrained(seen, other.class_vectors)
    raw, cut = (embed(seen.clips, other.class_vectors) for embed in (model.embed_raw, model.embed))
    assert np.array_equal(raw.audio, cut.audio)


def test_wrong_widths_are_refused():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    model = fit_pretrained(seen, world.class_vectors)
    with pytest.raises(SetupError, match=r"features are 9 wide, expected 12 as in training"):
        model.embed(ClipFeatures(seen.clips.audio[:, :9], seen.clips.video), world.class_vectors)
    with pytest.raises(SetupError, match=r"class vectors are 4 wide, expected 6 as in training"):
        model.embed(seen.clips, world.class_vectors[:, :4])
