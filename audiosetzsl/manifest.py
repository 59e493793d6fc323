"""Manifest: who is in the dataset, which class each segment shows and which split it is in."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.audioset.remotes import Source
from audiosetzsl.building.splits import Split
from audiosetzsl.classes import Class, ClassList
from audiosetzsl.errors import ManifestError, SetupError
from audiosetzsl.files import read_table, write_table

SCHEMA = pa.schema(
    [
        pa.field("segment_id", pa.string(), nullable=False),  # <ytid>_<start in ms>
        pa.field("ytid", pa.string(), nullable=False),
        pa.field("start_s", pa.float64(), nullable=False),
        pa.field("end_s", pa.float64(), nullable=False),
        pa.field("class_name", pa.string(), nullable=False),
        pa.field("seen", pa.bool_(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # AudioSet's list: unbalanced or eval
        pa.field("line", pa.int32(), nullable=False),  # 1-based line of that list's CSV
        pa.field("mids", pa.list_(pa.string()), nullable=False),  # every AudioSet label of the segment
    ]
)
DROPS_SCHEMA = pa.schema(
    [
        *(
            SCHEMA.field(name)
            for name in ("segment_id", "ytid", "start_s", "end_s", "source", "line", "mids")
        ),
        pa.field("classes", pa.list_(pa.string()), nullable=False),  # the classes whose label it carries
        pa.field("reason", pa.string(), nullable=False),
    ]
)
YTID = re.compile(r"[A-Za-z0-9_-]{11}")
_PROVENANCE = b"audiosetzsl"
PUBLISHED = "audiosetzsl.parquet"


@dataclass(frozen=True, slots=True)
class Segment:
    """Ten seconds of a video, as a rule: what a clip is cut from."""

    segment_id: str
    ytid: str
    start_s: float
    end_s: float
    class_name: str

    @property
    def duration_s(self) -> float:
        """Its length; some 2,000 of the dataset are shorter than 10 s."""
        return self.end_s - self.start_s


def segment_ids(ytids: Collection[str], start_s: np.ndarray) -> list[str]:
    """Name of each segment: `<ytid>_<start in ms>`."""
    starts_ms = np.rint(start_s * 1000).astype(np.int64).tolist()
    return [f"{ytid}_{start_ms}" for ytid, start_ms in zip(ytids, starts_ms, strict=True)]


def write_manifest(table: pa.Table, path: Path, provenance: Mapping[str, object]) -> Path:
    """Check and write a manifest; `provenance` (class list, split, seed, digests) travels in its metadata."""
    check_manifest(table, path)
    noted = json.dumps(provenance, sort_keys=True).encode()
    return write_table(table.replace_schema_metadata({_PROVENANCE: noted}), path, SCHEMA)


def read_manifest(path: Path) -> pa.Table:
    """Read a manifest, page checksums verified and every rule checked.

    Raises:
        ManifestError: the file is absent, damaged, or breaks a rule of `check_manifest`.
    """
    table = read_table(path, SCHEMA)
    check_manifest(table, path)
    return table


def provenance_of(table: pa.Table) -> dict[str, Any]:
    """What a manifest was made from: class list, split, seed, digests of AudioSet's lists.

    Raises:
        ManifestError: what the file says of itself is damaged.
    """
    try:
        noted: dict[str, Any] = json.loads((table.schema.metadata or {}).get(_PROVENANCE, b"{}"))
    except ValueError as problem:
        raise ManifestError(f"the manifest's provenance is damaged ({problem}); build it again") from problem
    return noted


def class_list_of(table: pa.Table) -> ClassList:
    """Class list that a manifest was built with, as its metadata says.

    Raises:
        ManifestError: the metadata does not say.
    """
    noted: dict[str, Any] = provenance_of(table)
    try:
        classes = tuple(
            Class(c["name"], c["mid"], c["seen"], tuple(c["excluded_mids"]), c["phrase"])
            for c in noted["classes"]
        )
        return ClassList(noted["class_list"], classes, tuple(noted["excluded_mids"]))
    except KeyError as missing:
        raise ManifestError(
            f"the manifest does not say which classes it was built with ({missing} is missing); "
            "build it with `python -m flows build-manifest`"
        ) from missing


def check_manifest(table: pa.Table, path: Path) -> None:
    """Hold a manifest to its rules.

    Raises:
        ManifestError: names the rule and the first segment that breaks it.
    """

    def refuse(broken: pa.ChunkedArray, rule: str) -> None:
        if pc.any(broken).as_py():
            first = table.filter(broken)["segment_id"][0].as_py()
            raise ManifestError(f"{path}: segment {first}: {rule}; build the manifest again")

    refuse(pc.invert(pc.match_substring_regex(table["ytid"], f"^{YTID.pattern}$")), "its ytid is malformed")
    refuse(pc.invert(pc.greater(table["end_s"], table["start_s"])), "it ends before it starts")  # or is NaN
    for column, allowed in (("split", Split), ("source", Source)):
        known = pa.array([str(value) for value in allowed])
        refuse(pc.invert(pc.is_in(table[column], known)), f"its {column} is none of {', '.join(allowed)}")
    ytids = table["ytid"].to_pylist()
    expected = pa.chunked_array([pa.array(segment_ids(ytids, table["start_s"].to_numpy()), pa.string())])
    refuse(pc.not_equal(table["segment_id"], expected), "its id is not <ytid>_<start in ms>")
    ids = table["segment_id"]
    if len(ids) > 1:
        out_of_order = pc.greater_equal(ids.slice(0, len(ids) - 1), ids.slice(1))
        first = pa.chunked_array([pa.array([False])])
        refuse(pa.chunked_array(first.chunks + out_of_order.chunks), "ids are not ascending, each once")
    _check_one_place(table, path, "ytid", "split")
    _check_one_place(table, path, "class_name", "seen")


def _check_one_place(table: pa.Table, path: Path, key: str, place: str) -> None:
    pairs = table.group_by([key, place]).aggregate([])
    if len(pairs) == len(pc.unique(pairs[key])):
        return
    counts = pairs.group_by(key).aggregate([(place, "list")])
    straddling = counts.filter(pc.greater(pc.list_value_length(counts[f"{place}_list"]), 1))
    name, places = straddling[key][0].as_py(), sorted(map(str, straddling[f"{place}_list"][0].as_py()))
    raise ManifestError(
        f"{path}: {key} {name} has {place} {' and '.join(places)}, expected one; build the splits again"
    )


def published_path() -> Path:
    """Where the published manifest lies: inside an installed wheel, or in the checkout's `manifests/`."""
    package = Path(str(files("audiosetzsl")))
    for path in (package / "data" / PUBLISHED, package.parent / "manifests" / PUBLISHED):
        if path.is_file():
            return path
    raise ManifestError(f"the published manifest is not in {package}; install audiosetzsl again")


def load_manifest_table(
    path: Path | str | None = None,
    *,
    split: str | None = None,
    seen: bool | None = None,
    classes: Collection[str] | None = None,
    alive_on: str | date | None = None,
    availability: Path | str | None = None,
) -> pa.Table:
    """Load the published manifest, or the one at `path`, as an Arrow table.

    Args:
        path: a manifest of your own; None is the published one, which works offline.
        split: only this split: train, val or test.
        seen: only seen classes (True) or only unseen ones (False).
        classes: only these classes.
        alive_on: leave out videos that were gone at the end of this month ("2026-11") or day ("2026-11-24", or a
            `datetime.date`): those whose latest observation until then says so. What was never observed stays in.
        availability: observations of your own (`availability.parquet` of a workspace) for `alive_on`; None are
            the published snapshots.

    Raises:
        ManifestError: a file is absent or damaged, a split or class is not in the manifest, `alive_on` is no
            date, or no video of the manifest was observed until then.
        SetupError: `availability` is given without `alive_on`.
    """
    if availability is not None and alive_on is None:
        raise SetupError(
            f"availability is {str(availability)!r} and alive_on is not given; name the month (2026-11) or day "
            "(2026-11-24) by which to judge as alive_on, or leave availability out"
        )
    manifest = read_manifest(published_path() if path is None else Path(path))
    table = _chosen(manifest, split, seen, classes)
    if alive_on is None:
        return table
    # Imported here: the layer is made of manifests, and lies over them.
    from audiosetzsl.availability.known import gone_by

    gone = gone_by(manifest, str(alive_on), None if availability is None else Path(availability))
    return table.filter(pc.invert(pc.is_in(table["ytid"], gone)))


def _chosen(
    table: pa.Table, split: str | None, seen: bool | None, classes: Collection[str] | None
) -> pa.Table:
    if split is not None:
        if split not in list(Split):
            raise ManifestError(f"there is no split {split!r}, expected one of {', '.join(Split)}")
        table = table.filter(pc.equal(table["split"], split))
    if seen is not None:
        table = table.filter(pc.equal(table["seen"], seen))
    if classes is not None:
        known = set(pc.unique(table["class_name"]).to_pylist())
        if unknown := sorted(set(classes) - known):
            raise ManifestError(
                f"no segments of {', '.join(unknown)}, expected some of {', '.join(sorted(known))}"
            )
        table = table.filter(pc.is_in(table["class_name"], pa.array(sorted(classes), pa.string())))
    return table


def load_manifest(
    path: Path | str | None = None,
    *,
    split: str | None = None,
    seen: bool | None = None,
    classes: Collection[str] | None = None,
    alive_on: str | date | None = None,
    availability: Path | str | None = None,
) -> pd.DataFrame:
    """Load a manifest as a pandas table; arguments and errors as `load_manifest_table`."""
    table = load_manifest_table(
        path, split=split, seen=seen, classes=classes, alive_on=alive_on, availability=availability
    )
    frame: pd.DataFrame = table.to_pandas()
    return frame
