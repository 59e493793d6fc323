"""Cost of a clip's frames and log-mel: against decoding alone, and against the ways of others, in CPU time."""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process a core is how clips are spread

import audioread  # noqa: E402 - by which librosa finds an ffmpeg
import av  # noqa: E402
import numpy as np  # noqa: E402
from build_manifest import ratio  # noqa: E402 - a script's own folder
from imageio_ffmpeg import get_ffmpeg_exe  # noqa: E402
from other_readers import frames_by_cv2_and_pil, log_mel_by_librosa  # noqa: E402

from audiosetzsl.show import say, show_table  # noqa: E402
from extractors.log_mel import LogMelConfig, log_mel  # noqa: E402
from extractors.media import ffmpeg_route  # noqa: E402
from extractors.media.reading import PictureConfig, read_frames, read_sound  # noqa: E402

# A real clip of 1280 x 720 at 25 frames/s; where it is not at hand, a test picture is rendered.
REAL = "car_22olCB3wQaA_40000.mp4"
SIZES = ((426, 240), (640, 360), (1280, 720))
CLIPS_A_RUN = 5  # of sound, which takes only milliseconds


def main() -> None:
    """Print tables: CPU milliseconds a clip, and ratios run by run."""
    parser = argparse.ArgumentParser(description=__doc__)
    data = Path(os.environ.get("AZSL_REAL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--real", type=Path, default=data / "clips")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        clips = {size: clip_of(size, options.real, Path(scratch)) for size in SIZES}
        pictures(clips, options.runs)
        sound(clips[640, 360], Path(scratch), options.runs)


def clip_of(size: tuple[int, int], folder: Path, scratch: Path) -> Path:
    """Ten seconds of H.264 and AAC, 25 frames/s, as YouTube has them."""
    width, height = size
    path, real = scratch / f"{height}.mp4", folder / REAL
    lavfi = ["-f", "lavfi", "-i", f"testsrc2=s={width}x{height}:r=25", "-f", "lavfi", "-i", "anoisesrc=a=0.1"]
    source = ["-i", str(real), "-vf", f"scale={width}:{height}"] if real.is_file() else lavfi
    codecs = [
        "-c:v",
        "libx264",
        "-crf",
        "23",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
        "-ar",
        "44100",
        "-ac",
        "2",
    ]
    command = [get_ffmpeg_exe(), "-v", "error", *source, "-t", "10", *codecs, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def pictures(clips: dict[tuple[int, int], Path], runs: int) -> None:
    """Frames for I3D by four ways, each size in turn."""
    times, ratios = [], []
    for (width, height), path in clips.items():
        spent = cpu_in_turn(
            {
                "decode alone (PyAV, 1 thread)": lambda path=path: decode(path),
                "ours": lambda path=path: read_frames(path, PictureConfig()),
                "ffmpeg route": lambda path=path: ffmpeg_route.read_media(path, PictureConfig(), sound=False),
                "OpenCV and PIL": lambda path=path: frames_by_cv2_and_pil(path),
            },
            runs,
        )
        size = f"{width}x{height}"
        times += [[size, name, *spread(ms)] for name, ms in spent.items()]
        alone, ours, route, others = spent.values()
        most, least = (2.0, 1.5) if height == 360 else (None, None)
        ratios += [
            [size, "ours / decode alone", *ratio(ours, alone), at_most(most, ours, alone)],
            [size, "OpenCV and PIL / ours", *ratio(others, ours), at_least(least, others, ours)],
            [size, "ffmpeg route / ours", *ratio(route, ours), ""],
        ]
    heads = ["size", "", "min", "median", "max"]
    show_table(f"Frames of a clip of 10 s, CPU ms, {runs} runs in turn", heads, times)
    show_table("Ratios, run by run", [*heads, "target"], ratios)
    path = clips[640, 360]
    ours, others = read_frames(path, PictureConfig()), frames_by_cv2_and_pil(path)
    n = min(len(ours), len(others))
    off = np.abs(ours[:n].astype(int) - others[:n])
    say(f"ours and OpenCV with PIL: {len(ours)} and {len(others)} frames, {off.max()} levels apart at most")


def sound(clip: Path, scratch: Path, runs: int) -> None:
    """A clip to log-mel; librosa reads WAV by itself, and MP4 only by the help of an ffmpeg."""
    wav = scratch / "clip.wav"
    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(clip), "-vn", str(wav)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    tools = scratch / "bin"
    tools.mkdir()
    (tools / "ffmpeg").symlink_to(get_ffmpeg_exe())
    os.environ["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
    spent = cpu_in_turn(
        {
            "ours, MP4": lambda: log_mel(read_sound(clip), LogMelConfig()),
            "ours, WAV": lambda: log_mel(read_sound(wav), LogMelConfig()),
            "librosa, WAV": lambda: log_mel_by_librosa(wav),
            "librosa, MP4, with the ffmpeg of imageio-ffmpeg put on PATH": lambda: log_mel_by_librosa(clip),
        },
        runs,
        CLIPS_A_RUN,
    )
    ours, ours_wav, others_wav, others = spent.values()
    show_table(
        f"A clip of 10 s to log-mel, CPU ms, {runs} runs of {CLIPS_A_RUN} in turn",
        ["", "min", "median", "max", "target"],
        [
            [name, *spread(ms), "60 at most: " + verdict(statistics.median(ms) <= 60) if ms is ours else ""]
            for name, ms in spent.items()
        ],
    )
    unable = what_librosa_says(clip)
    met = verdict(unable != "able" or ratio(others, ours)[1] >= 5)
    show_table(
        "Ratios, run by run",
        ["", "min", "median", "max", "target"],
        [
            ["librosa / ours, MP4", *ratio(others, ours), f"5 at least, or unable without ffmpeg: {met}"],
            ["librosa / ours, WAV", *ratio(others_wav, ours_wav), ""],
        ],
    )
    say(f"librosa.load of an MP4 without an ffmpeg on PATH: {unable}")


def what_librosa_says(clip: Path) -> str:
    """How it ends where no folder on PATH holds an ffmpeg."""
    whole = os.environ["PATH"]
    folders = [folder for folder in whole.split(os.pathsep) if not (Path(folder) / "ffmpeg").exists()]
    os.environ["PATH"] = os.pathsep.join(folders)
    audioread.available_backends(flush_cache=True)
    try:
        log_mel_by_librosa(clip)
    except Exception as problem:  # whatever it is: this is what is reported
        return f"unable, {type(problem).__name__}"
    finally:
        os.environ["PATH"] = whole
    return "able"


def decode(path: Path) -> int:
    """The floor: every picture decoded and thrown away."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))


def cpu_in_turn(jobs: dict[str, Callable[[], object]], runs: int, repeats: int = 1) -> dict[str, list[float]]:
    """CPU ms of every job, child processes included; one warm-up, then A B C A B C ..."""
    spent: dict[str, list[float]] = {name: [] for name in jobs}
    for run in range(runs + 1):
        for name, job in jobs.items():
            before = cpu_s()
            for _ in range(repeats):
                job()
            if run:
                spent[name].append(1000 * (cpu_s() - before) / repeats)
    return spent


def cpu_s() -> float:
    """CPU time of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def spread(values: list[float]) -> tuple[float, float, float]:
    """Minimum, median and maximum."""
    return min(values), statistics.median(values), max(values)


def at_most(target: float | None, above: list[float], below: list[float]) -> str:
    """A target for the median of the ratio, and whether it is met."""
    if target is None:
        return ""
    return f"{target:g} at most: {verdict(ratio(above, below)[1] <= target)}"


def at_least(target: float | None, above: list[float], below: list[float]) -> str:
    """A target for the median of the ratio, and whether it is met."""
    if target is None:
        return ""
    return f"{target:g} at least: {verdict(ratio(above, below)[1] >= target)}"


def verdict(met: bool) -> str:
    """A word for it."""
    return "met" if met else "missed"


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # librosa says that its way through ffmpeg is to go
    main()
