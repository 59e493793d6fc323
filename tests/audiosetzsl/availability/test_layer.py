"""The layer: observations come back as they were, each rule is held, nothing is added twice."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from audiosetzsl.availability.layer import (
    AVAILABILITY,
    add_observations,
    check_availability,
    read_availability,
    write_availability,
)
from audiosetzsl.errors import ManifestError

A, B = "-aaaaaaaaaa", "bbbbbbbbbbb"


def test_observations_come_back_in_one_order(tmp_path, row, table):
    rows = [
        row(A, "gone", "01"),
        row(A, "alive", "02", "a-list", reason="1", n_attempts=None, tool=None),
        row(A, "unknown", "02"),
        row(B, "closed", "01"),
    ]
    path = write_availability(table(*reversed(rows)), tmp_path / "a.parquet")
    assert read_availability(path).to_pylist() == rows
    content = path.read_bytes()
    write_availability(table(*rows), path)
    assert path.read_bytes() == content, "the order of rows does not show in the file"
    empty = write_availability(table(), tmp_path / "empty.parquet")
    assert len(read_availability(empty)) == 0


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"ytid": "aaaaaaaaaa"}, "its id is malformed"),
        ({"status": "dead"}, "its status is none of alive, closed, gone, unknown"),
        ({"reason": ""}, "its reason is empty"),
        ({"reason": "", "source": "a-list"}, "its reason is empty"),
        ({"source": ""}, "its source is empty"),
        ({"reason": "perhaps"}, "its reason is no verdict, though audiosetzsl itself says so"),
        ({"checked_at": datetime(2026, 11, 25, 0, 0, 1, tzinfo=UTC)}, "it was checked in the future"),
        ({"checked_at": datetime(2005, 4, 22, tzinfo=UTC)}, "it was checked before there was YouTube"),
        ({"n_attempts": 0}, "it has fewer attempts than one"),
    ],
)
def test_each_rule_has_its_words(tmp_path, row, table, change, rule):
    rows = table(row(B, "alive", "01"), row(A, "gone", "01") | change)
    now = datetime(2026, 11, 24, tzinfo=UTC)
    with pytest.raises(ManifestError, match=rf"a\.parquet: video .*{rule}; make the file again$"):
        write_availability(rows, tmp_path / "a.parquet", now)
    assert not list(tmp_path.iterdir())


def test_a_list_has_its_own_words_and_a_clock_may_be_a_little_ahead(tmp_path, row, table):
    now = datetime(2026, 11, 24, tzinfo=UTC)
    ahead = row(A, "gone", "01", "a-list", reason="perhaps") | {"checked_at": now + timedelta(hours=23)}
    check_availability(table(ahead), tmp_path, now)


def test_one_source_says_one_thing_of_one_moment(tmp_path, row, table):
    twice = table(row(A, "gone", "01"), row(B, "gone", "01"), row(B, "alive", "01"))
    with pytest.raises(
        ManifestError, match=r"video bbbbbbbbbbb: two observations of one moment by one source"
    ):
        write_availability(twice, tmp_path / "a.parquet")


def test_what_is_read_is_checked_too(tmp_path, row, table):
    path = tmp_path / "a.parquet"
    with pytest.raises(ManifestError, match=r"a\.parquet does not exist"):
        read_availability(path)
    write_availability(table(row(A, "gone", "20")), path)
    with pytest.raises(ManifestError, match=r"it was checked in the future"):
        read_availability(path, datetime(2026, 11, 1, tzinfo=UTC))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ManifestError, match=r"a\.parquet is damaged"):
        read_availability(path)
    pa.parquet.write_table(table().drop_columns(["tool"]), path)
    with pytest.raises(ManifestError, match=r"columns are \[.*\], expected"):
        read_availability(path)


def test_what_is_there_is_not_added_twice(tmp_path, row, table):
    path = tmp_path / "w" / "a.parquet"
    first = [row(A, "alive", "01"), row(A, "gone", "03")]
    assert add_observations(path, table(*first)) == 2
    content = path.read_bytes()
    assert add_observations(path, table(*first)) == 0
    assert add_observations(path, table(first[1] | {"n_attempts": 7, "tool": "a newer one"})) == 0
    assert path.read_bytes() == content
    assert add_observations(path, table(row(A, "alive", "02"), row(A, "gone", "01", "a-list"), *first)) == 2
    found = read_availability(path)
    assert found.schema.equals(AVAILABILITY)
    assert [(r["checked_at"].day, r["source"], r["status"]) for r in found.to_pylist()] == [
        (1, "a-list", "gone"),
        (1, "audiosetzsl", "alive"),
        (2, "audiosetzsl", "alive"),
        (3, "audiosetzsl", "gone"),
    ]


def test_nothing_added_to_nothing_is_a_file(tmp_path, table):
    assert add_observations(tmp_path / "a.parquet", table()) == 0
    assert len(read_availability(tmp_path / "a.parquet")) == 0


def test_a_contradiction_is_named_and_nothing_is_added(tmp_path, row, table):
    path = tmp_path / "a.parquet"
    add_observations(path, table(row(A, "alive", "01", "a-list", reason="1")))
    content = path.read_bytes()
    expected = (
        r"a\.parquet: a-list says of -aaaaaaaaaa at 2026-11-01 00:00 that it is alive \(1\) and gone \(dead\), "
        r"expected one; nothing was added; if the list was corrected, import it under another name"
    )
    rows = table(row(B, "alive", "01", "a-list"), row(A, "gone", "01", "a-list", reason="dead"))
    with pytest.raises(ManifestError, match=expected):
        add_observations(path, rows)
    assert path.read_bytes() == content
