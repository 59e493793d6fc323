"""The PyTorch loaders that the documents show, run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

from small_shards import class_of, fill, planned, split_of

from audiosetzsl.shards import Kind

ROOT = Path(__file__).parents[3]
N = 90
LOG_MELS = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "features.md").read_text(), re.S)[1]
SEEN_TRAIN = [n for n in range(N) if split_of(n) == "train" and class_of(n)[1]]


def run(here, code):
    """What a script of documented lines and some more of ours prints."""
    warnings = ["-W", "error", "-W", "ignore:This DataLoader will create"]  # two workers, on one core
    ran = subprocess.run([sys.executable, *warnings, "-c", code], cwd=here, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_the_documented_loaders(tmp_path):
    """The README's gives all vectors, that of log-mels every clip once, with workers and without, by its seed."""
    place, blocks = planned(tmp_path / "work" / "demo", N, 9)
    for kind in Kind:
        fill(place, kind, blocks)
    after = (ROOT / "README.md").read_text().split("A PyTorch dataset over the features of a workspace")[1]
    vectors = re.search(r"```python\n(.*?)```", after, re.S)[1]
    assert len([line for line in vectors.splitlines() if line]) <= 12
    then = """
print(len(clips), *audio_batch.shape, *video_batch.shape, sorted(set(labels.tolist())))
"""
    at_last = """
print(frames.dtype, frames.ndim, frames.shape[2])
for workers, seed in ((2, 0), (2, 1), (0, 0)):
    loader = DataLoader(LogMels(seed), batch_size=7, num_workers=workers, collate_fn=pad)
    clips = [(f.abs().sum(1).bool().any().item(), f.sum().item()) for frames, _ in loader for f in frames]
    print(len(clips), len(set(clips)), round(sum(total for _, total in clips), 2), clips[:5])
"""
    whole, first, *rounds = run(tmp_path, vectors + then + LOG_MELS + at_last)
    n = len(SEEN_TRAIN)
    assert whole == f"{n} {n} 8 {n} 8 [0, 1]"
    assert first == "torch.float32 3 8"
    counts = [line.split(" ", 3) for line in rounds]
    assert {(told, different) for told, different, *_ in counts} == {(str(n),) * 2}
    assert len({total for _, _, total, _ in counts}) == 1
    assert counts[0][3] != counts[1][3]
