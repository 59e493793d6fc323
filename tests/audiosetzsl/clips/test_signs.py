"""Signs of life: an answer is believed between two good signs that are near, and in no other case."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.clips.reading import read_signs
from audiosetzsl.clips.signs import CANARIES, Signs, Witness, add_canary, evidence_of, signs_of
from audiosetzsl.clips.verdicts import ANSWERED, Verdict, nature_of
from audiosetzsl.errors import ShardError

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
REACH_S = 60.0


def at(seconds):
    return BEGIN + timedelta(seconds=seconds)


def canaries(*rows):
    filled = [
        {"egress": egress, "good": good, "message": "", "at": at(seconds)} for egress, good, seconds in rows
    ]
    return pa.Table.from_pylist(filled, CANARIES)


def slow_witness(moments, when, now, reach_s):
    """Straight from the words: the nearest sign on either side must be good, and near."""
    before = sorted((t, good) for t, good in moments.items() if t <= when)
    after = sorted((t, good) for t, good in moments.items() if t >= when)
    if not before or not before[-1][1] or (when - before[-1][0]).total_seconds() > reach_s:
        return Witness.UNWELL
    if not after:
        return Witness.OPEN if (now - when).total_seconds() <= reach_s else Witness.UNWELL
    soonest, good = after[0]
    return Witness.WELL if good and (soonest - when).total_seconds() <= reach_s else Witness.UNWELL


@given(
    st.dictionaries(st.integers(0, 300), st.booleans(), max_size=12), st.integers(0, 300), st.integers(0, 300)
)
@settings(deadline=None)
def test_a_witness_is_what_the_words_say(signs, when, later):
    moments = {at(seconds): good for seconds, good in signs.items()}
    made = Signs(sorted(moments), [moments[t] for t in sorted(moments)])
    now = at(when + later)
    assert made.witness(at(when), now, REACH_S) is slow_witness(moments, at(when), now, REACH_S)


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ([], Witness.UNWELL),  # nobody knows
        ([(0, True), (100, True)], Witness.WELL),
        ([(0, True)], Witness.OPEN),
        ([(0, False), (100, True)], Witness.UNWELL),  # failed before
        ([(0, True), (100, False)], Witness.UNWELL),  # failed after
        ([(0, True), (20, False), (100, True)], Witness.UNWELL),  # the nearest counts, not a farther good one
        ([(0, False), (20, True), (100, True)], Witness.WELL),  # recovered since
        ([(0, True), (100, True), (110, False)], Witness.WELL),  # failed only later
        ([(0, True), (111, True)], Witness.UNWELL),  # the later sign is out of reach
        ([(-11, True), (100, True)], Witness.UNWELL),  # the earlier sign is out of reach
        ([(50, True)], Witness.WELL),  # at the very moment: on both sides
        ([(100, True)], Witness.UNWELL),  # no sign before
    ],
)
def test_an_answer_at_50_s_with_signs_up_to_60_s_away(signs, expected):
    made = Signs([at(seconds) for seconds, _ in signs], [good for _, good in signs])
    assert made.witness(at(50), at(60), REACH_S) is expected


def test_the_later_sign_is_not_awaited_for_ever():
    signs = Signs([at(0)], [True])
    assert signs.witness(at(50), at(110), REACH_S) is Witness.OPEN
    assert signs.witness(at(50), at(110.001), REACH_S) is Witness.UNWELL


def test_signs_are_answers_of_the_player_and_canaries_each_at_its_egress():
    attempts = [("here", str(verdict), at(n)) for n, verdict in enumerate(Verdict)]
    attempts += [(None, "ok", at(500)), ("there", "ok", at(9)), ("there", "ok", at(3))]
    found = signs_of(attempts, canaries(("here", False, 100), ("else", True, 7)), ANSWERED)
    answered = [n for n, verdict in enumerate(Verdict) if nature_of(verdict) in ANSWERED]
    assert found == {
        "here": Signs([*map(at, answered), at(100)], [True] * len(answered) + [False]),
        "there": Signs([at(3), at(9)], [True, True]),
        "else": Signs([at(7)], [True]),
    }


def test_media_that_came_are_signs_of_their_own():
    attempts = [("here", str(verdict), at(n)) for n, verdict in enumerate(Verdict)]
    found = evidence_of(attempts, canaries(("here", True, 100)))
    assert found.answered == signs_of(attempts, canaries(("here", True, 100)), ANSWERED)
    came = [at(n) for n, v in enumerate(Verdict) if v in ("ok", "alive", "truncated", "empty", "unreadable")]
    assert found.delivered == {"here": Signs([*came, at(100)], [True] * 6)}


@pytest.mark.parametrize(
    "rows", [(("here", False, 5), ("here", True, 5)), (("here", True, 5), ("here", False, 5))]
)
def test_of_one_moment_the_failed_canary_counts(rows):
    assert signs_of([("here", "ok", at(5))], canaries(*rows), ANSWERED) == {"here": Signs([at(5)], [False])}


def test_canaries_are_noted_one_by_one_and_read_together(tmp_path):
    assert read_signs(tmp_path / "nowhere").to_pylist() == []
    rows = canaries(("here", True, 1), ("here", False, 2), ("there", True, 3)).to_pylist()
    for row in rows:
        add_canary(tmp_path / f"{row['egress']}.parquet", row)
    assert read_signs(tmp_path).to_pylist() == rows
    (tmp_path / "here.parquet").write_bytes(b"damaged")
    with pytest.raises(ShardError, match=r"here\.parquet is damaged"):
        read_signs(tmp_path)
    with pytest.raises(ShardError, match=r"here\.parquet is damaged"):
        add_canary(tmp_path / "here.parquet", rows[0])
