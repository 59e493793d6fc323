"""The watch over a session: when canaries are asked, and what follows from what they say."""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from loopback_media import Media
from loopback_youtube import LoopbackYouTube
from truth_media import render

from audiosetzsl.clips.signs import CANARIES as CANARY_ROWS
from audiosetzsl.clips.signs import Evidence, Signs
from audiosetzsl.clips.standing import Attempt, Patience, standing_of, standings
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.files import read_table
from flows.politeness.canary import CANARIES, Watch
from flows.politeness.gates import open_gate
from flows.politeness.health import Health
from flows.politeness.pace import Bucket, Pace
from flows.sources.source import Refusal
from flows.youtube.options import YtDlpOptions
from flows.youtube.session import Session

FAST = Pace(per_hour=3_600_000, burst=100, pause_s=100, longest_pause_s=1000, jitter=0)


class World:
    """One egress, a clock that sleeping moves, and canaries that answer as they are told to."""

    def __init__(self, folder, pace=FAST):
        self.folder, self.now_s, self.pauses = folder, 1_790_000_000.0, []
        self.asked, self.gated, self.refusals = [], [], {}
        self.limited_for = 0  # so many pauses
        self.bucket = Bucket(folder / "state", "here", pace, self.clock, self.sleep)
        self.health = Health(folder / "health", "here", pace, self.clock)
        self.watch = self.watch_by(self.look, ("canary_a", "canary_b"), self.gate)

    def watch_by(self, look, canaries=CANARIES, gate=open_gate):
        return Watch(self.bucket, self.health, self.folder / "canaries", look, canaries, gate)

    def clock(self):
        return self.now_s

    def sleep(self, seconds):
        if seconds > 1:
            self.pauses.append(seconds)
            self.limited_for -= 1
        self.now_s += seconds

    def look(self, ytid):
        self.asked.append(ytid)
        if verdict := Verdict.RATE_LIMITED if self.limited_for > 0 else self.refusals.get(ytid):
            raise Refusal(verdict, "a message")

    def gate(self, egress):
        self.gated.append(egress)

    def rows(self):
        return read_table(self.folder / "canaries" / "here.parquet", CANARY_ROWS).to_pylist()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_the_first_question_of_a_session_is_a_canary(world):
    world.watch.admit()
    assert world.asked == ["canary_a"]
    (row,) = world.rows()
    assert (row["egress"], row["good"], row["message"]) == ("here", True, "canary_a: alive")
    assert abs(datetime.now(UTC) - row["at"]) < timedelta(seconds=10)


def test_clips_that_come_are_signs_of_life_and_no_canary_is_asked(world):
    for verdict in [Verdict.OK, Verdict.MEDIA_HTTP, Verdict.PAST_END] * 10:
        world.watch.admit()
        world.now_s += 600
        world.watch.note(verdict, None)
    assert world.asked == ["canary_a"], "but for the first"


def test_without_a_sign_of_life_for_half_an_hour_a_canary_is_asked(world):
    world.watch.admit()
    world.watch.note(Verdict.OK, None)
    world.now_s += FAST.canary_every_s + 1
    world.watch.admit()
    assert world.asked == ["canary_a"] * 2


def test_a_session_is_not_begun_anew_by_a_restart(world):
    world.watch.admit()
    World(world.folder).watch.admit()
    assert len(world.rows()) == 1


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict.PRIVATE,
        Verdict.UNAVAILABLE,
        Verdict.GEO,
        Verdict.NOT_YET,
        Verdict.EXTRACTOR_BROKEN,
        Verdict.API_ERROR,
    ],
)
def test_after_three_answers_that_an_unwell_session_gives_as_well_a_canary_is_asked(world, verdict):
    for n_canaries in (1, 1, 1, 2, 2, 2, 3):
        world.watch.admit()
        assert len(world.asked) == n_canaries
        world.watch.note(verdict, None)
    world.watch.note(Verdict.OK, None)
    world.watch.admit()
    assert len(world.asked) == 3, "a clip in between vouches for them as well"


@pytest.mark.parametrize("verdict", [Verdict.RATE_LIMITED, Verdict.BOT_CHECK])
def test_an_answer_about_the_session_has_a_canary_asked_before_anything_else(world, verdict):
    world.watch.admit()
    world.watch.note(verdict, None)
    assert len(world.asked) == 1 and not world.pauses, "the answer itself is not held up"
    world.watch.admit()
    assert len(world.asked) == 2


def test_one_canary_alive_of_several_is_enough(world):
    world.refusals = {"canary_a": Verdict.PRIVATE}
    world.watch.admit()
    assert world.asked == ["canary_a", "canary_b"]
    assert [(row["good"], row["message"]) for row in world.rows()] == [(True, "canary_b: alive")]


def test_a_failed_canary_pauses_is_noted_and_is_asked_again_after_the_pause(world, caplog):
    world.limited_for = 2
    with caplog.at_level(logging.WARNING):
        world.watch.admit()
    assert world.asked == [*["canary_a", "canary_b"] * 2, "canary_a"]
    assert world.pauses == pytest.approx([100, 200], abs=1)
    assert [row["good"] for row in world.rows()] == [False, False, True]
    assert world.rows()[0]["message"] == "canary_a: rate_limited; canary_b: rate_limited"
    assert (
        "no canary is alive (canary_a: rate_limited; canary_b: rate_limited); paused for 2 min" in caplog.text
    )
    assert not world.health.is_doubtful() and not world.bucket.pause_left_s()


def test_nobody_who_waited_while_a_canary_failed_asks_before_the_next_one_has(world):
    world.watch.admit()
    asked_at_gate = []

    def gate(egress):
        asked_at_gate.append(len(world.asked))
        if len(asked_at_gate) == 1:
            # Found out by another process meanwhile.
            other = World(world.folder)
            other.bucket.pause(other.health.failed())

    world.watch_by(world.look, ("canary_a",), gate).admit()
    assert world.pauses == pytest.approx([100], abs=1)
    assert asked_at_gate == [1, 1, 2], "the one that was too late, the canary, and the question"


@pytest.mark.parametrize("verdict", [Verdict.RATE_LIMITED, Verdict.API_ERROR])
def test_retry_after_is_honoured_by_all_before_the_next_question(world, verdict):
    world.watch.admit()
    world.watch.note(verdict, 77.0)
    World(world.folder).watch.admit()
    other = World(world.folder)
    assert other.bucket.pause_left_s() == pytest.approx(77, abs=1)
    world.watch.admit()
    assert world.pauses == pytest.approx([77], abs=1)


def test_the_media_server_of_one_clip_does_not_pause_everybody(world):
    world.watch.admit()
    world.watch.note(Verdict.MEDIA_HTTP, 3600.0)
    assert world.bucket.pause_left_s() == 0


def test_settling_vouches_for_the_last_answers_and_asks_nothing_if_there_is_nothing_to_vouch_for(world):
    world.watch.admit()
    world.watch.settle()
    assert len(world.asked) == 1
    world.watch.note(Verdict.PRIVATE, None)
    world.watch.settle()
    assert len(world.asked) == 2
    world.watch.settle()
    assert len(world.asked) == 2


def test_settling_asks_once_and_waits_for_no_pause_that_it_brings_about(world):
    world.watch.admit()
    world.watch.note(Verdict.PRIVATE, None)
    world.limited_for = 1
    world.watch.settle()
    assert world.pauses == [] and world.bucket.pause_left_s() == pytest.approx(100)
    assert [row["good"] for row in world.rows()] == [True, False]


def test_settling_does_not_wait_for_what_comes_too_late_to_vouch(world):
    world.watch.admit()
    world.watch.note(Verdict.RATE_LIMITED, Patience().reach_s + 1)
    world.watch.settle()
    assert world.pauses == [] and len(world.asked) == 1


def test_every_question_passes_the_gate_and_canaries_are_questions(world):
    world.refusals = {"canary_a": Verdict.PRIVATE}
    world.watch.admit()
    assert world.gated == ["here"] * 3
    world.watch.admit()
    assert world.gated == ["here"] * 4


def test_a_set_up_that_is_wrong_is_no_failed_canary(world):
    def broken(ytid):
        raise SetupError("the proxy is none")

    watch = world.watch_by(broken)
    with pytest.raises(SetupError, match="the proxy is none"):
        watch.admit()
    assert not (world.folder / "canaries").exists() and world.bucket.pause_left_s() == 0


def test_of_several_threads_one_asks_the_canary_and_the_others_wait_for_it(tmp_path):
    asked, admitted = [], []

    def look(ytid):
        asked.append(time.monotonic())
        time.sleep(0.2)

    bucket, health = Bucket(tmp_path / "state", "here", FAST), Health(tmp_path / "health", "here", FAST)
    watch = Watch(bucket, health, tmp_path / "canaries", look)

    def work():
        watch.admit()
        admitted.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1 and len(admitted) == 6
    assert min(admitted) >= asked[0] + 0.2


def test_a_failed_canary_voids_what_was_said_since_the_last_good_sign(world):
    patience = Patience()

    def standing(verdict, at):
        now = datetime.now(UTC)
        attempts = pa.Table.from_pylist(
            [
                {
                    "segment_id": "x_0",
                    "verdict": verdict,
                    "egress": "here",
                    "at": at,
                    "source": "youtube",
                    "took_s": 0.0,
                }
            ]
        )
        table = read_table(world.folder / "canaries" / "here.parquet", CANARY_ROWS)
        return standings(attempts, table, now, patience)["x_0"]

    def moment():
        time.sleep(0.003)  # the ledger counts in ms
        at = datetime.now(UTC)
        time.sleep(0.003)
        return at

    world.watch.admit()
    between_good = moment()
    world.watch.note(Verdict.PRIVATE, None)
    assert not standing("private", between_good).settled, "nobody has vouched for it yet"
    world.watch.settle()
    assert standing("private", between_good).settled
    before_bad = moment()
    world.watch.note(Verdict.PRIVATE, None)
    world.limited_for = 1
    world.watch.settle()
    after_bad = moment()
    world.watch.admit()
    assert [row["good"] for row in world.rows()] == [True, True, False, True]
    for void in (before_bad, after_bad):
        found = standing("private", void)
        assert found.verdict is None and found.is_due(datetime.now(UTC))
    assert standing("private", between_good).settled, "what was vouched for before stays"


def test_a_doubtful_answer_takes_two_looks_a_day_apart_in_a_well_session():
    day, now = timedelta(days=1), datetime.now(UTC)
    first, second = now - 2 * day, now - 1 * day + timedelta(minutes=1)
    around = [at + timedelta(minutes=m) for at in (first, second) for m in (-5, 5)]
    well = Evidence({"here": Signs(around, [True] * 4)})
    looks = [Attempt(Verdict.UNAVAILABLE, "here", at) for at in (first, second)]
    assert not standing_of(looks[:1], well, now, Patience()).settled
    assert standing_of(looks, well, now, Patience()).settled
    unwell = Evidence({"here": Signs(around, [True, True, True, False])})
    assert not standing_of(looks, unwell, now, Patience()).settled


def test_with_youtube_itself_a_limit_stops_everybody_until_it_is_lifted(tmp_path):
    truth = render(tmp_path / "media", seconds=2, size=(320, 180))
    with LoopbackYouTube(Media(truth.video, truth.audio, truth.both)) as server:
        session = Session(YtDlpOptions(server.ydl_params()))
        world = World(tmp_path)

        def sleep(seconds):
            if seconds > 1:
                server.rate_limited = False
            world.sleep(seconds)

        bucket = Bucket(tmp_path / "state", "here", FAST, world.clock, sleep)
        watch = Watch(bucket, world.health, tmp_path / "canaries", session.look)
        watch.admit()
        server.rate_limited = True
        watch.note(Verdict.RATE_LIMITED, None)
        watch.admit()
        session.close()
    assert world.pauses == pytest.approx([100], abs=1)
    assert [row["good"] for row in world.rows()] == [True, False, True]
    assert world.rows()[1]["message"] == "; ".join(f"{ytid}: rate_limited" for ytid in CANARIES)
    assert [hit.ytid for hit in server.requests()] == [CANARIES[0], *CANARIES, CANARIES[0]]
