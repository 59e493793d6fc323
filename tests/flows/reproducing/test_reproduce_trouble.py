"""Stage reproduce in trouble: what it refuses, and what a disk, a kill or another run does to it."""

import json
import shutil
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import pytest
import torch
from quick_methods import make_quick
from same_process import Here
from small_sets import small_set

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.feature_sets.digest import digest_of
from audiosetzsl.feature_sets.opening import save_set
from audiosetzsl.tables.paper_results import TABLE_6_SETS
from audiosetzsl.workspace import Workspace
from flows.alone import alone
from flows.reproduce import place_of, reproduce
from flows.reproducing import experiments, laid_out, methods
from flows.reproducing.asked import Asked
from flows.reproducing.curves import read_curve
from flows.reproducing.laid_out import clear, lay_out, open_laid_out
from flows.reproducing.work import Work


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"n_seeds": 0}, "--seeds is 0, expected 1 or more"),
        (
            {"tables": (8,)},
            "there is no table 8 of results, expected one of 2, 3, 4, 5, 7, or 6 with --xlsa17",
        ),
        ({"cjme": "demo"}, "--cjme is 'demo', expected one of paper, avgzslnet, literal"),
        ({"tables": (6,)}, "table 6 is of other data sets: say where they are, with --xlsa17 FOLDER"),
    ],
)
def test_what_gives_no_table_is_refused(asked, message):
    with pytest.raises(SetupError, match=message):
        Asked(**asked)


def test_a_folder_without_data_sets_is_refused(tmp_path):
    with pytest.raises(SetupError, match=f"holds none of the folders {', '.join(TABLE_6_SETS)}"):
        reproduce("work", tmp_path / "out", Asked((6,), xlsa17=tmp_path), runner=Here())


def test_results_of_features_from_elsewhere_need_a_place(tmp_path):
    with pytest.raises(SetupError, match=r"npz:x.npz is no workspace, .*; name one with --out"):
        place_of("npz:x.npz", None)
    assert place_of("npz:x.npz", tmp_path) == tmp_path
    for name in (str(tmp_path), f"workspace:{tmp_path}"):
        assert place_of(name, None) == tmp_path / "results" / "reproduce"


def test_a_curve_that_is_damaged_costs_no_table_and_is_made_again(quick, tmp_path):
    out, features = tmp_path / "out", f"npz:{tmp_path / 'both.npz'}"
    save_set(features, small_set())
    reproduce(features, out, Asked((2,), n_seeds=1), runner=Here())
    curve = next((out / "curves").glob("video-*"))
    curve.write_bytes(b"PAR1 and no more")
    (out / "tables.md").unlink()
    with pytest.raises(ShardError, match=r"curves/video-.* is damaged"):
        reproduce(features, out, Asked((2,), n_seeds=1), runner=Here())
    assert (out / "tables.md").is_file()
    curve.unlink()
    (out / "figure_4.png").unlink()
    reproduce(features, out, Asked((2,), n_seeds=1), runner=Here())
    assert curve.is_file() and (out / "figure_4.png").is_file()


def test_settings_with_which_a_training_diverges_are_not_chosen_and_where_all_do_it_is_named(
    quick, sound, tmp_path, monkeypatch
):
    known, out = dict(methods.methods()), tmp_path / "out"
    too_fast = {
        name: replace(one, grid=lambda before, one=one: diverging(one.grid(before)))
        for name, one in known.items()
        if name == "audio"
    }
    monkeypatch.setattr(methods, "methods", lambda: known | too_fast)
    reproduce(sound, out, Asked((2,), n_seeds=1), runner=Here())
    told = json.loads(next((out / "choices").glob("audio-*")).read_text())
    assert told["harmonics"][0] == 0 and told["index"] > 0
    alone = {
        name: replace(one, grid=lambda before, one=one: one.grid(before)[:1])
        for name, one in too_fast.items()
    }
    monkeypatch.setattr(methods, "methods", lambda: known | alone)
    with pytest.raises(
        SetupError, match=r"audio, paper, seed 0: training diverged in pass 1 .*lower learning_rate"
    ):
        reproduce(sound, tmp_path / "alone", Asked((2,), n_seeds=1), runner=Here())


def diverging(grid):
    """A grid whose first cell learns too fast."""
    training = grid[0].training
    fast = replace(training, optimising=replace(training.optimising, learning_rate=1e29, optimiser="sgd"))
    return (replace(grid[0], training=fast), *grid[1:])


def test_a_gpu_without_memory_for_all_workers_is_said(quick, sound, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(experiments, "learn", full)
    with pytest.raises(SetupError, match=r"audio, paper, seed 0: the memory of the GPU, .* fewer --workers"):
        reproduce(sound, tmp_path / "out", Asked((2,), n_seeds=1), runner=Here())


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """Features of sound, and a folder in which table 2 of it was made, in two passes."""
    folder = tmp_path_factory.mktemp("reproduced")
    save_set(f"npz:{folder / 'sound.npz'}", small_set(video_width=0))
    with pytest.MonkeyPatch.context() as patch:
        make_quick(patch)
        reproduce(f"npz:{folder / 'sound.npz'}", folder / "out", Asked((2,), n_seeds=1), runner=Here())
    return folder


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("choices", "{"),
        ("choices", "[]"),
        ("choices", '{"index": -1}'),
        ("choices", '{"index": 4}'),
        ("choices", '{"index": true}'),
        ("trials", '{"harmonics": []}'),
        ("trials", '{"harmonics": [0.5, 0.5]}'),
        ("trials", '{"harmonics": [NaN]}'),
        ("trials", '{"harmonics": 3}'),
    ],
)
def test_what_was_chosen_or_tried_and_is_damaged_is_named(quick, reproduced, tmp_path, kind, text):
    """Obeyed, it would choose other settings without a word."""
    out = shutil.copytree(reproduced / "out", tmp_path / "out")
    if kind == "trials":
        next((out / "choices").iterdir()).unlink()
    next((out / kind).iterdir()).write_text(text)
    with pytest.raises(
        ShardError, match=rf"{kind}/audio-.* is absent or damaged .*; delete it and reproduce"
    ):
        reproduce(f"npz:{reproduced / 'sound.npz'}", out, Asked((2,), n_seeds=1), runner=Here())


def test_a_measure_without_a_curve_is_told(reproduced):
    (path,) = (reproduced / "out" / "curves").iterdir()
    assert len(read_curve(path, "classification").betas) > 1
    with pytest.raises(ShardError, match=r"audio-.* has no curve of 'other'; delete it and reproduce"):
        read_curve(path, "other")


def test_features_of_which_a_killed_run_left_half_are_laid_out_again(tmp_path, monkeypatch):
    folder = lay_out(small_set(), tmp_path / "inputs" / "some")

    def killed(folder, **_):
        (folder / "some" / "audio.npy").unlink()

    with monkeypatch.context() as broken:
        broken.setattr(laid_out.shutil, "rmtree", killed)
        clear(tmp_path / "inputs")
    lay_out(small_set(), folder)
    assert digest_of(open_laid_out(folder).in_order()) == digest_of(small_set().in_order())
    open_laid_out.cache_clear()


def test_a_second_run_in_a_folder_is_refused(sound, tmp_path):
    (tmp_path / "out").mkdir()
    with (
        alone(Workspace(tmp_path / "out"), "reproduce"),
        pytest.raises(SetupError, match=r"another run of reproduce is going on in .*out"),
    ):
        reproduce(sound, tmp_path / "out", Asked((2,)), runner=Here())


def test_a_disk_that_is_full_is_said_whoever_finds_out(sound, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError("1024 requested and 0 written")  # as NumPy has it

    monkeypatch.setattr(laid_out.np, "save", full)
    with pytest.raises(SetupError, match=r"no space is left for .*out; nothing is lost"):
        reproduce(sound, tmp_path / "out", Asked((2,)), runner=Here())


def test_a_file_where_results_should_lie_is_refused(sound, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(SetupError, match=r"out is no folder, .*; name another with --out"):
        reproduce(sound, tmp_path / "out", Asked((2,)), runner=Here())


def test_a_device_that_is_not_here_is_refused_before_anything_is_made(sound, tmp_path):
    with pytest.raises(SetupError, match="--device cuda:99: expected cpu"):
        reproduce(sound, tmp_path / "out", Asked((2,)), Work("cuda:99"), Here())
    assert not (tmp_path / "out").exists()


def test_a_set_that_could_not_be_measured_is_refused_before_it_is_learnt(tmp_path):
    clips = small_set()
    save_set(f"npz:{tmp_path / 'x.npz'}", clips.rows(clips.seen | (clips.splits != "test")))
    with pytest.raises(SetupError, match="36 test clips of seen classes and 0 of unseen ones"):
        reproduce(f"npz:{tmp_path / 'x.npz'}", tmp_path / "out", Asked((2,)), runner=Here())
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".reproduce"]


def test_a_worker_that_is_killed_ends_in_advice(sound, tmp_path):
    class Killed(Here):
        def map(self, *_, **__):
            raise BrokenProcessPool

    with pytest.raises(SetupError, match=r"a worker process was killed.*fewer --workers"):
        reproduce(sound, tmp_path / "out", Asked((2,)), runner=Killed())
