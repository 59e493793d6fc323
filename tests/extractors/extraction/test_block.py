"""A block of clips to tables: a row for every segment, the same whoever decodes, and no row lost to a clip."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
from bad_paths import Deadly, Faulty

from audiosetzsl.errors import SetupError
from audiosetzsl.shards import Kind, check_rows, read_shard, schema_of, vectors_of, write_shard
from extractors.extraction import block, feeding
from extractors.extraction.block import (
    Equipment,
    Extractors,
    extract_block,
    log_mel_recipe,
    video_recipe,
)
from extractors.extraction.feeding import check_shared_memory
from extractors.extraction.hanging import patience_s
from extractors.extraction.rows import ClipRow
from extractors.log_mel import LogMelConfig, log_mel
from extractors.media.reading import read_frames, read_sound
from extractors.video.nets import VideoConfig, open_net
from extractors.video.windows import clip_vector

ROOT = Path(__file__).parents[3]
SOUND = LogMelConfig()
VIDEO = VideoConfig(weights="random:0", size=32, short_side=32, fps=4.0, window=9, hop=9)
BOTH = Extractors(SOUND, VIDEO)


def columns(table, *names):
    rows = zip(*(table[name].to_pylist() for name in names), strict=True)
    return dict(zip(table["segment_id"].to_pylist(), rows, strict=True))


@pytest.fixture
def menagerie(encode, tone, greys, tmp_path):
    """One clip of each kind that a block can hold, and one segment without a clip."""
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"no media at all")
    pictures = greys(12)
    three_seconds = {"pictures": pictures, "fps": 4}
    clips = {
        "good": encode("good.mp4", sound=tone(3), **three_seconds),
        "quiet": encode("quiet.mp4", sound=tone(3, gains=(0.0,)), **three_seconds),
        "mute": encode("mute.mp4", **three_seconds),
        "radio": encode("radio.mp4", sound=tone(3)),
        "junk": junk,
        "brief": encode("brief.mp4", sound=tone(2), pictures=pictures[:8], fps=4),
        "endless": encode("endless.mp4", sound=tone(4), pictures=greys(16), fps=4),
        "click": encode("click.wav", sound=tone(0.02), audio_codec="pcm_s16le"),
    }
    rows = [ClipRow(name, path, "", 3.0) for name, path in clips.items()]
    return [*rows, ClipRow("gone", None, "video is private", 3.0)]


def test_every_segment_is_a_row_and_every_failure_says_why(menagerie):
    tables = extract_block(menagerie, BOTH)
    assert tables[Kind.LOG_MEL].schema == schema_of(Kind.LOG_MEL, 64)
    assert tables[Kind.VIDEO].schema == schema_of(Kind.VIDEO, 1024)
    for kind, table in tables.items():
        check_rows(table, kind)
    assert columns(tables[Kind.LOG_MEL], "status", "flags") == {
        "good": ("ok", []),
        "quiet": ("ok", ["silent"]),
        "mute": ("no_audio", []),
        "radio": ("ok", []),
        "junk": ("unreadable", []),
        "brief": ("ok", ["short"]),
        "endless": ("ok", ["long"]),
        "click": ("no_audio", []),
        "gone": ("no_clip", []),
    }
    assert columns(tables[Kind.VIDEO], "status", "flags", "n_frames", "n_windows", "duration_s") == {
        "good": ("ok", [], 12, 2, 3.0),
        "quiet": ("ok", [], 12, 2, 3.0),
        "mute": ("ok", [], 12, 2, 3.0),
        "radio": ("no_video", [], 0, 0, 0.0),
        "junk": ("unreadable", [], 0, 0, 0.0),
        "brief": ("ok", ["short", "padded"], 8, 1, 2.0),
        "endless": ("ok", ["long"], 16, 2, 4.0),
        "click": ("no_video", [], 0, 0, 0.0),
        "gone": ("no_clip", [], 0, 0, 0.0),
    }
    reasons = columns(tables[Kind.LOG_MEL], "reason")
    assert reasons["gone"] == ("video is private",)
    assert reasons["mute"] == ("mute.mp4 has no sound stream",)
    assert reasons["click"] == ("click: 320 samples of sound make no frame",)


def test_features_stay_with_their_segment_through_a_shard(menagerie, tmp_path):
    """Rows without a feature stand between rows with one; each must still get its own."""
    recipes = {Kind.LOG_MEL: log_mel_recipe(SOUND), Kind.VIDEO: video_recipe(VIDEO)}
    sound, video = (
        read_shard(write_shard(table, tmp_path / f"{kind}.parquet", kind, recipes[kind]), kind)
        for kind, table in extract_block(menagerie, BOTH).items()
    )
    net = open_net(VIDEO)
    for i, clip in enumerate(menagerie):
        if sound["status"][i].as_py() == "ok":
            expected = log_mel(read_sound(clip.path), SOUND)
            found = np.array(sound["log_mel"][i].as_py(), np.float32)
            assert sound["n_frames"][i].as_py() == len(expected)
            np.testing.assert_allclose(
                found, expected, rtol=0, atol=0.003
            )  # half precision, in steps of 1/256
        else:
            assert sound["log_mel"][i].as_py() is None and sound["n_frames"][i].as_py() == 0
        if video["status"][i].as_py() == "ok":
            frames = read_frames(clip.path, VIDEO.pictures)
            expected, _ = clip_vector(net, frames, window=9, hop=9)
            np.testing.assert_allclose(np.array(video["vector"][i].as_py()), expected, rtol=1e-4, atol=1e-4)
        else:
            assert video["vector"][i].as_py() is None
    assert vectors_of(video.filter(pc.equal(video["status"], "ok"))).shape == (5, 1024)


def test_a_block_of_failures_and_an_empty_block_fit_the_schema():
    for rows in ([ClipRow("gone", None, "", 10.0)], []):
        for kind, table in extract_block(rows, BOTH).items():
            check_rows(table, kind)
            assert table["reason"].to_pylist() == ["no clip"] * len(rows)


def test_only_what_is_asked_for_is_extracted(menagerie):
    assert list(extract_block(menagerie[:2], Extractors(SOUND, None))) == [Kind.LOG_MEL]
    assert list(extract_block(menagerie[:2], Extractors(None, VIDEO))) == [Kind.VIDEO]


def test_more_bands_are_possible_where_a_network_wants_them(menagerie):
    table = extract_block(menagerie[:1], Extractors(LogMelConfig(n_mels=128), None))[Kind.LOG_MEL]
    assert table.schema == schema_of(Kind.LOG_MEL, 128)


def test_every_clip_is_told_before_it_is_touched(menagerie):
    told = []
    extract_block(menagerie, Extractors(SOUND, None), on_clip=lambda clip: told.append(clip.segment_id))
    assert told == [clip.segment_id for clip in menagerie]


@pytest.fixture
def endless(tmp_path):
    """A clip at which whoever opens it hangs: a pipe into which nobody writes."""
    os.mkfifo(tmp_path / "pipe.mp4")
    return ClipRow("pipe", tmp_path / "pipe.mp4", "", 3.0)


@pytest.mark.slow
def test_feeders_give_the_same_rows_also_beside_clips_at_which_they_hang_or_die(menagerie, endless):
    """Clips that wait behind such a one are decoded apart, and those after them by feeders again."""
    deadly = ClipRow("deadly", Deadly("deadly.mp4"), "", 3.0)
    alone = extract_block(menagerie, BOTH)
    clips = [*menagerie[:2], endless, deadly, *menagerie[2:]]
    fed = extract_block(clips, BOTH, Equipment(feeders=1, hung_s=3.0))
    bad, says = [2, 3], "see whether FFmpeg can read it"
    for table in fed.values():
        assert table["status"].take(bad).to_pylist() == ["failed", "failed"]
        assert table["reason"].take(bad).to_pylist() == [
            f"the process that decoded it did not come to an end in 3 s; {says}",
            f"the process that decoded it died; {says}",
        ]
    fed = {kind: table.take([0, 1, *range(4, len(table))]) for kind, table in fed.items()}
    assert fed[Kind.LOG_MEL].equals(alone[Kind.LOG_MEL])
    heads = [name for name in alone[Kind.VIDEO].column_names if name != "vector"]
    assert fed[Kind.VIDEO].select(heads).equals(alone[Kind.VIDEO].select(heads))
    for one, other in zip(alone[Kind.VIDEO]["vector"], fed[Kind.VIDEO]["vector"], strict=True):
        assert one.is_valid == other.is_valid
        if one.is_valid:
            np.testing.assert_allclose(one.as_py(), other.as_py(), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_a_suspect_is_decoded_apart(menagerie):
    clips = [menagerie[0], ClipRow("deadly", Deadly("deadly.mp4"), "", 3.0), menagerie[1]]
    found = extract_block(clips, Extractors(SOUND, None), suspects=["deadly"])[Kind.LOG_MEL]
    assert columns(found, "status") == {"good": ("ok",), "deadly": ("failed",), "quiet": ("ok",)}


HANG = """
import sys, time
from pathlib import Path
from extractors.extraction import block
from extractors.extraction.rows import ClipRow
from extractors.log_mel import LogMelConfig
from extractors.video.nets import VideoConfig

VIDEO = VideoConfig(weights="random:0", size=32, short_side=32, fps=4.0, window=9, hop=9)
block.clip_vector = lambda *_, **__: time.sleep(600)
extractors = block.Extractors(LogMelConfig(), VIDEO)
block.extract_block([ClipRow("clip", Path(sys.argv[1]), "", 3.0)], extractors, block.Equipment(hung_s=1.0))
"""


@pytest.mark.slow
def test_a_process_that_hangs_is_ended_and_says_where(menagerie, endless):
    """Without feeders, decoder and network work in the process that would have to tell."""
    hung_at = {endless.path: b"in opened", menagerie[0].path: b"in _through"}
    runs = {
        subprocess.Popen([sys.executable, "-c", HANG, path], cwd=ROOT, stderr=subprocess.PIPE): where
        for path, where in hung_at.items()
    }
    for run, where in runs.items():
        _, said = run.communicate(timeout=60)
        assert run.returncode == 1 and b"Timeout (0:00:01)!" in said and where in said


def test_longer_clips_have_more_patience():
    assert [patience_s(600.0, length_s) for length_s in (0.5, 10.0, 300.0)] == [600.0, 600.0, 18_000.0]


def test_our_own_fault_is_a_row_that_says_so(menagerie):
    found = extract_block([ClipRow("faulty", Faulty("faulty.mp4"), "", 3.0), menagerie[0]], BOTH)
    for table in found.values():
        assert columns(table, "status", "reason")["faulty"][0] == "failed"
        assert "a fault of ours" in columns(table, "status", "reason")["faulty"][1]
        assert columns(table, "status")["good"] == ("ok",)


def test_a_fault_of_the_network_is_raised_as_it_would_hit_every_clip(menagerie, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(block, "clip_vector", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        extract_block(menagerie[:1], BOTH)


def test_too_little_shared_memory_is_said_before_a_process_dies_of_it(tmp_path, monkeypatch):
    check_shared_memory(tmp_path, feeders=1)
    monkeypatch.setattr(feeding, "CLIP_BYTES", 1 << 60)
    with pytest.raises(
        SetupError, match=r"2 feeders need .* MB or more .* start the container with --shm-size"
    ):
        check_shared_memory(tmp_path, feeders=2)
    check_shared_memory(Path("/nowhere"), feeders=2)


def test_sound_that_is_no_number_is_a_row_with_a_reason(encode, tone, menagerie):
    sound = tone(3)
    sound[0, 1000] = np.nan
    clip = encode("nan.wav", sound=sound, audio_codec="pcm_f32le")
    table = extract_block([ClipRow("nan", clip, "", 3.0), menagerie[0]], Extractors(SOUND, None))[
        Kind.LOG_MEL
    ]
    check_rows(table, Kind.LOG_MEL)
    found = columns(table, "status", "reason")
    assert found["nan"] == ("unreadable", "nan: its sound holds numbers that are not finite")
    assert found["good"] == ("ok", "")


def test_a_vector_that_is_no_number_is_a_row_with_a_reason(menagerie, monkeypatch):
    monkeypatch.setattr(block, "clip_vector", lambda *_, **__: (np.full(1024, np.nan, np.float32), 2))
    table = extract_block(menagerie[:1], Extractors(None, VIDEO))[Kind.VIDEO]
    check_rows(table, Kind.VIDEO)
    assert columns(table, "status", "reason")["good"] == (
        "failed",
        "the network gave numbers that are not finite",
    )


def test_recipes_name_the_weights_and_change_with_every_setting():
    recipe = video_recipe(VIDEO)
    assert recipe.facts["weights"] == "random:0 (nothing was learned)"
    others = [
        VideoConfig(weights="random:1", size=32, short_side=32, fps=4.0, window=9, hop=9),
        VideoConfig("i3d", "random:0"),
    ]
    assert len({recipe.fingerprint, *(video_recipe(other).fingerprint for other in others)}) == 3
    assert log_mel_recipe(SOUND).fingerprint != log_mel_recipe(LogMelConfig(n_mels=128)).fingerprint


@pytest.mark.real
def test_real_clips(real_data):
    """17 of 18 have sound, all have a picture, and those that are not 10 s long are flagged."""
    paths = sorted((real_data / "clips").glob("*.mp4"))
    rows = [ClipRow(path.stem, path, "", 10.0) for path in paths]
    few = Extractors(SOUND, replace(VIDEO, hop=31))  # windows
    sound, video = (columns(table, "status", "flags") for table in extract_block(rows, few).values())
    assert len(sound) == len(video) == 18
    off = {
        "dog_vas_02677": ["short"],
        "full_--8puiAGLhs": ["long"],
        "gunshot_vas_00819": ["short"],
        "horse_3GbIhQLCH9I_16000": ["short"],
        "ocean_1Ef9CAZ3OrQ_9993000_10fps": ["short"],
        "other_no_audio_track_0": ["short"],
        "panther_maskvat_lion": ["short"],
        "train_xe7opvK-LJg_370000_4s_1fps": ["short"],
    }
    for name, found in video.items():
        assert found == ("ok", off.get(name, []))
    assert sound.pop("other_no_audio_track_0") == ("no_audio", [])
    for name, found in sound.items():
        assert found == ("ok", off.get(name, []))
