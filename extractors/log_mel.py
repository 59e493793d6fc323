"""Log-mel frames of 16 kHz sound, computed as VGGish does to the letter."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.fft import rfft


@dataclass(frozen=True, slots=True)
class LogMelConfig:
    """The front-end of VGGish (Hershey et al., ICASSP 2017); the defaults are its `vggish_params`.

    With 128 bands, the lowest lies between two Fourier bins, and its value is always that of the floor.
    """

    sample_rate_hz: int = 16_000
    window_ms: float = 25.0
    hop_ms: float = 10.0
    n_mels: int = 64
    low_hz: float = 125.0
    high_hz: float = 7500.0
    floor: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate_hz / 2:
            raise ValueError(
                f"mel bands reach from {self.low_hz} to {self.high_hz} Hz, "
                f"expected a range within 0 to {self.sample_rate_hz / 2} Hz"
            )

    @property
    def window(self) -> int:
        """Samples in a frame."""
        return round(self.sample_rate_hz * self.window_ms / 1000)

    @property
    def hop(self) -> int:
        """Samples from the start of a frame to the start of the next."""
        return round(self.sample_rate_hz * self.hop_ms / 1000)

    @property
    def n_fft(self) -> int:
        """Length of the Fourier transform: the next power of two, filled with zeros at the end."""
        return int(2 ** math.ceil(math.log2(self.window)))


def log_mel(
    waveform: Float[np.ndarray, " n_samples"], config: LogMelConfig
) -> Float32[np.ndarray, "n_frames {config.n_mels}"]:
    """Natural log of the mel magnitudes (not powers) plus a floor; frame i starts at i * hop.

    Nothing is centred or padded, so 10 s give 998 frames and less than one window gives none.
    """
    if len(waveform) < config.window:
        return np.zeros((0, config.n_mels), np.float32)
    sound = waveform.astype(np.float32, copy=False)
    frames = np.lib.stride_tricks.sliding_window_view(sound, config.window)[:: config.hop]
    # SciPy's transform stays in float32, NumPy 1.26's does not.
    magnitudes = np.abs(rfft(frames * _hann(config.window), n=config.n_fft, axis=1))
    mel: np.ndarray = np.log(magnitudes @ mel_matrix(config) + np.float32(config.floor))
    return mel


def patches(
    frames: Float32[np.ndarray, "n_frames n_mels"], length: int = 96
) -> Float32[np.ndarray, "n_patches {length} n_mels"]:
    """Log-mel frames in pieces of `length`, as VGGish takes them; what is left at the end is dropped.

    A view, so nothing is copied. 10 s give ten patches of 96 frames; one takes 15,600 samples (0.975 s).
    """
    n_patches = len(frames) // length
    return frames[: n_patches * length].reshape(n_patches, length, frames.shape[1])


@lru_cache(maxsize=8)
def mel_matrix(config: LogMelConfig) -> Float32[np.ndarray, "n_bins n_mels"]:
    """Weight of each Fourier bin in each mel band: triangles that are straight in mel, not in Hz.

    This is where VGGish departs from the usual libraries, whose triangles are straight in Hz.
    """
    lowest, highest = _mel(np.array([config.low_hz, config.high_hz]))
    edges = np.linspace(lowest, highest, config.n_mels + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    bins = _mel(np.linspace(0.0, config.sample_rate_hz / 2, config.n_fft // 2 + 1))[:, None]
    weights = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)).clip(0.0)
    weights[0] = 0.0  # the constant part of the sound is no tone
    matrix: np.ndarray = weights.astype(np.float32)
    matrix.flags.writeable = False  # one matrix serves every caller
    return matrix


@lru_cache(maxsize=8)
def _hann(n: int) -> Float32[np.ndarray, " {n}"]:
    """Periodic Hann window: n samples of a period of n."""
    window: np.ndarray = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)
    window.flags.writeable = False
    return window


def _mel(hz: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Hz to the mel scale."""
    mel: np.ndarray = 1127.0 * np.log1p(hz / 700.0)
    return mel
