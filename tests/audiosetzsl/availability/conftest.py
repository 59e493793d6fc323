"""A small manifest and observations of its videos, written for a test."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from small_manifests import manifest_of

from audiosetzsl.availability.layer import AVAILABILITY
from audiosetzsl.manifest import read_manifest, write_manifest
from audiosetzsl.workspace import Workspace

# Three dogs (seen) and two buses (unseen); ids that begin with a dash are ids too.
VIDEOS = {
    "-aaaaaaaaaa": ("dog", True, "train"),
    "bbbbbbbbbbb": ("dog", True, "train"),
    "ccccccccccc": ("dog", True, "test"),
    "ddddddddddd": ("bus", False, "val"),
    "eeeeeeeeeee": ("bus", False, "test"),
}


@pytest.fixture
def videos():
    """Ids of the videos of the manifest, in order."""
    return list(VIDEOS)


@pytest.fixture(scope="session")
def write_small_manifest():
    """Write the manifest of the five videos."""

    def write(path, **provenance):
        return write_manifest(manifest_of((ytid, *facts) for ytid, facts in VIDEOS.items()), path, provenance)

    return write


@pytest.fixture
def workspace(tmp_path, write_small_manifest):
    """A workspace with the manifest, and nothing else."""
    place = Workspace(tmp_path / "w")
    write_small_manifest(place.manifest)
    return place


@pytest.fixture(scope="session")
def row():
    """An observation; the day is one of November 2026, with a time if need be."""

    def make(ytid, status, day, source="audiosetzsl", **more):
        at = datetime.fromisoformat(f"2026-11-{day}").replace(tzinfo=UTC)
        reasons = {"alive": "ok", "gone": "private", "closed": "age", "unknown": "unavailable"}
        return {
            "ytid": ytid,
            "status": status,
            "reason": reasons.get(status, status),
            "checked_at": at,
            "n_attempts": 1,
            "source": source,
            "tool": "yt-dlp 2026.10.26",
        } | more

    return make


@pytest.fixture(scope="session")
def table():
    """Observations as a table."""
    return lambda *rows: pa.Table.from_pylist(list(rows), AVAILABILITY)


@pytest.fixture(scope="session")
def manifest_of_five(tmp_path_factory, write_small_manifest):
    """The manifest of the five videos, as a table."""
    return read_manifest(write_small_manifest(tmp_path_factory.mktemp("five") / "manifest.parquet"))
