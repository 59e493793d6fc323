"""The menagerie: every kind of clip ends as features or as a reason, by either route, and never silently short."""

import math
import random
import re
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
import truth_media

from audiosetzsl.errors import ClipError
from extractors.media import ffmpeg_route, reading
from extractors.media.cutting import cut
from extractors.media.pictures import ROUNDING_S
from extractors.media.reading import CentreCrop, Media, PictureConfig, read_frames, read_media, read_sound

# With a margin, for swscale treats the edge of a picture in another way than PIL.
SMALL = PictureConfig(25.0, CentreCrop(28, 32))
ROUTES = pytest.mark.parametrize(
    "read", [reading.read_media, ffmpeg_route.read_media], ids=["pyav", "ffmpeg"]
)
BOTH_ROUTES = (reading.read_media, ffmpeg_route.read_media)


def number_of(frames, step=4):
    """Which of the film's greys each frame is."""
    return np.round((frames[:, 14, 14].mean(axis=1) - 16) / step).astype(int).tolist()


def read_by_both(path, config=SMALL, levels=1):
    """What the first route gives, held to what the second one does."""
    one, two = (read(path, config) for read in BOTH_ROUTES)
    n_frames, n_samples = min(len(one.frames), len(two.frames)), min(len(one.sound), len(two.sound))
    assert abs(len(one.frames) - len(two.frames)) <= 1
    assert abs(len(one.sound) - len(two.sound)) <= 1200
    assert np.abs(one.frames[:n_frames].astype(int) - two.frames[:n_frames]).max() <= levels
    assert np.abs(one.sound[: n_samples - 200] - two.sound[: n_samples - 200]).max() < 0.002
    return one


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two seconds of 50 greys that tell their number, and of noise, with nothing lost in them."""
    folder = tmp_path_factory.mktemp("film")
    sound = truth_media.write_sound(folder / "sound.wav", 2.0)
    greys = (np.full((48, 64), 16 + 4 * n, np.uint8) for n in range(50))
    options = ["-c:v", "ffv1", "-pix_fmt", "gray", "-c:a", "flac"]
    truth_media.encode(folder / "film.mkv", greys, (64, 48), 25, options, sound)
    return folder / "film.mkv"


@pytest.fixture
def form(film, tmp_path):
    """form(name, options...): the film in another form."""

    def form(name, *options):
        truth_media.ffmpeg("-i", film, *options, tmp_path / name)
        return tmp_path / name

    return form


H264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "4"]
AAC = ["-c:a", "aac", "-b:a", "128k"]


@pytest.mark.parametrize(
    "name, options",
    [
        ("h264.mp4", [*H264, *AAC]),
        ("fragmented.mp4", [*H264, *AAC, "-movflags", "frag_keyframe+empty_moov"]),
        ("mono_8k.mov", [*H264, "-c:a", "pcm_s16le", "-ac", "1", "-ar", "8000"]),
        ("hevc.mp4", ["-c:v", "libx265", "-x265-params", "log-level=none", "-crf", "4", *AAC]),
        ("av1.mp4", ["-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "10", *AAC]),
        ("av1.webm", ["-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1", "-c:a", "libopus"]),
        ("vp8.webm", ["-c:v", "libvpx", "-b:v", "1M", "-c:a", "libvorbis"]),
        ("vp9.webm", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-crf", "10", "-c:a", "libopus"]),
        ("h264.ts", [*H264, *AAC]),
        ("h264.flv", [*H264, *AAC]),
        ("mpeg2.mpg", ["-c:v", "mpeg2video", "-q:v", "1", "-dc", "10", "-c:a", "mp2"]),
        ("mpeg4.avi", ["-c:v", "mpeg4", "-bf", "2", "-q:v", "2", "-c:a", "libmp3lame"]),
        ("mjpeg.avi", ["-c:v", "mjpeg", "-q:v", "2", "-c:a", "pcm_s16le"]),
        ("windows.wmv", ["-c:v", "wmv2", "-q:v", "2", "-c:a", "wmav2"]),
        ("theora.ogv", ["-c:v", "libtheora", "-q:v", "9", "-c:a", "libvorbis"]),
        ("prores.mov", ["-c:v", "prores_ks", "-c:a", "alac"]),
        ("surround.mkv", [*H264, "-c:a", "ac3", "-ac", "6"]),
        ("rate_96k.mkv", ["-c:v", "copy", "-c:a", "flac", "-ar", "96000"]),
    ],
)
def test_any_container_and_codec_is_read_alike_by_both_routes(form, name, options):
    # The inverse transform of MPEG-1 and -2 is not exact by definition, so that two decoders may differ.
    media = read_by_both(form(name, *options), levels=4 if name == "mpeg2.mpg" else 1)
    assert number_of(media.frames)[:50] == list(range(50)) and len(media.frames) <= 51
    noise = media.sound[3200:28_800]
    # The film's noise: 0.2 of full scale up to 4 kHz; six channels share the two that it had.
    assert noise.std() == pytest.approx(0.2 / 3 if "surround" in name else 0.2, rel=0.15)
    assert len(media.sound) == pytest.approx(32_000, abs=1300)
    assert not media.is_damaged


@pytest.mark.parametrize("fps", [1, 10, Fraction(24_000, 1001), Fraction(30_000, 1001), 50])
def test_any_frame_rate_fills_the_same_time(encode, greys, tone, fps):
    """The n-th picture is on screen from n / fps on; after 28 of them, the greys begin anew."""
    n = math.ceil(2 * fps)
    media = read_by_both(encode("rate.mp4", pictures=greys(n), fps=fps, sound=tone(2)))
    assert len(media.frames) == round(n / fps * 25)
    times = [round(1000 * k / fps) / 1000 for k in range(n)]
    expected = [sum(time_s <= i / 25 + ROUNDING_S for time_s in times) - 1 for i in range(50)]
    assert number_of(media.frames, step=8)[:50] == [number % 28 for number in expected]


@ROUTES
def test_only_what_is_asked_for_is_read(form, read):
    path = form("a.mp4", *H264, *AAC)
    sound, frames = read(path, None), read(path, SMALL, sound=False)
    assert sound.frames is None and frames.sound is None
    np.testing.assert_array_equal(sound.sound, read(path, SMALL).sound)
    np.testing.assert_array_equal(frames.frames, read(path, SMALL).frames)


def test_one_pass_gives_what_two_readers_give(form):
    path = form("a.mp4", *H264, *AAC)
    media = read_media(path, SMALL)
    np.testing.assert_array_equal(media.sound, read_sound(path))
    np.testing.assert_array_equal(media.frames, read_frames(path, SMALL))
    assert read_media(path, None, sound=False) == Media(None, None)


@ROUTES
@pytest.mark.parametrize("sound_s, picture_s", [(0.8, 2.0), (2.0, 0.8)])
def test_sound_and_picture_may_differ_in_length(film, tmp_path, sound_s, picture_s, read):
    path = tmp_path / "uneven.mp4"
    inputs = ["-t", picture_s, "-i", film, "-t", sound_s, "-i", film, "-map", "0:v", "-map", "1:a"]
    truth_media.ffmpeg(*inputs, *H264, *AAC, path)
    media = read(path, SMALL)
    assert len(media.frames) == 25 * picture_s
    assert len(media.sound) == pytest.approx(16_000 * sound_s, abs=700)


@ROUTES
def test_a_clip_without_sound_or_picture_still_has_the_other(form, read):
    mute, radio = read(form("mute.mp4", *H264, "-an"), SMALL), read(form("radio.mp4", "-vn", *AAC), SMALL)
    assert len(mute.frames) == 50 and len(radio.sound) == pytest.approx(32_000, abs=1000)
    assert (mute.sound.reason, str(mute.sound)) == ("no_audio", "mute.mp4 has no sound stream")
    assert (radio.frames.reason, str(radio.frames)) == ("no_video", "radio.mp4 has no picture stream")


@ROUTES
def test_a_cover_is_no_picture(form, tmp_path, read):
    cover, path = form("cover.png", "-frames:v", "1"), tmp_path / "song.mp3"
    truth_media.ffmpeg("-i", form("a.mp3", "-vn"), "-i", cover, "-map", "0", "-map", "1", "-c", "copy", path)
    media = read(path, SMALL)
    assert media.frames.reason == "no_video" and isinstance(media.sound, np.ndarray)


@ROUTES
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 9999, b"<html>Sorry</html>" * 50], ids=["empty", "zero", "html"]
)
def test_junk_is_unreadable_and_the_message_names_no_folder(tmp_path, content, read):
    path = tmp_path / "junk.mp4"
    path.write_bytes(content)
    media = read(path, SMALL)
    with pytest.raises(
        ClipError, match=r"^junk\.mp4 cannot be read: Invalid data .*fetch the clip"
    ) as caught:
        raise media.sound
    assert caught.value.reason == media.frames.reason == "unreadable"
    assert str(tmp_path) not in str(media)


@ROUTES
def test_an_absent_file_is_unreadable(tmp_path, read):
    media = read(tmp_path / "gone.mp4", None)
    assert media.frames is None
    with pytest.raises(ClipError, match=r"^gone\.mp4 cannot be read: No such file"):
        raise media.sound


def test_a_file_that_ends_in_its_header_is_unreadable(form):
    path = form("a.mp4", *H264, *AAC, "-movflags", "frag_keyframe+empty_moov")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        ClipError, match=r"a\.mp4 holds neither sound nor picture; fetch the clip again"
    ) as caught:
        read_sound(path)
    assert caught.value.reason == "unreadable"


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """Ten seconds with much in them, in containers that put packets in the order of time and lengths in front."""
    folder = tmp_path_factory.mktemp("busy")
    lavfi = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=96x72:r=10:d=10",
        "-f",
        "lavfi",
        "-i",
        "anoisesrc=d=10:a=0.1:seed=0",
    ]
    truth_media.ffmpeg(*lavfi, *H264, "-g", 20, *AAC, "-movflags", "faststart", folder / "busy.mp4")
    for suffix in ("mkv", "flv", "ts"):
        truth_media.ffmpeg("-i", folder / "busy.mp4", "-c", "copy", folder / f"busy.{suffix}")
    webm = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"]
    truth_media.ffmpeg("-i", folder / "busy.mp4", *webm, folder / "busy.webm")
    avi = ["-c:v", "mpeg4", "-c:a", "libmp3lame"]
    truth_media.ffmpeg("-i", folder / "busy.mp4", *avi, folder / "busy.avi")
    return folder


@ROUTES
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_a_clip_cut_short_is_never_silently_short(busy, tmp_path, suffix, share, read):
    """Its header promises 10 s, of sound and of picture."""
    content, path = (busy / f"busy.{suffix}").read_bytes(), tmp_path / f"short.{suffix}"
    path.write_bytes(content[: int(share * len(content))])
    media = read(path, SMALL)
    for found in (media.sound, media.frames):
        with pytest.raises(ClipError, match=r"fetch the clip again") as caught:
            raise found
        assert caught.value.reason == "unreadable"


@ROUTES
@pytest.mark.parametrize("suffix", ["ts", "avi", "flv"])
def test_where_a_container_promises_nothing_the_length_tells(busy, tmp_path, suffix, read):
    """Half of a transport stream is a transport stream of half the length, which is held to what is expected."""
    content, path = (busy / f"busy.{suffix}").read_bytes(), tmp_path / f"short.{suffix}"
    path.write_bytes(content[: len(content) // 2])
    media = read(path, SMALL)
    assert isinstance(media.sound, ClipError) or len(media.sound) < 7 * 16_000
    assert isinstance(media.frames, ClipError) or len(media.frames) < 7 * 25


def flipped(content, seed, n):
    """One bit of `n` bytes turned over, away from the header."""
    rng, content = random.Random(seed), bytearray(content)
    for _ in range(n):
        content[rng.randrange(len(content) // 8, len(content))] ^= 1 << rng.randrange(8)
    return content


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "avi", "flv", "ts"])
def test_flipped_bits_are_flagged_or_told_or_the_length_is_right(busy, tmp_path, suffix):
    """A decoder cannot know of every bit, but what it makes up for, or what is missing, is told."""
    path = tmp_path / f"flipped.{suffix}"
    content = (busy / f"busy.{suffix}").read_bytes()
    n_told = 0
    for seed in range(12):
        path.write_bytes(flipped(content, seed, n=1 if seed < 6 else 20))
        media = read_media(path, SMALL)
        for found, length in ((media.sound, 160_000), (media.frames, 250)):
            assert isinstance(found, ClipError) or abs(len(found) - length) <= 0.05 * length
        failed = isinstance(media.sound, ClipError) or isinstance(media.frames, ClipError)
        n_told += media.is_damaged or failed
    assert n_told >= (1 if suffix == "webm" else 6)  # decoders of VP9 notice little


def test_pictures_that_the_decoder_made_up_for_are_flagged(busy, tmp_path):
    """The middle of the picture is overwritten; the sound, which is another stream, is not."""
    path = tmp_path / "scratched.mp4"
    content = bytearray((busy / "busy.mp4").read_bytes())
    with av.open(busy / "busy.mp4") as container:
        packets = [p for p in container.demux(video=0) if p.size > 400 and not p.is_keyframe]
    packet = packets[len(packets) // 2]
    content[packet.pos + packet.size // 2 : packet.pos + packet.size // 2 + 40] = bytes(40)
    path.write_bytes(content)
    for read in BOTH_ROUTES:
        media = read(path, SMALL)
        assert media.is_damaged and media.frames_are_damaged and len(media.frames) == 250
        assert not media.sound_is_damaged
        assert not read(path, None).is_damaged
        assert not read(busy / "busy.mp4", SMALL).is_damaged


LONG = {"stated": ["long.mov"], "unstated": ["-live", "1", "long.mkv"]}
READ_LONG = r"""
import re, sys
from pathlib import Path
from audiosetzsl.errors import ClipError
from extractors.media.inspection import inspect
from extractors.media.reading import read_media

peak = lambda: int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024
path, before = Path(sys.argv[1]), peak()
print(read_media(path, None).sound)
try:
    inspect(path, 10.0)
except ClipError as problem:
    print(problem)
print(peak() - before)
"""


@pytest.mark.parametrize("name", LONG)
def test_a_long_file_is_refused_before_it_is_in_memory(tmp_path, name):
    """22 minutes, 64 MB; five minutes have 15 MB, which are taken where it is not known before."""
    path = tmp_path / LONG[name][-1]
    picture = ["-f", "lavfi", "-i", "color=s=16x16:r=1"]
    silence = ["-f", "lavfi", "-i", "anullsrc=r=24000:cl=mono", "-c:a", "pcm_s16le"]
    truth_media.ffmpeg(*picture, *silence, "-c:v", "libx264", "-t", 1333, *LONG[name][:-1], path)
    command = [sys.executable, "-c", READ_LONG, path]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    *says, megabytes = ran.stdout.splitlines()
    assert len(says) == 2
    for one in says:
        assert re.match(
            rf"the (sound|picture) of {path.name} lasts more than 300 s; cut a clip out of it", one
        )
    assert int(megabytes) < (15 if name == "stated" else 45)


@pytest.mark.parametrize("name", ["uneven.mkv", "uneven.mp4"])
def test_a_stream_that_is_too_long_leaves_the_other_one_alone(encode, greys, tone, name):
    path = encode(name, pictures=greys(25), sound=tone(330, rate=8000), rate=8000)
    for read in BOTH_ROUTES:
        media = read(path, SMALL)
        assert number_of(media.frames, step=8) == list(range(25))
        with pytest.raises(ClipError, match=r"the sound of uneven\.m.. lasts more than 300 s"):
            raise media.sound


@ROUTES
def test_a_clip_whose_time_begins_late_is_not_taken_for_a_long_one(film, tmp_path, read):
    """As in a part of a file whose time stamps are those of the whole."""
    path = tmp_path / "part.mkv"
    truth_media.ffmpeg("-i", film, "-c", "copy", "-output_ts_offset", 2000, path)
    media = read(path, SMALL)
    assert number_of(media.frames) == list(range(50)) and len(media.sound) == pytest.approx(32_000, abs=100)


def test_a_stream_that_turns_up_in_the_middle_of_a_file_is_no_trouble(busy, tmp_path):
    """The type of one tag of an FLV says: data. PyAV then ends with an IndexError of its own."""
    path = tmp_path / "odd.flv"
    content = bytearray((busy / "busy.flv").read_bytes())
    at = content.rindex(b"\x09\x00", 0, len(content) // 2)
    while content[at - 4 : at] == b"\0\0\0\0" or int.from_bytes(content[at - 4 : at], "big") > 20_000:
        at = content.rindex(b"\x09\x00", 0, at)
    content[at] = 0x12
    path.write_bytes(content)
    media = read_media(path, SMALL)
    assert len(media.frames) == pytest.approx(250, abs=5)
    assert len(media.sound) == pytest.approx(160_000, abs=1600)


def test_what_the_decoder_hides_at_a_cut_is_no_damage(source, made, tmp_path):
    """Pictures before the start refer to some that are not there; the edit list hides them."""
    open_gop = ["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=50:bframes=3", "-c:a", "copy"]
    for video in (source.both, made("open.mp4", *open_gop)):
        media = read_by_both(cut([video], tmp_path / "clip.mp4", 7.3, 12.3).path)
        assert not media.is_damaged and len(media.frames) == 125


def test_the_second_route_says_what_it_cannot_do(film):
    def corner(pictures):
        return pictures[:, :8, :8]

    with pytest.raises(ValueError, match=r"CentreCrop only, not function; use extractors\.media\.reading"):
        ffmpeg_route.read_media(film, PictureConfig(25.0, corner))


def test_a_program_that_takes_too_long_is_given_up(film, monkeypatch):
    monkeypatch.setattr(ffmpeg_route, "TIMEOUT_S", 0.0)
    with pytest.raises(
        ClipError, match=r"ffmpeg takes longer than 0 s to decode film\.mkv; fetch the clip again"
    ):
        raise ffmpeg_route.read_media(film, None).sound


def test_the_second_route_names_no_folder_in_its_reasons(busy, tmp_path):
    path = tmp_path / "short.mp4"
    path.write_bytes((busy / "busy.mp4").read_bytes()[:-20_000])
    media = ffmpeg_route.read_media(path, SMALL)
    told = [str(found) for found in (media.sound, media.frames) if isinstance(found, ClipError)]
    assert told and not any(str(tmp_path) in says or "0x" in says for says in told)
    assert any(says.startswith("ffmpeg cannot decode short.mp4: ") for says in told)


@pytest.mark.real
def test_real_clips_are_read_alike_by_both_routes(real_data):
    for pattern in ("horse_*", "train_*", "dog_vas_*"):
        (path,) = (real_data / "clips").glob(pattern)
        assert not read_by_both(path, PictureConfig()).is_damaged
