"""Cuts measured against media that tell the time: every picture and every stretch of sound."""

import io
import random
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
import truth_media as truth

from audiosetzsl.errors import ClipError
from extractors import cutting, recoding
from extractors.edit_list import show_only
from extractors.inspection import inspect
from extractors.media import PictureConfig, read_frames, read_sound
from extractors.recoding import mux, recode
from extractors.tracks import read_tracks

FPS = 25
SECONDS = 30.0
SOUND_OFF_S = 0.013  # half a packet of AAC, and the step of the noise


def cut(sources, path, start_s, end_s, **options):
    return cutting.cut(sources, path, float(start_s), float(end_s), **options)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return truth.render(tmp_path_factory.mktemp("truth"), seconds=SECONDS, fps=FPS, size=(320, 180))


@pytest.fixture
def made(source, tmp_path):
    """made(name, options...): the same video in another form, by FFmpeg."""

    def made(name, *options):
        truth.ffmpeg("-i", source.both, *options, tmp_path / name)
        return tmp_path / name

    return made


def test_the_media_tell_the_truth(source):
    for path in (source.video, source.both):
        assert truth.frame_numbers(path) == [(pytest.approx(n / FPS), n) for n in range(round(SECONDS * FPS))]
    for path in (source.audio, source.both):
        assert truth.sound_starts_at_s(path, source) == pytest.approx(0, abs=0.001)
        assert truth.sound_ends_at_s(path, source) == pytest.approx(SECONDS, abs=0.001)
    for path, n_fragments in ((source.video, 6), (source.audio, 5)):
        kinds = [kind for kind, _ in boxes(path.read_bytes())]
        assert kinds[:3] == [b"ftyp", b"moov", b"sidx"]
        assert kinds[3 : 3 + 2 * n_fragments] == [b"moof", b"mdat"] * n_fragments
        assert kinds.count(b"sidx") == 1
    with av.open(source.video) as container:
        assert any(p.pts > p.dts + p.duration for p in container.demux(video=0) if p.pts is not None)


def on_screen(pictures, time_s):
    """Number of the picture that is on screen."""
    return [number for shown_s, number in pictures if shown_s <= time_s + 0.002][-1]


def hold(path, source, start_s, end_s, *, fps=FPS, sound_off_s=SOUND_OFF_S, sound=True):
    """Whether a clip is the segment: what is on screen all along, and the sound at both ends."""
    pictures = truth.frame_numbers(path)
    assert pictures[0][0] == pytest.approx(0, abs=0.001)
    for time_s in np.linspace(0, end_s - start_s - 0.004, 23):
        # Numbers change at k / fps; within 3 ms of that, either is right.
        low, high = (int((start_s + time_s + off) * fps + 1e-6) for off in (-0.003, 0.003))
        assert low <= on_screen(pictures, time_s) <= high
    assert pictures[-1][0] < end_s - start_s
    assert [number for _, number in pictures] == list(range(pictures[0][1], pictures[-1][1] + 1))
    facts = inspect(path, float(end_s - start_s))
    assert facts.n_frames == len(pictures)
    assert facts.duration_s == pytest.approx(end_s - start_s, abs=1 / fps)
    assert facts.flags == (() if sound else ("no_audio",))
    if sound:
        assert truth.sound_starts_at_s(path, source) == pytest.approx(start_s, abs=sound_off_s)
        assert truth.sound_ends_at_s(path, source) == pytest.approx(end_s, abs=0.025)
        assert truth.sound_ends_s(path) == pytest.approx(end_s - start_s, abs=0.025)


def sources_of(source, form):
    return {"one file": [source.both], "two files": [source.video, source.audio]}[form]


@pytest.mark.parametrize("form", ["one file", "two files"])
@pytest.mark.parametrize(
    "start_s, end_s",
    [(0, 10), (12.34, 22.34), (5, 15), (4.99, 6), (15.01, 16.01), (9.96, 10.96), (3.217, 3.717), (20, 30)],
)
def test_a_cut_shows_the_segment_and_nothing_else(source, tmp_path, form, start_s, end_s):
    done = cut(sources_of(source, form), tmp_path / "clip.mp4", start_s, end_s)
    assert (done.path, done.how, done.ended_s) == (tmp_path / "clip.mp4", "copy", None)
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


def test_what_mp4_cannot_hold_is_encoded_anew(made, source, tmp_path):
    path = made(
        "old.webm", *PART, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "900k"
    )
    done = cut([path], tmp_path / "clip.mp4", 6.54, 12.54, note="from a test")
    assert done.how == "encode"
    hold(done.path, source, 6.54, 12.54)
    facts = inspect(done.path, 6.0)
    assert (facts.video_codec, facts.audio_codec, facts.note) == ("h264", "aac", "from a test")
    again = cut([path], tmp_path / "again.mp4", 6.54, 12.54, note="from a test")
    assert again.path.read_bytes() == done.path.read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_windows_media_goes_through_as_well(made, source, tmp_path):
    path = made("old.wmv", *PART, "-c:v", "wmv2", "-b:v", "1M", "-g", "125", "-c:a", "wmav2")
    done = cut([path], tmp_path / "clip.mp4", 6.54, 12.54)
    assert done.how == "encode"
    # The encoder of Windows Media delays the sound by 46 ms, which ASF cannot say.
    assert inspect(done.path, 6.0).flags == ()
    assert truth.sound_starts_at_s(done.path, source) == pytest.approx(6.54, abs=0.06)


def test_a_copy_that_does_not_show_the_segment_is_encoded_instead(source, tmp_path, monkeypatch):
    monkeypatch.setattr(cutting, "show_only", lambda path, durations_s: show_only(path, [1.0, 1.0]))
    done = cut([source.both], tmp_path / "clip.mp4", 6.54, 12.54)
    assert done.how == "encode"
    hold(done.path, source, 6.54, 12.54)


def test_where_neither_way_gives_a_clip_the_reason_is_told(source, tmp_path, monkeypatch):
    monkeypatch.setattr(cutting, "show_only", lambda path, durations_s: show_only(path, []))
    monkeypatch.setitem(recoding.H264, "c:v", "nonsense")
    says = (
        r"both\.mp4 cannot be encoded anew \(Unknown encoder 'nonsense'\); choose another format of the video"
    )
    with pytest.raises(ClipError, match=says) as caught:
        cut([source.both], tmp_path / "clip.mp4", 1, 3)
    assert caught.value.reason == "unreadable"
    monkeypatch.setattr(recoding, "HOLDERS", ["webm"])
    with pytest.raises(
        ClipError, match=r"no container holds the packets of both\.mp4; choose another format"
    ):
        cut([source.both], tmp_path / "clip.mp4", 1, 3)
    assert not list(tmp_path.iterdir())


def test_an_edit_list_is_written_into_nothing_but_an_mp4_of_ours(source, tmp_path):
    clip = cut([source.both], tmp_path / "clip.mp4", 1, 2).path
    with pytest.raises(ValueError, match=r"clip\.mp4 has 2 tracks and 2 edit lists, expected 1 of both"):
        show_only(clip, [1.0])
    content = bytearray(clip.read_bytes())
    content[content.index(b"tkhd") + 4] = 1
    clip.write_bytes(content)
    with pytest.raises(ValueError, match=r"clip\.mp4 has boxes of version 1, expected version 0"):
        show_only(clip, [1.0, 1.0])


def test_a_full_disk_is_not_the_fault_of_the_clip(source):
    with av.open(source.both) as container:
        picture, sound = read_tracks([container], 1.0, 9.0)
        with pytest.raises(OSError, match="No space left on device") as caught:
            mux([picture, sound], Path("/dev/full"), "matroska", {})
        assert not isinstance(caught.value, av.FFmpegError)


def test_encoding_that_takes_too_long_is_given_up(source, tmp_path):
    with av.open(source.both) as container:
        picture, sound = read_tracks([container], 1.0, 9.0)
        with pytest.raises(
            ClipError, match=r"both\.mp4 cannot be encoded anew \(it takes longer than 0\.01 s\); ch"
        ):
            recode([picture, sound], tmp_path / "clip.mp4", 8.0, "", timeout_s=0.01)
    assert not [file for file in tmp_path.iterdir() if file.suffix == ".raw"]


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
    assert len(read_frames(path, PictureConfig(32, 32, fps=25.0))) == 250
    assert len(read_sound(path)) / 16_000 == pytest.approx(10, abs=0.013)


def test_a_cut_of_a_cut_is_a_cut(source, tmp_path):
    """What the first one hides is not shown by the second."""
    first = cut([source.both], tmp_path / "first.mp4", 7.5, 17.5).path
    second = cut([first], tmp_path / "second.mp4", 2.5, 7.5).path
    hold(second, source, 10, 15)
    whole = cut([first], tmp_path / "whole.mp4", 0, 10).path
    hold(whole, source, 7.5, 17.5)


class Watched(io.BytesIO):
    """A seekable file that notes what is read of it."""

    def __init__(self, content):
        super().__init__(content)
        self.n_read = 0

    def read(self, n=-1):
        content = super().read(n)
        self.n_read += len(content)
        return content


@pytest.mark.parametrize("form", ["one file", "two files"])
def test_of_a_file_object_only_the_segment_is_read(source, tmp_path, form):
    files = [Watched(path.read_bytes()) for path in sources_of(source, form)]
    cut(files, tmp_path / "clip.mp4", 10.2, 12.2)
    hold(tmp_path / "clip.mp4", source, 10.2, 12.2)
    for file in files:
        # The segment is 2.2 s of 30 from the key frame; libav reads 32 KiB at a time, also of the header.
        assert file.n_read < 0.2 * len(file.getbuffer()) + 5 * 32_768


def test_an_error_of_a_file_object_comes_through_as_it_is(source, tmp_path):
    class Broken(Watched):
        def read(self, n=-1):
            if self.n_read > 300_000:
                raise ConnectionResetError("the other side hung up")
            return super().read(n)

    with pytest.raises(ConnectionResetError, match="the other side hung up"):
        cut([Broken(source.both.read_bytes())], tmp_path / "clip.mp4", 1, 29)
    assert not list(tmp_path.iterdir())


def boxes(content):
    """Type and bytes of the boxes of an MP4, top level only."""
    at = 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        yield content[at + 4 : at + 8], content[at : at + size]
        at += size


def part_of(path, first, last, *, index):
    """Header and some fragments of a DASH file, as ranges of it are downloaded."""
    head, fragments = b"", []
    for kind, box in boxes(path.read_bytes()):
        if kind == b"moof":
            fragments.append(box)
        elif kind == b"mdat":
            fragments[-1] += box
        elif kind in (b"ftyp", b"moov") or (kind == b"sidx" and index):
            head += box
    return head + b"".join(fragments[first:last])


@pytest.mark.parametrize("index", [True, False], ids=["with sidx", "without sidx"])
@pytest.mark.parametrize("start_s, end_s", [(12.34, 17.34), (10, 15), (16.2, 20)])
def test_fragments_of_a_file_are_enough(source, tmp_path, start_s, end_s, index):
    video, audio = tmp_path / "video.part", tmp_path / "audio.part"
    video.write_bytes(part_of(source.video, 2, 4, index=index))  # 10 to 20 s
    audio.write_bytes(part_of(source.audio, 1, 3, index=index))  # 7 to 21 s
    done = cut([video, audio], tmp_path / "clip.mp4", start_s, end_s)
    assert done.how == "copy" and done.ended_s is None
    hold(done.path, source, start_s, end_s, sound_off_s=0.001)


@pytest.mark.parametrize("start_s", [12.041, 13.481, 18.161])
def test_a_part_that_ends_where_the_segment_does_is_not_taken_for_cut_short(source, tmp_path, start_s):
    # The segment ends one millisecond after a picture begins, which rounds to where the picture begins.
    whole = part_of(source.video, 2, 4, index=True)
    video = tmp_path / "video.part"
    video.write_bytes(whole)
    done = cut([video], tmp_path / "clip.mp4", start_s, start_s + 1)
    assert done.how == "copy" and done.ended_s is None


def test_a_segment_that_outlasts_the_video_ends_with_it(source, tmp_path):
    done = cut([source.video, source.audio], tmp_path / "clip.mp4", 26.5, 36.5)
    assert done.ended_s == pytest.approx(30) and done.shown_s == pytest.approx(3.5)
    hold(done.path, source, 26.5, 30)
    assert cut([source.both], done.path, 26.5, 30.03).ended_s is None  # by less than a frame


@pytest.mark.parametrize("start_s", [30, 31, 4000])
@pytest.mark.parametrize("form", ["one file", "two files"])
def test_a_segment_after_the_end_is_refused(source, tmp_path, form, start_s):
    says = rf"the picture of \w+\.mp4 ends at 30\.00 s, and the segment begins at {start_s}\.00 s; check its times"
    with pytest.raises(ClipError, match=says) as caught:
        cut(sources_of(source, form), tmp_path / "clip.mp4", start_s, start_s + 10)
    assert caught.value.reason == "past_end" and not list(tmp_path.iterdir())


def test_a_picture_that_stays_on_screen_is_shown_from_the_start(encode, tone, greys, tmp_path):
    """Slides: pictures at 0, 2 and 8 s; one is on screen all through the segment."""
    path = encode("slides.mp4", pictures=greys(4, step=40), times=[0, 2, 8, 14], sound=tone(16))
    assert cut([path], tmp_path / "clip.mp4", 3, 7).shown_s == pytest.approx(4)
    facts = inspect(tmp_path / "clip.mp4", 4.0)
    assert (facts.n_frames, facts.duration_s) == (1, pytest.approx(4, abs=0.05))
    cut([path], tmp_path / "clip.mp4", 7, 9)
    with av.open(tmp_path / "clip.mp4") as container:
        shown = [(f.time, int(f.to_ndarray(format="gray").mean())) for f in container.decode(video=0)]
    assert [time_s for time_s, _ in shown] == pytest.approx([0, 1], abs=0.01)
    assert shown[1][1] - shown[0][1] > 20


def test_a_variable_rate_keeps_its_times(encode, tone, greys, tmp_path):
    times = np.cumsum([0, *np.random.default_rng(0).uniform(0.02, 0.3, 59)])
    path = encode("phone.mp4", pictures=greys(60, step=3), times=times, sound=tone(10))
    cut([path], tmp_path / "clip.mp4", 2, 6)
    with av.open(tmp_path / "clip.mp4") as container:
        shown_s = [frame.time for frame in container.decode(video=0)]
    assert shown_s == pytest.approx([0, *(times[(times > 2) & (times < 6)] - 2)], abs=0.002)


def test_one_picture_a_second(encode, tone, greys, tmp_path):
    path = encode("slow.mp4", pictures=greys(8, step=20), fps=1, sound=tone(8))
    done = cut([path], tmp_path / "clip.mp4", 2.5, 6.5)
    assert done.how == "copy" and inspect(done.path, 4.0).n_frames == 5


def test_time_0_of_mp4_and_matroska_is_that_of_their_time_line(made, source, tmp_path):
    """The first picture comes after 3.5 s, as where a video begins with nothing to see."""
    for name in ("late.mp4", "late.mkv"):
        path = made(name, "-c", "copy", "-output_ts_offset", "3.5")
        cut([path], tmp_path / "clip.mp4", 12.34, 15.34)
        hold(tmp_path / "clip.mp4", source, 8.84, 11.84)


def test_time_0_of_a_transport_stream_is_its_first_time_stamp(made, source, tmp_path):
    for offset in ("0", "1000"):
        path = made("live.ts", "-c", "copy", "-output_ts_offset", offset)
        done = cut([path], tmp_path / "clip.mp4", 12.34, 15.34)
        assert done.how == "copy"
        # The silence with which AAC begins counts as time here: 23 ms.
        assert truth.sound_starts_at_s(done.path, source) == pytest.approx(12.34, abs=0.03)
        assert truth.frame_numbers(done.path)[0][1] / FPS == pytest.approx(12.34, abs=0.07)


def test_sound_without_pictures_is_empty(source, tmp_path):
    with pytest.raises(
        ClipError, match=r"audio\.m4a has no picture that can be read; choose another"
    ) as caught:
        cut([source.audio], tmp_path / "clip.mp4", 1, 2)
    assert caught.value.reason == "empty"


def test_a_file_without_packets_is_empty(source, made, tmp_path):
    """What yt-dlp makes of a segment after the end, and a header whose fragments did not come."""
    nothing = made("nothing.mp4", "-c", "copy", "-ss", "70")
    (tmp_path / "head.mp4").write_bytes(part_of(source.video, 0, 0, index=True))
    for path, says in (
        (nothing, r"nothing\.mp4 has no picture that can be read; choose another format of the video"),
        (tmp_path / "head.mp4", r"head\.mp4 holds not one picture; fetch the segment again"),
    ):
        with pytest.raises(ClipError, match=says) as caught:
            cut([path], tmp_path / "clip.mp4", 0, 1)
        assert caught.value.reason == "empty"


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"<html>Sorry</html>" * 50], ids=["empty", "zero", "html"]
)
def test_junk_is_unreadable_and_the_message_names_no_folder(tmp_path, content):
    (tmp_path / "junk.mp4").write_bytes(content)
    with pytest.raises(
        ClipError, match=r"^junk\.mp4 cannot be read: Invalid data .*; fetch the segment"
    ) as caught:
        cut([tmp_path / "junk.mp4"], tmp_path / "clip.mp4", 1, 2)
    assert caught.value.reason == "unreadable"
    with pytest.raises(ClipError, match=r"^the source cannot be read: Invalid data"):
        cut([io.BytesIO(content)], tmp_path / "clip.mp4", 1, 2)
    with pytest.raises(ClipError, match=r"^gone\.mp4 cannot be read: No such file"):
        cut([tmp_path / "gone.mp4"], tmp_path / "clip.mp4", 1, 2)


@pytest.mark.parametrize("start_s", [10, 20])
def test_a_source_that_breaks_off_is_not_taken_for_a_short_video(source, tmp_path, start_s):
    whole = source.both.read_bytes()
    (tmp_path / "broken.mp4").write_bytes(whole[: len(whole) // 2])
    says = r"the picture of broken\.mp4 breaks off at \d+\.\d\d s, before the end .*; fetch the segment again"
    with pytest.raises(ClipError, match=says) as caught:
        cut([tmp_path / "broken.mp4"], tmp_path / "clip.mp4", start_s, start_s + 10)
    assert caught.value.reason == "unreadable"


def test_flipped_bits_give_a_clip_or_a_reason(source, tmp_path):
    rng = random.Random(0)
    whole = source.both.read_bytes()
    for n_head in (0, 0, 0, 30, 30, 30, 30, 30):
        content = bytearray(whole)
        for at in [rng.randrange(4000) for _ in range(n_head)] or [
            rng.randrange(len(whole)) for _ in range(300)
        ]:
            content[at] ^= 1 << rng.randrange(8)
        (tmp_path / "flipped.mp4").write_bytes(content)
        try:
            cut([tmp_path / "flipped.mp4"], tmp_path / "clip.mp4", 5.5, 9.5)
        except ClipError as problem:
            assert problem.reason in ("unreadable", "empty", "past_end") and str(tmp_path) not in str(problem)


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
    size = PictureConfig(96, 96, fps=29.97)
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
