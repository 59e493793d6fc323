from dataclasses import replace

import numpy as np
import pytest
import torch

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClipFeatures
from models.checkpoint import save_checkpoint
from models.cjme import Cjme, CjmeConfig, load_cjme, load_single, network, save_cjme
from models.scorer import Embedder, Scorer

CONFIG = CjmeConfig(audio_width=6, video_width=5, text_width=4, hidden=8, width=3, attention_hidden=2)


def small_model(seed=0, **config):
    torch.manual_seed(seed)
    return Cjme(replace(CONFIG, **config))


def clips_and_classes(n_clips=7, seed=0):
    generator = np.random.default_rng(seed)
    audio, video, text = (
        generator.normal(size=shape).astype(np.float32) for shape in ((n_clips, 6), (n_clips, 5), (3, 4))
    )
    return ClipFeatures(audio, video), text


def test_preset_paper_has_the_shapes_of_the_paper():
    shapes = {name: tuple(p.shape) for name, p in Cjme(CjmeConfig()).named_parameters() if "weight" in name}
    assert shapes == {
        "audio.0.weight": (256, 1024),
        "audio.3.weight": (64, 256),
        "video.0.weight": (256, 1024),
        "video.3.weight": (64, 256),
        "text.weight": (64, 300),
        "attention.first.weight": (64, 2048),
        "attention.last.weight": (1, 64),
    }


def test_a_model_is_a_scorer_and_an_embedder():
    scorer: Scorer = small_model()
    embedder: Embedder = small_model()
    clips, text = clips_and_classes()
    assert scorer.scores(clips, text).shape == (7, 3)
    assert embedder.embed(clips, text).audio.shape == (7, 3)


def test_only_the_direction_of_inputs_counts():
    model, (clips, text) = small_model(), clips_and_classes()
    louder = ClipFeatures(clips.audio * 50, clips.video * 0.01)
    np.testing.assert_allclose(model.scores(louder, text * 3), model.scores(clips, text), rtol=1e-4)


def test_asking_twice_gives_the_same_and_changes_nothing():
    model, (clips, text) = small_model(), clips_and_classes()
    audio = clips.audio.copy()
    first = model.scores(clips, text)
    assert np.array_equal(model.scores(clips, text), first)  # no dropout
    assert np.array_equal(clips.audio, audio)


def test_many_clips_are_embedded_in_parts_as_in_one(monkeypatch):
    model, (clips, text) = small_model(), clips_and_classes()
    whole = model.embed(clips, text)
    monkeypatch.setattr(network, "CLIPS_AT_ONCE", 3)
    parts = model.embed(clips, text)
    for name in ("audio", "video", "text", "alpha"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-5)


def test_no_clips_give_no_rows():
    clips, text = clips_and_classes(n_clips=0)
    assert small_model().scores(clips, text).shape == (0, 3)


def test_scores_select_by_the_models_own_alpha():
    model, (clips, text) = small_model(), clips_and_classes()
    with torch.no_grad():
        model.attention.last.bias.fill_(50.0)  # alpha is 1: only the picture counts
    deaf = ClipFeatures(clips.audio[::-1].copy(), clips.video)
    np.testing.assert_allclose(model.scores(deaf, text), model.scores(clips, text), rtol=1e-5)
    with torch.no_grad():
        model.attention.last.bias.fill_(-50.0)
    assert not np.allclose(model.scores(deaf, text), model.scores(clips, text))


def test_embeddings_are_of_length_1_where_that_is_asked_for_and_only_there():
    clips, text = clips_and_classes()
    free, unit = (small_model(unit_embeddings=on).embed(clips, text) for on in (False, True))
    for name in ("audio", "video", "text"):
        rows, lengths = getattr(free, name), np.linalg.norm(getattr(free, name), axis=1, keepdims=True)
        assert (np.abs(lengths - 1) > 1e-3).all()
        np.testing.assert_allclose(getattr(unit, name), rows / lengths, rtol=1e-5)


def test_features_of_another_width_are_refused():
    clips, text = clips_and_classes()
    with pytest.raises(SetupError, match=r"are \(6, 5, 3\) wide, but this network takes \(6, 5, 4\)"):
        small_model().scores(clips, text[:, :3])


def test_a_saved_model_scores_as_before(tmp_path):
    model, (clips, text) = small_model(), clips_and_classes()
    loaded = load_cjme(save_cjme(model, tmp_path / "cjme.safetensors"))
    assert loaded.config == CONFIG
    assert np.array_equal(loaded.scores(clips, text), model.scores(clips, text))


def test_a_file_of_another_version_is_refused(tmp_path):
    state = small_model().state_dict()
    unknown = save_checkpoint(tmp_path / "unknown", "cjme", state, {"config": {"depth": 3}})
    with pytest.raises(
        SetupError, match=r"unknown is of another version .*depth.* delete it and train the model again"
    ):
        load_cjme(unknown)
    other = save_checkpoint(tmp_path / "other", "cjme", state, {"config": {}})
    with pytest.raises(
        SetupError,
        match=r"other: 13 weights do not fit .* is attention.first.bias: \(2,\), expected \(64,\)",
    ):
        load_cjme(other)


OF_AUDIO = {"view": "audio", "feature_width": 6}


@pytest.mark.parametrize(
    ("kind", "facts", "what"),
    [
        ("cjme", {}, "it has no config"),
        ("single-view", {}, "it has no config"),
        ("cjme", {"config": [3]}, "it has no config"),
        ("cjme", {"config": {"hidden": 0}}, "hidden is 0, expected 1 or more"),
        ("single-view", {"config": {**OF_AUDIO, "hidden": 0}}, "hidden is 0, expected 1 or more"),
        ("single-view", {"config": {}}, ".*missing .*view.*"),
        ("cjme", {"config": {"words": "loud"}}, "'loud' is not a valid InputForm"),
    ],
)
def test_a_file_whose_facts_make_no_network_is_named(tmp_path, kind, facts, what):
    path = save_checkpoint(tmp_path / "net", kind, small_model().state_dict(), facts)
    with pytest.raises(
        SetupError, match=rf"/net is of another version \({what}\); delete it and train the model again"
    ):
        {"cjme": load_cjme, "single-view": load_single}[kind](path)
