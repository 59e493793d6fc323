"""Publish: a workspace's manifest and drops become a release, whole or not at all."""

import datetime
import re
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from audiosetzsl.errors import ManifestError
from audiosetzsl.files import read_table, sha256_of, write_bytes, write_table
from audiosetzsl.manifest import DROPS_SCHEMA, YTID, provenance_of, read_manifest, write_manifest
from audiosetzsl.release.card import facts_of, pages
from audiosetzsl.release.changelog import changelog
from audiosetzsl.release.checksums import SUMS, files_in, read_sums, sums_text
from audiosetzsl.release.contents import (
    CHANGELOG,
    CROISSANT,
    DATA,
    DATAPACKAGE,
    DROPS,
    FILES,
    MANIFEST,
    VERSION,
    Release,
    digest_of,
    without,
)
from audiosetzsl.release.croissant import croissant
from audiosetzsl.release.datapackage import datapackage
from audiosetzsl.release.diff import diff
from audiosetzsl.release.listing import lists_of, packed
from audiosetzsl.release.verify import verify
from audiosetzsl.workspace import Workspace

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Published:
    """What `publish` did to a folder."""

    release: Release
    files: dict[str, int]  # size in bytes of each file
    deleted: list[str]  # files of the old release that the new one has not
    foreign: list[str]  # files that are not ours, left as they are


def publish(
    workspace: Workspace,
    to: Path,
    *,
    date: datetime.date,
    version: str = VERSION,
    removed: Collection[str] = (),
) -> Published:
    """Render a release beside `to`, verify it there, and put it in place file by file, SHA256SUMS last.

    Args:
        workspace: holds the manifest and its drops.
        to: folder of the release; an older release there is replaced, files that are not ours stay.
        date: day of publication, which the documents state.
        version: MAJOR.MINOR.PATCH.
        removed: ids of videos to leave out on request, besides those that the older release left out.

    Raises:
        ManifestError: the workspace's tables break a rule, the version is malformed or taken by other segments.
    """
    if not _VERSION.fullmatch(version):
        raise ManifestError(f"version is {version!r}, expected MAJOR.MINOR.PATCH such as {VERSION}")
    if malformed := sorted(ytid for ytid in removed if not YTID.fullmatch(ytid)):
        raise ManifestError(f"to remove: {malformed[0]!r} is no video id, expected its eleven characters")
    before = _published_before(to)
    to.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{to.name}.", dir=to.parent))
    try:
        n_removed = _write_tables(workspace, before, version, {digest_of(ytid) for ytid in removed}, scratch)
        manifest, drops = read_manifest(scratch / MANIFEST), read_table(scratch / DROPS, DROPS_SCHEMA)
        release = Release(manifest, drops, version, date, n_removed)
        _check_version(release, before, to)
        _write_documents(release, before, to, scratch)
        if findings := verify(scratch):
            raise ManifestError(
                "nothing is published, the release is wrong: " + "; ".join(map(str, findings))
            )
        deleted = _put_in_place(scratch, to)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sizes = {name: (to / name).stat().st_size for name in sorted((*FILES, SUMS))}
    return Published(release, sizes, deleted, sorted(set(files_in(to)) - set(FILES)))


def _write_tables(
    workspace: Workspace, before: pa.Table | None, version: str, digests: set[str], scratch: Path
) -> int:
    """Write the tables without the videos that somebody wanted out, now or before; return how many segments."""
    manifest, drops = read_manifest(workspace.manifest), read_table(workspace.drops, DROPS_SCHEMA)
    if sample_of := provenance_of(manifest).get("sample_of"):
        raise ManifestError(
            f"{workspace.manifest} is a sample of {sample_of}, expected a whole build; build it without sampling"
        )
    for table in (manifest, before):
        digests |= set(provenance_of(table).get("removed", ())) if table is not None else set()
    kept, kept_drops = without(manifest, digests), without(drops, digests)
    noted = provenance_of(manifest) | {"release": version, "removed": sorted(digests)}
    # One chunk each: how a table lies in memory must not show in its bytes.
    write_manifest(kept.combine_chunks(), scratch / MANIFEST, noted)
    write_table(kept_drops.combine_chunks().replace_schema_metadata(None), scratch / DROPS, DROPS_SCHEMA)
    return len(manifest) + len(drops) - len(kept) - len(kept_drops)


def _published_before(to: Path) -> pa.Table | None:
    """The manifest of the release that is to be replaced; None if there is none."""
    if not (to / MANIFEST).is_file():
        return None
    try:
        return read_manifest(to / MANIFEST)
    except ManifestError as problem:
        raise ManifestError(
            f"{problem}; the release there says which videos were removed on request, so bring it back first, "
            f"or delete {to} if it was never published"
        ) from problem


def _check_version(release: Release, before: pa.Table | None, to: Path) -> None:
    if before is None or provenance_of(before).get("release") != release.version:
        return
    others = f"segments ({n:,} differ)" if (n := len(diff(before, release.manifest))) else ""
    drops = to / DROPS
    if not others and drops.is_file() and not read_table(drops, DROPS_SCHEMA).equals(release.drops):
        others = "drops"
    if others:
        raise ManifestError(
            f"{to} holds version {release.version} with other {others}, and a published version never changes; "
            "give the new one its own --version, or delete the folder if it was never published"
        )


def _write_documents(release: Release, before: pa.Table | None, to: Path, scratch: Path) -> None:
    """Write the lists and the documents, which state the digests of the data, and SHA256SUMS over all."""
    for name, content in lists_of(release.manifest).items():
        write_bytes(scratch / name, packed(content) if name.endswith(".gz") else content)
    data = {name: (sha256_of(scratch / name), (scratch / name).stat().st_size) for name in DATA}
    facts = facts_of(release)
    old = to / CHANGELOG
    documents = {
        CROISSANT: croissant(release, data, facts),
        DATAPACKAGE: datapackage(release, data, facts),
        CHANGELOG: changelog(release, before, old.read_text("utf-8") if old.is_file() else ""),
        **pages(release, facts),
    }
    for name, content in documents.items():
        write_bytes(scratch / name, content)
    write_bytes(scratch / SUMS, sums_text({name: sha256_of(scratch / name) for name in FILES}))


def _put_in_place(scratch: Path, to: Path) -> list[str]:
    """Move the files over; until SHA256SUMS follows as the last, `verify` tells that something is missing.

    Returns:
        The files of the older release that were deleted: those it listed, as it listed them, and no others.
    """
    listed = read_sums((to / SUMS).read_bytes())[0] if (to / SUMS).is_file() else {}
    stale = [name for name in sorted(listed.keys() - set(FILES)) if (to / name).is_file()]
    stale = [name for name in stale if sha256_of(to / name) == listed[name]]
    # The manifest last: until it comes, the next attempt compares with the release before.
    for name in sorted(FILES, key=lambda name: name == MANIFEST):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).replace(to / name)
    for name in stale:
        (to / name).unlink()
    (scratch / SUMS).replace(to / SUMS)
    return stale
