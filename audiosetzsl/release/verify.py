"""Verify: checksums, schema, invariants, agreement of the files, and re-derivation of a release."""

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa

from audiosetzsl.audioset.remotes import content_of
from audiosetzsl.availability.published import check_folder
from audiosetzsl.errors import AudioSetZSLError
from audiosetzsl.files import read_table, sha256_of
from audiosetzsl.manifest import DROPS_SCHEMA, class_list_of, provenance_of, published_path, read_manifest
from audiosetzsl.release.checksums import AVAILABILITY_FOLDER, SUMS, check_sums
from audiosetzsl.release.contents import CROISSANT, DATAPACKAGE, DROPS, FILES, MANIFEST
from audiosetzsl.release.finding import Finding
from audiosetzsl.release.invariants import check_drops, check_release
from audiosetzsl.release.listing import lists_of
from audiosetzsl.release.rederive import rederive


def default_release() -> Path:
    """The checkout's `manifests/`, or the manifest inside the installed package.

    Raises:
        ManifestError: neither is there.
    """
    folder = Path(str(files("audiosetzsl"))).parent / "manifests"
    return folder if (folder / SUMS).is_file() else published_path()


def verify(path: Path, *, audioset: Path | None = None, release: str | None = None) -> list[Finding]:
    """Find everything that is wrong with a release.

    A file whose checksum is wrong is not looked into: what it says is no longer what was published.

    Args:
        path: folder of a release, or a manifest alone, which has no checksums.
        audioset: folder of AudioSet's lists; with it the release is derived again, row by row.
        release: folder or address of the authors' lists, for a manifest made from them.

    Raises:
        AudioSetFileError: AudioSet's lists cannot be read, so nothing can be said about the release.
    """
    is_folder = path.is_dir()
    manifest_path = path / MANIFEST if is_folder else path
    whole, findings = check_sums(path, FILES) if is_folder else ({path.name}, [])
    manifest = drops = None
    if manifest_path.name in whole:
        manifest = _read(manifest_path, _manifest, findings)
    if is_folder and DROPS in whole:
        drops = _read(path / DROPS, lambda at: read_table(at, DROPS_SCHEMA), findings)
    if manifest is not None:
        findings += check_release(manifest)
        findings += check_drops(drops, manifest) if drops is not None else ()
        findings += _check_lists(path, whole, lists_of(manifest)) if is_folder else ()
        findings += rederive(manifest, drops, audioset, release=release) if audioset else ()
    for name, digests in ((CROISSANT, _croissant), (DATAPACKAGE, _datapackage)):
        if is_folder and name in whole:
            findings += _check_document(path, name, whole, digests, manifest)
    if is_folder:
        removed = provenance_of(manifest).get("removed", ()) if manifest is not None else ()
        findings += check_folder(path / AVAILABILITY_FOLDER, removed)
    return findings


def _read(path: Path, read: Callable[[Path], pa.Table], findings: list[Finding]) -> pa.Table | None:
    """Read a table; what is wrong with it is added to the findings."""
    try:
        return read(path)
    except (AudioSetZSLError, ValueError) as problem:  # ValueError: damaged text where no checksum guards it
        findings.append(Finding(path.name, str(problem)))
        return None


def _manifest(path: Path) -> pa.Table:
    manifest = read_manifest(path)
    class_list_of(manifest)
    return manifest


def _check_lists(directory: Path, whole: set[str], expected: dict[str, bytes]) -> Iterator[Finding]:
    """Compare the CSV, the id lists and the class map with what the manifest says they hold."""
    for name in sorted(expected.keys() & whole):
        try:
            content = content_of(directory / name)
        except AudioSetZSLError as problem:
            yield Finding(name, str(problem))
            continue
        if content != expected[name]:
            yield Finding(name, _first_difference(content, expected[name]))


def _first_difference(content: bytes, expected: bytes) -> str:
    ours, theirs = content.split(b"\n"), expected.split(b"\n")
    pairs = zip(ours, theirs, strict=False)
    line = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(ours), len(theirs)))
    found, wanted = (
        repr(lines[line].decode("utf-8", "replace")[:120]) if line < len(lines) else "nothing"
        for lines in (ours, theirs)
    )
    return f"line {line + 1}: found {found}, the manifest says {wanted}"


def _check_document(
    directory: Path,
    name: str,
    whole: set[str],
    digests: Callable[[Any], dict[str, str]],
    manifest: pa.Table | None,
) -> Iterator[Finding]:
    """Hold the version and the digests that a document states to the manifest and the files."""
    try:
        document = json.loads((directory / name).read_bytes())
        version, stated = document["version"], digests(document)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        yield Finding(name, f"cannot be read ({problem!r}); publish the release again")
        return
    if manifest is not None and version != (ours := provenance_of(manifest).get("release")):
        yield Finding(name, f"is of version {version}, the manifest of {ours}; they are of two releases")
    for file, digest in stated.items():
        if file not in FILES:
            yield Finding(name, f"describes {file}, which is no file of a release")
        elif file in whole and sha256_of(directory / file) != digest:
            yield Finding(name, f"gives another sha256 for {file} than the file has")


def _croissant(document: Any) -> dict[str, str]:
    return {file["contentUrl"]: file["sha256"] for file in document["distribution"]}


def _datapackage(document: Any) -> dict[str, str]:
    return {r["path"]: r["hash"].removeprefix("sha256:") for r in document["resources"]}
