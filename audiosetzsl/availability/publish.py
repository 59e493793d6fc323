"""Publishing a snapshot: what a workspace knows of the videos at the end of a day, beside a release."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.availability.known import latest, until
from audiosetzsl.availability.layer import (
    AVAILABILITY,
    OWN,
    in_order,
    read_availability,
    write_availability,
)
from audiosetzsl.availability.published import dead_path, dead_text, snapshot_paths
from audiosetzsl.errors import ManifestError
from audiosetzsl.files import sha256_of, write_bytes
from audiosetzsl.manifest import provenance_of, read_manifest
from audiosetzsl.release.checksums import AVAILABILITY_FOLDER, SUMS, read_sums, sums_text
from audiosetzsl.release.contents import MANIFEST, without


@dataclass(frozen=True, slots=True)
class PublishedSnapshot:
    """What `publish_snapshot` wrote."""

    path: Path
    counts: dict[str, int]  # videos by status
    n_strangers: int  # videos observed that are not in the release


def publish_snapshot(
    observed: Path,
    to: Path,
    *,
    day: date | None = None,
    lists: Collection[str] = (),
    now: datetime | None = None,
) -> PublishedSnapshot:
    """Write the snapshot of a day, its list of gone videos and the checksums of the folder.

    A snapshot holds one row for each video of the release that was observed: the observation that counts at
    the end of the day. A published snapshot is never written over.

    Args:
        observed: availability.parquet of a workspace.
        to: folder of a release.
        day: of the snapshot; that of the newest observation if not given.
        lists: names of imported lists to publish too; without them only this project's own checks.
        now: for tests.

    Raises:
        ManifestError: there is nothing to publish, or the day is published already with other rows.
    """
    release, folder = read_manifest(to / MANIFEST), to / AVAILABILITY_FOLDER
    table = _chosen(observed, lists, now)
    day = day or max(table["checked_at"].unique().to_pylist()).date()
    if day > (now or datetime.now(UTC)).date():
        raise ManifestError(f"{day} is still to come; a snapshot is of today or of a day before")
    table = until(table, str(day))
    ours = table.filter(pc.is_in(table["ytid"], release["ytid"].combine_chunks()))
    rows = in_order(pa.Table.from_pandas(latest(ours), AVAILABILITY, preserve_index=False))
    if not len(rows):
        raise ManifestError(f"{observed} holds no observation of a video of {to / MANIFEST}")
    withdraw_removed(to)
    path = folder / f"{day}.parquet"
    if not path.is_file():
        write_availability(rows, path, now)
    elif not read_availability(path, now).equals(rows):
        raise ManifestError(
            f"{path} is published with other rows, and a published snapshot never changes; publish another day "
            "with --date, or delete it with its list if it was never published"
        )
    write_bytes(dead_path(path), dead_text(rows))
    _sign(folder)
    counts = {
        str(pair["values"]): int(pair["counts"]) for pair in pc.value_counts(rows["status"]).to_pylist()
    }
    return PublishedSnapshot(path, counts, len(table["ytid"].unique()) - len(rows))


def _chosen(observed: Path, lists: Collection[str], now: datetime | None) -> pa.Table:
    """This project's own observations, and those of the lists that are to be published too."""
    table = read_availability(observed, now)
    there = set(table["source"].unique().to_pylist())
    if unknown := sorted(set(lists) - there):
        raise ManifestError(
            f"{observed} holds no observations of {', '.join(unknown)}, expected some of "
            f"{', '.join(sorted(there)) or 'none'}; import the list first"
        )
    chosen = table.filter(pc.is_in(table["source"], pa.array([OWN, *lists])))
    if not len(chosen):
        raise ManifestError(
            f"{observed} holds no check of our own, only lists of {', '.join(sorted(there)) or 'nobody'}; run "
            "`python -m flows check-availability`, or name a list whose terms allow it with --also"
        )
    return chosen


def withdraw_removed(to: Path) -> list[Path]:
    """Take the videos that were removed from a release on request out of its snapshots: the only change ever.

    Returns:
        The snapshots that were written anew.
    """
    folder, removed = to / AVAILABILITY_FOLDER, provenance_of(read_manifest(to / MANIFEST)).get("removed", ())
    _refuse_damage(folder)
    changed = []
    for path in snapshot_paths(folder):
        table = read_availability(path)
        kept = without(table, set(removed))
        if len(kept) < len(table):
            write_availability(kept, path)
            write_bytes(dead_path(path), dead_text(kept))
            changed.append(path)
    if changed:
        _sign(folder)
    return changed


def _refuse_damage(folder: Path) -> None:
    """Never sign what is no longer what was published; a file that was not signed yet is no damage."""
    listed = read_sums((folder / SUMS).read_bytes())[0] if (folder / SUMS).is_file() else {}
    for name, digest in listed.items():
        if not (folder / name).is_file() or sha256_of(folder / name) != digest:
            raise ManifestError(
                f"{folder / name} is absent or is not what {SUMS} beside it says; bring it back first"
            )


def _sign(folder: Path) -> None:
    """Write the checksums of a folder, last."""
    snapshots = snapshot_paths(folder)
    files = [*snapshots, *(dead for path in snapshots if (dead := dead_path(path)).is_file())]
    write_bytes(folder / SUMS, sums_text({path.name: sha256_of(path) for path in files}))
