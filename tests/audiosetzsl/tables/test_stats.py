"""Tables 1, 8, 9 and 10: the paper's counts give the paper's tables, and a small manifest what one can count."""

import math
from dataclasses import astuple

import numpy as np
import pyarrow as pa
import pytest

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.errors import ManifestError
from audiosetzsl.manifest import SCHEMA
from audiosetzsl.tables import paper
from audiosetzsl.tables.stats import ClassCount, count_classes, spread_of, tables_of, tables_of_counts

PAPER = [ClassCount(c.name, c.seen, paper.COUNTS[c.name]) for c in AUDIOSETZSL]


def manifest_of(rows):
    """A manifest of (class, seen, split), with made-up ids."""
    records = [
        {
            "segment_id": f"aaaaaaaa{number:03}_0",
            "ytid": f"aaaaaaaa{number:03}",
            "start_s": 0.0,
            "end_s": 10.0,
            "class_name": name,
            "seen": seen,
            "split": split,
            "source": "unbalanced",
            "line": number + 4,
            "mids": ["/m/x"],
        }
        for number, (name, seen, split) in enumerate(rows)
    ]
    return pa.Table.from_pylist(records, schema=SCHEMA)


def values(spread):
    # The paper prints two decimals, and 4615.77 where its own counts give 4615.776.
    return pytest.approx((spread.min, spread.max, spread.mean, spread.std), abs=0.0065)


def test_the_papers_counts_give_the_papers_tables():
    tables = tables_of_counts(PAPER)
    assert astuple(tables.table_1) == values(paper.TABLE_1)
    assert tables.table_8.keys() == paper.TABLE_8.keys()
    for split, row in tables.table_8.items():
        assert astuple(row) == values(paper.TABLE_8[split])
    assert tables.table_9 == paper.TABLE_9
    assert {c.name: c.counts for c in tables.table_10} == paper.COUNTS


def test_the_misprint_of_table_10_contradicts_the_papers_other_tables():
    printed = [ClassCount(c.name, c.seen, (5_140, 17_113, 1_713)) if c.name == "train" else c for c in PAPER]
    tables = tables_of_counts(printed)
    assert tables.table_9["seen classes"] != paper.TABLE_9["seen classes"]
    assert tables.table_8["val"].max != paper.TABLE_8["val"].max


def test_a_small_manifest_is_counted_as_one_would_by_hand():
    rows = [("owl", False, "train"), ("dog", True, "train"), ("dog", True, "test"), ("ant", True, "val")]
    rows += [("dog", True, "train")]
    tables = tables_of(manifest_of(rows))
    # The dataset's own classes first and in its order, then the others by name.
    assert tables.table_10 == (
        ClassCount("dog", True, (2, 0, 1)),
        ClassCount("ant", True, (0, 1, 0)),
        ClassCount("owl", False, (1, 0, 0)),
    )
    assert tables.table_9 == {"seen classes": (2, 1, 1), "unseen classes": (1, 0, 0), "total": (3, 1, 1)}
    assert astuple(tables.table_1) == pytest.approx((1, 3, 5 / 3, 1.1547), abs=1e-4)
    assert astuple(tables.table_8["train"]) == (0, 2, 1.0, 1.0)
    assert [c.marked for c in tables.table_10] == ["dog", "ant", "owl*"]


def test_the_deviation_is_that_of_a_sample():
    counts = [3, 1, 4, 1, 5, 9]
    assert spread_of(counts).std == pytest.approx(np.std(counts, ddof=1))


def test_a_single_class_has_no_deviation():
    assert math.isnan(tables_of(manifest_of([("dog", True, "train")])).table_1.std)


def test_an_empty_manifest_is_refused():
    with pytest.raises(ManifestError, match="the manifest holds no segment, expected at least one; build it"):
        count_classes(manifest_of([]))
