"""The health of a session: when a canary is due, and for how long a failed one stops everybody."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.politeness.health import Health
from flows.politeness.pace import Pace

EPOCH_S = 1_790_000_000.0
FIELDS = {"failures": 0, "doubts": 0, "doubted_s": 0.0, "sign_s": 0.0}


class Clock:
    def __init__(self):
        self.now_s = EPOCH_S

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def health_at(folder, clock, name="here", **pace):
    return Health(folder, name, Pace(**pace), clock)


def test_doubts_and_silence_call_for_a_canary(tmp_path, clock):
    health = health_at(tmp_path, clock, canary_every_s=1800, canary_after=3)
    assert health.canary_is_due(), "the first question of all"
    health.answered()
    assert not health.canary_is_due() and not health.has_doubts()
    for _ in range(2):
        health.doubted()
        assert health.has_doubts() and not health.canary_is_due() and not health.is_doubtful()
    health.doubted()
    assert health.canary_is_due() and health.is_doubtful()
    health.answered()
    health.doubted(strongly=True)
    assert health.is_doubtful(), "a strong doubt is enough"
    health.answered()
    clock.now_s += 1801
    assert health.canary_is_due() and not health.is_doubtful(), "it is long since the last sign of life"


def test_an_answer_to_an_old_question_takes_no_doubt_away_that_came_since(tmp_path, clock):
    health = health_at(tmp_path, clock)
    health.answered()
    clock.now_s += 10
    health.doubted(strongly=True)
    clock.now_s += 10
    health.answered(ago_s=15)  # its media took so long
    assert health.is_doubtful()
    health.answered(ago_s=5)
    assert not health.is_doubtful()


def test_a_sign_of_life_is_as_old_as_its_question(tmp_path, clock):
    health = health_at(tmp_path, clock, canary_every_s=1800)
    health.answered(ago_s=1000)
    clock.now_s += 801
    assert health.canary_is_due()


def test_a_failed_canary_stops_twice_as_long_each_time_up_to_the_longest(tmp_path, clock):
    health = health_at(tmp_path, clock, pause_s=100, longest_pause_s=350, jitter=0)
    assert [health.failed() for _ in range(4)] == [100, 200, 350, 350]
    assert health.is_doubtful(), "until one is alive"
    health.answered()
    assert health.failed() == 100, "a sign of life is a new beginning"


def test_pauses_differ_so_that_many_do_not_come_back_at_once(tmp_path, clock):
    lengths = [health_at(tmp_path, clock, str(n), pause_s=100, jitter=0.25).failed() for n in range(100)]
    assert 75 <= min(lengths) < 85 and 115 < max(lengths) <= 125


def test_weeks_of_failed_canaries_do_not_overflow(tmp_path, clock):
    (tmp_path / "here.json").write_text(json.dumps({**FIELDS, "failures": 5000}))
    assert health_at(tmp_path, clock, pause_s=100, longest_pause_s=350, jitter=0).failed() == 350


def test_what_was_found_out_is_known_after_a_restart(tmp_path, clock):
    health_at(tmp_path, clock).answered()
    health_at(tmp_path, clock).doubted(strongly=True)
    assert health_at(tmp_path, clock).is_doubtful()
    assert not health_at(tmp_path, clock, "elsewhere").is_doubtful()


def test_one_turn_is_no_other_egress(tmp_path, clock):
    for name in ("a.turn", "a.lock", "a.json"):
        with health_at(tmp_path, clock, "a").turn():
            health_at(tmp_path, clock, name).answered()  # would wait for ever
            with health_at(tmp_path, clock, name).turn():
                assert not health_at(tmp_path, clock, name).has_doubts()


@settings(deadline=None, max_examples=60)
@given(
    st.binary(max_size=20)
    | st.fixed_dictionaries(
        {}, optional={name: st.floats() | st.integers() | st.none() | st.text() for name in FIELDS}
    ).map(lambda values: json.dumps(FIELDS | values).encode())
)
def test_whatever_the_file_says_it_goes_on(tmp_path_factory, content):
    folder, clock = tmp_path_factory.mktemp("health"), Clock()
    (folder / "here.json").write_bytes(content)
    health = health_at(folder, clock)
    assert isinstance(health.canary_is_due(), bool)
    health.answered()
    assert not health.canary_is_due()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", json.dumps({**FIELDS, "sign_s": EPOCH_S + 3e7}).encode()]
)
def test_of_a_damaged_file_nothing_is_believed(tmp_path, clock, content):
    (tmp_path / "here.json").write_bytes(content)
    assert health_at(tmp_path, clock).canary_is_due()
