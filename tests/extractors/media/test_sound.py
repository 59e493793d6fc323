import av
import numpy as np
import pytest
import soxr
import truth_media

from audiosetzsl.errors import ClipError
from extractors.media import ffmpeg_route, reading
from extractors.media.reading import read_sound

ROUTES = [reading.read_media, ffmpeg_route.read_media]


def middle(sound):
    """Sound without its ends, where the codec and the resampler fade in and out."""
    return sound[4000:-4000]


@pytest.mark.parametrize("read", ROUTES)
def test_stereo_is_averaged_and_keeps_its_level(encode, tone, read):
    """FFmpeg's own float downmix would give 0.5 * sqrt(2)."""
    path = encode("stereo.mp4", sound=tone(3, gains=(0.6, 0.4)))
    sound = read(path, None).sound
    assert sound.dtype == np.float32
    assert len(sound) == pytest.approx(48_000, abs=1000)
    assert np.sqrt(2) * middle(sound).std() == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("read", ROUTES)
def test_opposite_channels_cancel(encode, tone, read):
    path = encode("opposite.wav", sound=tone(1, gains=(0.5, -0.5)), audio_codec="pcm_s16le")
    assert np.abs(read(path, None).sound).max() < 1e-4


@pytest.mark.parametrize("read", ROUTES)
def test_six_channels_weigh_the_same(encode, tone, tmp_path, read):
    """The one for low frequencies too, which a downmix for loudspeakers leaves out."""
    path, gains = tmp_path / "six.mkv", (0.6, -0.3, 0.9, 0.5, 0.2, 0.5)
    mono = encode("mono.wav", sound=tone(2, gains=(1.0,)), audio_codec="pcm_f32le")
    channels = "|".join(f"c{i}={gain}*c0" for i, gain in enumerate(gains))
    truth_media.ffmpeg("-i", mono, "-af", f"pan=5.1|{channels}", "-c:a", "flac", path)
    sound = read(path, None).sound
    assert np.sqrt(2) * middle(sound).std() == pytest.approx(0.4, rel=0.01)


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s32le", "pcm_s64le", "pcm_f32le", "pcm_f64le"])
def test_every_sample_format_has_the_same_full_scale(encode, tone, tmp_path, codec):
    path = tmp_path / "format.wav"
    truth_media.ffmpeg(
        "-i", encode("f32.wav", sound=tone(1, gains=(0.8, 0.8)), audio_codec="pcm_f32le"), "-c", codec, path
    )
    expected = soxr.resample(tone(1, gains=(0.8,))[0], 48_000, 16_000, quality="HQ")
    np.testing.assert_allclose(read_sound(path), expected, atol=0.01 if codec == "pcm_u8" else 1e-4)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 96_000])
@pytest.mark.parametrize("read", ROUTES)
def test_pitch_and_length_survive_resampling(encode, tone, rate, read):
    path = encode("rate.mkv", sound=tone(2, hz=1000, rate=rate), rate=rate, audio_codec="pcm_s16le")
    sound = read(path, None).sound
    assert len(sound) == pytest.approx(32_000, abs=2)
    assert np.abs(np.fft.rfft(sound[:16_000])).argmax() == 1000


def test_full_scale_sound_stays_within_one(encode):
    square = np.sign(np.sin(2 * np.pi * 100 * np.arange(48_000) / 48_000))[None]
    sound = read_sound(encode("square.wav", sound=square, audio_codec="pcm_f32le"))
    assert np.abs(sound).max() == 1.0


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("read", ROUTES)
def test_what_fills_the_last_packet_of_a_codec_is_no_sound(encode, tone, rate, read):
    """An MP4 states where its sound ends."""
    path = encode("padded.mp4", sound=tone(2, rate=rate), rate=rate)
    with av.open(path) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 2 * rate
    assert len(read(path, None).sound) == pytest.approx(32_000, abs=2)


@pytest.mark.parametrize("suffix", ["wav", "mkv", "mp4"])
def test_a_click_is_read_to_its_end(encode, tone, suffix):
    """No container but MP4 states here how long it lasts."""
    codec = "aac" if suffix == "mp4" else "pcm_s16le"
    path = encode(f"click.{suffix}", sound=tone(0.02), audio_codec=codec)
    assert len(read_sound(path)) == pytest.approx(320, abs=2)


@pytest.mark.parametrize("read", ROUTES)
def test_sound_counts_from_its_first_sample_even_if_the_picture_began_before(
    encode, tone, greys, tmp_path, read
):
    """What comes late is neither padded nor moved: features of sound do not depend on the picture."""
    path = encode("both.mkv", sound=tone(2), pictures=greys(50), audio_codec="pcm_s16le")
    late = tmp_path / "late.mp4"
    truth_media.ffmpeg(
        "-i", path, "-itsoffset", 0.5, "-i", path, "-map", "0:v", "-map", "1:a", "-c:v", "copy", late
    )
    sound = read(late, None).sound
    assert len(sound) == pytest.approx(32_000, abs=500)
    assert np.sqrt(2) * sound[1600:3200].std() == pytest.approx(0.5, rel=0.02)


def test_clips_that_this_project_cuts_sound_from_the_start_of_their_segment(source, tmp_path):
    """Within a packet of sound, which is 23 ms here; their pictures begin at the start itself."""
    from extractors.media.cutting import cut

    for start_s in (0.0, 3.217, 12.34):
        sound = read_sound(cut([source.both], tmp_path / "clip.mp4", start_s, start_s + 5).path)
        begins = soxr.resample(sound, 16_000, truth_media.NOISE_RATE_HZ)[:1600]
        assert truth_media.located_s(begins, source.seconds) == pytest.approx(start_s, abs=0.024)


def test_no_sound_stream_is_said(encode, greys):
    path = encode("mute.mp4", pictures=greys(5))
    with pytest.raises(ClipError, match=r"mute\.mp4 has no sound stream") as caught:
        read_sound(path)
    assert caught.value.reason == "no_audio"


def test_a_sample_rate_that_changes_is_told(encode, tone, tmp_path):
    """Two AAC streams one behind the other, as in a badly spliced recording."""
    path = tmp_path / "spliced.aac"
    parts = []
    for rate in (48_000, 32_000):
        truth_media.ffmpeg("-i", encode("a.wav", sound=tone(1), audio_codec="pcm_s16le"), "-ar", rate, path)
        parts.append(path.read_bytes())
    path.write_bytes(b"".join(parts))
    with pytest.raises(
        ClipError,
        match=r"sample rate of spliced\.aac changes among \[32000, 48000\] Hz; fetch the clip again",
    ):
        read_sound(path)
