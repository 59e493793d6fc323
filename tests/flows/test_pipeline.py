"""The whole way on stand-in clips: manifest to page, killed and resumed, and the README's own examples."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.workspace import Workspace
from flows.build_manifest import build_manifest
from flows.pipelines import make_dataset, make_results
from flows.presets import PRESETS

ROOT = Path(__file__).parents[2]
NAMES = {"/m/0bt9lr": "Dog", "/m/01bjv": "Bus", "/m/06mb1": "Rain", "/m/068zj": "Pig", "/m/0k5j": "Aircraft"}
CLASSES = (("dog", "/m/0bt9lr", 1), ("bus", "/m/01bjv", 1), ("rain", "/m/06mb1", 1), ("pig", "/m/068zj", 0))
SETTINGS = PRESETS["demo"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory, write_audioset):
    """A workspace that holds nothing but a manifest: four classes of ten segments of four seconds."""
    folder = tmp_path_factory.mktemp("small")
    lists = {
        "unbalanced": [
            (f"{name:_<5}{n:06d}", 0.0, 4.0, (mid,)) for name, mid, _ in CLASSES for n in range(10)
        ]
    }
    audioset = write_audioset(folder / "audioset", lists, NAMES)
    tables = [
        f'[[classes]]\nname = "{name}"\nmid = "{mid}"\nseen = {str(bool(seen)).lower()}\n'
        for name, mid, seen in CLASSES
    ]
    (folder / "four.toml").write_text('name = "four"\n' + "".join(tables))
    build_manifest(folder / "w", str(audioset), folder / "four.toml", any_lists=True)
    return folder / "w"


@pytest.fixture(scope="module")
def done(manifest, tmp_path_factory):
    """The same workspace after all stages."""
    workspace = tmp_path_factory.mktemp("whole") / "work" / "demo"
    shutil.copytree(manifest, workspace)
    make_dataset(workspace, SETTINGS)
    make_results(workspace, SETTINGS)
    return workspace


def test_the_way_ends_in_numbers_and_a_page_that_says_what_they_are_worth(done):
    results = json.loads((done / "results" / "results.json").read_text())
    measured = [results["classification"], *results["retrieval"].values()]
    for one in measured:
        assert all(0 <= one[key] <= 1 for key in ("seen", "unseen", "harmonic"))
    assert results["classification"]["seen"] > 1 / 4, (
        "stand-ins of seen classes are told apart no better than by chance"
    )
    page = (done / "results" / "report.html").read_text()
    assert "random weights" in page
    assert "rendered stand-ins" in page
    assert f"{100 * results['classification']['harmonic']:.2f}" in page


def test_a_second_run_makes_nothing_anew(done):
    before = {
        path: path.stat().st_mtime_ns for path in done.rglob("*") if path.suffix in (".mp4", ".safetensors")
    }
    parts = {
        path: path.stat().st_mtime_ns for path in done.rglob("part-*.parquet") if "text" not in path.parts
    }
    make_dataset(done, SETTINGS)
    make_results(done, SETTINGS)
    assert len(before) == 42
    assert {path: path.stat().st_mtime_ns for path in before | parts} == before | parts


def test_a_run_that_is_killed_ends_as_if_it_had_not_been(manifest, done, tmp_path):
    workspace = tmp_path / "w"
    shutil.copytree(manifest, workspace)
    command = [
        sys.executable,
        "-m",
        "flows",
        "build-dataset",
        "--workspace",
        str(workspace),
        "--preset",
        "demo",
    ]
    # Killed among its first clips, and between its first features and its last.
    for made in ("**/*.mp4", "features/*/part-*.parquet"):
        with subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL) as run:
            while run.poll() is None and not next(workspace.glob(made), None):
                time.sleep(0.05)
            os.killpg(run.pid, signal.SIGKILL)
        assert run.returncode == -signal.SIGKILL
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    ours, theirs = Workspace(workspace), Workspace(done)
    for path in sorted((theirs.root / "features").rglob("part-*.parquet")):
        if path.parent.name in ("log_mel", "video"):
            assert (ours.root / path.relative_to(theirs.root)).read_bytes() == path.read_bytes()


def test_the_readmes_examples_run(done, monkeypatch):
    monkeypatch.chdir(done.parent.parent)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len(blocks) == 2
    scopes = []
    for block in blocks:
        scope = {}
        exec(block, scope)
        scopes.append(scope)
    assert len(scopes[0]["train"]) == 83_218
    assert scopes[1]["audio_batch"].shape == (18, 1024)  # three seen classes, six train clips each


def test_scores_and_features_without_a_dataset_say_what_to_run(manifest, tmp_path):
    shutil.copytree(manifest, tmp_path / "w")
    with pytest.raises(ShardError, match=r"holds no shards; run `python -m flows extract-features`"):
        make_results(tmp_path / "w", SETTINGS)


def test_stand_ins_of_the_whole_dataset_are_refused(tmp_path):
    with pytest.raises(
        SetupError, match=r"w has no manifest, and stand-ins .*--source youtube or local:FOLDER, or give it"
    ):
        make_dataset(tmp_path / "w", PRESETS["paper"])


def test_weights_that_are_not_there_are_said_before_weeks_of_fetching(tmp_path, monkeypatch):
    monkeypatch.setenv("AZSL_WEIGHTS", str(tmp_path / "none"))
    with pytest.raises(SetupError, match=r"fetch-weights"):
        make_dataset(tmp_path / "w", PRESETS["paper"], "youtube")
    assert not (tmp_path / "w").exists()
