"""Publishing a snapshot: dated, whole, never changed but for those who want to be left out."""

import datetime

import pytest

from audiosetzsl.availability.layer import read_availability, write_availability
from audiosetzsl.availability.publish import publish_snapshot, withdraw_removed
from audiosetzsl.availability.published import check_folder, dead_path, snapshot_paths
from audiosetzsl.errors import ManifestError
from audiosetzsl.files import sha256_of
from audiosetzsl.release.checksums import sums_text
from audiosetzsl.release.contents import digest_of
from audiosetzsl.release.finding import Finding

A, B, C, D, E = "-aaaaaaaaaa", "bbbbbbbbbbb", "ccccccccccc", "ddddddddddd", "eeeeeeeeeee"
NOW = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
FIRST, THIRD = datetime.date(2026, 11, 1), datetime.date(2026, 11, 3)


@pytest.fixture
def release(tmp_path, write_small_manifest):
    """Folder of a release, as far as a snapshot needs it."""
    write_small_manifest(tmp_path / "manifests" / "audiosetzsl.parquet")
    return tmp_path / "manifests"


@pytest.fixture
def folder(release):
    """Where its snapshots lie."""
    return release / "availability"


@pytest.fixture
def observed(workspace, row, table):
    """Observations of three days, one of a video that is not in the release, and a list's."""
    rows = [
        row(B, "alive", "01T10:00"),
        row(A, "gone", "01T11:00"),
        row("zzzzzzzzzzz", "gone", "01"),
        row(B, "gone", "03"),
        row(A, "unknown", "03"),
        row(C, "gone", "02", "a-list", reason="0", n_attempts=None, tool=None),
    ]
    return write_availability(table(*rows), workspace.availability)


def rows_of(path):
    return [
        (r["ytid"], r["status"], r["checked_at"].day, r["source"])
        for r in read_availability(path).to_pylist()
    ]


def test_a_snapshot_holds_what_counts_at_the_end_of_its_day(observed, release, folder):
    done = publish_snapshot(observed, release, now=NOW)
    assert done.path == folder / "2026-11-03.parquet"
    assert (done.counts, done.n_strangers) == ({"gone": 2}, 1)
    assert rows_of(done.path) == [(A, "gone", 1, "audiosetzsl"), (B, "gone", 3, "audiosetzsl")]
    assert (folder / "2026-11-03-dead.txt").read_text() == f"{A}\n{B}\n"
    earlier = publish_snapshot(observed, release, day=FIRST, now=NOW)
    assert rows_of(earlier.path) == [(A, "gone", 1, "audiosetzsl"), (B, "alive", 1, "audiosetzsl")]
    assert dead_path(earlier.path).read_text() == f"{A}\n"
    assert snapshot_paths(folder) == [earlier.path, done.path]
    names = [line.split()[1] for line in (folder / "SHA256SUMS").read_text().splitlines()]
    assert names == ["2026-11-01-dead.txt", "2026-11-01.parquet", "2026-11-03-dead.txt", "2026-11-03.parquet"]
    assert check_folder(folder) == []


def test_a_list_is_published_only_if_it_is_named(observed, release):
    done = publish_snapshot(observed, release, lists=["a-list"], now=NOW)
    assert (C, "gone", 2, "a-list") in rows_of(done.path)
    with pytest.raises(
        ManifestError, match=r"holds no observations of b-list, expected some of a-list, audiosetzsl;"
    ):
        publish_snapshot(observed, release, lists=["b-list"], now=NOW)


def test_the_same_again_changes_nothing_and_other_rows_are_refused(observed, release, folder, row, table):
    publish_snapshot(observed, release, now=NOW)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    publish_snapshot(observed, release, now=NOW)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    write_availability(table(row(A, "alive", "03")), observed)
    with pytest.raises(
        ManifestError, match=r"2026-11-03\.parquet is published with other rows, and a published"
    ):
        publish_snapshot(observed, release, now=NOW)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_snapshot_whose_list_or_sums_were_not_written_yet_is_completed(observed, release, folder):
    publish_snapshot(observed, release, day=FIRST, now=NOW)
    publish_snapshot(observed, release, now=NOW)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    lines = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    (folder / "SHA256SUMS").write_text("".join(lines[:2]))
    dead_path(folder / "2026-11-03.parquet").unlink()
    publish_snapshot(observed, release, now=NOW)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


def test_what_is_damaged_is_never_signed(observed, release, folder):
    publish_snapshot(observed, release, day=FIRST, now=NOW)
    (folder / "2026-11-01-dead.txt").write_text("")
    with pytest.raises(
        ManifestError, match=r"2026-11-01-dead\.txt is absent or is not what SHA256SUMS beside it says"
    ):
        publish_snapshot(observed, release, now=NOW)
    assert not (folder / "2026-11-03.parquet").exists()


def test_there_has_to_be_something_to_publish(workspace, release, row, table):
    with pytest.raises(ManifestError, match=r"availability\.parquet does not exist"):
        publish_snapshot(workspace.availability, release, now=NOW)
    write_availability(table(row(A, "gone", "01", "a-list")), workspace.availability)
    with pytest.raises(
        ManifestError, match=r"holds no check of our own, only lists of a-list; run `python -m flows"
    ):
        publish_snapshot(workspace.availability, release, now=NOW)
    write_availability(table(row("zzzzzzzzzzz", "gone", "02")), workspace.availability)
    with pytest.raises(
        ManifestError, match=r"holds no observation of a video of .*manifests/audiosetzsl\.parquet"
    ):
        publish_snapshot(workspace.availability, release, now=NOW)
    with pytest.raises(
        ManifestError, match=r"no video was observed on or before 2026-11-01 \(there are observ"
    ):
        publish_snapshot(workspace.availability, release, day=FIRST, now=NOW)
    with pytest.raises(
        ManifestError, match=r"^2026-11-25 is still to come; a snapshot is of today or of a day"
    ):
        publish_snapshot(workspace.availability, release, day=datetime.date(2026, 11, 25), now=NOW)
    with pytest.raises(ManifestError, match=r"nowhere/audiosetzsl\.parquet does not exist"):
        publish_snapshot(workspace.availability, release.with_name("nowhere"), now=NOW)


def test_who_was_removed_on_request_is_taken_out_of_every_snapshot(
    observed, release, folder, write_small_manifest
):
    publish_snapshot(observed, release, day=FIRST, now=NOW)
    publish_snapshot(observed, release, day=THIRD, now=NOW)
    assert withdraw_removed(release) == []
    write_small_manifest(release / "audiosetzsl.parquet", removed=[digest_of(A)])
    problem = "names 1 videos that were removed on request; `audiosetzsl publish-availability` takes them out"
    assert check_folder(folder, {digest_of(A)}) == [
        Finding("availability/2026-11-01.parquet", problem),
        Finding("availability/2026-11-03.parquet", problem),
    ]
    assert withdraw_removed(release) == [folder / "2026-11-01.parquet", folder / "2026-11-03.parquet"]
    assert rows_of(folder / "2026-11-03.parquet") == [(B, "gone", 3, "audiosetzsl")]
    assert (folder / "2026-11-01-dead.txt").read_text() == ""
    assert check_folder(folder, {digest_of(A)}) == []
    assert all(A.encode() not in path.read_bytes() for path in folder.iterdir())


# What check_folder finds


def test_an_absent_folder_and_one_with_a_page_alone_are_whole(folder):
    assert check_folder(folder) == []
    folder.mkdir()
    (folder / "README.md").write_text("about")
    assert check_folder(folder) == []


@pytest.fixture
def snapshots(observed, release, folder):
    """A folder with two snapshots and a page."""
    publish_snapshot(observed, release, day=FIRST, now=NOW)
    publish_snapshot(observed, release, day=THIRD, now=NOW)
    (folder / "README.md").write_text("about")
    assert check_folder(folder) == []
    return folder


def test_flipped_foreign_and_absent_files_are_named(snapshots):
    path = snapshots / "2026-11-01-dead.txt"
    path.write_text("x")
    (snapshots / "extra.txt").write_text("foreign")
    (snapshots / "2026-11-03.parquet").unlink()
    found = {finding.file: finding.problem for finding in check_folder(snapshots)}
    assert set(found) == {
        "availability/extra.txt",
        "availability/2026-11-01-dead.txt",
        "availability/2026-11-03.parquet",
        "availability/2026-11-03-dead.txt",
    }
    assert found["availability/extra.txt"] == "is not listed in SHA256SUMS"
    assert "it is damaged, get it again" in found["availability/2026-11-01-dead.txt"]
    assert found["availability/2026-11-03.parquet"] == "is listed in SHA256SUMS and absent; get it again"
    assert found["availability/2026-11-03-dead.txt"] == "is no file of this folder", "its snapshot is gone"
    (snapshots / "SHA256SUMS").unlink()
    (first, *_) = check_folder(snapshots)
    assert first.file == "availability/SHA256SUMS" and first.problem.startswith(
        "is absent, so nothing can be"
    )


def sign(folder):
    """Make SHA256SUMS agree with changed files, as somebody would who wants to hide the change."""
    names = {path.name for path in folder.iterdir()} - {"SHA256SUMS", "README.md"}
    (folder / "SHA256SUMS").write_bytes(sums_text({name: sha256_of(folder / name) for name in names}))


def test_files_that_contradict_one_another_are_named_though_the_checksums_hide_it(snapshots, row, table):
    (snapshots / "2026-11-01-dead.txt").write_text(f"{B}\n")
    dead_path(snapshots / "2026-11-03.parquet").unlink()
    write_availability(table(row(A, "alive", "05")), snapshots / "2026-11-04.parquet")
    (snapshots / "2026-11-04-dead.txt").write_text("")
    (snapshots / "2026-11-05.parquet").write_bytes(b"no table")
    (snapshots / "2026-11-05-dead.txt").write_text("")
    (snapshots / "2026-13-01.parquet").write_bytes(b"no date")
    (snapshots / "2026-13-01-dead.txt").write_text("")
    (snapshots / "extra.txt").write_text("foreign")
    sign(snapshots)
    found = {
        finding.file.removeprefix("availability/"): finding.problem for finding in check_folder(snapshots)
    }
    assert (
        found.pop("2026-11-05.parquet").split(" is damaged ")[0].endswith("availability/2026-11-05.parquet")
    )
    assert "month must be in 1..12" in found.pop("2026-13-01.parquet")
    assert found == {
        "2026-11-01-dead.txt": "is not the list of those that are gone in 2026-11-01.parquet",
        "2026-11-03-dead.txt": "is absent, and its snapshot is there",
        "2026-11-04.parquet": "holds an observation of 2026-11-05, after its date",
        "extra.txt": "is no file of this folder",
    }
