from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.files import check_schema
from audiosetzsl.shards import SCHEMAS, Kind, read_shard, vectors_of, write_shard
from extractors.features import ClipRow, VideoConfig, extract_block, extract_log_mel, extract_video
from extractors.log_mel import LogMelConfig, log_mel
from extractors.media.decoding import PictureConfig, read_frames, read_sound
from extractors.video.i3d import clip_vector, random_i3d

SOUND = LogMelConfig()
VIDEO = VideoConfig(size=32, short_side=32, fps=4.0, window=9, hop=9)


def status_and_flags(table):
    return dict(
        zip(
            table["segment_id"].to_pylist(),
            zip(table["status"].to_pylist(), table["flags"].to_pylist(), strict=True),
            strict=True,
        )
    )


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
    sound, video = extract_block(menagerie, SOUND, VIDEO)
    check_schema(sound, SCHEMAS[Kind.LOG_MEL], Path("sound"))
    check_schema(video, SCHEMAS[Kind.VIDEO], Path("video"))
    assert status_and_flags(sound) == {
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
    assert status_and_flags(video) == {
        "good": ("ok", []),
        "quiet": ("ok", []),
        "mute": ("ok", []),
        "radio": ("no_video", []),
        "junk": ("unreadable", []),
        "brief": ("ok", ["short", "padded"]),
        "endless": ("ok", ["long"]),
        "click": ("no_video", []),
        "gone": ("no_clip", []),
    }
    for table in (sound, video):
        for status, reason in zip(table["status"].to_pylist(), table["reason"].to_pylist(), strict=True):
            assert bool(reason) == (status != "ok")
    reasons = dict(zip(sound["segment_id"].to_pylist(), sound["reason"].to_pylist(), strict=True))
    assert reasons["gone"] == "video is private"
    assert reasons["mute"] == "mute.mp4 has no sound stream"
    assert reasons["click"] == "click.wav: 320 samples of sound make no frame"


def test_features_stay_with_their_segment_through_a_shard(menagerie, tmp_path):
    """Rows without a feature stand between rows with one; each must still get its own."""
    sound, video = extract_block(menagerie, SOUND, VIDEO)
    sound = read_shard(write_shard(sound, tmp_path / "sound.parquet", Kind.LOG_MEL, "a"), Kind.LOG_MEL)
    video = read_shard(write_shard(video, tmp_path / "video.parquet", Kind.VIDEO, "b"), Kind.VIDEO)
    net = random_i3d(0)
    for i, clip in enumerate(menagerie):
        if sound["status"][i].as_py() == "ok":
            expected = log_mel(read_sound(clip.path), SOUND)
            found = np.array(sound["log_mel"][i].as_py(), np.float32)
            assert sound["n_frames"][i].as_py() == len(expected)
            np.testing.assert_array_equal(found, expected.astype(np.float16))
        else:
            assert sound["log_mel"][i].as_py() is None and sound["n_frames"][i].as_py() == 0
        if video["status"][i].as_py() == "ok":
            frames = read_frames(clip.path, PictureConfig(32, 32, 4.0))
            expected = clip_vector(net, frames, window=9, hop=9)
            np.testing.assert_allclose(np.array(video["vector"][i].as_py()), expected, rtol=1e-4, atol=1e-4)
        else:
            assert video["vector"][i].as_py() is None
    seen = video.filter(pa.compute.equal(video["status"], "ok"))
    assert vectors_of(seen).shape == (5, 1024)


def test_a_block_of_failures_and_an_empty_block_fit_the_schema():
    for rows in ([ClipRow("gone", None, "", 10.0)], []):
        for table, kind in zip(extract_block(rows, SOUND, VIDEO), (Kind.LOG_MEL, Kind.VIDEO), strict=True):
            check_schema(table, SCHEMAS[kind], Path("x"))
            assert len(table) == len(rows)
            assert table["reason"].to_pylist() == ["no clip"] * len(rows)


@pytest.mark.parametrize("weights", ["kinetics", "random:", "random:x", "path:model.pt"])
def test_unknown_weights_are_refused(weights):
    config = VideoConfig(weights=weights)
    with pytest.raises(SetupError, match=rf"weights are '{weights}', expected random:<seed>"):
        extract_video([], config)


def test_a_log_mel_that_fits_no_shard_is_refused():
    with pytest.raises(
        SetupError, match=r"hold 64 bands of 16000 Hz sound, the configuration has 80 of 16000 Hz"
    ):
        extract_log_mel([], LogMelConfig(n_mels=80))


def test_windows_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"window is 16 and hop 0, expected both to be at least 1"):
        VideoConfig(window=16, hop=0)
    with pytest.raises(ValueError, match=r"size is 300, expected 1 to short_side"):
        VideoConfig(size=300)


@pytest.mark.real
def test_real_clips(real_data):
    """17 of 18 have sound, all have a picture, and those that are not 10 s long are flagged."""
    paths = sorted((real_data / "clips").glob("*.mp4"))
    rows = [ClipRow(path.stem, path, "", 10.0) for path in paths]
    sound, video = (status_and_flags(table) for table in extract_block(rows, SOUND, VIDEO))
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
