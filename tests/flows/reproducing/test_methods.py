"""Methods: each can be learnt, and gives every measure that a row of a table asks of it."""

from dataclasses import replace

import numpy as np
import pytest
from small_sets import small_set

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.protocol import Scores, choose_beta, classify
from audiosetzsl.evaluation.retrieval import Direction, Embeddings, retrieve
from audiosetzsl.evaluation.training_set import ClipFeatures
from audiosetzsl.feature_sets import Protocol, stage_of
from flows.reproducing.learning import Choice, learn, try_all
from flows.reproducing.method import How
from flows.reproducing.methods import method, methods
from flows.reproducing.outcome import measure
from flows.reproducing.rows import NUMBERS, STANDARD_SETS, rows_of
from models.baselines.gcca import fit_gcca
from models.cjme import Inference, score_by
from models.inputs import InputForm

ASKED = {}
for number in (*NUMBERS, STANDARD_SETS):
    for row in rows_of(number):
        ASKED.setdefault(row.method, set()).add(row.measure)


def of_one_pass(name):
    """The grid of a method with one pass each."""
    return of_passes(name, 1)


def of_passes(name, passes):
    """The grid of a method, with the first settings of the one that it follows, and so many passes each."""
    asked = method(name)
    grid = asked.grid(of_passes(asked.follows, passes)[0] if asked.follows else None)
    return tuple(asked.with_passes(cell, passes) for cell in grid) if asked.with_passes else grid


@pytest.mark.parametrize("name", sorted(ASKED))
def test_a_method_gives_what_the_tables_ask_of_it(name):
    clips = small_set()
    stage = stage_of(clips, Protocol.PAPER)
    learnt = learn(method(name), clips, stage, Protocol.PAPER, of_one_pass(name)[0], How(0))
    found, curves = measure(method(name), learnt, clips, stage)
    assert ASKED[name] <= {one.measure for one in found}
    assert set(curves) == {one.measure for one in found if one.measure.startswith("classification")}
    assert all(0 <= value <= 1 for one in found for value in (one.seen, one.unseen, one.harmonic))


def test_there_is_no_method_that_no_table_asks_for_but_those_of_both_views():
    assert set(methods()) - set(ASKED) == {f"{m}-concat" for m in ("conse", "devise", "sae", "eszsl", "ale")}


def test_an_unknown_method_is_refused():
    with pytest.raises(SetupError, match="no method 'cjm', expected one of audio, video, concat, cjme"):
        method("cjm")


def test_a_line_of_table_5_differs_from_the_whole_in_its_losses_alone():
    base = method("cjme-no-attention").grid(None)[1]
    (cell,) = method("cjme-av-tv").grid(base)
    assert cell.training.losses == ("AV", "TV")
    assert replace(cell, training=replace(cell.training, losses=base.training.losses)) == base


def test_what_is_searched_for_networks():
    """Inputs in two forms, embeddings as they come or of length 1, each with a margin to suit; of attention, xi."""
    for name in ("audio", "concat", "cjme-no-attention"):
        grid = method(name).grid(None)
        found = {(cell.shape.inputs, cell.shape.unit_embeddings, cell.training.margin) for cell in grid}
        forms = (InputForm.UNIT, InputForm.STANDARD)
        assert found == {(form, *how) for form in forms for how in ((False, 1.0), (True, 0.5))}
        assert len(grid) == 4
    base = method("cjme-no-attention").grid(None)[3]
    grid = method("cjme").grid(base)
    assert [cell.training.xi for cell in grid] == [0.01, 0.02, 0.05, 0.1]
    assert {replace(cell, training=replace(cell.training, xi=base.training.xi)) for cell in grid} == {base}


class ByHand:
    """A model of which it is known where everything lies: classes at both ends of a line, clips on it."""

    def embed(self, clips, vectors):
        on_line = [
            np.array([[x, 0.0] for x in places], np.float32) for places in ((0.1, 0.5, 0.4), (0.5, 0.9, 0.45))
        ]
        text = np.array([[0.0, 0.0], [1.0, 0.0]], np.float32)
        return Embeddings(*on_line, text, np.full(3, 0.5, np.float32))


def test_without_attention_text_finds_a_clip_by_the_modality_that_eq_7_prefers():
    """The first clip's sound is near a class, the second's picture, and of the third neither is."""
    ((embed, directions),) = method("cjme-no-attention").spaces.items()
    assert embed(ByHand(), None, None).alpha.tolist() == [0.0, 1.0, 0.5]
    assert Direction.TEXT_TO_SELECTED in directions
    ((embed, _),) = method("cjme").spaces.items()
    assert embed(ByHand(), None, None).alpha.tolist() == [0.5, 0.5, 0.5]


def test_pre_trained_features_of_one_width_are_compared_as_they_are():
    clips, asked = small_set(audio_width=10), method("pre-trained")
    stage = stage_of(clips, Protocol.PAPER)
    learnt = learn(asked, clips, stage, Protocol.PAPER, None, How(0))
    found = {one.measure: one.harmonic for one in measure(asked, learnt, clips, stage)[0]}
    test = clips.rows(clips.splits == "test")
    audio, video = (
        rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for rows in (test.features.audio, test.features.video)
    )
    raw = Embeddings(
        audio,
        video,
        np.zeros((len(clips.classes.names), 10), np.float32),
        np.full(len(test), 0.5, np.float32),
    )
    expected = retrieve(raw, test.labels, clips.classes, (Direction.AUDIO_TO_VIDEO, Direction.VIDEO_TO_AUDIO))
    for direction, one in expected.items():
        assert found[f"retrieval {direction}"] == pytest.approx(one.harmonic)


def test_eq_7_at_test_decides_by_the_threshold_that_does_best_on_val():
    clips, asked = small_set(), method("cjme-no-attention")
    stage = stage_of(clips, Protocol.PAPER)
    learnt = learn(asked, clips, stage, Protocol.PAPER, of_passes("cjme-no-attention", 3)[0], How(0))
    found = {one.measure: one for one in measure(asked, learnt, clips, stage)[0]}
    by_xi = {}
    test = clips.splits == "test"
    for xi in (0.01, 0.02, 0.05, 0.1):
        of_val, of_test = (
            score_by(learnt.model.embed(rows, clips.class_vectors), Inference.EQ7, xi=xi)
            for rows in (stage.val, clips.features.rows(test))
        )
        beta = choose_beta(stage.val_scores(of_val))
        by_xi[xi] = beta.harmonic, classify(Scores(of_test, clips.labels[test], clips.classes, "test"), beta)
    best = max(by_xi.values(), key=lambda one: one[0])
    assert found["classification eq7"].harmonic == best[1].harmonic
    assert not any("@" in measure for measure in found)


def test_settings_are_those_with_the_best_val():
    assert Choice.of((0.1, 0.3, 0.2, 0.3)).index == 1  # the first of equal ones
    assert Choice.of(()).index == 0  # one that is alone is not tried


def test_gcca_which_only_searches_is_chosen_by_what_it_finds_among_val_clips():
    stage, grid = stage_of(small_set(), Protocol.PAPER), method("gcca").grid(None)
    expected = []
    for cell in grid:
        embeddings = fit_gcca(stage.train, stage.class_vectors, cell).embed(stage.val, stage.class_vectors)
        found = retrieve(embeddings, stage.val_labels, stage.classes)
        of_gcca = {str(direction): one.harmonic for direction, one in found.items()}
        expected.append(np.mean([of_gcca[name] for name in ("T->A", "T->V", "A->V", "V->A")]))
    np.testing.assert_allclose(try_all(method("gcca"), grid, stage, How(0)), expected)
    assert len(grid) == 9 and len(set(np.round(expected, 9))) > 1


@pytest.mark.parametrize("name", ["eszsl-audio", "ale-video", "concat", "cjme"])
def test_what_test_and_unseen_clips_are_like_changes_nothing_that_is_learnt(name):
    """The zero-shot condition, tried out: noise in place of every clip that must not be looked at."""
    clips = small_set()
    hidden = ~clips.seen | (clips.splits == "test")

    def learnt_from(clips):
        """All that is learnt or chosen: how well each setting does, passes, scores of val, and the model's own."""
        stage, grid = stage_of(clips, Protocol.STRICT), of_passes(name, 4)
        tried = try_all(method(name), grid, stage, How(0))
        learnt = learn(method(name), clips, stage, Protocol.STRICT, grid[0], How(0))
        passes = [(one.loss, one.val) for one in learnt.passes]
        scores = learnt.model.scores(small_set(1).features, small_set().class_vectors)
        return [np.array(tried), np.array(passes), *learnt.val.values(), scores]

    noisy = [np.where(hidden[:, None], 7.0, rows) for rows in (clips.features.audio, clips.features.video)]
    spoilt = replace(clips, features=ClipFeatures(*(rows.astype(np.float32) for rows in noisy)))
    for of_clips, of_spoilt in zip(learnt_from(clips), learnt_from(spoilt), strict=True):
        np.testing.assert_array_equal(of_clips, of_spoilt)


def test_with_strict_protocol_the_last_model_knows_the_classes_that_were_held_out():
    clips = small_set(held_out=("class-4", "class-5"))
    how, asked = How(0), method("eszsl-audio")
    learnt = [
        learn(asked, clips, stage_of(clips, protocol), protocol, asked.grid(None)[0], how)
        for protocol in Protocol
    ]
    scores = [one.model.scores(clips.features, clips.class_vectors) for one in learnt]
    np.testing.assert_allclose(*scores, rtol=1e-4, atol=1e-5)  # both learnt from all seen train clips
    assert learnt[1].val[""].shape[1] == 6  # and beta is chosen among the seen classes alone
