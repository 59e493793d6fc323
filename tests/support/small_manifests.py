"""Manifests of a few segments that a test makes up."""

from collections.abc import Iterable

import pyarrow as pa

from audiosetzsl.manifest import SCHEMA


def manifest_of(videos: Iterable[tuple[str, str, bool, str]]) -> pa.Table:
    """One segment, from 30 to 40 s, of each video (ytid, class, whether that is seen, split)."""
    rows = [
        {
            "segment_id": f"{ytid}_30000",
            "ytid": ytid,
            "start_s": 30.0,
            "end_s": 40.0,
            "class_name": class_name,
            "seen": seen,
            "split": split,
            "source": "unbalanced",
            "line": line,
            "mids": ["/m/0bt9lr"],
        }
        for line, (ytid, class_name, seen, split) in enumerate(videos, start=4)
    ]
    return pa.Table.from_pylist(rows, SCHEMA)
