"""Cuts measured against media that tell the time: every picture and every stretch of sound."""

import random
import subprocess
from fractions import Fraction

import av
import imageio_ffmpeg
import numpy as np
import pytest
import truth_media as truth
from held_cuts import SOUND_OFF_S, boxes, cut, hold, sources_of

from audiosetzsl.errors import ClipError
from extractors.media.inspection import inspect
from extractors.media.reading import CentreCrop, PictureConfig, read_frames, read_sound


def test_the_media_tell_the_truth(source):
    for path in (source.video, source.both):
        assert truth.frame_numbers(path) == [
            (pytest.approx(n / source.fps), n) for n in range(round(source.seconds * source.fps))
        ]
    for path in (source.audio, source.both):
        assert truth.sound_starts_at_s(path, source) == pytest.approx(0, abs=0.001)
        assert truth.sound_ends_at_s(path, source) == pytest.approx(source.seconds, abs=0.001)
    for path, n_fragments in ((source.video, 6), (source.audio, 5)):
        kinds = [kind for kind, _ in boxes(path.read_bytes())]
        assert kinds[:3] == [b"ftyp", b"moov", b"sidx"]
        assert kinds[3 : 3 + 2 * n_fragments] == [b"moof", b"mdat"] * n_fragments
        assert kinds.count(b"sidx") == 1
    with av.open(source.video) as container:
        assert any(p.pts > p.dts + p.duration for p in container.demux(video=0) if p.pts is not None)


@pytest.mark.parametrize("form", ["one file", "two files"])
@pytest.mark.parametrize(
    "start_s, end_s",
    [(0, 10), (12.34, 22.34), (5, 15), (4.99, 6), (15.01, 16.01), (9.96, 10.96), (3.217, 3.717), (20, 30)],
)
def test_a_cut_shows_the_segment_and_nothing_else(source, tmp_path, form, start_s, end_s):
    done = cut(sources_of(source, form), tmp_path / "clip.mp4", start_s, end_s)
    assert (done.path, done.how) == (tmp_path / "clip.mp4", "copy")
    assert done.shown_s == pytest.approx(end_s - start_s)
    hold(done.path, source, start_s, end_s, sound_off_s=0.001 if start_s else SOUND_OFF_S)
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp4"]


def test_any_start_and_length_will_do(source, tmp_path):
    rng = random.Random(0)
    for _ in range(12):
        start_s = rng.uniform(0, 18)
        end_s = start_s + rng.uniform(1, 10)
        cut(sources_of(source, rng.choice(["one file", "two files"])), tmp_path / "clip.mp4", start_s, end_s)
        hold(tmp_path / "clip.mp4", source, start_s, end_s, sound_off_s=0.001)


@pytest.mark.parametrize("fps", [15, 30, 60, Fraction(30_000, 1001)])
def test_any_frame_rate_will_do(tmp_path, fps):
    made = truth.render(tmp_path / "truth", seconds=12, fps=fps, size=(320, 180), gop_s=10)
    cut([made.both], tmp_path / "clip.mp4", 7.77, 11.77)
    hold(tmp_path / "clip.mp4", made, 7.77, 11.77, fps=float(fps))
    assert inspect(tmp_path / "clip.mp4", 4.0).fps == pytest.approx(float(fps), abs=0.01)


VP9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "125", "-b:v", "400k"]


AV1 = ["-c:v", "libsvtav1", "-preset", "12", "-g", "125", "-svtav1-params", "lp=1"]


OPUS = ["-c:a", "libopus", "-b:a", "128k"]


PART = ["-t", "15"]


@pytest.mark.parametrize(
    "name, options",
    [
        ("vp9.webm", [*PART, *VP9, *OPUS]),
        ("av1.mp4", [*PART, *AV1, "-c:a", "copy"]),
        ("h264.mkv", ["-c", "copy"]),
        ("opus.mp4", ["-c:v", "copy", *OPUS]),
        ("mp3.mp4", ["-c:v", "copy", "-c:a", "libmp3lame", "-b:a", "128k"]),
        ("mute.mp4", ["-c:v", "copy", "-an"]),
        ("mute.webm", [*PART, *VP9, "-an", "-dash", "1"]),
        (
            "opengop.mp4",
            ["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=125:bframes=3", "-c:a", "copy"],
        ),
    ],
)
def test_other_codecs_and_containers_are_copied_too(made, source, tmp_path, name, options):
    path = made(name, *options)
    done = cut([path], tmp_path / "clip.mp4", 6.54, 12.54)
    assert done.how == "copy"
    hold(done.path, source, 6.54, 12.54, sound="mute" not in name)


def test_the_same_segment_gives_the_same_bytes_with_its_note_in_them(source, tmp_path):
    one, two = (
        cut([source.both], tmp_path / f"{i}.mp4", 3.3, 7.3, note="youtube dQw4w9WgXcQ") for i in (1, 2)
    )
    assert one.path.read_bytes() == two.path.read_bytes()
    assert inspect(one.path, 4.0).note == "youtube dQw4w9WgXcQ"
    assert inspect(cut([source.both], tmp_path / "3.mp4", 3.3, 7.3).path, 4.0).note == ""


def test_another_ffmpeg_and_our_own_reader_show_the_same(source, tmp_path):
    path = cut([source.video, source.audio], tmp_path / "clip.mp4", 12.34, 22.34).path
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", path, "-fps_mode", "passthrough"]
    listed = subprocess.run(
        [*command, "-f", "framecrc", "-"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(",") for line in listed.splitlines() if not line.startswith("#")]
    assert sum(row[0] == "0" for row in rows) == len(truth.frame_numbers(path)) == 251
    samples = sum(int(row[3]) for row in rows if row[0] == "1")
    assert samples / truth.SOUND_RATE_HZ == pytest.approx(10, abs=0.013)
    assert len(read_frames(path, PictureConfig(25.0, CentreCrop(32, 32)))) == 250
    assert len(read_sound(path)) / 16_000 == pytest.approx(10, abs=0.013)


def test_a_cut_of_a_cut_is_a_cut(source, tmp_path):
    """What the first one hides is not shown by the second."""
    first = cut([source.both], tmp_path / "first.mp4", 7.5, 17.5).path
    second = cut([first], tmp_path / "second.mp4", 2.5, 7.5).path
    hold(second, source, 10, 15)
    whole = cut([first], tmp_path / "whole.mp4", 0, 10).path
    hold(whole, source, 7.5, 17.5)


def test_a_segment_that_outlasts_the_video_ends_with_it(source, tmp_path):
    done = cut([source.video, source.audio], tmp_path / "clip.mp4", 26.5, 36.5)
    assert done.shown_s == pytest.approx(3.5) and done.heard_s == pytest.approx(3.5, abs=0.03)
    hold(done.path, source, 26.5, 30)


def test_how_much_is_shown_and_how_much_is_heard_is_told_apart(source, tmp_path):
    assert cut([source.video], tmp_path / "clip.mp4", 5, 8).heard_s == 0
    short = tmp_path / "short.mp4"
    cut([source.video], short, 0, 6)
    done = cut([short, source.audio], tmp_path / "clip.mp4", 5, 8)
    assert (done.shown_s, done.heard_s) == pytest.approx((1, 3))


@pytest.mark.parametrize("start_s", [30, 31, 4000])
@pytest.mark.parametrize("form", ["one file", "two files"])
def test_a_segment_after_the_end_is_refused(source, tmp_path, form, start_s):
    says = rf"the picture of \w+\.mp4 ends at 30\.00 s, and the segment begins at {start_s}\.00 s; check its times"
    with pytest.raises(ClipError, match=says) as caught:
        cut(sources_of(source, form), tmp_path / "clip.mp4", start_s, start_s + 10)
    assert caught.value.reason == "past_end" and not list(tmp_path.iterdir())


@pytest.mark.parametrize("start_s, end_s", [(5, 5), (5, 4), (-1, 4)])
def test_a_segment_that_is_none_is_refused(source, tmp_path, start_s, end_s):
    with pytest.raises(
        ValueError, match=rf"the segment is {start_s}\.0 to {end_s}\.0 s, expected 0 <= start_s < end_s"
    ):
        cut([source.both], tmp_path / "clip.mp4", start_s, end_s)


@pytest.mark.real
def test_a_real_cut_is_the_official_clip(real_data, tmp_path, capsys):
    """Another cut of the same 10 s, re-encoded: the best shift of both streams is within one frame."""
    clips = real_data / "clips"
    path = cut([clips / "full_--8puiAGLhs.mp4"], tmp_path / "clip.mp4", 30, 40).path
    official = clips / "car_--8puiAGLhs_30000.mp4"
    size = PictureConfig(29.97, CentreCrop(96, 96))
    ours, theirs = (read_frames(p, size).astype(np.float32)[5:245] for p in (path, official))
    mse = {lag: ((ours[8 + lag : 208 + lag] - theirs[8:208]) ** 2).mean() for lag in range(-6, 7)}
    lag, psnr = min(mse, key=mse.get), 10 * np.log10(255**2 / min(mse.values()))
    a, b = (read_sound(p)[:160_000] for p in (path, official))
    spectrum = np.fft.rfft(a, 1 << 19) * np.conj(np.fft.rfft(b, 1 << 19))
    likeness = np.fft.irfft(spectrum)
    at = int(likeness.argmax())
    lag_s = (at if at < 1 << 18 else at - (1 << 19)) / 16_000
    with capsys.disabled():
        print(
            f"\nagainst the official clip: picture {lag:+d} frames, {psnr:.1f} dB; sound {1e3 * lag_s:+.1f} ms"
        )
    assert abs(lag) <= 1 and psnr > 30
    assert abs(lag_s) <= 0.025
    facts, known = inspect(path, 10.0), inspect(official, 10.0)
    bits = (int.from_bytes(facts.fingerprint) ^ int.from_bytes(known.fingerprint)).bit_count()
    assert facts.flags == () and bits <= 32
