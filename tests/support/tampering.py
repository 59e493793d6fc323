"""A release that somebody tampered with, and what is found of it."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from audiosetzsl.files import sha256_of
from audiosetzsl.manifest import SCHEMA, provenance_of, read_manifest, write_manifest
from audiosetzsl.release.checksums import SUMS, read_sums, sums_text
from audiosetzsl.release.finding import Finding

MANIFEST = "audiosetzsl.parquet"
Change = Callable[[pd.DataFrame], None]


def sign(release: Path, *names: str) -> None:
    """Make SHA256SUMS agree with changed files, as somebody would who wants to hide the change."""
    digests, _ = read_sums((release / SUMS).read_bytes())
    for name in names:
        digests[name] = sha256_of(release / name)
    (release / SUMS).write_bytes(sums_text(digests))


def changed_manifest(published: Path, to: Path, change: Change, **noted: object) -> Path:
    """Write the manifest of a release anew, with its rows changed and its provenance too."""
    manifest = read_manifest(published / MANIFEST)
    frame = manifest.to_pandas()
    change(frame)
    table = pa.Table.from_pandas(frame, SCHEMA, preserve_index=False)
    return write_manifest(table, to / MANIFEST, provenance_of(manifest) | noted)


def put(column: str, value: object, row: int = 0) -> Change:
    """Change one cell."""

    def change(frame):
        frame.at[row, column] = value

    return change


def problems(findings: Iterable[Finding], file: str) -> list[str]:
    """What is said of one file."""
    return [finding.problem for finding in findings if finding.file == file]
