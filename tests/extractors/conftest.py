"""Media made in the test run: a video that tells the truth, and clips each odd in one way."""

from fractions import Fraction

import av
import numpy as np
import pytest
import truth_media

pytest.register_assert_rewrite("held_cuts")


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """Half a minute of film whose pictures and sound tell their time."""
    return truth_media.render(tmp_path_factory.mktemp("truth"), seconds=30.0, size=(320, 180))


@pytest.fixture
def made(source, tmp_path):
    """made(name, options...): the same video in another form, by FFmpeg."""

    def made(name, *options):
        truth_media.ffmpeg("-i", source.both, *options, tmp_path / name)
        return tmp_path / name

    return made


@pytest.fixture
def encode(tmp_path):
    """encode(name, sound=..., pictures=...): write one clip and return its path."""

    def encode(
        name,
        *,
        sound=None,
        rate=48_000,
        pictures=None,
        fps=25,
        times=None,
        audio_codec="aac",
        **video_options,
    ):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            streams = []
            if pictures is not None:
                streams.append(
                    (_add_pictures(container, pictures, fps, video_options), _frames(pictures, fps, times))
                )
            if sound is not None:
                streams.append((_add_sound(container, sound, rate, audio_codec), [_sound_frame(sound, rate)]))
            for stream, frames in streams:
                for frame in frames:
                    container.mux(stream.encode(frame))
                container.mux(stream.encode())
        return path

    return encode


def _add_pictures(container, pictures, fps, options):
    stream = container.add_stream(
        "libx264", rate=fps, options={"preset": "ultrafast", "crf": "12", **options}
    )
    stream.height, stream.width = pictures.shape[1:3]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    return stream


def _frames(pictures, fps, times):
    times = np.arange(len(pictures)) / fps if times is None else times
    for picture, time_s in zip(pictures, times, strict=True):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = round(1000 * time_s), Fraction(1, 1000)
        yield frame


def _add_sound(container, sound, rate, codec):
    return container.add_stream(codec, rate=rate, layout={1: "mono", 2: "stereo"}[len(sound)])


def _sound_frame(sound, rate):
    layout = {1: "mono", 2: "stereo"}[len(sound)]
    frame = av.AudioFrame.from_ndarray(sound.astype(np.float32), format="fltp", layout=layout)
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
    return frame


@pytest.fixture
def tone():
    """tone(duration_s, ...): channels x samples of a sine."""

    def tone(duration_s, *, hz=440.0, gains=(0.5,), rate=48_000):
        wave = np.sin(2 * np.pi * hz * np.arange(round(duration_s * rate)) / rate)
        return np.array(gains)[:, None] * wave

    return tone


@pytest.fixture
def greys():
    """greys(n): pictures of one grey each, so that a decoded picture tells its own number."""

    def greys(n, *, height=48, width=64, step=8):
        values = (16 + step * np.arange(n) % 224).astype(np.uint8)
        return np.broadcast_to(values[:, None, None, None], (n, height, width, 3)).copy()

    return greys
