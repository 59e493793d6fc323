"""Commands `audiosetzsl shards ...`, run as a user runs them."""

import os
import shutil

import pytest
from command_line import cells, run
from same_process import Here
from small_shards import RECIPE, fill, planned
from typer.testing import CliRunner

from audiosetzsl.cli import app
from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.shards import Kind, Recipe
from extractors.video.nets import VideoConfig
from flows.extract_features import extract_features

MADE = (Kind.LOG_MEL, Kind.VIDEO)
KNOWN = Recipe("VideoConfig", {"net": "i3d", "weights": "rgb_imagenet.pt sha256:00", "code": 1})


@pytest.fixture
def work(tmp_path):
    """A workspace of 36 segments in 4 blocks, in which dogs of the val split ran thin."""
    place, blocks = planned(tmp_path / "work")
    lost = [n for n in range(36) if n % 9 == 3]
    fill(place, Kind.LOG_MEL, blocks, without=lost)
    fill(place, Kind.VIDEO, blocks, without=[lost[0]], recipe=KNOWN)
    return place


def invoke(*arguments, answer=None):
    """Exit code and output of a command that may end badly."""
    command = [str(argument) for argument in ("shards", *arguments)]
    done = CliRunner().invoke(app, command, input=answer, env={"COLUMNS": "160"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_verify_says_that_all_is_well(work):
    assert f"{work.root}: everything fits (log_mel, video)" in run("shards", "verify", work.root)


def test_verify_prints_what_it_finds_and_ends_with_1(work):
    (work.features(Kind.VIDEO) / "part-00002.parquet").unlink()
    (work.features(Kind.LOG_MEL) / ".part-00000.parquet.1.0a").write_bytes(b"half")
    code, output = invoke("verify", work.root)
    assert code == 1
    assert ["video", "part-00002.parquet", "missing", "9 segments"] in cells(output)
    assert ["video", "missing", "1"] in cells(output)
    assert "1 leftovers of writes that were broken off do no harm" in output
    assert f"1 findings; `audiosetzsl shards repair {work.root}` makes these shards again" in output
    assert "everything fits (log_mel)" in run("shards", "verify", work.root, "--kinds", "log_mel")


def test_a_leftover_alone_is_told_and_is_nothing_wrong(work):
    (work.features(Kind.LOG_MEL) / ".part-00000.parquet.1.0a").write_bytes(b"half")
    output = run("shards", "verify", work.root)
    assert "1 leftovers" in output and "everything fits" in output


def test_long_lists_are_cut(tmp_path):
    place, blocks = planned(tmp_path, 90, 2)
    fill(place, Kind.LOG_MEL, blocks[:1])
    _, output = invoke("verify", place.root)
    assert "and 49 more" in output
    assert ["log_mel", "missing", "44"] in cells(output) and ["video", "missing", "45"] in cells(output)


def test_kinds_and_statuses_that_there_are_not(work):
    with pytest.raises(
        SetupError, match="there are no features of kind sound, expected log_mel, video, audio"
    ):
        invoke("verify", work.root, "--kinds", "video,sound")
    with pytest.raises(SetupError, match=r"status is ok, expected some of no_clip, .*, failed"):
        invoke("repair", work.root, "--status", "failed,ok")


def test_a_workspace_without_features(work):
    shutil.rmtree(work.root / "features")
    for command in ("verify", "stats", "repair"):
        with pytest.raises(ShardError, match="holds no shards; run `python -m flows extract-features`"):
            invoke(command, work.root)


def test_stats_counts_what_there_is(work):
    output = run("shards", "stats", work.root, "--thinnest", "3")
    rows = cells(output)
    sizes = [sum(p.stat().st_size for p in work.features(kind).iterdir()) for kind in MADE]
    assert ["log_mel", "4", "36", "32", f"{sizes[0] / 1e6:.2f}", f"{sizes[0] / 32 / 1e3:.2f}"] in rows
    assert ["video", "4", "36", "35", f"{sizes[1] / 1e6:.2f}", f"{sizes[1] / 35 / 1e3:.2f}"] in rows
    assert ["log_mel", "no_clip", "4", "11.1%"] in rows and ["video", "no_clip", "1", "2.8%"] in rows
    assert ["video", "flag silent", "12", "33.3%"] in rows
    assert ["video", "duration_s", *["2.50"] * 6] in rows
    assert ["video", "n_windows", *["4.00"] * 6] in rows
    (lengths,) = [row for row in rows if row[:2] == ["log_mel", "n_frames"]]
    measured = [1 + n % 4 for n in range(36) if n % 9 != 3]
    assert lengths[2] == f"{sum(measured) / 32:.2f}" and lengths[-2:] == ["1.00", "4.00"]
    # Numbers 3, 12, 21 and 30 are dogs of the val split: none is left.
    assert ["dog", "val", "4", "0", "3", "0", "0.0%"] in rows
    assert sum(row[0] in ("dog", "cat", "pig") for row in rows) == 3


def test_stats_names_the_recipe_and_shouts_at_random_weights(work):
    output = run("shards", "stats", work.root)
    assert (
        f"video is made by VideoConfig ({KNOWN.fingerprint}): code 1, net i3d, weights rgb_imagenet" in output
    )
    assert f"log_mel is made by Some ({RECIPE.fingerprint}): code 1, weights random:0" in output
    shouts = [line for line in output.splitlines() if "RANDOM WEIGHTS" in line]
    assert shouts == [
        "✗ log_mel comes of RANDOM WEIGHTS: nothing was learned, so do not report results of it"
    ]


def test_stats_of_a_workspace_that_is_half_done(tmp_path):
    place, blocks = planned(tmp_path)
    fill(place, Kind.LOG_MEL, blocks[:1])
    rows = cells(run("shards", "stats", place.root))
    assert ["log_mel", "no shard yet", "27", "75.0%"] in rows


def test_stats_of_shards_without_any_feature(tmp_path):
    place, blocks = planned(tmp_path)
    fill(place, Kind.LOG_MEL, blocks, without=range(36))
    rows = cells(run("shards", "stats", place.root))
    assert next(row[:4] for row in rows if row[0] == "log_mel") == ["log_mel", "4", "36", "0"]


def test_repair_has_nothing_to_do(work):
    assert f"{work.root}: nothing to repair" in run("shards", "repair", work.root)


def test_repair_asks_before_it_removes(work):
    path = work.features(Kind.VIDEO) / "part-00002.parquet"
    path.write_bytes(b"broken")
    code, output = invoke("repair", work.root, answer="n\n")
    assert code == 1
    assert "Remove 1 files, so that they are made again?" in output
    assert any(row[:2] == ["video", "part-00002.parquet"] for row in cells(output))
    assert path.read_bytes() == b"broken"


def test_repair_removes_what_only_lies_about(work):
    """No stage has to run for that."""
    stray, left = (
        work.features(Kind.VIDEO) / n for n in ("part-00009.parquet", ".part-00000.parquet.999999.0a")
    )
    for path in (stray, left):
        path.write_bytes(b"")
        os.utime(path, (0, 0))
    before = {p: p.read_bytes() for p in work.features(Kind.VIDEO).glob("part-0000[0-3]*")}
    output = run("shards", "repair", work.root, "--yes")
    assert "removed 2 files" in output and "python -m flows" not in output
    assert not stray.exists() and not left.exists()
    assert all(path.read_bytes() == content for path, content in before.items())


def test_repair_says_what_is_left_to_do_by_hand(work, monkeypatch):
    """The network that made the sound vectors is gone, and whoever installed the wheel has no factory."""
    blocks = planned(work.root)[1]
    fill(work, Kind.AUDIO, blocks[1:], recipe=Recipe("AudioCnn", {"checkpoint": "00"}))
    output = run("shards", "repair", work.root, "--kinds", "audio")
    assert f"to do: python -m flows embed-audio --workspace {work.root} --checkpoint CHECKPOINT" in output
    monkeypatch.setattr("audiosetzsl.__file__", str(work.root / "site" / "audiosetzsl" / "__init__.py"))
    (work.features(Kind.VIDEO) / "part-00002.parquet").write_bytes(b"broken")
    output = run("shards", "repair", work.root, "--yes", "--kinds", "video")
    command = f"python -m flows extract-features --workspace {work.root}"
    assert f"to do in a checkout of the project: {command}" in output


def test_repair_runs_the_stages_and_ends_as_they_do(work, tmp_path, monkeypatch):
    """A factory stands in here that only says what it was asked for: the next test takes the real one."""
    factory = tmp_path / "checkout" / "flows" / "__main__.py"
    factory.parent.mkdir(parents=True)
    (factory.parent / "__init__.py").write_text("")
    factory.write_text(
        "import sys, pathlib; pathlib.Path('asked').write_text(str(sys.argv[1:])); sys.exit(3)"
    )
    monkeypatch.setattr("audiosetzsl.__file__", str(tmp_path / "checkout" / "audiosetzsl" / "__init__.py"))
    (work.features(Kind.LOG_MEL) / "part-00002.parquet").unlink()
    code, output = invoke("repair", work.root)  # nothing is removed, so nothing is asked
    assert code == 3
    assert f"python -m flows extract-features --workspace {work.root}" in output
    asked = ["extract-features", "--workspace", str(work.root)]
    assert (tmp_path / "checkout" / "asked").read_text() == str(asked)


@pytest.mark.slow
def test_repair_makes_again_what_was_broken_with_what_made_it(tmp_path):
    """With the stage itself; there are no clips here, so that every row is of an absent one."""
    place, _ = planned(tmp_path / "work", 8, 4)
    video = VideoConfig(weights="random:0", size=32, short_side=32, fps=1.0, window=9, hop=9)
    extract_features(place.root, video, Here())
    before = {path: path.read_bytes() for path in sorted(place.root.rglob("part-*.parquet"))}
    (place.features(Kind.LOG_MEL) / "part-00001.parquet").write_bytes(b"broken")
    (place.features(Kind.VIDEO) / "part-00001.parquet").unlink()
    assert "removed 1 files" in run("shards", "repair", place.root, "--yes")
    assert {path: path.read_bytes() for path in sorted(place.root.rglob("part-*.parquet"))} == before
