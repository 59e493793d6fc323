"""The clip ledger: what was tried comes back as it was, and nothing else is believed."""

import datetime

import pyarrow as pa
import pytest

from audiosetzsl.clips import LEDGER, Verdict, read_ledger, write_ledger
from audiosetzsl.errors import ManifestError, ShardError

AT = datetime.datetime(2026, 11, 23, 12, 30, 1, 250_000, tzinfo=datetime.UTC)
GOT = {
    "segment_id": "aaaaaaaaaaa_0",
    "attempt": 1,
    "verdict": "ok",
    "message": "",
    "path": "media/aaaaaaaaaaa_0.mp4",
    "bytes": 1234,
    "sha256": "0" * 64,
    "duration_s": 9.98,
    "source": "local",
    "tool": "a test",
    "at": AT,
}
NOTHING = {"path": None, "bytes": None, "sha256": None, "duration_s": None}
ROWS = [GOT] + [
    GOT
    | NOTHING
    | {"segment_id": f"{n:011}_0", "attempt": n, "verdict": str(verdict), "message": "not there"}
    for n, verdict in enumerate(Verdict)
]


def test_every_verdict_comes_back_with_its_row(tmp_path):
    path = write_ledger(pa.Table.from_pylist(ROWS, LEDGER), tmp_path / "part-00000.parquet")
    assert read_ledger(path).to_pylist() == ROWS


def test_a_block_without_segments_is_a_ledger_too(tmp_path):
    path = write_ledger(LEDGER.empty_table(), tmp_path / "part-00000.parquet")
    assert read_ledger(path).to_pylist() == []


def test_an_unknown_verdict_is_named(tmp_path):
    rows = [*ROWS, GOT | {"verdict": "perhaps"}]
    path = write_ledger(pa.Table.from_pylist(rows, LEDGER), tmp_path / "part-00000.parquet")
    expected = (
        r"part-00000\.parquet: unknown verdicts \['perhaps'\], "
        r"expected some of \['ok', 'not_found', 'unreadable'\]"
    )
    with pytest.raises(ShardError, match=expected):
        read_ledger(path)


def test_an_attempt_without_a_verdict_is_not_written(tmp_path):
    path = tmp_path / "part-00000.parquet"
    holed = pa.Table.from_pylist(
        [GOT | {"verdict": None}], pa.schema([f.with_nullable(True) for f in LEDGER])
    )
    with pytest.raises(ManifestError, match=r"part-00000\.parquet: column 'verdict' holds nulls"):
        write_ledger(holed, path)
    assert not path.exists()


def test_an_absent_ledger_and_a_damaged_one_are_named(tmp_path):
    path = tmp_path / "part-00000.parquet"
    with pytest.raises(ShardError, match=r"part-00000\.parquet does not exist"):
        read_ledger(path)
    write_ledger(pa.Table.from_pylist(ROWS, LEDGER), path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ShardError, match=r"part-00000\.parquet is damaged"):
        read_ledger(path)
