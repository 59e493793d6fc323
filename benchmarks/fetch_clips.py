"""Cost of a clip from a loopback YouTube: bytes, seconds against yt-dlp's own sections, CPU, memory."""

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SUPPORT = ROOT / "tests" / "support"
sys.path[:0] = [str(ROOT / "benchmarks"), str(SUPPORT)]

import numpy as np  # noqa: E402
from build_manifest import in_turn, ratio, show_times  # noqa: E402 - a script's own folder
from imageio_ffmpeg import get_ffmpeg_exe  # noqa: E402
from loopback_youtube import ydl_params  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy.signal import fftconvolve  # noqa: E402
from truth_media import render  # noqa: E402

from audiosetzsl.files import sha256_of  # noqa: E402
from audiosetzsl.manifest import Segment  # noqa: E402
from audiosetzsl.show import say, show_table  # noqa: E402
from extractors.media.inspection import inspect  # noqa: E402
from flows.sources.youtube import YouTube  # noqa: E402
from flows.youtube.options import YtDlpOptions  # noqa: E402
from flows.youtube.session import FORMATS  # noqa: E402

LENGTH_S = 600.0
HZ = 16_000
# As reported of YouTube in 2026: requests without an end, or for more than 10 MiB, get 32 KiB a second.
THROTTLED_OVER = 10 << 20


def main() -> None:
    """Print tables: bytes, CPU and memory; a real clip; seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=2000, help="for CPU and memory")
    parser.add_argument("--runs", type=int, default=5, help="for seconds against yt-dlp's sections")
    parser.add_argument("--real", type=Path, default=ROOT.parent / "shared" / "data" / "clips")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        say(f"rendering {LENGTH_S:.0f} s of film, with a key frame every 5 s")
        truth = render(folder / "media", seconds=LENGTH_S)
        size = sum(path.stat().st_size for path in (truth.video, truth.audio))
        say(f"picture and sound of it have {size / 1e6:.1f} MB")
        with served(folder / "media") as port:
            many_clips(folder, port, options.clips)
        real_video(folder / "real", options.real)
        for title, over in (("without a throttle", None), ("under the throttle", THROTTLED_OVER)):
            with served(folder / "media", over) as port:
                against_sections(folder, port, title, options.runs if over is None else min(options.runs, 3))


@contextlib.contextmanager
def served(media: Path, throttle_over: int | None = None) -> Iterator[int]:
    """The loopback server in a process of its own, so that its cost is not counted; yields the player's port."""
    ports = media.parent / f"ports-{throttle_over}.json"
    command = [
        sys.executable,
        str(SUPPORT / "loopback_youtube.py"),
        "--media",
        str(media),
        "--port-file",
        str(ports),
    ]
    command += ["--throttle-over", str(throttle_over)] if throttle_over else []
    ports.unlink(missing_ok=True)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not ports.is_file() or not ports.read_text():
            time.sleep(0.05)
        yield json.loads(ports.read_text())["player"]
    finally:
        process.kill()
        process.wait()


def segments(n: int, seed: int = 0) -> Iterator[Segment]:
    """Segments of ten seconds at random places."""
    rng = random.Random(seed)
    for number in range(n):
        start_s = rng.randrange(0, int((LENGTH_S - 10) * 1000)) / 1000
        yield Segment(
            f"{number:011d}_{round(1000 * start_s)}", f"{number:011d}", start_s, start_s + 10, "dog"
        )


def many_clips(folder: Path, port: int, n: int) -> None:
    """Fetch and look at many clips in one thread: bytes pulled, CPU, and memory along the way."""
    source = YouTube(YtDlpOptions(ydl_params(port)), folder / "scratch")
    into = folder / "clip.mp4"
    shares, fetching_s, looking_s, memory = [], [], [], []
    for number, segment in enumerate(segments(n)):
        start = time.process_time()
        got = source.get(segment, "", into)
        middle = time.process_time()
        inspect(into, 10.0)
        sha256_of(into)
        looking_s.append(time.process_time() - middle)
        fetching_s.append(middle - start)
        shares.append((got.pulled_bytes or 0) / into.stat().st_size)
        if number + 1 in {n // 10, n // 2, n}:
            memory.append([number + 1, resident_mb()])
    together = [1000 * (a + b) for a, b in zip(fetching_s, looking_s, strict=True)]
    rows: list[list[Any]] = [
        ["bytes pulled / bytes of the clip (target: 1.5 at most)", *spread(shares)],
        ["CPU ms to ask, pull and cut", *spread([1000 * s for s in fetching_s])],
        ["CPU ms to look at it", *spread([1000 * s for s in looking_s])],
        ["CPU ms of both, nothing is encoded (target: 150 at most)", *spread(together)],
    ]
    show_table(f"{n} clips of 10 s, one thread", ["", "mean", "median", "p95", "max"], rows)
    show_table("Memory of the process", ["clips", "MB"], memory)


def against_sections(folder: Path, port: int, title: str, runs: int) -> None:
    """The same clips by yt-dlp's `download_ranges`, in turn with ours."""
    from yt_dlp import YoutubeDL
    from yt_dlp.utils import download_range_func

    tools, out = folder / "bin", folder / "stock"
    tools.mkdir(exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (tools / "ffmpeg").symlink_to(get_ffmpeg_exe())
    # yt-dlp looks for the program that downloads sections on PATH alone.
    os.environ["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
    quiet = {"quiet": True, "no_warnings": True, "noprogress": True, "logger": None}
    settings = {
        **ydl_params(port),
        **quiet,
        "format": FORMATS,
        "ffmpeg_location": str(tools),
        "overwrites": True,
    }
    stock = YoutubeDL({**settings, "outtmpl": {"default": f"{out}/%(id)s.%(ext)s"}})
    ours = YouTube(YtDlpOptions(ydl_params(port)), folder / "scratch")
    turns = [iter(segments(runs + 1, seed=1)) for _ in range(3)]

    def by_sections() -> None:
        segment = next(turns[0])
        stock.params["download_ranges"] = download_range_func(None, [(segment.start_s, segment.end_s)])
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            stock.download([f"https://www.youtube.com/watch?v={segment.ytid}"])
        shutil.rmtree(out)

    clip = folder / "clip.mp4"

    def by_us() -> None:
        segment = next(turns[1])
        ours.get(segment, "", clip)

    def by_us_and_look() -> None:
        segment = next(turns[2])
        ours.get(segment, "", clip)
        inspect(clip, 10.0)

    jobs = {
        "yt-dlp, download_ranges": by_sections,
        "ours": by_us,
        "ours, and a look at the clip": by_us_and_look,
    }
    times = in_turn(jobs, runs)
    show_times(f"Seconds a clip, {title}, {runs} clips in turn", times)
    slow, fast, looked = times.values()
    target = "20 at least" if title.startswith("under") else "1 at least"
    rows = [
        [f"download_ranges / ours, {title} (target: {target})", *ratio(slow, fast)],
        ["download_ranges, which looks at nothing / ours with the look", *ratio(slow, looked)],
    ]
    show_table("Ratio, clip by clip", ["", "min", "median", "max"], rows)


def real_video(folder: Path, clips: Path) -> None:
    """Cut a real video, served as YouTube does, and lay it over the clip that others cut of it."""
    whole, clip = clips / "full_--8puiAGLhs.mp4", clips / "car_--8puiAGLhs_30000.mp4"
    if not whole.is_file():
        say(f"{whole} is not at hand: no comparison with a real clip; name its folder with --real")
        return
    dash_of(whole, folder / "media")
    segment = Segment("--8puiAGLhs_30000", "--8puiAGLhs", 30.0, 40.0, "car")
    with served(folder / "media") as port:
        source = YouTube(YtDlpOptions(ydl_params(port)), folder / "scratch")
        ours = source.get(segment, "", folder / "clip.mp4").path
    best_db, at_frames = picture_match(grey_frames(ours), grey_frames(clip))
    lag_ms, likeness = sound_match(mono(ours), mono(clip))
    show_table(
        "A real video, 30 to 40 s of it, against the clip that others cut",
        ["PSNR dB", "at a shift of frames", "lag of the sound, ms", "correlation there"],
        [[best_db, at_frames, lag_ms, likeness]],
    )


def dash_of(video: Path, folder: Path) -> None:
    """The same streams, uncoded, in the three forms in which YouTube has a video."""
    folder.mkdir(parents=True)
    dash = "delay_moov+default_base_moof+global_sidx"
    forms = {
        "video.mp4": ["-an", "-movflags", f"{dash}+frag_keyframe"],
        "audio.m4a": ["-vn", "-movflags", dash, "-frag_duration", "10000000"],
        "both.mp4": ["-movflags", "faststart"],
    }
    for name, how in forms.items():
        command = [get_ffmpeg_exe(), "-v", "error", "-i", str(video), "-c", "copy", *how, str(folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def grey_frames(path: Path) -> NDArray[np.float64]:
    """Pictures of a clip at 25 a second, small and grey."""
    # Imported here: with it comes torch, and the memory above is measured without.
    from extractors.media.reading import CentreCrop, PictureConfig, read_frames

    pictures = read_frames(path, PictureConfig(scaling=CentreCrop(128, 128)))
    return pictures.astype(np.float64).mean(axis=3)


def picture_match(a: NDArray[np.float64], b: NDArray[np.float64], furthest: int = 12) -> tuple[float, int]:
    """The best PSNR over whole shifts, in dB, and the shift: how many frames `b` is behind `a`."""
    found = []
    for shift in range(-furthest, furthest + 1):
        one, two = (a[: len(a) - shift], b[shift:]) if shift >= 0 else (a[-shift:], b)
        n = min(len(one), len(two))
        found.append((10 * np.log10(255**2 / np.mean((one[:n] - two[:n]) ** 2)), shift))
    best, shift = max(found)
    return float(best), shift


def mono(path: Path) -> NDArray[np.float64]:
    """Sound of a clip, 16 kHz."""
    from extractors.media.reading import read_sound

    return read_sound(path).astype(np.float64)


def sound_match(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    """How many ms `b` is behind `a` where they correlate best, and how well."""
    n = min(len(a), len(b))
    a, b = a[:n] - a[:n].mean(), b[:n] - b[:n].mean()
    correlated = fftconvolve(b, a[::-1]) / np.sqrt((a**2).sum() * (b**2).sum())
    at = int(correlated.argmax())
    return 1000 * (at - (n - 1)) / HZ, float(correlated[at])


def spread(values: list[float]) -> tuple[float, float, float, float]:
    """Mean, median, 95th percentile and maximum."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return statistics.fmean(values), statistics.median(values), p95, max(values)


def resident_mb() -> float:
    """Memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
