from dataclasses import replace

import numpy as np
import pytest
import torch
from cjme_world import CONFIG, N_SEEN, World, trained_for

from audiosetzsl.evaluation.training_set import ClipFeatures, SeenClips
from models.cjme import CjmeTraining, fit_cjme, load_cjme, save_cjme
from models.inputs import InputForm, Inputs
from models.training import Optimising


def test_standard_inputs_are_by_clips_and_classes_learnt_from_and_kept_with_the_model(tmp_path):
    world = World()
    config = replace(CONFIG, inputs=InputForm.STANDARD, words=InputForm.STANDARD)
    seen, vectors = world.seen(), world.class_vectors
    model = fit_cjme(seen, vectors, config, trained_for(1), seed=0, validate=None)
    of_audio = Inputs.of(InputForm.STANDARD, seen.clips.audio)
    of_words = Inputs.of(InputForm.STANDARD, vectors[:N_SEEN])
    np.testing.assert_array_equal(model.audio_form.mean.numpy(), of_audio.mean)
    np.testing.assert_array_equal(model.text_form.scale.numpy(), of_words.scale)
    clips = world.clips(np.arange(N_SEEN))
    audio, _ = model.prepared(clips.audio, clips.video)
    np.testing.assert_allclose(audio.numpy(), of_audio(clips.audio), rtol=1e-5, atol=1e-6)
    loaded = load_cjme(save_cjme(model, tmp_path / "cjme.safetensors"))
    assert np.array_equal(loaded.scores(clips, vectors), model.scores(clips, vectors))


@pytest.mark.parametrize("form", list(InputForm))
def test_features_that_are_mapped_for_reading_or_of_float64_teach_the_same(form, always_warning):
    world = World()
    seen, vectors, config = world.seen(3), world.class_vectors, replace(CONFIG, inputs=form)

    def scores(change):
        clips = ClipFeatures(change(seen.clips.audio), change(seen.clips.video))
        model = fit_cjme(
            SeenClips(clips, seen.labels), vectors, config, trained_for(1), seed=0, validate=None
        )
        return model.scores(clips, vectors)

    plain = scores(lambda rows: rows)
    assert np.array_equal(scores(np.float64), plain) or form is InputForm.STANDARD  # mean of other sums
    np.testing.assert_array_equal(scores(read_only), plain)
    np.testing.assert_array_equal(scores(lambda rows: rows[::-1].copy()[::-1]), plain)


def read_only(rows):
    rows = rows.copy()
    rows.flags.writeable = False
    return rows


@pytest.fixture
def always_warning():
    """Else torch warns of such rows once a process, and only the first test would notice."""
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


@pytest.mark.parametrize("negatives", ["batch", "pairs"])
def test_two_threads_make_the_same_every_time(negatives, two_threads):
    world = World()
    seen, config = world.seen(90), replace(CONFIG, width=64)  # enough for torch to share the work out
    how = Optimising(batch_size=1024, passes=6)
    made = [
        fit_cjme(
            seen,
            world.class_vectors,
            config,
            CjmeTraining(negatives=negatives, optimising=how),
            seed=0,
            validate=None,
        ).text.weight
        for _ in range(3)
    ]
    assert torch.equal(made[0], made[1]) and torch.equal(made[0], made[2])


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
