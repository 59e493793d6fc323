"""Flow and command train-cjme: what was asked for reaches the stages."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audiosetzsl.errors import SetupError
from audiosetzsl.workspace import Workspace
from flows import __main__ as command_line
from flows import pipelines, train_cjme
from flows.alone import alone
from flows.choose_vectors import Wording
from flows.presets import PRESETS
from flows.score_cjme import score_cjme
from flows.train_audio_cnn import train_audio_cnn

ASKED = [
    "--vectors",
    "t.bin",
    "--phrases",
    "p.toml",
    "--stop-words",
    "of,And",
    "--device",
    "cuda:1",
    "--seed",
    "3",
]


@pytest.fixture
def called(monkeypatch):
    """What each stage is called with, by name; none of them works, for there are no GPUs where tests run."""
    calls = {}

    def note(name):
        def stage(*given):
            calls[name] = given
            return Path(f"{name}.made")

        return stage

    for name in ("make_class_vectors", "train_audio_cnn", "embed_audio", "score_cjme", "report_results"):
        monkeypatch.setattr(pipelines, name, note(name))
    return calls


def by_hand(monkeypatch, folder):
    monkeypatch.setattr(sys, "argv", ["flows", "train-cjme", "--workspace", str(folder), *ASKED])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    assert end.value.code in (None, 0)


def as_flow(monkeypatch, folder):
    monkeypatch.setattr(train_cjme, "create_table_artifact", lambda *_, **__: None)
    monkeypatch.setattr(train_cjme, "result_rows", lambda _: [])
    (folder / "results.json").write_text("{}")
    monkeypatch.setattr(pipelines, "report_results", lambda *_: folder / "report.html")
    train_cjme.train_cjme.fn(
        str(folder), vectors="t.bin", phrases="p.toml", stop_words="of,And", seed=3, device="cuda:1"
    )


@pytest.mark.parametrize("run", [by_hand, as_flow])
def test_words_and_devices_reach_the_stages(monkeypatch, tmp_path, called, run):
    run(monkeypatch, tmp_path)
    _, vectors, wording = called["make_class_vectors"]
    assert (str(vectors), wording) == ("t.bin", Wording(Path("p.toml"), ("of", "and")))
    assert called["train_audio_cnn"][2:] == called["score_cjme"][2:] == (3, "cuda:1")
    assert called["embed_audio"][1] == Path("train_audio_cnn.made") and called["embed_audio"][3] == "cuda:1"


def test_phrases_that_have_no_use_are_refused_before_anything_is_made(tiny_workspace):
    with pytest.raises(SetupError, match=r"AudioSet's own vectors go by label, so that phrases"):
        train_cjme.train_cjme.fn(str(tiny_workspace), phrases="p.toml")
    assert not (tiny_workspace / "features").exists()


def test_a_second_run_in_a_workspace_is_refused_before_it_touches_the_words_of_the_first(tmp_path, called):
    with (
        alone(Workspace(tmp_path), "train-cjme"),
        pytest.raises(
            SetupError, match=r"another run of train-cjme is going on in .*use a workspace of its own"
        ),
    ):
        pipelines.make_results(tmp_path, PRESETS["demo"], "words.txt")
    assert not called
    pipelines.make_results(tmp_path, PRESETS["demo"], "words.txt")
    assert called["make_class_vectors"][1] == "words.txt"


@pytest.mark.parametrize("seed", ["-1", "18446744073709551616"])
def test_a_seed_out_of_range_is_refused_before_anything_is_made(tmp_path, called, seed):
    for command in (
        ["build-manifest", "--audioset", "x"],
        ["train-audio-cnn"],
        ["score-cjme"],
        ["train-cjme"],
    ):
        told = CliRunner().invoke(command_line.app, [*command, "--workspace", str(tmp_path), "--seed", seed])
        assert told.exit_code == 2 and "'--seed': Input should be" in told.output
    for stage in (score_cjme, train_audio_cnn):
        with pytest.raises(
            SetupError, match=rf"the seed is {seed}, expected a whole number from 0 to 4,294,967"
        ):
            stage(tmp_path, seed=int(seed))
    with pytest.raises(SetupError, match=rf"the seed is {seed}, expected"):
        pipelines.make_results(tmp_path, PRESETS["demo"], seed=int(seed))
    assert not called and not list(tmp_path.iterdir())
