"""The PyTorch loaders that the documents show, run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_shards import class_of, fill, planned, split_of

from audiosetzsl.shards import Kind

ROOT = Path(__file__).parents[3]
N = 90
LOG_MELS = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "features.md").read_text(), re.S)[1]
SEEN_TRAIN = [n for n in range(N) if split_of(n) == "train" and class_of(n)[1]]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder in which work/demo is a workspace with everything."""
    root = tmp_path_factory.mktemp("here")
    place, blocks = planned(root / "work" / "demo", N, 9)
    for kind in Kind:
        fill(place, kind, blocks)
    return root


def run(here, code, then):
    """What a script of documented lines and some more of ours prints."""
    warnings = ["-W", "error", "-W", "ignore:This DataLoader will create"]  # two workers, on one core
    command = [sys.executable, *warnings, "-c", code + then]
    ran = subprocess.run(command, cwd=here, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_the_readmes_loader(here):
    after = (ROOT / "README.md").read_text().split("A PyTorch dataset over the features of a workspace")[1]
    code = re.search(r"```python\n(.*?)```", after, re.S)[1]
    assert len([line for line in code.splitlines() if line]) <= 12
    told = run(
        here,
        code,
        "\nprint(len(clips), *audio_batch.shape, *video_batch.shape, sorted(set(labels.tolist())))",
    )
    n = len(SEEN_TRAIN)
    assert told == [f"{n} {n} 8 {n} 8 [0, 1]"]


def test_the_loader_of_log_mels_gives_every_clip_once(here):
    """Whatever the number of workers, and in another order for another seed."""
    then = """
print(frames.dtype, frames.ndim, frames.shape[2])
for workers, seed in ((2, 0), (2, 1), (0, 0)):
    loader = DataLoader(LogMels(seed), batch_size=7, num_workers=workers, collate_fn=pad)
    clips = [(f.abs().sum(1).bool().any().item(), f.sum().item()) for frames, _ in loader for f in frames]
    print(len(clips), len(set(clips)), round(sum(total for _, total in clips), 2), clips[:5])
"""
    first, *rounds = run(here, LOG_MELS, then)
    assert first == "torch.float32 3 8"
    counts = [line.split(" ", 3) for line in rounds]
    assert {(n, different) for n, different, *_ in counts} == {(str(len(SEEN_TRAIN)),) * 2}
    assert len({total for _, _, total, _ in counts}) == 1
    assert len({order for *_, order in counts}) == 3
