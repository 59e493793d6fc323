"""Decoded sound to 16 kHz mono."""

from collections.abc import Iterable, Iterator

import av
import numpy as np
import soxr
from jaxtyping import Float32

from audiosetzsl.errors import ClipError
from extractors.media.lengths import ADVICE, check_end, check_length
from extractors.media.packets import EXACT, name_of, tick_s_of

SAMPLE_RATE_HZ = 16_000
PADDING_S = 0.13  # a packet of AAC has up to 2048 samples, at 16 kHz or more
JOINED = 1 << 15  # samples; with all channels, they stay in a processor's cache


def waveform_of(
    decoded: Iterable[av.AudioFrame], stream: av.AudioStream
) -> Float32[np.ndarray, " n_samples"]:
    """Sound of a clip in [-1, 1], from its first sample on; channels are averaged.

    The average is ours: FFmpeg's own downmix to mono raises float stereo by sqrt(2).

    Raises:
        ClipError: ("unreadable") there is not one sample, or the sound ends before the container says,
            lasts longer than LONGEST_S, or changes its sample rate.
        av.FFmpegError: what `decoded` raises.
    """
    name = name_of(stream.container)
    lasts_s, rates, parts = 0.0, set(), []
    for frame in _joined(decoded):
        lasts_s += frame.samples / frame.sample_rate
        check_length(stream, lasts_s)
        rates.add(frame.sample_rate)
        parts.append(_mono(frame))
    if not parts:
        raise ClipError("unreadable", f"not one sample of the sound of {name} can be decoded; {ADVICE}")
    check_end(stream, (stream.start_time or 0) * tick_s_of(stream) + lasts_s)
    if len(rates) > 1:
        raise ClipError("unreadable", f"the sample rate of {name} changes among {sorted(rates)} Hz; {ADVICE}")
    rate = rates.pop()
    mono = np.concatenate(parts)[: _n_stated(stream, rate, round(lasts_s * rate))]
    sound: np.ndarray = soxr.resample(mono, rate, SAMPLE_RATE_HZ, quality="HQ")
    return sound.clip(-1.0, 1.0, out=sound)  # a full-scale wave overshoots between its samples


def _n_stated(stream: av.AudioStream, rate: int, n_found: int) -> int:
    """Samples up to the stated end; what a codec adds to fill its last packet is left out, but no more."""
    is_exact = EXACT & set(stream.container.format.name.split(","))
    stated = round((stream.duration or 0) * tick_s_of(stream) * rate) if is_exact else 0
    return stated if stated and 0 < n_found - stated <= PADDING_S * rate else n_found


def _joined(decoded: Iterable[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """Frames of one kind joined to longer ones: codecs make some 40 a second, and each costs NumPy calls."""
    queue, kind = av.AudioFifo(), None
    for frame in decoded:
        # A queue would not notice that the number of channels changes.
        before, kind = kind, (frame.sample_rate, frame.layout.nb_channels, frame.format.name)
        if kind != before or queue.samples >= JOINED:
            if (longer := queue.read()) is not None:
                yield longer
            queue = av.AudioFifo()
        frame.pts = None  # a queue refuses times that do not follow each other
        queue.write(frame)
    if (longer := queue.read()) is not None:
        yield longer


def _mono(frame: av.AudioFrame) -> Float32[np.ndarray, " n_samples"]:
    """Mean of the channels of one frame, full scale at 1."""
    if frame.format.name in {"s64", "s64p"}:  # NumPy is not told of these
        (frame,) = av.AudioResampler(format="dblp").resample(frame)
    samples: np.ndarray = frame.to_ndarray()
    n_channels = frame.layout.nb_channels
    channels = samples.reshape(-1, n_channels).T if frame.format.is_packed else samples
    mono = np.zeros(frame.samples, np.float32)
    for channel in channels:
        mono += channel
    mono /= n_channels
    if samples.dtype.kind in "ui":
        mono -= 128 if samples.dtype.kind == "u" else 0
        mono /= 2.0 ** (8 * samples.itemsize - 1)
    return mono
