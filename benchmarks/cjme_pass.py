"""CJME's passes: seconds on one core as clips grow, against the bare matrix products in them and a plain twin.

python benchmarks/cjme_pass.py [--parts 8 4 2 1] [--runs 3]
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch

import numpy as np
import torch

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from build_manifest import in_turn, ratio  # noqa: E402 - a script's own folder
from plain_cjme import PlainCjme, plain_pass  # noqa: E402

from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, SeenClips, SeenLabels  # noqa: E402
from audiosetzsl.show import say, show_table  # noqa: E402
from models.cjme import CjmeTraining, Inference, fit_cjme, score_by  # noqa: E402
from models.sampling import class_balanced  # noqa: E402
from models.training import Optimising, Pass  # noqa: E402

SEEN_TRAIN, TEST = 79_795, 31_280  # clips of the authors' release
BATCH, WIDTH, HIDDEN, SPACE, ATTENTION = 1024, 1024, 256, 64, 64
TABLE = ClassTable(tuple(f"class-{i}" for i in range(33)), (True,) * 23 + (False,) * 10)


def main() -> None:
    """Print tables with the targets beside what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--parts", type=int, nargs="+", default=[8, 4, 2, 1], help="1/8, 1/4 ... of all clips"
    )
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    draw = np.random.default_rng(0)
    clips = ClipFeatures(*(draw.random((SEEN_TRAIN, WIDTH), dtype=np.float32) for _ in range(2)))
    labels = draw.integers(0, 23, SEEN_TRAIN)
    words = draw.normal(size=(33, 300)).astype(np.float32)
    rows = [
        _row(clips.rows(slice(SEEN_TRAIN // part)), labels, words, options.runs) for part in options.parts
    ]
    heads = [
        "clips",
        "pass, s",
        "from",
        "to",
        "products, s",
        "products / pass",
        "pairs, s",
        "twin, s",
        "twin / pass",
    ]
    show_table(f"One pass of CJME on one core, medians of {options.runs}", heads, rows)
    say("targets: a pass over 79,795 clips takes 4 s at most, and its bare products are 0.6 of it at least")
    _evaluation(clips.rows(slice(TEST)), labels, words, options.runs)


def _row(clips: ClipFeatures, labels: np.ndarray, words: np.ndarray, runs: int) -> list[object]:
    """All ways to a pass over these clips, in turn."""
    labels = labels[: len(clips)]
    names = tuple(TABLE.names[i] for i in labels)
    seen = SeenClips(clips, SeenLabels(names, ("train",) * len(names), TABLE))
    found: dict[str, list[float]] = {name: [] for name in ("batch", "pairs", "products", "twin")}
    plain = _plain(clips, labels, words)
    for _ in range(runs):
        for negatives in ("batch", "pairs"):
            found[negatives].append(_second_pass(seen, words, negatives))
        for name, job in (("products", lambda: _products(len(clips))), ("twin", plain)):
            start = time.perf_counter()
            job()
            found[name].append(time.perf_counter() - start)
    middle = {name: statistics.median(times) for name, times in found.items()}
    ours = found["batch"]
    return [
        len(clips),
        middle["batch"],
        min(ours),
        max(ours),
        middle["products"],
        ratio(found["products"], ours)[1],
        middle["pairs"],
        middle["twin"],
        ratio(found["twin"], ours)[1],
    ]


def _second_pass(seen: SeenClips, words: np.ndarray, negatives: str) -> float:
    """Seconds of a pass after one that warms up; clips are brought into their form before both, once a training."""
    training = CjmeTraining(negatives=negatives, optimising=Optimising(batch_size=BATCH, passes=2))
    told: list[Pass] = []
    fit_cjme(seen, words, training=training, seed=0, validate=None, on_pass=told.append)
    return told[-1].seconds


def _products(n: int) -> None:
    """Products of a pass with one forward a clip: there and back, but for gradients of the inputs."""
    x, hidden, out, gate = (torch.rand(BATCH, width) for width in (WIDTH, HIDDEN, SPACE, ATTENTION))
    to_hidden, to_space, to_gate = (
        torch.rand(*shape) for shape in ((HIDDEN, WIDTH), (SPACE, HIDDEN), (ATTENTION, WIDTH))
    )
    for _ in range(-(-n // BATCH)):
        for _ in ("audio", "video"):
            torch.mm(x, to_hidden.t())
            torch.mm(hidden, to_space.t())
            torch.mm(x, to_gate.t())
            torch.mm(out, to_space)
            torch.mm(out.t(), hidden)
            torch.mm(hidden.t(), x)
            torch.mm(gate.t(), x)


def _plain(clips: ClipFeatures, labels: np.ndarray, words: np.ndarray) -> Callable[[], None]:
    """A pass of the twin over drawn pairs."""
    model = PlainCjme(WIDTH, WIDTH)
    given = torch.from_numpy(clips.audio), torch.from_numpy(clips.video)
    classes, vectors = torch.from_numpy(labels), torch.from_numpy(words[:23])
    generator, sampler = torch.Generator().manual_seed(0), class_balanced(classes)

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for _ in range(-(-len(labels) // BATCH)):
            yield sampler.draw_pairs(BATCH, generator)

    return lambda: plain_pass(model, given, classes, vectors, batches())


def _evaluation(clips: ClipFeatures, labels: np.ndarray, words: np.ndarray, runs: int) -> None:
    """What test asks: all clips through the network, then every kind of inference."""
    names = tuple(TABLE.names[i] for i in labels[:256])
    few = SeenClips(clips.rows(slice(256)), SeenLabels(names, ("train",) * 256, TABLE))
    short = CjmeTraining(optimising=Optimising(passes=1))
    model = fit_cjme(few, words, training=short, seed=0, validate=None)
    embedded = model.embed(clips, words)
    jobs = {"embed": lambda: model.embed(clips, words)}
    jobs |= {kind.value: (lambda kind=kind: score_by(embedded, kind)) for kind in Inference}
    found = in_turn(jobs, runs)
    rows = [[name, min(times), statistics.median(times), max(times)] for name, times in found.items()]
    show_table(f"Asked about {len(clips):,} clips and 33 classes, s", ["", "min", "median", "max"], rows)


if __name__ == "__main__":
    main()
