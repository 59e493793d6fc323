"""Commands `audiosetzsl shards ...`, run as a user runs them."""

import os
import shutil

import pytest
from command_line import cells, run
from same_process import Here
from small_shards import OTHER, RECIPE, feature_of, fill, ledger_of, number_of, planned, shard_of
from typer.testing import CliRunner

from audiosetzsl.cli import app
from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.shards import Kind, Recipe, read_shard, recipe_of, write_shard
from audiosetzsl.shards.current import is_marked
from extractors.video.nets import VideoConfig
from flows.alone import alone
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


def test_verify_promises_a_repair_only_where_there_is_work_for_it(work):
    """Nobody knows which of two kinds of different clips is stale, and notes are somebody's."""
    blocks = planned(work.root)[1]
    fill(work, Kind.VIDEO, blocks[:1], recipe=KNOWN, of_clips="others")
    (work.features(Kind.VIDEO) / "notes.txt").write_text("mine")
    _, output = invoke("verify", work.root)
    assert ["video", "notes.txt", "not of the plan", "it is no shard; move it elsewhere"] in cells(output)
    assert "2 findings; no repair helps against them, so do what their details say" in output
    assert "nothing to repair" in run("shards", "repair", work.root)
    (work.features(Kind.VIDEO) / "part-00002.parquet").unlink()
    _, output = invoke("verify", work.root)
    assert f"shards repair {work.root}` helps against all but 2, whose details say what to do" in output


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


@pytest.fixture
def factory(work, tmp_path, monkeypatch):
    """A factory whose stage does what a test says: the last test takes the real one."""
    main = tmp_path / "checkout" / "flows" / "__main__.py"
    main.parent.mkdir(parents=True)
    (main.parent / "__init__.py").write_text("")
    monkeypatch.setattr("audiosetzsl.__file__", str(tmp_path / "checkout" / "audiosetzsl" / "__init__.py"))
    work.extractors.write_text("{}")
    return lambda code: main.write_text(f"import os, shutil, sys\n{code}")


def contents(place):
    return {path: path.read_bytes() for path in sorted(place.root.rglob("part-*.parquet"))}


def test_repair_asks_before_it_touches_anything(work, factory):
    path = work.features(Kind.VIDEO) / "part-00002.parquet"
    path.write_bytes(b"broken")
    factory("")
    code, output = invoke("repair", work.root, answer="n\n")
    assert code == 1
    assert "Make 1 files again, or set them aside?" in output
    (row,) = [row for row in cells(output) if row[:2] == ["video", "part-00002.parquet"]]
    assert row[2].startswith("damaged: Parquet file size is 6 bytes")
    assert path.read_bytes() == b"broken"


def test_repair_is_refused_before_it_asks_while_shards_are_extracted(work, factory):
    broken = work.features(Kind.VIDEO) / "part-00002.parquet"
    broken.write_bytes(b"broken")
    factory("")
    with (
        alone(work, "extract-features"),
        pytest.raises(SetupError, match="a run of extract-features is going on"),
    ):
        invoke("repair", work.root)
    assert broken.read_bytes() == b"broken"


def test_repair_moves_away_what_only_lies_about(work):
    """No stage has to run for that, and a shard that no block has may be dear to somebody."""
    stray, left = (
        work.features(Kind.VIDEO) / n for n in ("part-00009.parquet", ".part-00000.parquet.999999.0a")
    )
    for path in (stray, left):
        path.write_bytes(b"mine")
        os.utime(path, (0, 0))
    before = {p: p.read_bytes() for p in work.features(Kind.VIDEO).glob("part-0000[0-3]*")}
    output = run("shards", "repair", work.root, "--yes")
    assert "keeps 1 files; delete it if you miss none" in output and "python -m flows" not in output
    assert not stray.exists() and not left.exists()
    (kept,) = work.root.glob("set-aside/*/video/part-00009.parquet")
    assert kept.read_bytes() == b"mine"
    assert all(path.read_bytes() == content for path, content in before.items())


def test_repair_says_what_is_left_to_do_by_hand_and_leaves_it_alone(work, monkeypatch):
    """The network that made the sound vectors is gone, and whoever installed the wheel has no factory."""
    blocks = planned(work.root)[1]
    fill(work, Kind.AUDIO, blocks, recipe=Recipe("AudioCnn", {"checkpoint": "00"}))
    (work.features(Kind.AUDIO) / "part-00001.parquet").write_bytes(b"broken")
    before = contents(work)
    code, output = invoke("repair", work.root, "--kinds", "audio", "--yes")
    embed = f"python -m flows embed-audio --workspace {work.root} --checkpoint CHECKPOINT"
    assert code == 1 and f"to do by hand: {embed}" in output
    monkeypatch.setattr("audiosetzsl.__file__", str(work.root / "site" / "audiosetzsl" / "__init__.py"))
    (work.features(Kind.VIDEO) / "part-00002.parquet").unlink()
    code, output = invoke("repair", work.root, "--yes", "--kinds", "video")
    assert code == 1 and "to do by hand: run this command in a checkout of the project" in output
    assert before.items() >= contents(work).items()


def test_repair_does_not_begin_where_nobody_knows_what_made_the_shards(work):
    broken = work.features(Kind.VIDEO) / "part-00002.parquet"
    broken.write_bytes(b"broken")
    with pytest.raises(SetupError, match=r"extractors.json is not there, so extract-features would not know"):
        invoke("repair", work.root, "--yes")
    assert broken.read_bytes() == b"broken"


def test_repair_brings_back_what_the_stage_did_not_make(work, factory):
    """A stage that fails takes no row with it, and its exit code is that of the command."""
    blocks = planned(work.root)[1]
    (work.features(Kind.LOG_MEL) / "part-00002.parquet").unlink()
    (work.features(Kind.LOG_MEL) / "part-00001.parquet").write_bytes(b"broken")
    fill(work, Kind.VIDEO, blocks[3:], recipe=RECIPE)
    ledger_of(work, blocks[0], {blocks[0].segment_ids[0]: "a"}, lost=blocks[0].segment_ids[:1])
    fill(
        work,
        Kind.VIDEO,
        blocks[:1],
        without=[number_of(blocks[0].segment_ids[1])],
        recipe=KNOWN,
        of_clips="a",
    )
    fill(work, Kind.LOG_MEL, blocks[:1], of_clips="a")
    before = contents(work)
    factory("open('asked', 'w').write(str(sys.argv[1:])); sys.exit(3)")
    code, output = invoke("repair", work.root, "--status", "no_clip", "--yes")
    assert code == 3
    assert "1 clips of these blocks are gone; rows of theirs are kept where a shard can be read" in output
    assert "6 shards were not made again; those that were there are back as they were" in output
    asked = work.root.parent / "checkout" / "asked"
    assert asked.read_text() == str(["extract-features", "--workspace", str(work.root)])
    assert contents(work) == before and not (work.root / "set-aside").exists()


def test_repair_marks_what_can_be_read_and_moves_what_a_stage_would_refuse(work, factory):
    """While the stage runs, rows stand where they stood, so that it can take over those whose clips are lost."""
    blocks = planned(work.root)[1]
    lost = [number_of(blocks[0].segment_ids[0])]
    (failed,) = fill(work, Kind.VIDEO, blocks[:1], without=lost, recipe=KNOWN)
    (other,) = fill(work, Kind.VIDEO, blocks[3:], recipe=RECIPE)
    before = contents(work)
    new = work.root / "new.parquet"
    new.write_bytes(before[failed])
    factory(
        f"shutil.copy({str(failed)!r}, {str(work.root / 'seen')!r}); moved = not os.path.exists({str(other)!r}); "
        f"shutil.copy({str(new)!r}, {str(failed)!r}); sys.exit(0 if moved else 7)"
    )
    code, output = invoke("repair", work.root, "--status", "no_clip", "--kinds", "video", "--yes")
    # The other one, and one more with a row of the status.
    assert code == 1 and "2 shards were not made again" in output
    seen, was = (
        read_shard(path, Kind.VIDEO, made_by=KNOWN.fingerprint) for path in (work.root / "seen", new)
    )
    assert is_marked(work.root / "seen") and not is_marked(new)
    assert seen.equals(was)
    assert contents(work) == before and not (work.root / "set-aside").exists()


@pytest.mark.slow
def test_repair_makes_again_what_was_broken_with_what_made_it(tmp_path):
    """With the stage itself; but for one that is lost there are no clips, so that rows are of absent ones."""
    place, blocks = planned(tmp_path / "work", 8, 2)
    video = VideoConfig(weights="random:0", size=32, short_side=32, fps=1.0, window=9, hop=9)
    extract_features(place.root, video, Here())
    before = contents(place)
    (place.features(Kind.LOG_MEL) / "part-00001.parquet").write_bytes(b"broken")
    (place.features(Kind.VIDEO) / "part-00001.parquet").unlink()
    # Most shards of a kind are of another recipe than was begun: they are those that go.
    fill(place, Kind.VIDEO, blocks[1:], recipe=OTHER, without=range(8), width=1024)
    lost = one_failed_one_lost(place, blocks[0])
    output = run("shards", "repair", place.root, "--yes", "--status", "failed")
    assert output.count("keeps 4 files") == 1
    assert all(path.read_bytes() == before[path] for path in before if "00000" not in path.name)
    for kind, is_there in lost.items():
        rows = read_shard(place.features(kind) / "part-00000.parquet", kind).to_pylist()
        assert rows[0] == is_there
        assert (
            rows[1]["status"] == "failed"
        )  # what was found in a clip stays for as long as it does not come back
    assert "everything fits" in run("shards", "verify", place.root)


def one_failed_one_lost(place, block):
    """Shards of a block whose first clip was deleted once its features were there; the rows of it."""
    ledger_of(place, block, {block.segment_ids[0]: "a"}, lost=block.segment_ids[:1])
    of_clips, rows = dict.fromkeys(block.segment_ids[:1], "a"), {}
    for kind, width in ((Kind.LOG_MEL, 64), (Kind.VIDEO, 1024)):
        path, features = place.features(kind) / block.file_name, [feature_of(kind, 1, width), None]
        columns = {"segment_id": list(block.segment_ids), "status": ["ok", "failed"]}
        table = shard_of(kind, features, width=width, **columns)
        write_shard(table, path, kind, recipe_of(path), of_clips)
        rows[kind] = read_shard(path, kind).to_pylist()[0]
    return rows
