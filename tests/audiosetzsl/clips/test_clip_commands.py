"""The commands status and plan: what they print, and how they end."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from command_line import cells, run
from typer.testing import CliRunner

from audiosetzsl.cli import app, main


@pytest.fixture
def recent(attempt):
    """A row of the ledger by today's clock, which the command goes by."""

    def row(number, verdict, ago_s, **more):
        return attempt(number, verdict, 0, **more) | {"at": datetime.now(UTC) - timedelta(seconds=ago_s)}

    return row


def test_status_of_a_run(workspace, note, recent):
    clip = {"path": "media/x.mp4", "bytes": 1_500_000, "pulled_bytes": 2_000_000_000}
    note(
        workspace,
        recent(0, "ok", 900, **clip),
        recent(1, "ok", 600, flags=["silent", "long", "odd"], **clip),
        recent(2, "truncated", 300),
        recent(3, "truncated", 1200),
        recent(3, "ok", 1100, **clip | {"path": "/else/x.mp4", "bytes": 2500}),
        recent(4, "private", 800),
        recent(5, "unavailable", 5000),
        recent("zzzzzzzzzzz_0", "ok", 100),
    )
    output = run("status", workspace.root)
    table = cells(output)
    assert ["candidates", "40", "100.0%"] in table
    assert ["never asked", "34", "85.0%"] in table
    assert ["alive", "4", "10.0%"] in table
    assert ["good", "2", "5.0%"] in table
    assert ["ok", "got", "3", "3"] in table
    assert ["truncated", "media", "1", "2"] in table
    assert ["unavailable", "doubtful", "0", "1"] in table
    assert ["undecided", "no attempt counts yet", "1", ""] in table
    assert table[-3:] == [["silent", "1", "bad"], ["long", "1", "noted"], ["odd", "1", "noted"]]
    assert re.search(r"Due now 35, due later 1, the next .* UTC \(in 5 min\); settled 4\.\n", output)
    assert "In the last 60 min: 3 clips fetched, 4 segments settled; 9.0 h left at this pace.\n" in output
    assert "Clips: 3.0 MB in the workspace, 2.5 kB elsewhere; pulled 6.0 GB.\n" in output
    assert "Canaries: last good never, last failed never.\n" in output
    assert "The ledger has 1 more segments, which the manifest has not: not counted.\n" in output


def test_status_before_the_first_clip_and_after_the_last(workspace, note, recent, canary, now):
    output = run("status", workspace.root)
    assert "Verdicts" not in output and "Flags" not in output
    assert "Due now 40, due later 0; settled 0.\n" in output
    assert "0 segments settled; no pace to tell the time left from.\n" in output
    assert "Clips: 0 B in the workspace; pulled 0 B.\n" in output
    note(workspace, *(recent(n, "ok", 60 * 3600) for n in range(40)))
    canary(workspace, True, 0)
    output = run("status", workspace.root)
    assert "0 segments settled; nothing is left to do.\n" in output
    assert f"last good {now:%Y-%m-%d %H:%M} UTC (" in output


def test_status_without_a_manifest_ends_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["audiosetzsl", "status", str(tmp_path / "w")])
    with pytest.raises(
        SystemExit, match=r"^error: .*w/manifest\.parquet does not exist, so there is no telling"
    ):
        main()


def test_plan_of_a_run(workspace, note, recent):
    note(workspace, *(recent(n, "ok", 60, bytes=2_000_000) for n in range(20)), recent(20, "truncated", 60))
    output = run("plan", workspace.root, "--egresses", 2, "--rate", 10)
    assert output.startswith(f"Manifest: {workspace.manifest}\n")
    assert cells(output) == [["due now", "19"], ["due later", "1"], ["settled", "20"]]
    assert re.search(r"The next of those due later is due .* UTC \(in 9 min\)\.\n", output)
    assert "Time: 0.0 days for 20 segments at 10 clips an hour with 2 egresses; what has to" in output
    assert "Disk: 40.0 MB at 2.0 MB a clip (the mean of the 20 clips so far); " in output
    assert output.endswith(": enough.\n")


def test_plan_without_a_workspace(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 1_000_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    output = run("plan", tmp_path / "w")
    assert output.startswith(f"{tmp_path / 'w'} has no manifest: this is the plan for the published one")
    assert cells(output) == [["due now", "163,183"], ["due later", "0"], ["settled", "0"]]
    assert "Time: 22.7 days for 163,183 segments at 300 clips an hour with 1 egress; what" in output
    assert (
        "Disk: 244.8 GB at 1.5 MB a clip (an upper bound, as fewer than 20 clips were fetched so far)"
        in output
    )
    assert output.endswith(f"; 1.0 GB are free at {tmp_path}: 243.8 GB too little.\n")


@pytest.mark.parametrize("option", [("--egresses", "0"), ("--rate", "0")])
def test_plan_refuses_what_cannot_be(option, tmp_path):
    done = CliRunner().invoke(app, ["plan", str(tmp_path), *option])
    assert done.exit_code == 2
    assert f"Invalid value for '{option[0]}'" in done.output
