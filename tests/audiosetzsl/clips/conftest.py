"""Workspaces with a small manifest and a ledger, written for a test."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from audiosetzsl.clips.ledger import LEDGER, write_ledger
from audiosetzsl.clips.signs import add_canary
from audiosetzsl.manifest import SCHEMA, write_manifest
from audiosetzsl.workspace import Workspace

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SEGMENTS = [f"{number:011}_30000" for number in range(40)]


def manifest_of(segment_ids):
    rows = [
        {
            "segment_id": name,
            "ytid": name[:11],
            "start_s": 30.0,
            "end_s": 40.0,
            "class_name": "dog" if number % 2 else "bus",
            "seen": bool(number % 2),
            "split": ("train", "train", "val", "test")[number % 4],
            "source": "unbalanced",
            "line": number + 4,
            "mids": ["/m/0bt9lr"],
        }
        for number, name in enumerate(segment_ids)
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


@pytest.fixture
def now():
    """When the tests look."""
    return NOW


@pytest.fixture
def segments():
    """Segments of the workspace's manifest."""
    return SEGMENTS


@pytest.fixture
def attempt():
    """A row of the ledger: how an attempt at a segment ended, so many seconds before now."""

    def row(number, verdict, ago_s, **more):
        return {
            "segment_id": SEGMENTS[number] if isinstance(number, int) else number,
            "attempt": 1,
            "verdict": verdict,
            "message": "",
            "took_s": 1.0,
            "flags": [],
            "source": "youtube",
            "egress": "here",
            "tool": "yt-dlp 2026.10.26",
            "at": NOW - timedelta(seconds=ago_s),
        } | more

    return row


@pytest.fixture
def workspace(tmp_path):
    """A workspace with a manifest of 40 segments, and nothing else."""
    place = Workspace(tmp_path / "w")
    write_manifest(manifest_of(SEGMENTS), place.manifest, {})
    return place


@pytest.fixture
def note():
    """Write attempts as the next part of a workspace's ledger."""

    def write(place, *rows):
        number = len(list(place.clips.glob("part-*.parquet")))
        write_ledger(pa.Table.from_pylist(list(rows), LEDGER), place.clips / f"part-{number:05d}.parquet")

    return write


@pytest.fixture
def canary():
    """Note a canary of a workspace, so many seconds before NOW."""

    def write(place, good, ago_s, egress="here"):
        row = {"egress": egress, "good": good, "message": "", "at": NOW - timedelta(seconds=ago_s)}
        add_canary(place.canaries / f"{egress}.parquet", row)

    return write
