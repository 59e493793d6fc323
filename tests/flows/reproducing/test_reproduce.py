"""Stage reproduce: from a feature set to tables, going on where it broke off."""

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from quick_methods import QUICK
from same_process import Here
from small_sets import small_set
from typer.testing import CliRunner

from audiosetzsl.evaluation.training_set import ClipFeatures
from audiosetzsl.feature_sets import Protocol, stage_of
from audiosetzsl.feature_sets.digest import digest_of
from audiosetzsl.feature_sets.opening import open_set, save_set
from audiosetzsl.shards import Recipe
from flows import reproduce as stage
from flows.choose_vectors import OF_AUDIOSET
from flows.cli import app
from flows.reproduce import reproduce
from flows.reproducing import choosing, experiments, searches, work
from flows.reproducing.asked import Asked, asked_of
from flows.reproducing.laid_out import lay_out, open_laid_out
from flows.reproducing.work import Place, Work


def results_of(out):
    return pd.read_parquet(out / "results.parquet")


def test_tables_say_what_there_is_and_why_the_rest_is_not(quick, sound, tmp_path):
    out = tmp_path / "out"
    path = reproduce(sound, out, Asked((2, 7), n_seeds=2), runner=Here())
    lines = path.read_text().splitlines()
    audio = next(line for line in lines if line.startswith("| audio | audio |"))
    assert "22.22" in audio and "±" in audio and "| 2 |" in audio
    assert "no video features" in next(line for line in lines if line.startswith("| video | video |"))
    assert "no video features" in next(line for line in lines if line.startswith("| CJME (w/ attn) |"))
    assert f"sound.npz, digest {digest_of(open_set(sound))[:12]}." in path.read_text()
    eszsl = next(line for line in lines if line.startswith("| ESZSL | audio |"))
    assert "±" not in eszsl and "| 1 |" in eszsl  # nothing is drawn
    found = results_of(out)
    assert set(found.method) == {"audio", *(f"{m}-audio" for m in ("conse", "devise", "sae", "eszsl", "ale"))}
    assert (out / "tables.tex").is_file() and (out / "tables.csv").is_file()
    assert not (out / "inputs").is_dir() or not list(
        (out / "inputs").iterdir()
    )  # the features are not kept twice


def test_what_is_done_is_not_done_again(quick, sound, tmp_path, monkeypatch):
    out, asked = tmp_path / "out", Asked((2,), n_seeds=2)
    reproduce(sound, out, asked, runner=Here())
    first = results_of(out)
    gone = sorted((out / "outcomes").iterdir())[0]
    gone.unlink()
    done = []
    learn = stage.experiment

    def counted(one):
        done.append(one.path)
        return learn(one)

    monkeypatch.setattr(stage, "experiment", counted)
    monkeypatch.setattr(choosing, "trial", lambda one: pytest.fail("settings were chosen already"))
    reproduce(sound, out, asked, runner=Here())
    assert done == [gone]
    again = results_of(out)
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), first.drop(columns="seconds"))


def test_one_number_that_differs_makes_it_another_set(quick, sound, tmp_path):
    out = tmp_path / "out"
    reproduce(sound, out, Asked((2,), n_seeds=1), runner=Here())
    clips = small_set(video_width=0)
    rows = clips.features.audio.copy()
    rows[0, 0] += 1
    changed = replace(clips, features=ClipFeatures(rows, clips.features.video))
    assert digest_of(changed) != digest_of(clips)
    save_set(f"npz:{tmp_path / 'changed.npz'}", changed)
    reproduce(f"npz:{tmp_path / 'changed.npz'}", out, Asked((2,), n_seeds=1), runner=Here())
    assert len(list((out / "outcomes").iterdir())) == 2
    assert not results_of(out).duplicated(["method", "measure"]).any()  # of the set that was asked about


def test_both_protocols_stand_side_by_side(quick, sound, tmp_path):
    out = tmp_path / "out"
    text = reproduce(sound, out, Asked((2,), tuple(Protocol), 1), runner=Here()).read_text()
    assert "(protocol paper)" in text and "(protocol strict)" in text
    assert set(results_of(out).protocol) == {"paper", "strict"}


def test_figure_4_and_logs_of_the_passes_come_with_both_modalities(quick, tmp_path):
    out = tmp_path / "out"
    save_set(f"npz:{tmp_path / 'both.npz'}", small_set())
    reproduce(f"npz:{tmp_path / 'both.npz'}", out, Asked((4, 2), n_seeds=1), runner=Here())
    assert (out / "figure_4.png").stat().st_size > 10_000
    passes = pd.read_parquet(next((out / "passes").glob("cjme-no-attention-*")))
    assert len(passes) == QUICK
    assert {"loss", "val", "decided", "alpha", "text_spread"} <= set(passes.columns)
    found = results_of(out)
    assert set(found.measure) >= {"retrieval A->V", "retrieval V->A", "classification selected"}
    assert found.groupby(["method", "seed"]).fingerprint.nunique().eq(1).all()
    reproduce(f"npz:{tmp_path / 'both.npz'}", out, Asked((4,), n_seeds=1), runner=Here())
    assert not (out / "figure_4.png").exists()  # it would be of other tables than those that lie there


def test_table_6_takes_the_data_sets_that_are_there(quick, tmp_path):
    clips = small_set(audio_width=0, held_out=("class-4", "class-5"))
    clips = clips.rows(clips.seen & (clips.splits == "train") | (clips.splits == "test"))
    save_set(f"xlsa17:{tmp_path / 'sets' / 'SUN'}", clips)
    out = tmp_path / "out"
    text = reproduce("work", out, Asked((6,), n_seeds=1, xlsa17=tmp_path / "sets"), runner=Here()).read_text()
    lines = text.splitlines()
    for method in ("CONSE", "DeViSE", "SAE", "ESZSL", "ALE", "CJME"):
        cells = next(line for line in lines if line.startswith(f"| SUN | {method} |")).split(" | ")
        assert float(cells[5].split()[0]) >= 0 and not cells[-1].strip(" |")
    assert "not measured" in next(line for line in lines if line.startswith("| CUB | CJME |"))
    assert set(results_of(out).protocol) == {"strict"}


def test_a_set_that_is_laid_out_is_read_back_as_it_was(tmp_path):
    clips = replace(small_set(), held_out=("class-0",), made_of={"features": {"audio": "by hand"}})
    back = open_laid_out(lay_out(clips, tmp_path / "inputs"))
    assert digest_of(back.in_order()) == digest_of(clips.in_order())
    assert back.held_out == ("class-0",) and back.made_of == clips.made_of
    open_laid_out.cache_clear()


def test_what_is_learnt_from_val_and_test_are_one_memory_for_all_processes(tmp_path):
    back = open_laid_out(lay_out(small_set(), tmp_path / "inputs"))
    parts = stage_of(back, Protocol.PAPER)
    for rows in (parts.train.clips, parts.val, back.features.rows(back.splits == "test")):
        assert isinstance(rows.audio, np.memmap) and np.shares_memory(rows.audio, back.features.audio)
        assert isinstance(rows.video, np.memmap) and np.shares_memory(rows.video, back.features.video)
    open_laid_out.cache_clear()


def test_without_a_word_all_tables_are_meant(tmp_path):
    assert asked_of(None, None, 5, None).tables == (2, 3, 4, 5, 7)
    assert asked_of(None, None, 5, tmp_path).tables == (2, 3, 4, 5, 6, 7)
    assert asked_of([3, 2, 3], None, 5, None).tables == (2, 3)


def test_the_file_of_a_choice_tells_what_was_tried(quick, sound, tmp_path):
    out = tmp_path / "out"
    reproduce(sound, out, Asked((2,), n_seeds=1), runner=Here())
    told = json.loads(next((out / "choices").iterdir()).read_text())
    assert (
        len(told["harmonics"]) == 4
        and [cell["shape"]["inputs"] for cell in told["grid"]] == ["unit", "standard"] * 2
    )


def test_settings_that_were_tried_are_not_tried_again(quick, sound, tmp_path, monkeypatch):
    out, asked, tried = tmp_path / "out", Asked((2,), n_seeds=1), []
    reproduce(sound, out, asked, runner=Here())
    (choice,) = (out / "choices").iterdir()
    told = choice.read_text()
    choice.unlink()
    gone = sorted((out / "trials").iterdir())[0]
    gone.unlink()
    real = choosing.trial
    monkeypatch.setattr(choosing, "trial", lambda one: (tried.append(one.path), real(one)))
    reproduce(sound, out, asked, runner=Here())
    assert tried == [gone]
    assert choice.read_text() == told


def test_notes_stand_over_the_tables(quick, tmp_path):
    stand_ins = {"name": "VideoConfig", "facts": {"weights": "random:0"}}
    rendered = {"names": ["synthetic"], "unread": []}
    words = {"name": "NamedVectors", "facts": {"source": OF_AUDIOSET}}
    made_of = {"features": {"video": stand_ins}, "clip_sources": rendered, "class_vectors": words}
    save_set(f"npz:{tmp_path / 'x.npz'}", replace(small_set(audio_width=0), made_of=made_of))
    out = tmp_path / "out"
    path = reproduce(f"npz:{tmp_path / 'x.npz'}", out, Asked((2,), n_seeds=1, cjme="literal"), runner=Here())
    for note in (
        "The clips are rendered stand-ins, no videos",
        "The video network has random weights",
        "The vectors of the classes are made of AudioSet's names and descriptions, TF-IDF + SVD; the paper's are",
        "CJME and its variants were trained by preset literal",
    ):
        assert f"> {note}" in path.read_text() and f"% {note}" in (out / "tables.tex").read_text()
    assert "sound network" not in path.read_text()  # there is no sound


def test_a_preset_is_that_of_cjme_alone(quick, tmp_path):
    save_set(f"npz:{tmp_path / 'x.npz'}", small_set())
    out, done = tmp_path / "out", []
    for cjme in ("paper", "literal"):
        reproduce(f"npz:{tmp_path / 'x.npz'}", out, Asked((2,), n_seeds=1, cjme=cjme), runner=Here())
        done.append({path.name for path in (out / "outcomes").iterdir()})
    assert {name.rsplit("-", 1)[0] for name in done[1] - done[0]} == {"cjme", "cjme-no-attention"}
    told = [json.loads(path.read_text())["grid"][0] for path in (out / "choices").glob("cjme-*")]
    assert {one["training"]["agreement"] for one in told} == {"mean", "sum"}


def test_every_training_is_shown_while_it_goes_on(quick, sound, tmp_path, monkeypatch):
    shown = {}

    @contextmanager
    def to_tensorboard(folder):
        yield shown.setdefault(folder.name, []).append

    monkeypatch.setattr(work, "to_tensorboard", to_tensorboard)
    out = tmp_path / "out"
    asked = Asked((2,), (Protocol.STRICT,), 1)
    reproduce(sound, out, asked, Work(to_tensorboard=True), Here())
    assert {len(passes) for passes in shown.values()} == {QUICK}
    assert {path.stem for path in (out / "passes").iterdir()} < set(shown)
    assert len(shown) == 1 + len(list((out / "trials").iterdir()))


def test_words_of_the_command_line_reach_the_stage(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(stage, "reproduce", lambda *given, **named: called.append((given, named)))
    words = [
        "--out",
        str(tmp_path),
        "--cjme",
        "literal",
        "--device",
        "cuda:1",
        "--tensorboard",
        "--workers",
        "3",
    ]
    words += ["--table", "3", "--seeds", "2", "--protocol", "strict", "--protocol", "strict"]
    ended = CliRunner().invoke(app, ["reproduce", "--features", "npz:x.npz", *words])
    assert ended.exit_code == 0, ended.output
    ((features, out, asked, how), named) = called[0]
    assert (features, out, how) == ("npz:x.npz", tmp_path, Work("cuda:1", to_tensorboard=True))
    assert asked == Asked((3,), (Protocol.STRICT,), 2, cjme="literal")
    assert named["runner"].workers == 3
    told = []
    monkeypatch.setattr("flows.recording.record", lambda stage, workers: told.append(workers) or stage)
    ended = CliRunner().invoke(app, ["reproduce", "--features", "npz:x.npz", *words, "--prefect"])
    assert ended.exit_code == 0 and told == [3] and called[1][1] == {}
    assert CliRunner().invoke(app, ["reproduce", "--workers", "0"]).exit_code == 2


def test_what_works_is_shown_in_few_words(tmp_path):
    place = Place(tmp_path, "here", "0" * 64)
    found = searches.Search.of("audio", Protocol.PAPER, place, Work(), None)
    assert str(found.trials[0]).startswith("audio, paper, ")
    (only,) = searches.Search.of("pre-trained", Protocol.PAPER, place, Work(), None).grid
    found = experiments.Experiment(
        "pre-trained", Protocol.PAPER, place, Work(), only, 3, Recipe("pre-trained", {})
    )
    assert str(found) == "pre-trained, paper, seed 3"
