"""Published snapshots: dated files beside a release, with checksums and rules of their own."""

import re
from collections.abc import Collection, Iterator
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.availability.layer import read_availability
from audiosetzsl.clips.standing import Life
from audiosetzsl.errors import ManifestError
from audiosetzsl.manifest import published_path
from audiosetzsl.release.checksums import AVAILABILITY_FOLDER, SUMS, check_sums, files_in
from audiosetzsl.release.contents import digest_of
from audiosetzsl.release.finding import Finding

PAGE = "README.md"  # written by hand, so it is in no checksums
_SNAPSHOT = re.compile(r"(\d{4}-\d{2}-\d{2})\.parquet")
_DEAD = "-dead.txt"


def published_folder() -> Path:
    """Where published snapshots lie: beside the published manifest, in an installed wheel or in the checkout."""
    return published_path().parent / AVAILABILITY_FOLDER


def snapshot_paths(folder: Path) -> list[Path]:
    """Snapshots of a folder, the oldest first; an absent folder holds none."""
    return sorted(path for path in folder.glob("*.parquet") if _SNAPSHOT.fullmatch(path.name))


def dead_path(snapshot: Path) -> Path:
    """The list of gone videos that belongs to a snapshot."""
    return snapshot.with_name(f"{snapshot.stem}{_DEAD}")


def dead_text(snapshot: pa.Table) -> bytes:
    """Ids of the videos that a snapshot says are gone, in order, one a line."""
    gone = snapshot.filter(pc.equal(snapshot["status"], str(Life.GONE)))["ytid"].unique().to_pylist()
    return "".join(f"{ytid}\n" for ytid in sorted(gone)).encode()


def check_folder(folder: Path, removed: Collection[str] = (), now: datetime | None = None) -> list[Finding]:
    """Find everything that is wrong with the snapshots of a release.

    Args:
        folder: `availability/` of the release.
        removed: digests of the videos that were removed on request, which no snapshot may name.
        now: for tests.
    """
    names = [name for name in files_in(folder) if name != PAGE]
    if not names and not (folder / SUMS).is_file():
        return []
    whole, found = check_sums(folder, ())
    findings = [finding for finding in found if finding.file != PAGE]
    snapshots = {name for name in names if _SNAPSHOT.fullmatch(name)}
    lists = {dead_path(Path(name)).name for name in snapshots}
    findings += [
        Finding(name, "is no file of this folder") for name in names if name in whole - snapshots - lists
    ]
    findings += [Finding(name, "is absent, and its snapshot is there") for name in sorted(lists - set(names))]
    for name in sorted(snapshots & whole):
        findings += _check_snapshot(folder / name, whole, removed, now)
    return [Finding(f"{AVAILABILITY_FOLDER}/{finding.file}", finding.problem) for finding in findings]


def _check_snapshot(
    path: Path, whole: Collection[str], removed: Collection[str], now: datetime | None
) -> Iterator[Finding]:
    try:
        day = date.fromisoformat(path.stem)
        table = read_availability(path, now)
    except (ManifestError, ValueError) as problem:
        yield Finding(path.name, str(problem))
        return
    after = [at for at in table["checked_at"].unique().to_pylist() if at.date() > day]
    if after:
        yield Finding(path.name, f"holds an observation of {min(after):%Y-%m-%d}, after its date")
    named = sum(digest_of(ytid) in removed for ytid in table["ytid"].unique().to_pylist()) if removed else 0
    if named:
        yield Finding(
            path.name,
            f"names {named:,} videos that were removed on request; `audiosetzsl publish-availability` takes them out",
        )
    dead = dead_path(path)
    if dead.name in whole and dead.read_bytes() != dead_text(table):
        yield Finding(dead.name, f"is not the list of those that are gone in {path.name}")
