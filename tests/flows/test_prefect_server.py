"""A real Prefect server, a real worker and the commands a person types, from the checkout."""

import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from audiosetzsl.clips.ledger import read_ledger
from audiosetzsl.shards import Kind
from audiosetzsl.workspace import Workspace
from flows.extract_features import extract_features
from flows.fetch_clips import fetch_clips
from flows.planning import plan_workspace
from flows.presets import preset

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).parent / "prefect"
PATIENCE_S = 240
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Server:
    """A server of its own: free port, new folder; what it starts carries that folder in its environment."""

    def __init__(self, home):
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")} | {
            "DO_NOT_TRACK": "1",
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }
        self.started = []

    def start(self, name, *command):
        """Start something that stays."""
        with (self.home / f"{name}.log").open("wb") as log:
            self.started.append(
                subprocess.Popen(
                    [PREFECT, *command],
                    cwd=ROOT,
                    env=self.environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def call(self, *command, code=0):
        """Run a command from the checkout; the errors that it tells, between lines of Prefect's own."""
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}\n{self.logs()}"
        return [line for line in done.stderr.splitlines() if line.startswith("error: ")]

    def ask(self, path, body=None):
        """Ask the server's API."""
        request = urllib.request.Request(
            self.environment["PREFECT_API_URL"] + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def wait(self, ready):
        """Wait until `ready` gives something."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            with suppress(urllib.error.URLError, OSError):
                if found := ready():
                    return found
            time.sleep(1)
        raise AssertionError(f"not ready after {PATIENCE_S} s\n{self.logs()}")

    def runs(self, flow, number):
        """The runs of a flow, once there are `number` and all have ended well."""

        def ended():
            runs = self.ask("/flow_runs/filter", {"flows": {"name": {"any_": [flow]}}})
            over = {run["state_type"] for run in runs} <= ENDED
            return runs if len(runs) >= number and over else None

        runs = self.wait(ended)
        assert [run["state_type"] for run in runs] == ["COMPLETED"] * number, self.logs()
        return runs

    def logs(self):
        """Ends of the logs, for a message."""
        return "\n".join(f"--- {log}\n{log.read_text()[-4000:]}" for log in sorted(self.home.glob("*.log")))

    def end(self):
        """End everything that was started, flow runs in sessions of their own too, kindly and then for sure."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for process in self.processes():
                with suppress(ProcessLookupError):
                    os.kill(process, sign)
            until = time.monotonic() + 5
            while self.processes() and time.monotonic() < until:
                time.sleep(0.2)
        for process in self.started:
            process.wait(20)

    def processes(self):
        """Processes that carry the server's folder in their environment."""
        mark = f"PREFECT_HOME={self.home}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mark in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
        return found


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("prefect"))
    try:
        server.start("server", "server", "start", "--host", "127.0.0.1", "--port", str(server.port))
        server.wait(lambda: server.ask("/health"))
        yield server
    finally:
        server.end()


def test_a_stage_gives_identical_bytes_plainly_and_through_prefect(server, tiny_workspace, tmp_path):
    plain, recorded = Workspace(tiny_workspace), Workspace(tmp_path / "recorded")
    assert len(plan_workspace(plain, 16)) == 2
    fetch_clips(plain.root)
    shutil.copytree(plain.root, recorded.root)
    extract_features(plain.root, preset("demo").video)
    extract = [sys.executable, "-m", "flows", "extract-features", "--workspace", recorded.root]
    extract += ["--preset", "demo", "--prefect"]

    # A block that fails, fails the run; the other block stays done, and the next run does what is missing.
    ledger, videos = recorded.clips / "part-00001.parquet", recorded.features(Kind.VIDEO)
    whole = ledger.read_bytes()
    ledger.write_bytes(b"damaged")
    (error,) = server.call(*extract, code=1)
    assert error.startswith(f"error: {ledger} is damaged")
    assert [path.name for path in videos.iterdir()] == ["part-00000.parquet"]
    ledger.write_bytes(whole)
    server.call(*extract)

    shards = sorted(path.relative_to(plain.root) for path in plain.root.glob("features/*/*"))
    assert len(shards) == 4
    assert shards == sorted(path.relative_to(recorded.root) for path in recorded.root.glob("features/*/*"))
    for shard in shards:
        assert (plain.root / shard).read_bytes() == (recorded.root / shard).read_bytes(), shard
    recorded_runs = [
        (run["name"], run["state_type"])
        for run in server.ask("/task_runs/filter", {"sort": "EXPECTED_START_TIME_DESC"})
    ]
    assert sorted(recorded_runs) == [
        ("extract-features 0", "COMPLETED"),
        ("extract-features 1", "COMPLETED"),
        ("extract-features 1", "FAILED"),
    ]


def test_a_changed_dataset_starts_training_and_an_unchanged_one_does_not(server, tiny_workspace):
    parameters = ["-p", f"workspace={tiny_workspace}", "-p", "preset=demo"]
    server.call(PREFECT, "work-pool", "create", "local", "--type", "process")
    server.start("worker", "worker", "start", "--pool", "local")
    server.call(PREFECT, "--no-prompt", "deploy", "--all")

    server.call(PREFECT, "deployment", "run", "build-dataset", *parameters)
    server.runs("build-dataset", 1)
    (trained,) = server.runs("train-cjme", 1)
    assert trained["parameters"] == {"workspace": str(tiny_workspace), "preset": "demo"}
    results = json.loads((tiny_workspace / "results" / "results.json").read_text())
    assert all(math.isfinite(results["classification"][key]) for key in ("seen", "unseen", "harmonic"))
    rows = {a["key"] for a in server.ask("/artifacts/filter", {}) if a["type"] == "table"}
    assert rows == {"features", "results"}
    bars = {a["key"]: a for a in server.ask("/artifacts/filter", {}) if a["type"] == "progress"}
    assert bars["fetch-clips"]["data"] == 100.0
    assert re.fullmatch(r"(\d+) of \1: \1 ok", bars["fetch-clips"]["description"])

    # The second of each at once: by the time that training has ended, one that an event had started would be there.
    before = times(tiny_workspace)
    server.call(PREFECT, "deployment", "run", "build-dataset/build-dataset", *parameters)
    server.call(PREFECT, "deployment", "run", "train-cjme", *parameters)
    server.runs("build-dataset", 2)
    server.runs("train-cjme", 2)
    assert times(tiny_workspace) == before
    changed = {"filter": {"event": {"name": ["audiosetzsl.dataset.changed"]}}}
    assert server.ask("/events/filter", changed)["total"] == 1


def test_youtube_is_asked_only_under_a_limit_of_the_server(server, youtube, tmp_path):
    place = youtube.storm(6).place
    egress = "limited"
    canaries = ",".join(youtube.asking.canaries)
    fetch = [
        sys.executable,
        "-m",
        "flows",
        "fetch-clips",
        "--workspace",
        str(place.root),
        "--source",
        "youtube",
    ]
    fetch += ["--rate", "360000", "--egress", egress, "--canaries", canaries]
    fetch += ["--yt-dlp-config", str(youtube.config), "--prefect"]
    (error,) = server.call(*fetch, code=1)
    assert error.startswith("error: Prefect's server has no limit 'youtube-limited'; make it")
    assert youtube.server.hits == []  # not even a canary
    # A slot frees itself within 1/2 s: seven questions take three seconds at least.
    server.call(PREFECT, "gcl", "create", "youtube-limited", "--limit", "1", "--slot-decay-per-second", "2")
    server.call(*fetch)
    ledger = read_ledger(place.clips / "part-00000.parquet")
    assert ledger["verdict"].to_pylist() == ["ok"] * 6
    asked = sorted(hit.wall_s for hit in youtube.server.requests(server="player"))
    assert len(asked) == 7
    assert asked[-1] - asked[0] > 2


def times(workspace):
    """When each file of a workspace was written; the page and its numbers are written at every run."""
    files = (path for path in workspace.rglob("*") if path.is_file() and path.parent.name != "results")
    return {path: path.stat().st_mtime_ns for path in files}
