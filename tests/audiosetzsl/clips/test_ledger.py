"""The clip ledger: what was tried comes back as it was, and nothing else is believed."""

import datetime

import pyarrow as pa
import pytest

from audiosetzsl.clips.ledger import LEDGER, last_attempts, read_ledger, write_ledger
from audiosetzsl.clips.verdicts import Verdict
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
    "fps": 29.97,
    "width": 640,
    "height": 360,
    "video_codec": "h264",
    "audio_codec": "aac",
    "format_id": "134+140",
    "way": "sidx",
    "pulled_bytes": 1500,
    "took_s": 2.5,
    "flags": ["silent", "short"],
    "fingerprint": bytes(range(32)),
    "source": "youtube",
    "egress": "here",
    "tool": "a test",
    "at": AT,
}
NOTHING = {field.name: None for field in LEDGER if field.nullable}
ROWS = [GOT] + [
    GOT
    | NOTHING
    | {
        "segment_id": f"{n:011}_0",
        "attempt": n + 1,
        "verdict": str(verdict),
        "message": "not there",
        "flags": [],
    }
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
        r"part-00000\.parquet: unknown verdicts \['perhaps'\], expected some of \['ok', 'alive', 'private', "
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


def test_columns_without_the_verdict_need_no_known_verdict(tmp_path):
    path = write_ledger(pa.Table.from_pylist([GOT], LEDGER), tmp_path / "part-00000.parquet")
    assert read_ledger(path, ["segment_id"]).to_pylist() == [{"segment_id": "aaaaaaaaaaa_0"}]


def test_the_row_that_counts_is_the_clip_or_else_the_last_attempt():
    rows = [
        GOT | NOTHING | {"attempt": 1, "verdict": "stalled"},
        GOT | {"attempt": 2},
        GOT | NOTHING | {"attempt": 3, "verdict": "private"},
        GOT | NOTHING | {"segment_id": "bbbbbbbbbbb_0", "attempt": 1, "verdict": "stalled"},
        GOT | NOTHING | {"segment_id": "bbbbbbbbbbb_0", "attempt": 2, "verdict": "private"},
    ]
    last = last_attempts(pa.Table.from_pylist(rows, LEDGER))
    assert [(row["segment_id"], row["attempt"], row["verdict"]) for row in last] == [
        ("aaaaaaaaaaa_0", 2, "ok"),
        ("bbbbbbbbbbb_0", 2, "private"),
    ]
