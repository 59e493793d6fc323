"""Snapshots: one row a video, by the answer that counts; where nobody was asked, nothing is said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.availability.layer import (
    AVAILABILITY,
    add_observations,
    check_availability,
    in_order,
    read_availability,
)
from audiosetzsl.availability.snapshot import SNAPSHOT_COLUMNS, record_check, snapshot, ytid_of
from audiosetzsl.clips.ledger import LEDGER
from audiosetzsl.clips.signs import CANARIES
from audiosetzsl.clips.standing import Patience, standings
from audiosetzsl.clips.verdicts import Verdict

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
A = "-aa_aaaaa_a"
DAY_S = 86400
LATER = BEGIN + timedelta(days=20)


def at(seconds):
    return BEGIN + timedelta(seconds=seconds)


def attempts(*rows):
    """Attempts (start in ms, verdict, seconds, tool) at segments of A."""
    filled = [
        {"segment_id": f"{A}_{start}", "verdict": v, "egress": "here", "at": at(t), "tool": tool}
        | {"source": "youtube", "took_s": 0.0}
        for start, v, t, tool in rows
    ]
    return pa.Table.from_pylist(filled, pa.schema([LEDGER.field(name) for name in SNAPSHOT_COLUMNS]))


def canaries(*seconds, good=True):
    rows = [
        {"egress": "here", "good": good, "message": "", "at": at(t + d)} for t in seconds for d in (-9, 9)
    ]
    return pa.Table.from_pylist(rows, CANARIES)


def said(*rows, signs=None, now=LATER, patience=None):
    """What the snapshot says of A, in short."""
    found = snapshot(attempts(*rows), canaries() if signs is None else signs, now, patience)
    assert found.schema.equals(AVAILABILITY)
    check_availability(found, Path("a test"), now)
    return [
        (r["status"], r["reason"], (r["checked_at"] - BEGIN).total_seconds(), r["n_attempts"], r["tool"])
        for r in found.to_pylist()
    ]


def test_the_video_of_a_segment_is_what_stands_before_the_last_underscore():
    assert ytid_of("-aa_aaaaa_a_30000") == A


STATUSES = {
    "alive": ["ok", "alive", "past_end", "stalled"],
    "closed": ["geo", "age", "members"],
    "gone": ["private", "account_terminated"],
    "unknown": ["unavailable", "not_yet", "bot_check", "api_error", "not_found"],
}


@pytest.mark.parametrize(
    ("status", "verdict"), [(s, v) for s, verdicts in STATUSES.items() for v in verdicts]
)
def test_what_one_answer_says(status, verdict):
    assert said((0, verdict, 60, "t1"), signs=canaries(60)) == [(status, verdict, 60, 1, "t1")]


def test_an_answer_of_an_unwell_session_says_nothing():
    assert said((0, "private", 60, "t1")) == [("unknown", "private", 60, 1, "t1")]
    assert said((0, "private", 60, "t1"), signs=canaries(60, good=False))[0][0] == "unknown"


def test_two_looks_a_day_apart_are_believed():
    rows = (0, "unavailable", 60, "t1"), (0, "unavailable", 60 + DAY_S, "t2")
    assert said(*rows, signs=canaries(60, 60 + DAY_S)) == [("gone", "unavailable", 60 + DAY_S, 2, "t2")]
    assert said(*rows, signs=canaries(60)) == [("unknown", "unavailable", 60 + DAY_S, 2, "t2")]
    patience = Patience(second_look_s=DAY_S + 1.0)
    assert said(*rows, signs=canaries(60, 60 + DAY_S), patience=patience)[0][0] == "unknown"


def test_what_was_seen_before_the_session_failed_still_counts_with_its_time_and_tool():
    rows = (0, "stalled", 60, "t1"), (0, "rate_limited", 90, "t2")
    assert said(*rows) == [("alive", "stalled", 60, 2, "t1")]


def test_of_several_segments_the_latest_answer_counts():
    rows = (0, "ok", 60, "t1"), (30000, "private", 120, "t2"), (60000, "bot_check", 180, "t3")
    assert said(*rows, signs=canaries(120)) == [("gone", "private", 120, 3, "t2")]
    assert said(*rows, (90000, "ok", 200, "t4"), signs=canaries(120)) == [("alive", "ok", 200, 4, "t4")]
    rows = (0, "private", 60, "t1"), (30000, "past_end", 60, "t2"), (60000, "age", 60, "t3")
    assert said(*rows, signs=canaries(60))[0][:2] == ("alive", "past_end"), "of one moment, the more alive"


def test_a_clip_from_a_folder_says_nothing_of_the_video():
    rows = attempts((0, "ok", 60, "t1")).to_pylist()
    local = pa.Table.from_pylist([r | {"egress": None} for r in rows], attempts().schema)
    assert snapshot(local, canaries(), LATER).to_pylist() == []
    assert snapshot(attempts(), canaries(), LATER).to_pylist() == []


def test_a_check_that_goes_on_judges_its_answers_anew(tmp_path):
    """An answer without a witness yet, then with one, then voided by a canary that failed: always one row."""
    path = tmp_path / "availability.parquet"
    other = row_of_other_check()
    add_observations(path, other, LATER)
    seen_before = attempts((0, "stalled", 10, "t1"), (0, "private", 60, "t1"))
    for signs, status, seconds in (
        (canaries(60).slice(0, 1), "alive", 10),
        (canaries(60), "gone", 60),
        (canaries(60), "gone", 60),
        (canaries(60, good=False), "alive", 10),
    ):
        rows = record_check(path, seen_before, signs, at(100))
        assert rows["status"].to_pylist() == [status]
        expected = in_order(pa.concat_tables([other, rows]))
        assert read_availability(path, LATER).equals(expected)
        assert rows["checked_at"].to_pylist() == [at(seconds)]


def test_half_a_check_tells_of_those_who_were_asked_and_twice_is_as_good_as_once(tmp_path):
    path, other = tmp_path / "availability.parquet", "bbbbbbbbbbb"
    asked = attempts((0, "alive", 60, "t1"), (0, "private", 90, "t1"))
    asked = asked.set_column(0, asked.schema.field(0), pa.array([f"{A}_0", f"{other}_0"]))
    rows = record_check(path, asked, canaries(90), LATER)
    content = path.read_bytes()
    found = read_availability(path, LATER)
    assert found.equals(rows)
    assert [(r["ytid"], r["status"]) for r in found.to_pylist()] == [(A, "alive"), (other, "gone")]
    record_check(path, asked, canaries(90), LATER)
    assert path.read_bytes() == content


def test_a_check_that_asked_for_nothing_writes_nothing(tmp_path):
    path = tmp_path / "availability.parquet"
    assert len(record_check(path, attempts(), canaries(), LATER)) == 0
    assert not path.exists()


def row_of_other_check():
    """What an earlier check and a list say of A, one of them of the very same moment."""
    earlier = {"ytid": A, "status": "alive", "reason": "alive", "n_attempts": 1, "tool": "t0"}
    rows = [
        earlier | {"checked_at": at(-DAY_S), "source": "audiosetzsl"},
        earlier | {"checked_at": at(60), "source": "a-list"},
    ]
    return in_order(pa.Table.from_pylist(rows, AVAILABILITY))


TIMES = st.integers(0, 60).map(lambda n: n * 1800)
ROWS = st.lists(
    st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from(list(Verdict)), TIMES, st.sampled_from("ab")),
    max_size=10,
)


@given(ROWS, st.lists(TIMES, max_size=6))
@settings(deadline=None)
def test_the_rows_keep_the_rules_and_agree_with_the_standings(rows, signs):
    found = said(*rows, signs=canaries(*signs))
    judged = standings(attempts(*rows), canaries(*signs), LATER)
    assert len(found) == bool(rows)
    for status, reason, seconds, n_attempts, _ in found:
        assert status in {str(standing.life) for standing in judged.values()}
        assert any((v, t) == (reason, seconds) for _, v, t, _ in rows)
        assert n_attempts == len(rows)
        assert (status == "unknown") == all(standing.life == "unknown" for standing in judged.values())
