"""Row loop: the build said plainly, one row after another; twin and yardstick of the fast one."""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from audiosetzsl.audioset.remotes import LISTS, Source, content_of, path_of
from audiosetzsl.classes import ClassList
from audiosetzsl.manifest import DROPS_SCHEMA, SCHEMA

SOURCES = (Source.UNBALANCED, Source.BALANCED, Source.EVAL)


def build_by_rows(directory: Path, classes: ClassList, seed: int = 0) -> tuple[pa.Table, pa.Table]:
    """Manifest and drops of AudioSet's lists, the slow and obvious way."""
    by_mid = {c.mid: c for c in classes}
    kept, dropped = [], []
    for row in _rows(directory):
        hits = [by_mid[mid] for mid in row["mids"] if mid in by_mid]
        if not hits:
            continue
        excluded = {*classes.excluded_mids, *hits[0].excluded_mids}
        if row["source"] == "balanced":
            dropped.append(row | {"classes": [c.name for c in hits], "reason": "unused_list"})
        elif len(hits) > 1:
            dropped.append(row | {"classes": [c.name for c in hits], "reason": "several_classes"})
        elif not excluded.isdisjoint(row["mids"]):
            dropped.append(row | {"classes": [c.name for c in hits], "reason": "excluded_label"})
        else:
            kept.append(row | {"class_name": hits[0].name, "seen": hits[0].seen})
    for c in classes:
        members = [row for row in kept if row["class_name"] == c.name]
        members.sort(key=lambda row: _draw(row, seed))
        n = len(members)
        n_train = (6 * n + 9) // 10
        n_test = (n - n_train + 1) // 2
        for place, row in enumerate(members):
            row["split"] = "test" if place < n_test else "val" if place < n - n_train else "train"
    kept.sort(key=lambda row: row["segment_id"])
    dropped.sort(key=lambda row: row["segment_id"])
    return pa.Table.from_pylist(kept, schema=SCHEMA), pa.Table.from_pylist(dropped, schema=DROPS_SCHEMA)


def _rows(directory: Path) -> Iterator[dict]:
    for source in SOURCES:
        lines = content_of(path_of(directory, LISTS[source])).decode().splitlines()
        reader = csv.reader(lines[3:], skipinitialspace=True)
        for line, (ytid, start, end, labels) in enumerate(reader, start=4):
            yield {
                "segment_id": f"{ytid}_{round(float(start) * 1000)}",
                "ytid": ytid,
                "start_s": float(start),
                "end_s": float(end),
                "source": source.value,
                "line": line,
                "mids": labels.split(","),
            }


def _draw(row: dict, seed: int) -> tuple[bool, bytes]:
    digest = hashlib.sha256(f"{seed}:{row['ytid']}".encode()).digest()
    return row["source"] != "eval", digest
