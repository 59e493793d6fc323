"""Files are whole or absent, and a damaged one is never believed."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audiosetzsl.errors import ManifestError, SetupError, ShardError
from audiosetzsl.files import (
    atomic_path,
    check_schema,
    damage_told,
    locked,
    read_parquet,
    read_table,
    sha256_of,
    write_bytes,
    write_table,
)

SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("count", pa.int32(), nullable=False),
        pa.field("values", pa.list_(pa.float32(), 16)),
    ]
)
N_ROWS = 100


@pytest.fixture
def table():
    values = np.random.default_rng(0).normal(size=(N_ROWS, 16)).astype(np.float32)
    columns = [[f"row {n}" for n in range(N_ROWS)], list(range(N_ROWS)), [None, *values[1:]]]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA
    )


@pytest.fixture
def written(table, tmp_path):
    return write_table(table, tmp_path / "t.parquet", SCHEMA)


def footer_start(content):
    """Where the data pages of a Parquet file end: its last eight bytes are the footer's length and a mark."""
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


@pytest.mark.parametrize("before", [None, b"older"])
@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_a_failed_write_leaves_what_was_there_and_no_scratch(tmp_path, before, stop):
    path = tmp_path / "deep" / "result.bin"
    if before is not None:
        write_bytes(path, before)
    with pytest.raises(stop, match="stopped"), atomic_path(path) as scratch:
        scratch.write_bytes(b"half of it")
        assert not path.exists() or path.read_bytes() == before
        raise stop("stopped")
    assert [file.name for file in path.parent.iterdir()] == ([path.name] if before else [])
    assert before is None or path.read_bytes() == before


def test_a_block_that_writes_nothing_makes_no_file(tmp_path):
    path = tmp_path / "result.bin"
    with pytest.raises(FileNotFoundError), atomic_path(path):
        pass
    assert not path.exists()


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "new folder" / "result.bin"
    assert write_bytes(path, b"older and longer") == path
    write_bytes(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert list(path.parent.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "result.bin"
    with atomic_path(path) as first, atomic_path(path) as second:
        assert first != second
        first.write_bytes(b"first")
        second.write_bytes(b"second")
    assert path.read_bytes() == b"first"  # the one that ended last
    assert list(tmp_path.iterdir()) == [path]


WRITER = """
import sys, time
from pathlib import Path
from audiosetzsl.files import atomic_path
with atomic_path(Path(sys.argv[1])) as scratch, scratch.open("wb") as file:
    file.write(b"half of it")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("before", [None, b"older"])
def test_a_writer_killed_half_way_leaves_no_file_that_counts(tmp_path, before):
    path = tmp_path / "part-00000.parquet"
    if before is not None:
        path.write_bytes(before)
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "writing\n"
        os.kill(writer.pid, signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
    assert (path.read_bytes() if path.exists() else None) == before
    # What it left lies beside, under a name that no reader of parts takes for one, and is in nobody's way.
    (left,) = set(tmp_path.iterdir()) - {path}
    assert left.read_bytes() == b"half of it"
    assert left not in tmp_path.glob("part-*.parquet")
    assert write_bytes(path, b"whole").read_bytes() == b"whole"


def test_digest_of_a_file(tmp_path):
    content = bytes(range(256)) * 5000
    assert sha256_of(write_bytes(tmp_path / "a", content)) == hashlib.sha256(content).hexdigest()
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_of(write_bytes(tmp_path / "b", b"")) == empty


def test_a_table_comes_back_as_it_was(table, written):
    assert read_table(written, SCHEMA).equals(table)
    assert read_table(written, SCHEMA, columns=["name", "values"]).equals(table.select(["name", "values"]))


def test_an_absent_table_is_named(tmp_path):
    path = tmp_path / "gone.parquet"
    with pytest.raises(ManifestError, match=r"gone\.parquet does not exist; make it first or check the path"):
        read_table(path, SCHEMA)
    with pytest.raises(ShardError, match=r"gone\.parquet does not exist"):
        read_table(path, SCHEMA, error=ShardError)
    with pytest.raises(ManifestError, match="does not exist"):
        read_table(tmp_path, SCHEMA)  # a folder is no table


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_table_is_an_error_that_names_the_file(written, part):
    content = written.read_bytes()
    written.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(ShardError, match=r"t\.parquet is damaged \(.+\); delete it and make it again"):
        read_table(written, SCHEMA, error=ShardError)


def test_a_flipped_bit_in_the_pages_never_changes_a_value(table, written):
    """Either the page checksums see it, or it stands where it does no harm, as in a page's statistics."""
    content = bytearray(written.read_bytes())
    detected = 0
    for offset, bit in np.random.default_rng(1).integers((4, 0), (footer_start(content), 8), size=(120, 2)):
        content[offset] ^= 1 << bit
        written.write_bytes(content)
        content[offset] ^= 1 << bit
        try:
            assert read_table(written, SCHEMA).equals(table), f"bit {bit} of byte {offset}"
        except ManifestError as error:
            detected += 1
            assert "t.parquet is damaged" in str(error)
    assert detected > 100


def test_checksums_are_written_and_are_what_detects_a_flip(table, written):
    """Without verification the same flip goes unseen: it is no accident of the compression."""
    path = written.with_name("plain.parquet")
    pq.write_table(
        table.select(["count"]), path, compression="none", use_dictionary=False, write_page_checksum=True
    )
    content = path.read_bytes()
    at = content.index(np.arange(N_ROWS, dtype="<i4").tobytes())
    path.write_bytes(content[:at] + b"\x07" + content[at + 1 :])
    assert pq.read_table(path)["count"][0].as_py() == 7
    with pytest.raises(ManifestError, match=r"plain\.parquet is damaged \(.*(?i:crc|checksum)"):
        read_table(path, pa.schema([SCHEMA.field("count")]))


def test_rows_that_the_footer_forgets_are_missed(written):
    """No checksum covers the footer; Arrow reads such a file without complaint."""
    content = bytearray(written.read_bytes())
    two_hundred = b"\xc8\x01"  # 100 rows as Parquet notes them: the first number behind the schema
    content[content.index(two_hundred, footer_start(content))] ^= 0b10
    written.write_bytes(content)
    assert len(pq.read_table(written)) == N_ROWS
    with pytest.raises(ManifestError, match=r"t\.parquet is damaged \(it holds 100 of 101 rows\); delete it"):
        read_table(written, SCHEMA)


def test_a_flipped_bit_in_the_footer_is_an_error_of_ours_or_leaves_all_rows(written):
    """Nothing but the shape is promised here: Parquet has no checksum of what files say of themselves."""
    content = bytearray(written.read_bytes())
    start = footer_start(content)
    name = content.index(b"name", start)
    random = np.random.default_rng(2).integers((start, 0), (len(content), 8), size=(120, 2)).tolist()
    detected = 0
    for offset, bit in [(name, 7), *random]:  # the first makes a column's name no text at all
        content[offset] ^= 1 << bit
        written.write_bytes(content)
        content[offset] ^= 1 << bit
        try:
            read = read_table(written, SCHEMA)
            assert (len(read), read.schema.names) == (N_ROWS, SCHEMA.names)
        except ManifestError as error:
            detected += 1
            assert "t.parquet" in str(error)
    assert detected > 40


def test_another_set_or_order_of_columns_is_refused(table, tmp_path):
    path = tmp_path / "t.parquet"
    swapped = table.select(["count", "name", "values"])
    expected = (
        r"t\.parquet: columns are \['count', 'name', 'values'\], expected \['name', 'count', 'values'\]"
    )
    with pytest.raises(ManifestError, match=expected):
        write_table(swapped, path, SCHEMA)
    assert not path.exists()  # the schema is held to before anything is written
    pq.write_table(swapped, path)
    with pytest.raises(ShardError, match=expected):
        read_table(path, SCHEMA, error=ShardError)


def test_a_writer_says_whose_contract_is_broken(table, tmp_path):
    with pytest.raises(ShardError, match=r"t\.parquet: columns are \['name'\], expected"):
        write_table(table.select(["name"]), tmp_path / "t.parquet", SCHEMA, error=ShardError)


def test_a_file_of_any_schema_is_read_with_its_checksums(table, written, tmp_path):
    assert read_parquet(written).equals(table)
    assert read_parquet(written, columns=["count"]).equals(table.select(["count"]))
    content = bytearray(written.read_bytes())
    content[footer_start(content) // 2] ^= 1
    written.write_bytes(content)
    with pytest.raises(ShardError, match=r"t\.parquet is damaged \(.+\); delete it and make it again"):
        read_parquet(written, error=ShardError)
    with pytest.raises(ManifestError, match=r"gone\.parquet does not exist; make it first or check the path"):
        read_parquet(tmp_path / "gone.parquet")


def test_a_layout_of_ones_own(table, tmp_path):
    path = write_table(table, tmp_path / "t.parquet", SCHEMA, compression="none", use_dictionary=["name"])
    with pq.ParquetFile(path) as file:
        group = file.metadata.row_group(0)
    assert {group.column(i).compression for i in range(group.num_columns)} == {"UNCOMPRESSED"}
    assert read_table(path, SCHEMA).equals(table)


def test_a_column_that_is_asked_for_and_absent_is_refused(table, tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(table.select(["name"]), path)
    with pytest.raises(ManifestError, match=r"t\.parquet: columns are \['name'\], expected"):
        read_table(path, SCHEMA, columns=["name", "count"])


def test_another_type_is_refused(table, tmp_path):
    wide = table.set_column(1, "count", table["count"].cast(pa.int64()))
    with pytest.raises(ManifestError, match=r"t\.parquet: column 'count' is int64, expected int32"):
        write_table(wide, tmp_path / "t.parquet", SCHEMA)
    with pytest.raises(ShardError, match="column 'count' is int64, expected int32"):
        check_schema(wide, SCHEMA, tmp_path, error=ShardError)


def test_nulls_are_refused_where_there_must_be_none(table, tmp_path):
    names = pa.array([None, *table["name"].to_pylist()[1:]], pa.string())
    holed = table.set_column(0, "name", names)
    assert table["values"].null_count  # this column may
    with pytest.raises(ManifestError, match=r"t\.parquet: column 'name' holds nulls, and must not"):
        write_table(holed, tmp_path / "t.parquet", SCHEMA)


def test_metadata_is_free(table, written):
    noted = table.replace_schema_metadata({b"made by": b"a test"})
    write_table(noted, written, SCHEMA)
    assert read_table(written, SCHEMA).schema.metadata == {b"made by": b"a test"}


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_what_a_disk_does_not_give_is_not_called_damaged(tmp_path, number):
    with (
        pytest.raises(
            SetupError, match=r"t\.parquet cannot be read just now \(.+\), and may be whole"
        ) as told,
        damage_told(tmp_path / "t.parquet", ShardError),
    ):
        raise OSError(number, os.strerror(number))
    assert os.strerror(number) in str(told.value) and "delete" not in str(told.value)


def test_a_lock_is_waited_for(tmp_path):
    code = (
        "import sys; from pathlib import Path; from audiosetzsl.files import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.readline()\n"
    )
    path = tmp_path / "new" / ".lock"
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        had = []

        def wait():
            with locked(path):
                had.append(time.monotonic())

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.2)
        assert not had
        released = time.monotonic()
        other.communicate("go\n")
        waiting.join(10)
        assert had and had[0] >= released
