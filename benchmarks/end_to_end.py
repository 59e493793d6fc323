"""End to end: whole clips to features on all cores; how busy they are with real work, and whether memory stays flat.

python benchmarks/end_to_end.py [--clips 6] [--many 500]
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import ffmpeg
import torch
from imageio_ffmpeg import get_ffmpeg_exe

from audiosetzsl.show import show_table
from extractors.extraction import block, preparing
from extractors.extraction.block import Equipment, Extractors, extract_block
from extractors.extraction.feeding import feed
from extractors.extraction.rows import ClipRow
from extractors.log_mel import LogMelConfig
from extractors.video.nets import VideoConfig, open_net
from extractors.video.windows import clip_vector

CORES = len(os.sched_getaffinity(0))
FULL = Extractors(LogMelConfig(), VideoConfig(weights="random:0"))
SMALL = Extractors(
    LogMelConfig(), VideoConfig(weights="random:0", size=32, short_side=32, fps=2.0, window=9, hop=9)
)
BUSY_SHARE = 0.90


def main() -> None:
    """Print both tables, and one for a GPU where there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=6, help="clips a core, at full size")
    parser.add_argument("--many", type=int, default=500, help="clips for the look at memory, at a small size")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = render(Path(folder) / "clip.mp4")
        show_busy(clip, options.clips)
        show_memory(clip, options.many)
        if torch.cuda.is_available():
            show_gpu(clip, 4 * options.clips)


def render(path: Path) -> Path:
    """Ten seconds of 640x360 at 25 fps, with noise that keeps the decoder busy, and stereo sound."""
    picture = "testsrc2=size=640x360:rate=25:duration=10,noise=alls=12:allf=t"
    sources = [ffmpeg.input(picture, f="lavfi"), ffmpeg.input("sine=frequency=440:duration=10", f="lavfi")]
    codecs = {"vcodec": "libx264", "crf": 28, "pix_fmt": "yuv420p", "acodec": "aac", "ac": 2}
    ffmpeg.output(*sources, str(path), **codecs).run(cmd=get_ffmpeg_exe(), quiet=True)
    return path


def rows(clip: Path, n: int) -> list[ClipRow]:
    """The same clip as n segments."""
    return [ClipRow(f"{number:011d}_0", clip, "", 10.0) for number in range(n)]


def timed(function: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    """The same function; what it takes is added to a list."""

    def call(*arguments: Any, **named: Any) -> Any:
        began_s = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            spent.append(time.perf_counter() - began_s)

    return call


def work(clip: Path, n: int) -> dict[str, float]:
    """Seconds that one process spends on a block of clips, and in what."""
    torch.set_num_threads(1)
    decoding: list[float] = []
    network: list[float] = []
    extract_block(rows(clip, 1), FULL)  # opens the network and warms everything up
    preparing.read_media = timed(preparing.read_media, decoding)
    block.clip_vector = timed(block.clip_vector, network)
    began_s, cpu_s = time.perf_counter(), time.process_time()
    extract_block(rows(clip, n), FULL)
    wall_s = time.perf_counter() - began_s
    return {
        "wall": wall_s,
        "cpu": time.process_time() - cpu_s,
        "decoder": sum(decoding),
        "network": sum(network),
    }


def show_busy(clip: Path, n: int) -> None:
    """One block a core, all at once."""
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(work, [clip] * CORES, [n] * CORES))
    lines = []
    for number, spent in enumerate(found):
        useful = (spent["decoder"] + spent["network"]) / spent["wall"]
        lines.append(
            [
                str(number),
                spent["wall"] / n,
                f"{spent['decoder'] / spent['wall']:.1%}",
                f"{spent['network'] / spent['wall']:.1%}",
                f"{useful:.1%}",
                f"{spent['cpu'] / spent['wall']:.1%}",
                "met" if useful >= BUSY_SHARE else "MISSED",
            ]
        )
    title = f"10 s clips, 640x360, 4 windows of I3D, {n} on each of {CORES} cores (target {BUSY_SHARE:.0%} useful)"
    show_table(title, ["core", "s a clip", "decoder", "network", "useful", "of a core", "target"], lines)


def memory(clip: Path, n: int) -> list[tuple[int, float]]:
    """Peak memory of a process in MB after some, half, and all of n clips, in blocks of 50."""
    torch.set_num_threads(1)
    peaks = []
    for begun in range(0, n, 50):
        extract_block(rows(clip, min(50, n - begun)), SMALL)
        peaks.append((begun + 50, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    return peaks


def show_memory(clip: Path, n: int) -> None:
    """Flat or not."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        peaks = pool.submit(memory, clip, n).result()
    shown = [peaks[0], peaks[len(peaks) // 2], peaks[-1]]
    growth = peaks[-1][1] / peaks[0][1] - 1
    show_table(
        f"Peak memory over {n} clips in one process (small pictures; growth {growth:.1%})",
        ["clips", "MB"],
        [[clips, megabytes] for clips, megabytes in shown],
    )


def show_gpu(clip: Path, n: int) -> None:
    """Clips a second of one GPU with feeders, and what feeders and network do alone: the smaller one is the bound."""
    feeders = max(1, CORES - 1)
    prepared = list(feed(rows(clip, feeders), FULL.wanted, feeders, lambda _: None))
    net, pictures = open_net(FULL.video, "cuda:0"), prepared[0].pictures.feature
    ways: dict[str, Callable[[], object]] = {
        "all of it": lambda: extract_block(rows(clip, n), FULL, Equipment("cuda:0", feeders)),
        "feeders alone": lambda: sum(1 for _ in feed(rows(clip, n), FULL.wanted, feeders, lambda _: None)),
        "network alone": lambda: [clip_vector(net, pictures, window=64, hop=64) for _ in range(n)],
    }
    lines = []
    for what, way in ways.items():
        way()
        began_s = time.perf_counter()
        way()
        lines.append([what, n / (time.perf_counter() - began_s)])
    show_table(f"One GPU, {feeders} feeders, {n} clips", ["what", "clips/s"], lines)


if __name__ == "__main__":
    main()
