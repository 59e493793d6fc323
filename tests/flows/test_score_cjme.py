"""Stages score-cjme and report-results: a model, its scores and its page belong to what they were made of."""

import json
import shutil
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from small_shards import OTHER, fill, ledger_of, number_of, split_of
from vector_workspace import draw_class_vectors, with_vectors

from audiosetzsl.clips.ledger import read_ledger, write_ledger
from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.evaluation.embedding_file import read_embeddings
from audiosetzsl.feature_sets import Protocol, of_workspace, stage_of
from audiosetzsl.feature_sets.opening import open_set
from audiosetzsl.manifest import provenance_of, read_manifest, write_manifest
from audiosetzsl.shards import Kind, Recipe, read_shard, recipe_of, vector_column, vectors_of, write_shard
from audiosetzsl.workspace import Workspace
from flows import score_cjme as stage
from flows.alone import alone
from flows.planning import plan_workspace
from flows.report_results import report_results
from flows.reproducing.learning import val_harmonic
from flows.score_cjme import embeddings_path, results_of, score_cjme, scores_path
from models.cjme import CjmeTraining, load_cjme
from models.training import Optimising

TRAINING = CjmeTraining(optimising=Optimising(passes=2, batch_size=8))
TRAINED = Recipe("Some", {"code": 1, "weights": "sha256:0"})


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A workspace whose CJME has scored, and the checkpoint."""
    place = with_vectors(tmp_path_factory.mktemp("scored") / "w")
    return place, score_cjme(place.root, TRAINING)


@pytest.fixture
def place(scored, tmp_path):
    """A copy of that workspace."""
    shutil.copytree(scored[0].root, tmp_path / "w")
    return Workspace(tmp_path / "w")


def other_vector(split, place):
    """Change one number of the sound of one clip of a split."""
    path = place.features(Kind.AUDIO) / plan_workspace(place)[0].file_name
    table, recipe = read_shard(path, Kind.AUDIO), recipe_of(path)
    splits = [split_of(number_of(name)) for name in table["segment_id"].to_pylist()]
    vectors = vectors_of(table).copy()
    vectors[splits.index(split), 0] += 1
    at = table.schema.names.index("vector")
    table = table.set_column(at, table.schema.field(at), vector_column(list(vectors), vectors.shape[1]))
    write_shard(table, path, Kind.AUDIO, recipe)


def other_rows(place, change):
    """Rewrite the manifest: `change` gets its rows and its classes."""
    table = read_manifest(place.manifest)
    rows, noted = table.to_pylist(), provenance_of(table)
    change(rows, noted["classes"])
    write_manifest(pa.Table.from_pylist(rows, table.schema), place.manifest, noted)


def other_row(number, column, value, place):
    other_rows(place, lambda rows, _: rows[number].update({column: value}))


def pigs_for_cats(rows, classes):
    """Cats are unseen from now on, and pigs are seen."""
    for one in (*rows, *classes):
        one["seen"] = one.get("class_name", one.get("name")) != "cat"


def refill(kind, place, **other):
    fill(place, kind, plan_workspace(place), **({"recipe": TRAINED} | other))


# Of the first nine segments three are of train, three of val, three of test; 0, 3 and 6 are dogs.
CHANGES = {
    "a train vector": partial(other_vector, "train"),
    "a val vector": partial(other_vector, "val"),
    "a test vector": partial(other_vector, "test"),
    "a train label": partial(other_row, 0, "class_name", "cat"),
    "a test label": partial(other_row, 6, "class_name", "cat"),
    "a split": partial(other_row, 6, "split", "val"),
    "a clip less": partial(refill, Kind.AUDIO, recipe=OTHER, without=[6]),
    "class vectors": partial(draw_class_vectors, seed=1),
    "the table that they stem from": partial(draw_class_vectors, source="the same numbers, from elsewhere"),
    "the order of classes": partial(other_rows, change=lambda _, classes: classes.reverse()),
    "which classes are seen": partial(other_rows, change=pigs_for_cats),
    "what made the pictures": partial(refill, Kind.VIDEO),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_workspace_is_scored_anew(scored, place, change):
    CHANGES[change](place)
    again = score_cjme(place.root, TRAINING)
    assert again.name != scored[1].name
    assert scores_path(place, again, "test").is_file()


def test_so_are_other_settings_another_seed_and_other_code(scored, place, monkeypatch):
    assert score_cjme(place.root, TRAINING).name == scored[1].name
    others = [
        score_cjme(place.root, CjmeTraining(optimising=Optimising(passes=1))),
        score_cjme(place.root, TRAINING, seed=1),
    ]
    monkeypatch.setattr(stage, "CODE", stage.CODE + 1)
    others.append(score_cjme(place.root, TRAINING))
    assert len({path.name for path in (*others, scored[1])}) == 4


def test_what_is_missing_of_the_scores_is_made_of_the_model_that_is_there(scored, place):
    checkpoint = place.models / scored[1].name
    written = results_of(place, checkpoint)
    trained, before = checkpoint.stat().st_mtime_ns, [path.read_bytes() for path in written]
    for path in written:
        path.unlink()
        score_cjme(place.root, TRAINING)
        assert [path.read_bytes() for path in written] == before
    assert checkpoint.stat().st_mtime_ns == trained


def test_scores_of_a_checkpoint_that_is_gone_are_not_taken_for_those_of_the_next(scored, place):
    checkpoint = place.models / scored[1].name
    ours, others = (results_of(place, c) for c in (checkpoint, score_cjme(place.root, TRAINING, seed=1)))
    right = [path.read_bytes() for path in ours]
    for path, other in zip(ours, others, strict=True):
        shutil.copy(other, path)  # as a GPU might have left them, whose model was deleted since
    checkpoint.unlink()
    score_cjme(place.root, TRAINING)
    assert [path.read_bytes() for path in ours] == right


def test_vectors_that_are_made_anew_while_they_are_read_are_refused(place, monkeypatch):
    load = of_workspace.load_vectors

    def meanwhile(*given, **named):
        found = load(*given, **named)
        refill(Kind.AUDIO, place)  # embed-audio with another network
        return found

    monkeypatch.setattr(of_workspace, "load_vectors", meanwhile)
    with pytest.raises(ShardError, match=r"were made again while they were read; wait until that has ended"):
        score_cjme(place.root, TRAINING)


def test_sound_vectors_of_a_network_that_was_taught_an_unseen_class_are_refused(place):
    refill(Kind.AUDIO, place, recipe=Recipe("AudioCnn", {"checkpoint": "0", "taught": ["dog", "cat"]}))
    page = report_results(place.root, score_cjme(place.root, TRAINING)).read_text()
    assert "sound network has learnt" not in page
    other_rows(place, pigs_for_cats)
    with pytest.raises(
        SetupError, match=r"behind the sound of .*/w has learnt cat, which are unseen .*not be zero-shot"
    ):
        score_cjme(place.root, TRAINING)


def test_training_twice_gives_the_same_model_and_the_same_scores(scored, place):
    shutil.rmtree(place.models)
    shutil.rmtree(place.results)
    torch.rand(3)  # what others draw has no part in it
    again = score_cjme(place.root, TRAINING)
    assert again.read_bytes() == scored[1].read_bytes()
    first, second = (scores_path(of, again, "test").read_bytes() for of in (scored[0], place))
    assert first == second


def test_networks_of_any_width_are_learnt_from(tmp_path):
    place = with_vectors(tmp_path, video_width=6)
    config = load_cjme(score_cjme(place.root, TRAINING)).config
    assert (config.audio_width, config.video_width, config.text_width) == (8, 6, 5)


def test_a_gpu_that_is_not_here_is_said_first(place):
    with pytest.raises(SetupError, match=r"--device cuda:9: expected cpu, cuda, or some of"):
        score_cjme(place.root, CjmeTraining(optimising=Optimising(passes=3)), device="cuda:9")


def test_a_report_is_of_what_was_scored_whatever_becomes_of_the_features(scored, place):
    checkpoint = place.models / scored[1].name
    page = report_results(place.root, checkpoint)
    results = (place.results / "results.json").read_text()
    before = page.read_text()
    refill(Kind.AUDIO, place, without=[6, 7, 15])  # three clips of test
    refill(Kind.VIDEO, place)
    other = score_cjme(place.root, TRAINING)
    report_results(place.root, other)
    assert "Classification of 9 test clips" in page.read_text()
    assert (
        "random weights" not in page.read_text() and f"The model is {other.stem}, seed 0." in page.read_text()
    )
    report_results(place.root, checkpoint)
    assert (place.results / "results.json").read_text() == results
    assert page.read_text() == before
    assert "Classification of 12 test clips" in before and "has random weights" in before
    made_of = json.loads(results)["made_of"]
    assert (
        made_of["training"]["optimising"]["passes"] == 2
        and made_of["class_vectors"]["facts"]["source"] == "drawn"
    )
    assert "the sound network has learnt is not known" in before  # "Some" network, which does not say
    assert "The vectors of the classes are of drawn." in before


def test_scores_are_the_models_own_of_each_clip_beside_the_manifests_truth(scored):
    place, checkpoint = scored
    clips, model = open_set(str(place.root)), load_cjme(checkpoint)
    rows = read_manifest(place.manifest).to_pylist()
    truth = {row["segment_id"]: (row["split"], row["class_name"]) for row in rows}
    told = [pd.read_parquet(scores_path(place, checkpoint, split)) for split in ("val", "test")]
    assert [frame.split.tolist() for frame in told] == [["val"] * 12, ["test"] * 12]
    for one in pd.concat(told).itertuples():
        assert (one.split, one.class_name) == truth[one.segment_id]
        alone = model.scores(clips.features.rows(clips.clip_ids == one.segment_id), clips.class_vectors)
        np.testing.assert_allclose(one.scores, alone[0], rtol=1e-5)
    embeddings, labels, classes = read_embeddings(embeddings_path(place, checkpoint))
    test = clips.rows(clips.splits == "test")
    np.testing.assert_array_equal(embeddings.audio, model.embed(test.features, clips.class_vectors).audio)
    assert (labels.tolist(), classes) == (test.labels.tolist(), clips.classes)


def test_when_to_stop_is_said_by_the_hm_on_val(place, monkeypatch):
    fit, vals = stage.fit_cjme, []

    def watched(seen, vectors, config, training, *, validate, on_pass, **how):
        def judged(model):
            vals.append(validate(model))
            assert vals[-1] == val_harmonic(stage_of(open_set(str(place.root)), Protocol.PAPER), model)
            return vals[-1]

        return fit(seen, vectors, config, training, validate=judged, on_pass=on_pass, **how)

    monkeypatch.setattr(stage, "fit_cjme", watched)
    score_cjme(place.root, TRAINING, seed=7)
    assert len(vals) == TRAINING.optimising.passes


def test_a_second_run_in_a_workspace_waits(place):
    with (
        alone(place, "score-cjme"),
        pytest.raises(SetupError, match=r"another run of score-cjme is going on in .*; wait for it"),
    ):
        score_cjme(place.root, TRAINING)


def test_where_the_clips_came_from_is_noted_when_they_are_scored(place):
    block, *others = plan_workspace(place)
    part = place.clips / block.file_name
    ledger_of(place, block, {block.segment_ids[0]: "0" * 64})
    table = read_ledger(part)
    at = table.schema.names.index("source")
    table = table.set_column(at, table.schema.field(at), pa.array(["synthetic"] * len(table)))
    write_ledger(table, part)
    rendered = score_cjme(place.root, TRAINING, seed=1)
    shutil.rmtree(place.clips)
    assert "rendered stand-ins, no videos" in report_results(place.root, rendered).read_text()
    ledger_of(place, block, {block.segment_ids[0]: "0" * 64})
    (place.clips / others[0].file_name).write_bytes(b"PAR1 and no more")
    unknown = score_cjme(place.root, TRAINING, seed=2)
    assert "whether all clips are videos" in report_results(place.root, unknown).read_text()


def test_a_model_without_scores_is_sent_to_score_cjme(place):
    with pytest.raises(
        ShardError, match=r"scores-val\.parquet does not exist, so .* run `python -m flows score-cjme`"
    ):
        report_results(place.root, place.models / "cjme-0.safetensors")
