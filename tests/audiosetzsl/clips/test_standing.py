"""Standings: what all attempts at a segment amount to, in any order, at any time."""

import pyarrow as pa
import pytest
from attempt_tables import DAY_S, HOUR_S, at, canaries, table, well_around

from audiosetzsl.clips.signs import Evidence
from audiosetzsl.clips.standing import (
    BEGINNING,
    NEVER_ASKED,
    Life,
    Patience,
    Standing,
    count_verdicts,
    standing_of,
    standings,
)
from audiosetzsl.clips.verdicts import Nature, Verdict, nature_of

LATER = 10 * DAY_S  # when the tests look, unless they say otherwise
A, B = "aaaaaaaaaaa_0", "bbbbbbbbbbb_30000"


def stand(attempts, signs=None, now=LATER, patience=None):
    """Standing of A after attempts (verdict, seconds)."""
    rows = table([(A, *attempt) for attempt in attempts])
    return standings(rows, signs if signs is not None else canaries(), at(now), patience)[A]


def test_what_was_never_asked_for_is_due():
    assert standings(table([]), canaries(), at(0)) == {}
    assert standing_of([], Evidence(), at(0), Patience()) is NEVER_ASKED
    assert NEVER_ASKED.is_due(at(0)) and NEVER_ASKED.life is Life.UNKNOWN


@pytest.mark.parametrize("verdict", [v for v in Verdict if nature_of(v) in (Nature.GOT, Nature.BEYOND)])
def test_a_clip_a_living_video_and_one_that_ends_too_early_settle_at_once(verdict):
    found = stand([(verdict, 0)])
    assert found == Standing(verdict, None, 1) and found.settled and not found.is_due(at(LATER))
    assert found.life is Life.ALIVE


@pytest.mark.parametrize("verdict", [v for v in Verdict if nature_of(v) in (Nature.GONE, Nature.CLOSED)])
def test_gone_and_closed_settle_between_two_good_signs(verdict):
    life = Life.GONE if nature_of(verdict) is Nature.GONE else Life.CLOSED
    found = stand([(verdict, 100)], well_around(100))
    assert (found, found.life) == (Standing(verdict, None, 1), life)


VOIDED = [
    [],  # nobody vouches
    [(70, False), (130, True)],  # a canary failed before
    [(70, True), (130, False)],  # or after
    [(70, True)],  # the session never spoke again
    [(130, True)],  # it had not spoken before
    [(100 - HOUR_S - 1, True), (130, True)],  # the sign before is out of reach
    [(70, True), (100 + HOUR_S + 1, True)],  # the sign after is out of reach
]


@pytest.mark.parametrize("signs", VOIDED)
@pytest.mark.parametrize(
    "verdict",
    [v for v in Verdict if nature_of(v) in (Nature.GONE, Nature.CLOSED, Nature.DOUBTFUL, Nature.LATER)],
)
def test_without_two_good_signs_an_answer_is_as_if_not_given(verdict, signs):
    found = stand([(verdict, 100)], canaries(*signs))
    assert found == Standing(None, BEGINNING, 1)
    assert found.is_due(at(LATER)) and found.life is Life.UNKNOWN


def test_an_answer_at_the_end_of_the_ledger_waits_for_the_next_sign():
    found = stand([("private", 100)], canaries((70, True)), now=200)
    assert found == Standing(None, at(100 + HOUR_S), 1)
    assert not found.settled and not found.is_due(at(200)) and found.is_due(at(100 + HOUR_S))
    found = stand([("truncated", 50), ("private", 100)], now=200)
    assert found == Standing(Verdict.TRUNCATED, at(100 + HOUR_S), 2)
    assert found.life is Life.ALIVE, "what counted before still does"


def test_another_video_that_answers_is_a_sign_and_the_own_answer_is_none():
    rows = [(B, "ok", 90), (A, "private", 100), (B, "past_end", 110)]
    assert standings(table(rows), canaries(), at(LATER))[A] == Standing(Verdict.PRIVATE, None, 1)
    rows = [(B, "ok", 90), (A, "private", 100), (B, "private", 110)]
    assert standings(table(rows), canaries(), at(LATER))[A].verdict is None


def test_signs_of_another_egress_do_not_count():
    rows = [(B, "ok", 90, "there"), (A, "private", 100, "here"), (B, "ok", 110, "there")]
    assert standings(table(rows), canaries(), at(LATER))[A] == Standing(None, BEGINNING, 1)


def test_where_nobody_is_asked_no_witness_is_needed():
    rows = table([(A, "private", 100, None)])
    assert standings(rows, canaries(), at(LATER))[A] == Standing(Verdict.PRIVATE, None, 1)


# Doubtful answers


def test_one_doubtful_answer_settles_nothing_and_is_looked_at_again_a_day_later():
    found = stand([("unavailable", 0)], well_around(0))
    assert found == Standing(Verdict.UNAVAILABLE, at(DAY_S), 1)
    assert found.life is Life.UNKNOWN


@pytest.mark.parametrize(
    ("second", "signs", "expected"),
    [
        (DAY_S, well_around(0, DAY_S), Standing(Verdict.UNAVAILABLE, None, 2)),
        (DAY_S - 1, well_around(0, DAY_S - 1), Standing(Verdict.UNAVAILABLE, at(DAY_S), 2)),
        (DAY_S, well_around(0), Standing(Verdict.UNAVAILABLE, at(DAY_S), 2)),  # the second look is void
        (DAY_S, well_around(DAY_S), Standing(Verdict.UNAVAILABLE, at(2 * DAY_S), 2)),  # the first one is
        (DAY_S, canaries(), Standing(None, BEGINNING, 2)),
    ],
)
def test_a_doubtful_answer_needs_two_looks_a_day_apart_with_witness_on_all_four_sides(
    second, signs, expected
):
    found = stand([("unavailable", 0), ("unavailable", second)], signs)
    assert found == expected
    assert found.life is (Life.GONE if found.settled else Life.UNKNOWN)


def test_looks_in_between_do_no_harm():
    times = [0, HOUR_S, 2 * HOUR_S, DAY_S]
    found = stand([("unavailable", t) for t in times], well_around(*times))
    assert found == Standing(Verdict.UNAVAILABLE, None, 4)


@pytest.mark.parametrize("between", ["stalled", "not_yet"])
def test_a_counting_answer_of_another_kind_begins_the_looks_anew(between):
    times = [0, HOUR_S, DAY_S]
    answers = ["unavailable", between, "unavailable"]
    found = stand(list(zip(answers, times, strict=True)), well_around(*times))
    assert found == Standing(Verdict.UNAVAILABLE, at(2 * DAY_S), 3)


@pytest.mark.parametrize("between", ["rate_limited", "api_error"])
def test_an_answer_that_is_not_about_the_video_takes_nothing_from_the_first_look(between):
    times = [0, HOUR_S, DAY_S]
    found = stand(list(zip(["unavailable", between, "unavailable"], times, strict=True)), well_around(*times))
    assert found == Standing(Verdict.UNAVAILABLE, None, 3)


# Waiting


@pytest.mark.parametrize(
    ("verdict", "first_s"),
    [
        *((v, 600) for v in Verdict if nature_of(v) in (Nature.MEDIA, Nature.WITHHELD)),
        *((v, 900) for v in Verdict if nature_of(v) is Nature.SESSION),
        *((v, 6 * HOUR_S) for v in Verdict if nature_of(v) is Nature.BROKEN),
        ("not_yet", DAY_S),
    ],
)
def test_waits_double_and_end_after_six(verdict, first_s):
    for n in range(1, 8):
        found = stand([(verdict, t) for t in range(n)], well_around(*range(n)))
        due = at(n - 1 + first_s * 2 ** (n - 1)) if n < 6 else None
        assert found == Standing(Verdict(verdict), due, n)
    alive = nature_of(verdict) in (Nature.MEDIA, Nature.WITHHELD)
    assert found.life is (Life.ALIVE if alive else Life.UNKNOWN)


def test_an_absent_file_is_asked_for_every_hour_for_ever():
    for n in (1, 2, 50):
        found = stand([("not_found", t) for t in range(n)])
        assert found == Standing(Verdict.NOT_FOUND, at(n - 1 + HOUR_S), n)


def test_other_verdicts_of_one_nature_are_alike_and_of_another_are_not():
    found = stand([("stalled", 0), ("truncated", 1), ("media_http", 2)], well_around(0, 1, 2))
    assert found == Standing(Verdict.MEDIA_HTTP, at(2 + 4 * 600), 3)
    found = stand(
        [("stalled", 0), ("truncated", 1), ("bot_check", 2), ("stalled", 3)], well_around(0, 1, 2, 3)
    )
    assert found == Standing(Verdict.STALLED, at(3 + 600), 4)


def test_every_rule_of_patience_can_be_changed():
    patience = Patience(
        second_look_s=10.0,
        reach_s=5.0,
        media_s=1.0,
        session_s=2.0,
        broken_s=3.0,
        later_s=4.0,
        absent_s=6.0,
        growth=3.0,
        attempts=2,
        most_attempts=3,
    )
    for verdict, first_s in (("stalled", 1), ("bot_check", 2), ("api_error", 3), ("not_yet", 4)):
        signs = canaries((-1, True), (1, True), (2, True))
        assert stand([(verdict, 0)], signs, patience=patience).due_at == at(first_s)
        assert stand([(verdict, 0), (verdict, 1)], signs, patience=patience).settled
    assert patience.wait_s(Nature.MEDIA, 3) == 9
    assert patience.wait_s(Nature.ABSENT, 3) == 6
    near, far = canaries((-5, True), (5, True)), canaries((-6, True), (5, True))
    assert stand([("private", 0)], near, patience=patience).settled
    assert stand([("private", 0)], far, patience=patience).verdict is None
    looks = [("unavailable", 0), ("unavailable", 10)]
    assert stand(looks, canaries((-1, True), (1, True), (9, True), (11, True)), patience=patience).settled


def test_what_fails_in_turns_ends_too():
    turns = [(("media_http", "timed_out")[n % 2], n) for n in range(24)]
    found = stand(turns, well_around(*range(24)))
    assert found == Standing(Verdict.TIMED_OUT, None, 24)
    assert not stand(turns[:23], well_around(*range(23))).settled


# Media


def test_media_that_nobody_gets_say_nothing_of_the_video():
    often = [("media_http", t) for t in range(0, 10_000, 1000)]
    failing = canaries(*((t + d, False) for _, t in often for d in (-30, 30)))
    assert stand(often, failing) == Standing(None, BEGINNING, 10)
    assert stand(often, well_around(*(t for _, t in often))).settled


def test_a_player_that_answers_vouches_for_answers_and_not_for_media():
    rows = [
        (B, "past_end", 0),
        (A, "media_http", 10),
        (B, "past_end", 20),
        (A, "private", 25),
        (B, "stalled", 30),
    ]
    found = standings(table(rows), canaries(), at(LATER))
    assert (found[A].verdict, found[A].life) == (Verdict.PRIVATE, Life.GONE)
    assert standings(table(rows[:3]), canaries(), at(LATER))[A].verdict is None
    rows = [(B, "ok", 0), (A, "media_http", 10), (B, "truncated", 20)]
    assert standings(table(rows), canaries(), at(LATER))[A] == Standing(Verdict.MEDIA_HTTP, at(610), 1)


def test_a_sign_of_life_is_as_old_as_its_question():
    """A clip whose media came slowly says nothing of the session at the time when they were there."""
    rows = table([(B, "ok", 0), (A, "private", 72), (B, "ok", 114)])
    slow = rows.set_column(rows.schema.get_field_index("took_s"), "took_s", pa.array([0.0, 1.0, 90.0]))
    failed = canaries((180, False))
    assert standings(rows, failed, at(LATER))[A].settled
    assert standings(slow, failed, at(LATER))[A] == Standing(None, BEGINNING, 1)


# Sources


def test_what_a_folder_lacks_says_nothing_of_youtube():
    rows = [(A, "past_end", 0, None, "local"), (B, "not_found", 0, None, "local")]
    for asked, expected in (
        ("local", Standing(Verdict.PAST_END, None, 1)),
        ("youtube", Standing(None, BEGINNING, 1)),
    ):
        assert standings(table(rows), canaries(), at(LATER), source=asked)[A] == expected
    assert standings(table(rows), canaries(), at(LATER))[A].life is Life.UNKNOWN, "a file is no video"


def test_a_clip_is_a_clip_wherever_it_is_from():
    rows = table([(A, "ok", 0, None, "local"), (A, "private", 10)])
    assert standings(rows, well_around(10), at(LATER), source="youtube")[A] == Standing(Verdict.OK, None, 2)


def test_without_a_source_named_the_last_one_asked_is_meant_and_the_videos_life_is_what_youtube_said():
    rows = table([(A, "private", 0), (A, "not_found", 100, None, "local")])
    found = standings(rows, well_around(0), at(LATER))[A]
    assert (found.verdict, found.life) == (Verdict.NOT_FOUND, Life.GONE)
    assert standings(rows, well_around(0), at(LATER), source="youtube")[A].settled


# What wins


@pytest.mark.parametrize("other", [v for v in Verdict if nature_of(v) is not Nature.GOT])
def test_a_clip_wins_for_ever(other):
    signs = well_around(0, 100, 200)
    for attempts in (
        [("ok", 0), (other, 100)],
        [(other, 0), ("ok", 100)],
        [(other, 0), ("ok", 100), (other, 200)],
    ):
        found = stand(attempts, signs)
        assert found == Standing(Verdict.OK, None, len(attempts))
        assert found.life is Life.ALIVE


def test_of_lasting_answers_the_last_counts():
    found = stand([("stalled", 0), ("private", 100)], well_around(0, 100))
    assert (found, found.life) == (Standing(Verdict.PRIVATE, None, 2), Life.GONE)
    found = stand([("private", 0), ("stalled", 100)], well_around(0, 100))
    assert (found, found.life) == (Standing(Verdict.STALLED, at(700), 2), Life.ALIVE)


def test_answers_about_the_session_leave_what_is_known_of_the_video():
    found = stand([("stalled", 0), ("bot_check", 100)], well_around(0, 100))
    assert (found.verdict, found.life, found.told.at) == (Verdict.BOT_CHECK, Life.ALIVE, at(0))
    checks = range(100, 106)
    found = stand([("unavailable", 0), *(("bot_check", t) for t in checks)], well_around(0, *checks))
    assert found.settled and found.life is Life.UNKNOWN


@pytest.mark.parametrize("verdict", ["rate_limited", "bot_check", "extractor_broken", "api_error"])
def test_what_every_video_is_told_settles_none_of_them(verdict):
    often = [(verdict, t) for t in range(0, 100_000, 1000)]
    refused = stand(often, canaries(*((t + 1, False) for t, _ in enumerate(often))))
    assert (refused.verdict, refused.settled, refused.due_at) == (None, False, BEGINNING)


def test_verdicts_are_counted_with_those_of_whom_nothing_is_known():
    found = [Standing(Verdict.OK, None), Standing(None, BEGINNING), Standing(Verdict.OK, None), NEVER_ASKED]
    assert count_verdicts(found) == {"ok": 2, "undecided": 2}
