"""Workspaces with a small manifest and a ledger, written for a test."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from small_manifests import manifest_of

from audiosetzsl.clips.ledger import LEDGER, write_ledger
from audiosetzsl.clips.signs import add_canary
from audiosetzsl.manifest import write_manifest
from audiosetzsl.workspace import Workspace

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SEGMENTS = [f"{number:011}_30000" for number in range(40)]


def facts_of(number):
    """Class, whether it is seen, and split of a segment's video."""
    return "dog" if number % 2 else "bus", bool(number % 2), ("train", "train", "val", "test")[number % 4]


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
    videos = ((name[:11], *facts_of(number)) for number, name in enumerate(SEGMENTS))
    write_manifest(manifest_of(videos), place.manifest, {})
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
