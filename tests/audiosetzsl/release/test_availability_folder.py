"""Snapshots beside a release: part of it, checked with it, and untouched by what publishes it."""

import datetime

import pyarrow as pa
import pytest

from audiosetzsl.availability.layer import AVAILABILITY, write_availability
from audiosetzsl.availability.publish import publish_snapshot, withdraw_removed
from audiosetzsl.manifest import read_manifest
from audiosetzsl.release.checksums import SUMS
from audiosetzsl.release.finding import Finding
from audiosetzsl.release.publish import publish
from audiosetzsl.release.verify import verify

DATE = datetime.date(2026, 11, 23)
AT = datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC)


@pytest.fixture
def snapshot(release, tmp_path):
    """A snapshot of the release: its first video is gone, all others live."""
    ytids = sorted(read_manifest(release / "audiosetzsl.parquet")["ytid"].to_pylist())
    rows = [
        {
            "ytid": ytid,
            "status": "alive" if number else "gone",
            "reason": "ok" if number else "private",
            "checked_at": AT,
            "n_attempts": 1,
            "source": "audiosetzsl",
            "tool": "yt-dlp",
        }
        for number, ytid in enumerate(ytids)
    ]
    observed = write_availability(pa.Table.from_pylist(rows, AVAILABILITY), tmp_path / "seen.parquet")
    done = publish_snapshot(observed, release)
    (release / "availability" / "README.md").write_text("about")
    return done.path


def test_a_release_with_snapshots_is_whole_and_its_own_checksums_stay(snapshot, release, published):
    assert verify(release) == []
    assert (release / SUMS).read_bytes() == (published / SUMS).read_bytes()


def test_verify_finds_what_is_wrong_with_them(snapshot, release):
    content = snapshot.read_bytes()
    snapshot.write_bytes(content[:-1] + b"x")
    (finding,) = verify(release)
    assert (
        finding.file == "availability/2026-11-20.parquet" and "it is damaged, get it again" in finding.problem
    )
    snapshot.write_bytes(content)
    (release / "availability" / "extra.txt").write_text("foreign")
    assert verify(release) == [Finding("availability/extra.txt", "is not listed in SHA256SUMS")]


def test_publishing_again_leaves_them_alone(snapshot, release, workspace):
    before = {path.name: path.read_bytes() for path in snapshot.parent.iterdir()}
    assert len(before) == 4
    done = publish(workspace, release, date=DATE)
    assert (done.deleted, done.foreign) == ([], [])
    assert {path.name: path.read_bytes() for path in snapshot.parent.iterdir()} == before
    assert verify(release) == []


def test_a_removal_asks_for_the_snapshots_to_follow(snapshot, release, workspace):
    ytid = read_manifest(workspace.manifest)["ytid"][0].as_py()
    publish(workspace, release, date=DATE, version="2.0.0", removed=[ytid])
    (finding,) = verify(release)
    assert finding.file == "availability/2026-11-20.parquet"
    assert finding.problem.startswith(
        "names 1 videos that were removed on request; `audiosetzsl publish-avail"
    )
    assert withdraw_removed(release) == [snapshot]
    assert verify(release) == []
