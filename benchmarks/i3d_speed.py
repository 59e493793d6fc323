"""Speed of I3D: ours against the plain one, and against what the machine can multiply, all in one run.

python benchmarks/i3d_speed.py [--runs 3]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from plain_i3d import plain_vectors
from torch import Tensor

from audiosetzsl.show import say, show_table
from extractors.video.fast_i3d import FastI3D
from extractors.video.i3d import I3D, random_i3d

SHAPE = (64, 224, 224)
GFLOP = 222.3  # of one such stack, multiplications and additions, as the network is written
MATRIX = 2048
Run = Callable[[], Tensor]


def main() -> None:
    """Print the table of the CPU, and one of the GPU where there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    net = random_i3d(0)
    with torch.inference_mode():
        on_cpu(net, options.runs)
        if torch.cuda.is_available():
            on_gpu(net, options.runs)


def on_cpu(net: I3D, n_runs: int) -> None:
    """CPU seconds of one thread for one stack; the ways take turns, so that noise of others meets all of them."""
    frames = moving(1)
    video = frames.permute(0, 4, 1, 2, 3).float().mul_(2 / 255).sub_(1)
    last = video.contiguous(memory_format=torch.channels_last_3d)
    fast, half = FastI3D(net), FastI3D(net, precision="bf16")
    ways: dict[str, Run] = {
        "plain, channels first (as the ports run it)": lambda: plain_vectors(net, video.contiguous()),
        "our plain module": lambda: net.vectors(last),
        "ours, fp32": lambda: fast.vectors(frames),
        "ours, bf16": lambda: half.vectors(frames),
    }
    a, b = torch.rand(2, MATRIX, MATRIX)
    ways["matmul"] = lambda: a @ b
    found = {name: way() for name, way in ways.items()}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(n_runs):
        for name, way in ways.items():
            began_s = time.thread_time()
            for _ in range(5 if name == "matmul" else 1):
                way()
            spent[name].append((time.thread_time() - began_s) / (5 if name == "matmul" else 1))
    peak = 2e-9 * MATRIX**3 / min(spent.pop("matmul"))
    first = next(iter(spent))
    rows = [
        [
            name,
            statistics.median(seconds),
            f"{min(seconds):.2f}-{max(seconds):.2f}",
            statistics.median(spent[first]) / statistics.median(seconds),
            GFLOP / statistics.median(seconds),
            100 * GFLOP / statistics.median(seconds) / peak,
            f"{difference(found[name], found[first]):.1e}",
        ]
        for name, seconds in spent.items()
    ]
    columns = ["", "CPU s", "spread", "x faster", "GFLOP/s", "% of matmul", "relative L2"]
    show_table(f"I3D, one stack of {SHAPE}, 1 thread; fp32 matmul gives {peak:.0f} GFLOP/s", columns, rows)
    say("GFLOP/s count the network as it is written; ours multiplies less (extractors/video/winograd.py)")


def on_gpu(net: I3D, n_runs: int, n_windows: int = 8) -> None:
    """Stacks a second, bytes coming from the host and decoding left out, against the plain module in fp32."""
    frames = moving(n_windows)
    plain = random_i3d(0).cuda()

    def plainly() -> Tensor:
        video = frames.cuda().permute(0, 4, 1, 2, 3).float().mul_(2 / 255).sub_(1).contiguous()
        with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
            return plain_vectors(plain, video)

    ways: dict[str, Run] = {"plain, fp32": plainly}
    for precision in ("fp32", "tf32", "bf16"):
        ways[f"ours, {precision}"] = partial(FastI3D(net, "cuda", precision).vectors, frames)
    rows: list[list[str | float]] = []
    expected = plainly().cpu()
    for name, way in ways.items():
        seconds = []
        cosine = torch.cosine_similarity(way().cpu(), expected).min()
        for _ in range(n_runs):
            torch.cuda.synchronize()
            began_s = time.perf_counter()
            way()
            torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began_s)
        per_s = n_windows / statistics.median(seconds)
        spread = f"{n_windows / max(seconds):.1f}-{n_windows / min(seconds):.1f}"
        rows.append([name, per_s, spread, 1e-3 * GFLOP * per_s, f"{cosine:.6f}"])
    columns = ["", "stacks/s", "spread", "TFLOP/s", "least cosine to plain"]
    show_table(f"I3D on {torch.cuda.get_device_name()}, {n_windows} stacks of {SHAPE} at once", columns, rows)


def moving(n: int) -> Tensor:
    """Frames (n, 64, 224, 224, 3) of coarse noise that drifts, bytes."""
    torch.manual_seed(0)
    coarse = torch.rand(n, 3, 8, 14, 14)
    video = torch.nn.functional.interpolate(coarse, SHAPE, mode="trilinear")
    return (255 * video).to(torch.uint8).permute(0, 2, 3, 4, 1).contiguous()


def difference(found: Tensor, expected: Tensor) -> float:
    """Relative L2."""
    return float((found - expected).norm() / expected.norm())


if __name__ == "__main__":
    main()
