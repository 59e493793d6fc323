"""Lists of a release in plain text: the CSV, the ids of each split, the class map."""

import csv
import gzip
import io

import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.manifest import class_list_of
from audiosetzsl.release.columns import CLASSES, MIDS_SEPARATOR
from audiosetzsl.release.contents import (
    CLASS_MAP,
    CSV,
    SPLIT_LISTS,
    counts_of,
    joined,
    labels_of,
    paper_counts,
)

_GZIP_LEVEL = 6  # 9 takes three times as long for one percent


def lists_of(manifest: pa.Table) -> dict[str, bytes]:
    """Render every list from the manifest alone; one whose name ends in .gz is still unpacked."""
    lists = {CSV: segments_csv(manifest), CLASS_MAP: class_map(manifest)}
    for split, name in SPLIT_LISTS.items():
        ids = manifest.filter(pc.equal(manifest["split"], split))["segment_id"].to_pylist()
        lists[name] = "".join(f"{segment_id}\n" for segment_id in ids).encode()
    return lists


def segments_csv(manifest: pa.Table) -> bytes:
    """The manifest as CSV; the labels of a segment stand in one field, with semicolons between."""
    at = manifest.schema.get_field_index("mids")
    frame = manifest.set_column(at, "mids", joined(manifest, "mids", MIDS_SEPARATOR)).to_pandas()
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return text.encode()


def class_map(manifest: pa.Table) -> bytes:
    """One row a class: its label, whether it is seen, its segments here and in the paper."""
    classes, labels = class_list_of(manifest), labels_of(manifest)
    counts, paper = counts_of(manifest), paper_counts(classes)
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow([column.name for column in CLASSES])
    for c in classes:
        ours, theirs = counts[c.name], paper.get(c.name)
        printed = (*theirs, sum(theirs)) if theirs else ("",) * 4
        rows.writerow([c.name, c.mid, labels[c.name], c.seen, *ours, sum(ours), *printed])
    return out.getvalue().encode()


def packed(content: bytes) -> bytes:
    """Gzip without a name or a time, so that the same content gives the same bytes."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_GZIP_LEVEL, fileobj=out, mtime=0) as file:
        file.write(content)
    return out.getvalue()
