import random
import time

import av
import numpy as np
import pytest
import truth_media as truth

from audiosetzsl.errors import ClipError
from extractors.media.cutting import cut
from extractors.media.fingerprint import SIDE, are_still, fingerprint_of
from extractors.media.inspection import inspect


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return truth.render(tmp_path_factory.mktemp("truth"), seconds=24, size=(320, 180))


@pytest.fixture
def moving():
    """moving(n): pictures of blocks that change from one to the next."""

    def moving(n, *, seed=0, height=72, width=96):
        blocks = np.random.default_rng(seed).integers(0, 256, (n, height // 12, width // 12, 3))
        return np.kron(blocks, np.ones((1, 12, 12, 1))).astype(np.uint8)

    return moving


def bits_apart(a, b):
    return (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()


def test_the_facts_of_a_clip(encode, tone, moving):
    path = encode("clip.mp4", sound=tone(4, gains=(0.3, 0.2)), pictures=moving(48), fps=12)
    facts = inspect(path, 4.0)
    assert (facts.duration_s, facts.fps) == pytest.approx((4, 12), abs=0.01)
    assert (facts.width, facts.height, facts.n_frames) == (96, 72, 48)
    assert (facts.video_codec, facts.audio_codec) == ("h264", "aac")
    assert facts.sound_s == pytest.approx(4, abs=0.03)
    assert (facts.flags, facts.note) == ((), "")
    assert len(facts.fingerprint) == 32


@pytest.mark.parametrize(
    "expected_s, flag", [(4.0, ()), (4.4, ()), (4.6, ("short",)), (3.6, ()), (3.4, ("long",))]
)
def test_half_a_second_too_short_or_long_is_flagged(encode, tone, moving, expected_s, flag):
    assert inspect(encode("clip.mp4", sound=tone(4), pictures=moving(48), fps=12), expected_s).flags == flag


def test_sound_that_ends_early_makes_a_clip_short(encode, tone, moving):
    facts = inspect(encode("clip.mp4", sound=tone(2), pictures=moving(48), fps=12), 4.0)
    assert facts.flags == ("short",) and facts.sound_s == pytest.approx(2, abs=0.03)


@pytest.mark.parametrize("peak, flags", [(0.0, ("silent",)), (0.0005, ("silent",)), (0.005, ())])
@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_below_60_db_is_silent(encode, tone, moving, peak, flags, codec):
    name = "clip.mp4" if codec == "aac" else "clip.mkv"
    path = encode(name, sound=tone(2, gains=(peak,)), pictures=moving(24), fps=12, audio_codec=codec)
    assert inspect(path, 2.0).flags == flags


def test_opposite_channels_are_silent_as_features_hear_them(encode, tone, moving):
    path = encode("clip.mp4", sound=tone(2, gains=(0.5, -0.5)), pictures=moving(24), fps=12)
    assert inspect(path, 2.0).flags == ("silent",)


def test_a_clip_without_sound_is_flagged(encode, moving):
    facts = inspect(encode("clip.mp4", pictures=moving(24), fps=12), 2.0)
    assert facts.flags == ("no_audio",)
    assert (facts.audio_codec, facts.sound_s) == (None, 0.0)


@pytest.mark.parametrize(
    "options", [["-crf", 23], ["-crf", 40], ["-b:v", "150k"]], ids=["crf 23", "crf 40", "150k"]
)
def test_one_picture_all_along_is_still_whatever_the_codec_does(tmp_path, options):
    picture = next(truth.pictures(1, (320, 180)))
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", *options]
    truth.encode(tmp_path / "still.mp4", [picture] * 250, (320, 180), 25, encode)
    assert inspect(tmp_path / "still.mp4", 10.0).flags == ("no_audio", "still")


def test_a_black_screen_is_still_and_has_no_fingerprint(encode, tone):
    black = np.zeros((50, 72, 96, 3), np.uint8)
    facts = inspect(encode("black.mp4", sound=tone(2), pictures=black), 2.0)
    assert facts.flags == ("still",) and facts.fingerprint is None


def test_what_an_edit_list_hides_is_neither_counted_nor_looked_at(encode, tone, moving, tmp_path):
    """Moving and loud pictures are hidden before the start; what is shown is still and silent."""
    pictures = np.concatenate([moving(30, seed=1), np.repeat(moving(1, seed=2), 45, axis=0)])
    sound = tone(7.5)
    sound[:, round(2.9 * 48_000) :] = 0
    path = encode("whole.mp4", pictures=pictures, fps=10, sound=sound, g="100")
    clip = cut([path], tmp_path / "clip.mp4", 3.5, 7.5).path
    with av.open(clip) as container:
        assert sum(p.is_discard for p in container.demux(video=0)) == 35
    facts = inspect(clip, 4.0)
    assert (facts.n_frames, facts.flags) == (40, ("silent", "still"))
    assert (facts.duration_s, facts.fps, facts.sound_s) == pytest.approx((4, 10, 4), abs=0.03)


def test_a_few_pictures_are_enough(encode, tone, moving):
    facts = inspect(encode("slow.mp4", sound=tone(4), pictures=moving(4), fps=1), 4.0)
    assert (facts.n_frames, facts.fps, facts.flags) == (4, 1, ())
    one = inspect(encode("one.mp4", sound=tone(1), pictures=moving(1), fps=1), 1.0)
    assert (one.n_frames, one.flags) == (1, ("still",))


def test_a_webm_clip_is_looked_at_like_any_other(source, tmp_path):
    path = tmp_path / "clip.webm"
    vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k"]
    truth.ffmpeg("-i", source.both, "-t", 5, *vp9, "-c:a", "libopus", path)
    facts = inspect(path, 5.0)
    assert (facts.video_codec, facts.audio_codec, facts.n_frames, facts.flags) == ("vp9", "opus", 125, ())
    assert (facts.fps, facts.duration_s) == pytest.approx((25, 5), abs=0.02)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 9999, b"<html>Sorry</html>" * 50], ids=["empty", "zero", "html"]
)
def test_junk_is_unreadable_and_the_message_names_no_folder(tmp_path, content):
    (tmp_path / "junk.mp4").write_bytes(content)
    with pytest.raises(
        ClipError, match=r"^junk\.mp4 cannot be read: Invalid data .*; fetch the clip"
    ) as caught:
        inspect(tmp_path / "junk.mp4", 10.0)
    assert caught.value.reason == "unreadable"


def test_an_absent_file_is_unreadable(tmp_path):
    with pytest.raises(
        ClipError, match=r"^gone\.mp4 cannot be read: No such file or directory; fetch the clip"
    ):
        inspect(tmp_path / "gone.mp4", 10.0)


def test_a_clip_without_a_picture_is_empty(source, encode, tone, tmp_path):
    truth.ffmpeg("-i", source.both, "-ss", 70, "-c", "copy", tmp_path / "nothing.mp4")
    for path in (tmp_path / "nothing.mp4", encode("radio.mp4", sound=tone(1))):
        with pytest.raises(
            ClipError, match=rf"^{path.name} has no picture that can be read; fetch"
        ) as caught:
            inspect(path, 10.0)
        assert caught.value.reason == "empty"


def test_a_clip_whose_pictures_cannot_be_decoded_is_empty(source, tmp_path):
    """A header alone: a track with no pictures in it."""
    content = source.video.read_bytes()
    (tmp_path / "head.mp4").write_bytes(content[: content.index(b"moof") - 4])
    with pytest.raises(ClipError, match=r"^head\.mp4 shows no picture that can be decoded; fetch") as caught:
        inspect(tmp_path / "head.mp4", 10.0)
    assert caught.value.reason == "empty"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_clip_cut_short_is_unreadable_and_not_short(source, tmp_path, suffix, share):
    clip = cut([source.both], tmp_path / "clip.mp4", 3.0, 13.0).path
    if suffix == "mkv":
        truth.ffmpeg("-i", clip, "-c:v", "libx264", "-preset", "ultrafast", tmp_path / "clip.mkv")
        clip = tmp_path / "clip.mkv"
    clip.write_bytes(clip.read_bytes()[: int(share * clip.stat().st_size)])
    with pytest.raises(ClipError, match=r"clip\.m.*; fetch the clip again") as caught:
        inspect(clip, 10.0)
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_long_clip_may_lack_no_more_than_a_short_one(source, tmp_path, suffix):
    path = tmp_path / f"long.{suffix}"
    truth.ffmpeg("-stream_loop", 3, "-i", source.both, "-c", "copy", "-movflags", "faststart", path)
    assert inspect(path, 96.0).flags == ()
    path.write_bytes(path.read_bytes()[: int(0.98 * path.stat().st_size)])
    with pytest.raises(ClipError, match=r"breaks off before the end that its container states") as caught:
        inspect(path, 96.0)
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_clip_that_begins_late_is_whole_all_the_same(source, tmp_path, suffix):
    path = tmp_path / f"late.{suffix}"
    truth.ffmpeg("-i", source.both, "-c", "copy", "-output_ts_offset", "3.5", path)
    assert inspect(path, 24.0).duration_s == pytest.approx(24, abs=0.1)


def test_flipped_bits_give_facts_or_a_reason(source, tmp_path):
    rng = random.Random(0)
    whole = cut([source.both], tmp_path / "clip.mp4", 3.0, 9.0).path.read_bytes()
    verdicts = set()
    for n_head, n in [(0, 1)] * 20 + [(0, 200)] * 10 + [(3, 0)] * 40:
        content = bytearray(whole)
        for at in [rng.randrange(4000) for _ in range(n_head)] + [
            rng.randrange(len(whole)) for _ in range(n)
        ]:
            content[at] ^= 1 << rng.randrange(8)
        (tmp_path / "flipped.mp4").write_bytes(content)
        try:
            verdicts.add(inspect(tmp_path / "flipped.mp4", 6.0).video_codec)
        except ClipError as problem:
            verdicts.add(problem.reason)
            assert str(tmp_path) not in str(problem)
    assert verdicts == {"h264", "unreadable"} or verdicts == {"h264", "unreadable", "empty"}


def test_a_fingerprint_survives_encoding_and_scaling_and_tells_clips_apart(source, tmp_path):
    clips = [cut([source.both], tmp_path / f"{s}.mp4", s, s + 5).path for s in (1.3, 7.7, 16.1)]
    known = [inspect(clip, 5.0).fingerprint for clip in clips]
    small = ["-vf", "scale=160:90", "-c:v", "libx264", "-preset", "veryfast", "-crf", 33, "-g", 48]
    for clip, fingerprint in zip(clips, known, strict=True):
        truth.ffmpeg("-i", clip, *small, tmp_path / "small.mp4")
        apart = [bits_apart(inspect(tmp_path / "small.mp4", 5.0).fingerprint, other) for other in known]
        assert min(apart) == bits_apart(inspect(tmp_path / "small.mp4", 5.0).fingerprint, fingerprint) <= 32
        assert sorted(apart)[1] > 60


def test_a_fingerprint_says_where_it_gets_darker():
    """Darker to the right in one picture, downwards in the other: half of the bits of each."""
    right = np.repeat(np.linspace(255, 0, SIDE).astype(np.uint8)[None], SIDE, axis=0)
    bits = np.unpackbits(np.frombuffer(fingerprint_of([right, right.T.copy()]), np.uint8)).reshape(4, 64)
    assert bits.mean(axis=1).tolist() == [1, 0, 0, 1]
    assert fingerprint_of([right, np.zeros_like(right)]) is None


def test_still_is_up_to_the_noise_of_a_codec():
    picture = np.full((SIDE, SIDE), 100, np.uint8)
    noisy = picture + np.random.default_rng(0).integers(0, 9, picture.shape, np.uint8)
    moved = picture.copy()
    moved[:9, :9] += 20
    assert are_still([picture]) and are_still([picture, noisy])
    assert not are_still([picture, noisy, moved])


@pytest.mark.real
def test_real_clips_are_told_apart_and_looked_at_quickly(real_data, capsys):
    paths = sorted((real_data / "clips").glob("[!f]*.mp4"))
    facts, spent_ms = {}, {}
    for path in paths:
        before_s = time.process_time()
        facts[path.name] = inspect(path, 10.0)
        spent_ms[path.name] = 1e3 * (time.process_time() - before_s)
    assert [name for name, fact in facts.items() if "still" in fact.flags or "silent" in fact.flags] == []
    assert [name for name, fact in facts.items() if "no_audio" in fact.flags] == [
        "other_no_audio_track_0.mp4"
    ]
    assert facts["train_xe7opvK-LJg_370000_4s_1fps.mp4"].flags == ("short",)
    prints = [fact.fingerprint for fact in facts.values()]
    apart = [bits_apart(a, b) for i, a in enumerate(prints) for b in prints[i + 1 :]]
    assert min(apart) > 64
    with capsys.disabled():
        print(
            f"\n{len(paths)} real clips: {np.median(list(spent_ms.values())):.0f} ms of CPU (median) to look at"
        )
