"""Reading ledgers that others write: what comes and goes meanwhile is no error, what is damaged is one."""

import multiprocessing
import time
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from audiosetzsl.clips import reading
from audiosetzsl.clips.ledger import LEDGER, read_ledger, write_ledger
from audiosetzsl.clips.reading import read_parts, read_signs
from audiosetzsl.clips.signs import add_canary
from audiosetzsl.errors import ShardError

ROW = {
    "segment_id": "aaaaaaaaaaa_0",
    "attempt": 1,
    "verdict": "ok",
    "message": "",
    "took_s": 1.0,
    "flags": [],
    "source": "a test",
    "tool": "a test",
    "at": datetime(2026, 11, 1, tzinfo=UTC),
}


def write_part(folder, number, n_rows=2):
    rows = [ROW | {"segment_id": f"{number:011}_{n}"} for n in range(n_rows)]
    return write_ledger(pa.Table.from_pylist(rows, LEDGER), folder / f"part-{number:05d}.parquet")


def test_some_columns_of_all_parts_come_in_the_order_of_the_parts(tmp_path):
    assert read_parts(tmp_path / "nowhere", ["segment_id", "verdict"]).to_pylist() == []
    for number in (1, 0):
        write_part(tmp_path, number)
    (tmp_path / ".part-00002.parquet.1.abc").write_bytes(b"half")
    found = read_parts(tmp_path, ["segment_id", "bytes"])
    assert found.schema.names == ["segment_id", "bytes"]
    assert found["segment_id"].to_pylist() == [f"{n:011}_{at}" for n in (0, 1) for at in (0, 1)]


def test_a_part_that_vanishes_between_listing_and_reading_is_left_out(tmp_path, monkeypatch):
    for number in range(3):
        write_part(tmp_path, number)

    def read(path, columns):
        (tmp_path / "part-00001.parquet").unlink(missing_ok=True)
        return read_ledger(path, columns)

    monkeypatch.setattr(reading, "read_ledger", read)
    found = read_parts(tmp_path, ["segment_id"])["segment_id"].to_pylist()
    assert found == [f"{n:011}_{at}" for n in (0, 2) for at in (0, 1)]


def test_a_part_that_is_replaced_while_it_is_read_is_looked_at_again(tmp_path, monkeypatch):
    write_part(tmp_path, 0)
    looks = []

    def read(path, columns):
        looks.append(path)
        if len(looks) < 3:
            raise ShardError(f"{path} is damaged (it holds 2 of 3 rows)")
        return read_ledger(path, columns)

    monkeypatch.setattr(reading, "read_ledger", read)
    assert len(read_parts(tmp_path, ["segment_id"])) == 2


def test_a_part_that_is_damaged_is_named(tmp_path):
    write_part(tmp_path, 0)
    (tmp_path / "part-00001.parquet").write_bytes(b"damaged")
    with pytest.raises(ShardError, match=r"part-00001\.parquet is damaged"):
        read_parts(tmp_path, ["segment_id"])


def keep_writing(folder, stop):
    """Parts grow and are replaced, appear and vanish, as fast as they can be written."""
    n = 0
    while not stop.is_set():
        n += 1
        write_part(folder / "clips", 0, n_rows=1 + n % 50)
        part = write_part(folder / "clips", 1 + n % 3)
        if n % 5 == 0:
            part.unlink()
        row = {"egress": "here", "good": True, "message": "", "at": ROW["at"]}
        (folder / "canaries" / "here.parquet").unlink(missing_ok=True)
        add_canary(folder / "canaries" / "here.parquet", row)


def test_reading_works_while_another_process_writes(tmp_path):
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    writer = context.Process(target=keep_writing, args=(tmp_path, stop))
    writer.start()
    try:
        while not (tmp_path / "clips" / "part-00000.parquet").exists():
            time.sleep(0.01)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            assert len(read_parts(tmp_path / "clips", ["segment_id", "verdict"])) >= 1
            assert len(read_signs(tmp_path / "canaries")) <= 1
    finally:
        stop.set()
        writer.join()
    assert writer.exitcode == 0
