import av
import numpy as np
import pytest
import soxr
from PIL import Image

from audiosetzsl.errors import ClipError
from extractors.media.decoding import CHUNK, PictureConfig, read_frames, read_sound

SMALL = PictureConfig(size=32, short_side=32, fps=25.0)


def number_of(frames, step=8):
    """Which of the fixture's greys each decoded picture is."""
    return np.round((frames[:, 16, 16].mean(axis=1) - 16) / step).astype(int).tolist()


def middle(sound):
    """Sound without its ends, where the codec and the resampler fade in and out."""
    return sound[4000:-4000]


def test_stereo_is_averaged_and_keeps_its_level(encode, tone):
    """FFmpeg's own float downmix would give 0.5 * sqrt(2)."""
    path = encode("stereo.mp4", sound=tone(3, gains=(0.6, 0.4)))
    sound = read_sound(path)
    assert sound.dtype == np.float32
    assert len(sound) == pytest.approx(48_000, abs=1000)
    assert np.sqrt(2) * middle(sound).std() == pytest.approx(0.5, rel=0.01)


def test_opposite_channels_cancel(encode, tone):
    sound = read_sound(encode("opposite.wav", sound=tone(1, gains=(0.5, -0.5)), audio_codec="pcm_s16le"))
    assert np.abs(sound).max() < 1e-4


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s32le", "pcm_f32le", "pcm_f64le"])
def test_every_sample_format_has_the_same_full_scale(encode, tone, codec):
    sound = read_sound(encode("format.wav", sound=tone(1, gains=(0.8, 0.8)), audio_codec=codec))
    expected = soxr.resample(tone(1, gains=(0.8,))[0], 48_000, 16_000, quality="HQ")
    np.testing.assert_allclose(sound, expected, atol=0.01 if codec == "pcm_u8" else 1e-4)


def test_pitch_survives_resampling(encode, tone):
    sound = read_sound(encode("a.mp4", sound=tone(2, hz=1000, rate=44_100), rate=44_100))
    spectrum = np.abs(np.fft.rfft(sound[:16_000]))
    assert spectrum.argmax() == 1000


def test_full_scale_sound_stays_within_one(encode):
    square = np.sign(np.sin(2 * np.pi * 100 * np.arange(48_000) / 48_000))[None]
    sound = read_sound(encode("square.wav", sound=square, audio_codec="pcm_f32le"))
    assert np.abs(sound).max() == 1.0


def test_pictures_of_the_same_rate_come_one_by_one(encode, greys):
    frames = read_frames(encode("same.mp4", pictures=greys(25)), SMALL)
    assert frames.shape == (25, 32, 32, 3) and frames.dtype == np.uint8
    assert number_of(frames) == list(range(25))


def test_more_pictures_than_one_chunk_keep_their_order(encode, greys):
    n = 2 * CHUNK + 3
    frames = read_frames(encode("long.mp4", pictures=greys(n, step=3)), SMALL)
    assert number_of(frames, step=3) == list(range(n))


def test_one_picture_a_second_stays_on_screen_for_a_second(encode, greys):
    frames = read_frames(encode("slow.mp4", pictures=greys(3), fps=1), PictureConfig(32, 32, fps=4.0))
    assert number_of(frames) == [0] * 4 + [1] * 4 + [2] * 4


def test_fewer_pictures_are_those_on_screen_at_each_time(encode, greys):
    frames = read_frames(encode("fast.mp4", pictures=greys(25)), PictureConfig(32, 32, fps=10.0))
    assert number_of(frames) == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22]


def test_variable_rate_is_sampled_by_time_and_not_by_count(encode, greys):
    path = encode("vfr.mp4", pictures=greys(5), times=[0.0, 0.1, 0.9, 1.0, 1.1])
    assert number_of(read_frames(path, PictureConfig(32, 32, fps=10.0)))[:11] == [0] + [1] * 8 + [2, 3]


def test_time_stamps_rounded_to_milliseconds_drop_no_picture(encode, greys):
    path = encode("rounded.mkv", pictures=greys(24), fps=30)
    assert number_of(read_frames(path, PictureConfig(32, 32, fps=30.0))) == list(range(24))


def test_scaling_is_that_of_pil_with_the_long_side_truncated(encode):
    """240 x 426 goes to 64 x 113 (113.6), which decides where the centre lies."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (2, 12, 20, 3), dtype=np.uint8)
    pictures = np.stack([np.asarray(Image.fromarray(p).resize((426, 240), 2)) for p in coarse])
    path = encode("odd.mp4", pictures=pictures)
    with av.open(str(path)) as container:
        decoded = next(container.decode(video=0)).to_image()
    scaled = np.asarray(decoded.resize((113, 64), Image.Resampling.BILINEAR)).astype(int)
    found = read_frames(path, PictureConfig(size=56, short_side=64))[0]
    assert np.abs(found - scaled[4:60, 28:84]).max() <= 1


@pytest.mark.parametrize("height, width", [(64, 48), (48, 64)])
def test_colours_and_sides_are_where_they_were(encode, height, width):
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = (200, 30, 30)
    picture[: height // 2, width // 2 :] = (30, 200, 30)
    picture[height // 2 :, width // 2 :] = (30, 30, 200)
    found = read_frames(encode("colours.mp4", pictures=np.stack([picture] * 5)), SMALL)[0].astype(int)
    for (y, x), colour in {(4, 4): (200, 30, 30), (4, 27): (30, 200, 30), (27, 27): (30, 30, 200)}.items():
        assert np.abs(found[y, x] - colour).max() < 12


def test_a_phone_held_upright_gives_upright_pictures(encode):
    """The container says: turn by 90 degrees clockwise to show. The red left edge ends up on top."""
    picture = np.full((32, 64, 3), 128, np.uint8)
    picture[:, :32] = (200, 30, 30)
    path = encode("turned.mp4", pictures=np.stack([picture] * 5))
    content = bytearray(path.read_bytes())
    # The matrix of the track header: 40 bytes after its type and version, as ISO/IEC 14496-12 has it.
    at = content.index(b"tkhd") + 4 + 40
    one, w = 0x10000, 0x40000000
    matrix = [0, one, 0, -one, 0, 0, 0, 0, w]
    content[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(content)
    found = read_frames(path, SMALL)[0].astype(int)
    assert found[2, 16, 0] - found[2, 16, 2] > 100
    assert abs(found[29, 16, 0] - found[29, 16, 2]) < 20


def test_no_sound_stream_is_said(encode, greys):
    path = encode("mute.mp4", pictures=greys(5))
    with pytest.raises(ClipError, match=r"mute\.mp4 has no sound stream") as caught:
        read_sound(path)
    assert caught.value.reason == "no_audio"


def test_no_picture_stream_is_said(encode, tone):
    path = encode("radio.mp4", sound=tone(1))
    with pytest.raises(ClipError, match=r"radio\.mp4 has no picture stream") as caught:
        read_frames(path, SMALL)
    assert caught.value.reason == "no_video"


@pytest.mark.parametrize("read", [read_sound, lambda path: read_frames(path, SMALL)])
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 9999, b"<html>Sorry</html>" * 50], ids=["empty", "zero", "html"]
)
def test_junk_is_unreadable_and_the_message_names_no_folder(tmp_path, content, read):
    path = tmp_path / "junk.mp4"
    path.write_bytes(content)
    with pytest.raises(
        ClipError, match=r"^junk\.mp4 cannot be decoded: Invalid data .*fetch the clip"
    ) as caught:
        read(path)
    assert caught.value.reason == "unreadable" and str(tmp_path) not in str(caught.value)


def test_an_absent_file_is_unreadable(tmp_path):
    with pytest.raises(ClipError, match=r"gone\.mp4 cannot be decoded: No such file") as caught:
        read_sound(tmp_path / "gone.mp4")
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_clip_cut_short_is_never_silently_short(encode, tone, suffix, share):
    """Its header promises 10 s: in MP4 when put first, as downloads have it; Matroska always does so."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (100, 48, 64, 3), dtype=np.uint8)
    sound = tone(10) + 0.1 * rng.standard_normal((1, 480_000))
    whole = encode(f"whole.{suffix}", sound=sound, pictures=pictures, fps=10)
    cut = interleaved(whole, header_first=suffix == "mp4")
    assert len(read_frames(cut, SMALL)) == 250
    cut.write_bytes(cut.read_bytes()[: int(share * cut.stat().st_size)])
    for read in (read_sound, lambda path: read_frames(path, SMALL)):
        with pytest.raises(ClipError, match=r"fetch the clip again") as caught:
            read(cut)
        assert caught.value.reason == "unreadable"


def interleaved(path, *, header_first):
    """The same streams, packets in the order of time, as a player wants them."""
    out = path.with_stem("interleaved")
    options = {"movflags": "faststart"} if header_first else {}
    with av.open(str(path)) as source, av.open(str(out), "w", options=options) as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        packets = [p for p in source.demux() if p.dts is not None]
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    return out


def test_a_picture_config_that_makes_no_picture_is_refused():
    with pytest.raises(ValueError, match=r"size is 224, expected 1 to short_side, which is 128"):
        PictureConfig(short_side=128)
    with pytest.raises(ValueError, match=r"fps is 0.0, expected more than 0"):
        PictureConfig(fps=0.0)
