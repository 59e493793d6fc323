"""Re-derivation: a release is built again from AudioSet's lists and compared row by row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from audiosetzsl.audioset.ontology import read_ontology
from audiosetzsl.building.build import build
from audiosetzsl.building.official import by_release, read_release
from audiosetzsl.building.splits import SplitRule, by_hash
from audiosetzsl.classes import ClassList
from audiosetzsl.errors import ManifestError
from audiosetzsl.manifest import class_list_of, provenance_of
from audiosetzsl.release.contents import DROPS, MANIFEST, without
from audiosetzsl.release.diff import common, differs, only_in
from audiosetzsl.release.finding import Finding

_NAMED = 5  # differences of a kind that are named; the others are counted


def rederive(
    manifest: pa.Table,
    drops: pa.Table | None,
    audioset: Path,
    *,
    release: str | None = None,
) -> Iterator[Finding]:
    """Build the release again and name what differs.

    Args:
        manifest: the published manifest.
        drops: the published drops, if there are any.
        audioset: folder of AudioSet's lists, ontology and labels.
        release: folder or address of the authors' lists, for a manifest made from them.

    Raises:
        AudioSetFileError: a list is absent, wrong, truncated or re-ordered.
        ManifestError: the manifest does not say what it was made from, or the authors' lists cannot be read.
    """
    classes, provenance = class_list_of(manifest), provenance_of(manifest)
    rule = _split_rule(provenance, classes, release)
    built = build(audioset, read_ontology(audioset), classes, rule, any_lists=True)
    yield from _check_lists(provenance.get("lists", {}), built.digests)
    removed = set(provenance.get("removed", ()))
    yield from _compare(MANIFEST, manifest, without(built.manifest, removed))
    if drops is not None:
        yield from _compare(DROPS, drops, without(built.drops, removed))


def _check_lists(noted: dict[str, str], found: dict[str, str]) -> Iterator[Finding]:
    """Say which lists are not those that the manifest was made from; the rows then differ for that reason."""
    for name, sha256 in found.items():
        if noted.get(name) != sha256:
            was = f"sha256 {noted[name]}" if name in noted else "one it does not name"
            yield Finding(
                MANIFEST, f"was made from another {name} list ({was}) than this one, sha256 {sha256}"
            )


def _split_rule(provenance: dict[str, Any], classes: ClassList, release: str | None) -> SplitRule:
    split = provenance.get("split")
    if split == "hash":
        return by_hash(int(provenance.get("seed", 0)))
    if split != "release":
        raise ManifestError(
            f"the manifest's split is {split!r}, expected 'hash' or 'release'; build it again"
        )
    if release is None:
        raise ManifestError(
            "the manifest was made from the authors' lists; say where they are: --release PATH_OR_URL"
        )
    return by_release(read_release(release, classes), classes, [])


def _compare(file: str, published: pa.Table, derived: pa.Table) -> Iterator[Finding]:
    """Name the first differences of each kind, and count all of them."""
    yield from _rows(file, only_in(derived, published), "is given by AudioSet's lists and not published")
    yield from _rows(file, only_in(published, derived), "is published and not given by AudioSet's lists")
    ours, theirs = common(published, derived)
    for column in published.schema.names:
        at = np.flatnonzero(differs(ours, theirs, column))
        for row in at[:_NAMED].tolist():
            yield Finding(
                file,
                f"segment {ours['segment_id'][row].as_py()}: {column} is {ours[column][row].as_py()!r}, "
                f"AudioSet's lists give {theirs[column][row].as_py()!r}",
            )
        yield from _count(file, len(at), f"segments have another {column}")


def _rows(file: str, table: pa.Table, problem: str) -> Iterator[Finding]:
    for segment_id in table["segment_id"].slice(0, _NAMED).to_pylist():
        yield Finding(file, f"segment {segment_id}: {problem}")
    yield from _count(file, len(table), f"segments of which each {problem}")


def _count(file: str, n: int, what: str) -> Iterator[Finding]:
    if n > _NAMED:
        yield Finding(file, f"{n:,} {what}; the first {_NAMED} are named")
