"""The pace of an egress: never more than was promised, whoever asks, dies, restarts or damages the file."""

import heapq
import itertools
import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audiosetzsl.errors import SetupError
from flows.politeness.pace import LONGEST_REST_S, Bucket, Pace

EPOCH_S = 1_790_000_000.0
FIELDS = {"full_at_s": 0.0, "paused_until_s": 0.0}


class VirtualTime:
    """A clock for several threads, which moves only while all of them sleep: one is awake at a time."""

    def __init__(self, n_threads):
        self.now_s, self.awake = EPOCH_S, n_threads
        self.sleepers, self.order, self.lock = [], itertools.count(), threading.Lock()

    def clock(self):
        return self.now_s

    def sleep(self, seconds):
        woken = threading.Event()
        with self.lock:
            heapq.heappush(self.sleepers, (self.now_s + seconds, next(self.order), woken))
            self._fall_asleep()
        woken.wait()

    def leave(self):
        with self.lock:
            self._fall_asleep()

    def _fall_asleep(self):
        self.awake -= 1
        if not self.awake and self.sleepers:
            self.now_s, _, woken = heapq.heappop(self.sleepers)
            self.awake = 1
            woken.set()


class Alone:
    """A clock for one thread: whoever sleeps moves it."""

    def __init__(self):
        self.now_s, self.slept = EPOCH_S, []

    def clock(self):
        return self.now_s

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now_s += seconds


@pytest.fixture
def alone():
    return Alone()


def bucket_at(folder, clock, name="here", **pace):
    return Bucket(folder, name, Pace(**pace), clock.clock, clock.sleep)


def act_all(folder, pace, plans):
    """Let threads follow their plans; gives the times of the questions, and when pauses begin and end."""
    clock = VirtualTime(len(plans))
    asked_s, pauses = [], []

    def follow(plan):
        for rest_s, pause_s in plan:
            clock.sleep(rest_s)
            # Made anew each time, as by a process that starts.
            bucket = bucket_at(folder, clock, **pace)
            if pause_s is not None:
                bucket.pause(pause_s)
                pauses.append((clock.now_s, clock.now_s + pause_s))
                continue
            bucket.take()
            asked_s.append(clock.now_s)
        clock.leave()

    threads = [threading.Thread(target=follow, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return asked_s, pauses


def fullest_window(times_s, burst, rate):
    """Questions beyond what a window of this length allows, of the worst of all windows."""
    return max(
        (
            j - i + 1 - burst - (times_s[j] - times_s[i]) * rate
            for i in range(len(times_s))
            for j in range(i, len(times_s))
        ),
        default=0,
    )


STEPS = st.tuples(st.floats(0.001, 40), st.none() | st.sampled_from([None, None, 5.0, 300.0]))


@settings(max_examples=40, deadline=None)
@example(per_hour=360.0, burst=1, plans=[[(1.0, None)] * 5] * 3)
@example(per_hour=360.0, burst=4, plans=[[(1.0, None)] * 4, [(1.5, None)] * 4, [(2.0, 100.0), (1.0, None)]])
@given(
    per_hour=st.sampled_from([36.0, 300.0, 3600.0]),
    burst=st.integers(1, 5),
    plans=st.lists(st.lists(STEPS, max_size=6), min_size=1, max_size=4),
)
def test_no_window_of_any_length_sees_more_than_the_burst_and_the_rate(per_hour, burst, plans):
    with TemporaryDirectory() as folder:
        asked_s, pauses = act_all(Path(folder), {"per_hour": per_hour, "burst": burst}, plans)
    wanted = sum(pause is None for plan in plans for _, pause in plan)
    assert len(asked_s) == wanted, "everybody gets to ask in the end"
    assert fullest_window(sorted(asked_s), burst, per_hour / 3600) < 1e-6
    assert not [at for at in asked_s for begins, ends in pauses if begins < at < ends], "asked in a pause"


def test_after_a_rest_a_burst_goes_out_at_once_and_then_one_an_interval(tmp_path, alone):
    bucket = bucket_at(tmp_path, alone, per_hour=360, burst=3)
    began_s, asked_s = alone.now_s, []
    for _ in range(6):
        bucket.take()
        asked_s.append(alone.now_s - began_s)
    assert asked_s == pytest.approx([0, 0, 0, 10, 20, 30])
    alone.now_s += 15
    bucket.take()
    assert alone.slept[-1] == 0, "the bucket has filled up again meanwhile"


def test_what_was_asked_is_known_after_a_restart(tmp_path, alone):
    for _ in range(3):
        bucket_at(tmp_path, alone, per_hour=360, burst=3).take()
    bucket_at(tmp_path, alone, per_hour=360, burst=3).take()
    assert alone.now_s - EPOCH_S == pytest.approx(10)


def test_egresses_of_different_names_do_not_wait_for_each_other(tmp_path, alone):
    for name in ("a", "b", "a.canary", "a.json"):
        bucket_at(tmp_path, alone, name, per_hour=36, burst=1).take()
    assert alone.now_s == EPOCH_S


def test_who_dies_while_waiting_makes_others_wait_and_not_hurry(tmp_path, alone):
    class Killed(Exception):
        pass

    def die(seconds):
        if seconds:
            raise Killed

    pace = Pace(per_hour=360, burst=1)
    bucket_at(tmp_path, alone, per_hour=360, burst=1).take()
    with pytest.raises(Killed):
        Bucket(tmp_path, "here", pace, alone.clock, die).take()
    bucket_at(tmp_path, alone, per_hour=360, burst=1).take()
    assert alone.now_s - EPOCH_S == pytest.approx(20), "its token is lost, not given to another"


def test_processes_share_one_bucket(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from flows.politeness.pace import Bucket, Pace\n"
        "bucket = Bucket(Path(sys.argv[1]), 'here', Pace(per_hour=3600 / 0.05, burst=2))\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for _ in range(6): bucket.take()\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    root = Path(__file__).parents[3]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": root}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    began_s = time.monotonic()
    for process in processes:
        process.communicate("go\n")
        assert process.returncode == 0
    # Each alone would be done after 4 intervals.
    assert time.monotonic() - began_s >= (12 - 2) * 0.05


def test_a_pause_holds_everybody_and_a_shorter_one_does_not_end_it(tmp_path, alone):
    bucket = bucket_at(tmp_path, alone)
    bucket.pause(50)
    bucket.pause(10)
    bucket_at(tmp_path, alone).take()
    assert alone.now_s - EPOCH_S == pytest.approx(50)


def test_who_begins_in_a_pause_is_told_once_until_when(tmp_path, alone, caplog):
    bucket_at(tmp_path, alone).pause(3600)
    bucket = bucket_at(tmp_path, alone)
    with caplog.at_level(logging.WARNING):
        bucket.take()
        bucket.take()
    told = [record.message for record in caplog.records]
    assert told == ["egress here: paused until 2026-09-21 15:13 UTC"]


def test_a_server_that_asks_for_a_rest_of_years_is_asked_again_after_a_day(tmp_path, alone):
    bucket = bucket_at(tmp_path, alone)
    bucket.pause(1e12)
    assert bucket.pause_left_s() == LONGEST_REST_S


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"words"',
        b"[" * 100_000,
        json.dumps({"full_at_s": 0.0}).encode(),
        *(
            json.dumps({**FIELDS, name: value}).encode()
            for name in FIELDS
            for value in (None, [], "x", float("nan"), float("inf"))
        ),
        *(json.dumps({**FIELDS, name: 10**400}).encode() for name in FIELDS),
        # As written by a clock that was a year ahead, and has been set right since.
        *(json.dumps({**FIELDS, name: EPOCH_S + 3e7}).encode() for name in FIELDS),
    ],
    ids=lambda content: content[:90].decode("latin-1"),
)
def test_a_damaged_file_counts_as_an_empty_bucket(tmp_path, alone, content):
    (tmp_path / "here.json").write_bytes(content)
    bucket = bucket_at(tmp_path, alone, per_hour=360, burst=2)
    bucket.take()
    bucket.take()
    assert alone.now_s - EPOCH_S == pytest.approx(10 + 10)
    assert set(json.loads((tmp_path / "here.json").read_text())) == set(FIELDS)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(sorted(FIELDS)), st.floats() | st.integers() | st.booleans() | st.text(), max_size=2
    )
)
def test_whatever_the_file_says_the_rate_is_kept_and_it_goes_on(state):
    with TemporaryDirectory() as folder:
        (Path(folder) / "here.json").write_text(json.dumps(FIELDS | state))
        clock = Alone()
        bucket = bucket_at(Path(folder), clock, per_hour=3600, burst=1)
        asked_s = []
        for _ in range(4):
            bucket.take()
            asked_s.append(clock.now_s)
        assert fullest_window(asked_s, 1, 1.0) < 1e-4
        assert asked_s[-1] - EPOCH_S < 3 * LONGEST_REST_S


def test_a_clock_that_is_set_back_slows_down(tmp_path, alone):
    bucket = bucket_at(tmp_path, alone, per_hour=360, burst=1)
    bucket.take()
    alone.now_s -= 60
    bucket.take()
    assert alone.now_s - EPOCH_S == pytest.approx(10)


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".hidden", "a b", "x" * 41, "näher", "a\n"])
def test_names_that_are_no_names_of_files_are_refused(tmp_path, name):
    with pytest.raises(
        SetupError, match=r"is no name of an egress, expected letters, digits, `_`, `\.` and `-`"
    ):
        Bucket(tmp_path / "egresses", name, Pace())
    assert not (tmp_path / "egresses").exists()


def test_a_folder_that_cannot_be_made_is_told_with_what_to_do(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        SetupError,
        match=r"file/state cannot be made \(Not a directory\), where the pace of egress here is noted; "
        r"set AZSL_STATE to a folder that you can write to",
    ):
        Bucket(tmp_path / "file" / "state", "here", Pace())


@pytest.mark.parametrize(("per_hour", "burst"), [(0, 5), (-1, 5), (float("nan"), 5), (5.9, 5), (300, 0)])
def test_rates_at_which_nobody_would_ever_ask_or_be_vouched_for_are_refused(per_hour, burst):
    with pytest.raises(
        SetupError, match=rf"{per_hour} an hour with bursts of {burst}, expected at least 6 an hour, and"
    ):
        Pace(per_hour=per_hour, burst=burst)


def test_the_default_is_what_a_guest_may_ask():
    assert Pace().interval_s == 12.0
