"""Stand-in clips for trials without downloads: sound and picture drawn from a few numbers."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import Float, Float64, UInt8

from audiosetzsl.files import atomic_path

# Numbers of a style that are used; more are ignored, fewer are filled up with zeros.
N_STYLE = 8


@dataclass(frozen=True, slots=True)
class SyntheticConfig:
    """Size of the clips, and how far clips of one style lie apart."""

    size: int = 64
    fps: int = 8
    sample_rate_hz: int = 16_000
    spread: float = 0.35  # standard deviation of each number of the style from clip to clip
    noise: float = 0.1  # of the picture and the sound, full scale being 1


def render_clip(
    path: Path,
    style: Float[np.ndarray, " n"],
    *,
    seed: int,
    duration_s: float = 10.0,
    config: SyntheticConfig | None = None,
    note: str = "",
) -> Path:
    """Write an MP4 (H.264, AAC) that looks and sounds like `style`, eight numbers of about -2 to 2.

    Every number moves something audible and something visible, and moves it smoothly, so that styles near
    each other give clips that are alike: pitch and red, overtones and green, hiss and blue, depth of the
    beat and contrast, its rate and speed, colour of the noise and grain, pitch of the second tone and
    slant, its loudness and number of stripes. `seed` draws what differs between clips of one style, `note`
    is the clip's comment. The same arguments give the same clip.
    """
    config = config or SyntheticConfig()
    rng = np.random.default_rng(seed)
    centre = np.zeros(N_STYLE)
    centre[: min(len(style), N_STYLE)] = style[:N_STYLE]
    heard, seen = centre + config.spread * rng.standard_normal((2, N_STYLE))
    sound = _sound(heard, rng, duration_s, config)
    pictures = _pictures(seen, rng, duration_s, config)
    with atomic_path(path) as scratch:
        _write(scratch, sound, pictures, config, note)
    return path


def _sound(
    style: Float64[np.ndarray, "8"], rng: np.random.Generator, duration_s: float, config: SyntheticConfig
) -> Float64[np.ndarray, " n_samples"]:
    """A beating tone with overtones, a second tone, and coloured noise, each as loud as the style says."""
    pitch, _, loud_noise, _, rate, tilt, high_pitch, loud_high = style
    _, bright, _, depth, *_ = _share(style)
    n = round(duration_s * config.sample_rate_hz)
    turn = 2 * np.pi * np.arange(n) / config.sample_rate_hz
    start = rng.uniform(0, 2 * np.pi, 3)
    base = 300 * 2.0**pitch * turn + start[0]
    sound: np.ndarray = np.sin(base)
    for overtone in (2, 3, 4):
        sound += bright ** (overtone - 1) * np.sin(overtone * base)
    sound *= 0.2 * (1 + depth * np.sin(3 * 2.0**rate * turn + start[1]))
    sound += 0.1 * 2.0**loud_high * np.sin(2200 * 2.0 ** (0.6 * high_pitch) * turn + start[2])
    sound += config.noise * 2.0**loud_noise * _coloured_noise(rng, n, tilt)
    np.tanh(sound, out=sound)  # loud styles are squeezed, never clipped
    return sound


def _coloured_noise(rng: np.random.Generator, n: int, tilt: float) -> Float64[np.ndarray, " {n}"]:
    """Noise of unit power whose spectrum rises or falls by 3 dB an octave for each unit of `tilt`."""
    spectrum = rng.standard_normal(n // 2 + 1) + 1j * rng.standard_normal(n // 2 + 1)
    spectrum *= (np.arange(n // 2 + 1) + 100.0) ** (tilt / 2)
    noise: np.ndarray = np.fft.irfft(spectrum, n)
    noise /= noise.std()
    return noise


def _pictures(
    style: Float64[np.ndarray, "8"], rng: np.random.Generator, duration_s: float, config: SyntheticConfig
) -> UInt8[np.ndarray, "n_frames size size 3"]:
    """Coloured stripes that wander across the picture, under grain."""
    speed, grain, angle, stripes = style[4:]
    *colour, contrast = _share(style[:4])
    time_s = (np.arange(round(duration_s * config.fps)) / config.fps)[:, None, None]
    y, x = np.mgrid[0 : 1 : config.size * 1j, 0 : 1 : config.size * 1j]
    across = x * np.cos(np.pi / 5 * angle) + y * np.sin(np.pi / 5 * angle)
    turn = 4 * 2.0 ** (0.6 * stripes) * across - speed * time_s + rng.uniform()
    bright = 1 + contrast * np.sin(2 * np.pi * turn)
    pictures = np.array(colour) * (0.2 + 0.4 * bright[..., None])
    pictures += config.noise * 2.0**grain * rng.standard_normal(pictures.shape, dtype=np.float32)
    pixels: np.ndarray = (255 * pictures.clip(0, 1)).astype(np.uint8)
    return pixels


def _share(x: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Any number to one between 0 and 1, smoothly."""
    shares: np.ndarray = 0.5 + 0.5 * np.tanh(x / 1.5)
    return shares


def _write(
    path: Path,
    sound: Float64[np.ndarray, " n_samples"],
    pictures: UInt8[np.ndarray, "n_frames size size 3"],
    config: SyntheticConfig,
    note: str,
) -> None:
    """Encode both streams; one thread and no dates, so that the same input gives the same bytes."""
    with av.open(path, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        container.metadata["comment"] = note
        video = container.add_stream("libx264", rate=config.fps, options={"preset": "ultrafast"})
        video.width = video.height = config.size
        video.pix_fmt = "yuv420p"
        video.codec_context.thread_count = 1
        audio = container.add_stream("aac", rate=config.sample_rate_hz, layout="mono")
        for picture in pictures:
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
        frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = config.sample_rate_hz, Fraction(1, config.sample_rate_hz)
        container.mux(audio.encode(frame))
        container.mux(audio.encode())
