"""Media whose every picture tells its number and whose every stretch of sound tells its time."""

import subprocess
import wave
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import soxr

N_BITS = 16  # of a frame number
SOUND_RATE_HZ = 44_100
# The noise is drawn at this rate, so that AAC keeps all of it; one step of it is 0.125 ms.
NOISE_RATE_HZ = 8_000
WINDOW_S = 0.2  # of sound is looked up at a time
FRAGMENT_S = 7.0  # of sound; no multiple of the picture's


@dataclass(frozen=True, slots=True)
class Truth:
    """One video in the three files in which YouTube offers it."""

    video: Path  # picture only, fragmented, one index of all fragments after moov (as itag 134)
    audio: Path  # sound only, fragmented likewise (as itag 140)
    both: Path  # progressive, moov first (as itag 18)
    fps: float
    seconds: float


def render(
    folder: Path,
    *,
    seconds: float = 60,
    fps: int | Fraction = 25,
    size: tuple[int, int] = (640, 360),
    gop_s: float = 5.0,
) -> Truth:
    """Write video.mp4, audio.m4a and both.mp4 into `folder`; 60 s take some 3 s on two cores."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = Truth(folder / "video.mp4", folder / "audio.m4a", folder / "both.mp4", float(fps), seconds)
    sound = write_sound(folder / "sound.wav", seconds)
    gop = ["-g", round(gop_s * fps), "-keyint_min", round(gop_s * fps), "-sc_threshold", 0]
    x264 = ["-c:v", "libx264", "-preset", "superfast", "-bf", 3, "-crf", 26, "-pix_fmt", "yuv420p", *gop]
    # Noise substitution would throw away the waveform that the time is read off.
    aac = ["-c:a", "aac", "-b:a", "128k", "-aac_pns", 0]
    first = ["-movflags", "faststart"]
    encode(truth.both, pictures(round(seconds * fps), size), size, fps, [*x264, *aac, *first], sound)
    sound.unlink()
    dash = "delay_moov+default_base_moof+global_sidx"
    copy = ["-i", truth.both, "-c", "copy"]
    ffmpeg(*copy, "-an", "-movflags", f"{dash}+frag_keyframe", truth.video)
    ffmpeg(*copy, "-vn", "-movflags", dash, "-frag_duration", round(FRAGMENT_S * 1e6), truth.audio)
    return truth


def ffmpeg(*arguments, stdin=None) -> None:
    """Run FFmpeg over `arguments`; pictures for its standard input are written as they come."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-v", "error", "-y", *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        for block in stdin or ():
            process.stdin.write(block)
        process.stdin.close()
    if process.returncode:
        raise RuntimeError(f"ffmpeg ended with {process.returncode}: {' '.join(command)}")


def encode(path: Path, grey_pictures, size, fps, options, sound: Path | None = None) -> None:
    """Encode grey pictures, and a sound file beside them, with `options` of FFmpeg."""
    raw = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", "{}x{}".format(*size), "-r", fps, "-i", "pipe:0"]
    beside = ["-i", sound] if sound else []
    ffmpeg(*raw, *beside, *options, path, stdin=(p.tobytes() for p in grey_pictures))


def pictures(n: int, size: tuple[int, int]):
    """Grey pictures: the number as a row of blocks, its complement below, and a texture that wanders."""
    width, height = size
    block = width // N_BITS
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(0, 256, (height // 4, width // 4)), np.ones((8, 8))).astype(np.uint8)
    for number in range(n):
        top, left = 2 * number % height, 3 * number % width
        picture = texture[top : top + height, left : left + width].copy()
        bits = np.array([number >> i & 1 for i in range(N_BITS)], np.uint8)
        row = np.repeat(16 + 219 * bits, block)
        picture[:block, : len(row)] = row
        picture[block : 2 * block, : len(row)] = 251 - row
        yield picture


def write_sound(path: Path, seconds: float) -> Path:
    """Stereo WAV of noise that never repeats."""
    loud = soxr.resample(noise(seconds), NOISE_RATE_HZ, SOUND_RATE_HZ).clip(-1, 1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SOUND_RATE_HZ)
        file.writeframes(np.repeat((32_767 * loud).astype("<i2"), 2).tobytes())
    return path


@lru_cache(maxsize=2)
def noise(seconds: float) -> np.ndarray:
    """The sound as it was drawn: white up to 4 kHz, its beginning the same for every length."""
    return 0.2 * np.random.default_rng(1).standard_normal(round(seconds * NOISE_RATE_HZ), np.float32)


def frame_numbers(path: Path) -> list[tuple[float, int]]:
    """Time in s and number of every picture that libav shows."""
    with av.open(str(path)) as container:
        return [
            (frame.time, number_on(frame.to_ndarray(format="gray"))) for frame in container.decode(video=0)
        ]


def numbers(path: Path) -> list[int]:
    """Numbers of the pictures of a clip, in order."""
    return [number for _, number in frame_numbers(path)]


def expected_numbers(start_s: float, end_s: float, fps: float = 25) -> list[int]:
    """Numbers on screen between two times: that at the start, and those that begin before the end."""
    return list(range(int(start_s * fps + 1e-6), int(end_s * fps - 1e-6) + 1))


def number_on(picture: np.ndarray) -> int:
    """Number on a grey picture of any size; the complement below it has to agree."""
    block = picture.shape[1] / N_BITS
    rows, columns = ((np.array(at) * block).astype(int) for at in ([0.5, 1.5], np.arange(N_BITS) + 0.5))
    bits = picture[np.ix_(rows, columns)] > 128
    if (bits[0] == bits[1]).any():
        raise ValueError(f"the picture shows no number: {bits.astype(int).tolist()}")
    return int((bits[0] << np.arange(N_BITS)).sum())


def sound_starts_at_s(path: Path, truth: Truth) -> float:
    """Time of the source that is heard at time 0 of the clip."""
    start_s, sound = heard(path)
    return located_s(sound[: round(WINDOW_S * NOISE_RATE_HZ)], truth.seconds) - start_s


def sound_ends_at_s(path: Path, truth: Truth) -> float:
    """Time of the source at which the last sample of the clip ends."""
    _, sound = heard(path)
    tail = sound[-round(WINDOW_S * NOISE_RATE_HZ) :]
    return located_s(tail, truth.seconds) + len(tail) / NOISE_RATE_HZ


def sound_ends_s(path: Path) -> float:
    """Time of the clip at which its last sample ends."""
    start_s, sound = heard(path)
    return start_s + len(sound) / NOISE_RATE_HZ


def heard(path: Path) -> tuple[float, np.ndarray]:
    """Time of the first sample that libav gives, and all of them, mono at the rate of the noise."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    mono = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames])
    return frames[0].time, soxr.resample(mono, frames[0].sample_rate, NOISE_RATE_HZ)


def located_s(piece: np.ndarray, seconds: float) -> float:
    """Time at which a piece of the noise begins, by cross-correlation with all of it."""
    n, spectrum = noise_spectrum(seconds)
    likeness = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, n)), n)
    at = int(likeness.argmax())
    if likeness[at] < 0.3 * np.sqrt((piece**2).sum() * len(piece)) * 0.2:
        raise ValueError("the sound is no piece of the noise")
    return (at if at < n - len(piece) else at - n) / NOISE_RATE_HZ


@lru_cache(maxsize=2)
def noise_spectrum(seconds: float) -> tuple[int, np.ndarray]:
    """Length with room for a piece that hangs over the end, and the spectrum of the noise."""
    whole = noise(seconds)
    n = 1 << (len(whole) + NOISE_RATE_HZ).bit_length()
    return n, np.fft.rfft(whole, n)
