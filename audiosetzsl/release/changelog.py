"""Changelog of a release: what each version added, removed and moved, newest first."""

import pyarrow as pa

from audiosetzsl.release.contents import Release
from audiosetzsl.release.diff import Change, diff, totals

_TITLE = "# Changelog\n\nEntries are written when a version is published; numbers are counted, not typed.\n"
_SAYS = {
    Change.ADDED: "added",
    Change.REMOVED: "removed",
    Change.RELABELLED: "given another class",
    Change.MOVED: "moved to another split",
    Change.EDITED: "otherwise corrected",
}


def changelog(release: Release, before: pa.Table | None, old_text: str) -> bytes:
    """Put the entry of this version above those of a changelog, in place of an older entry for it.

    Args:
        release: what is published.
        before: manifest of the version published before, None for the first.
        old_text: the changelog published before, or nothing.
    """
    entries = {entry.split(" ", 1)[0]: entry for entry in old_text.split("\n## ")[1:]}
    same = before is not None and not len(diff(before, release.manifest))
    if release.version not in entries or not same:
        entries = {release.version: _entry(release, before)} | {
            version: entry for version, entry in entries.items() if version != release.version
        }
    return "\n## ".join([_TITLE, *(entry.rstrip("\n") + "\n" for entry in entries.values())]).encode()


def _entry(release: Release, before: pa.Table | None) -> str:
    now = f"{len(release.manifest):,} segments in {len(release.classes)} classes"
    head = f"{release.version} ({release.date.isoformat()})\n\n"
    if before is None:
        return head + f"- First version: {now}, {len(release.drops):,} segments left out.\n"
    changed = [
        f"- {n:,} segment{'s' if n > 1 else ''} {_SAYS[Change(change)]}.\n"
        for change, n in totals(diff(before, release.manifest)).items()
        if n
    ]
    return head + f"- {now}.\n" + "".join(changed or ["- No segment changed.\n"])
