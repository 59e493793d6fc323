"""Pace of an egress: a token bucket and a pause, shared by every process of this machine that uses it."""

import fcntl
import json
import math
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.files import write_bytes

EGRESS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
# However long a server asks to be left alone: after this, a canary finds out by itself.
LONGEST_REST_S = 24 * 3600.0
# Doublings of a pause that are counted; the longest pause is reached long before.
_MOST_DOUBLINGS = 64
# More waiting questions than any machine has threads for.
_MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an egress may ask, and what it does when a canary fails.

    300 an hour is what yt-dlp's wiki gives as the limit of a guest session (April 2026).
    """

    per_hour: float = 300.0
    burst: int = 5  # questions that may come at once after a rest
    pause_s: float = 3600.0  # after a failed canary; doubled by each further one
    longest_pause_s: float = 6 * 3600.0
    jitter: float = 0.25  # share by which a pause is longer or shorter
    canary_every_s: float = 1800.0  # without any sign of life
    canary_after: int = 3  # answers in a row that say nothing of the session

    def __post_init__(self) -> None:
        if not self.per_hour > 0 or self.burst < 1:
            raise SetupError(
                f"the rate is {self.per_hour} an hour with bursts of {self.burst}, expected more than 0, and 1 at "
                "least"
            )

    @property
    def interval_s(self) -> float:
        """Seconds between two questions in the long run."""
        return 3600.0 / self.per_hour


@dataclass(slots=True)
class State:
    """What the processes of an egress share; times are seconds of the clock on the wall."""

    full_at_s: float = 0.0  # when the bucket is full again
    paused_until_s: float = 0.0
    failures: int = 0  # canaries in a row that failed
    doubts: int = 0  # answers since the last sign of life that say nothing of the session
    sign_s: float = 0.0  # the last sign of life


class Egress:
    """One address that asks, known by a name; its state is a small file under a lock."""

    def __init__(
        self,
        folder: Path,
        name: str,
        pace: Pace,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not EGRESS_NAME.fullmatch(name):
            raise SetupError(f"{name!r} is no name of an egress, expected letters, digits, `_`, `.` and `-`")
        folder.mkdir(parents=True, exist_ok=True)
        self.name, self.pace = name, pace
        self._file, self._lock = folder / f"{name}.json", folder / f"{name}.lock"
        self._turn = folder / f"{name}.turn"
        self._clock, self._sleep = clock, sleep

    def take(self) -> None:
        """Wait for the end of any pause, and for a token.

        The token is noted before the wait: a process that dies meanwhile makes us slower, never faster. A
        pause that begins meanwhile voids it, or else all who waited would ask at once when the pause ends.
        """
        while True:
            while (wait_s := self.pause_left_s()) > 0:
                self._sleep(wait_s)
            self._sleep(self._reserve())
            if not self.pause_left_s():
                return

    def pause_left_s(self) -> float:
        """Seconds until the end of a pause; 0 if there is none."""
        with self.state() as state:
            return max(0.0, state.paused_until_s - self._clock())

    def pause(self, seconds: float) -> None:
        """Pause all processes of this egress, as a server has asked for; for a day at most."""
        with self.state() as state:
            state.paused_until_s = max(state.paused_until_s, self._clock() + min(seconds, LONGEST_REST_S))

    def answered(self) -> None:
        """Note a sign of life."""
        with self.state() as state:
            state.sign_s, state.doubts, state.failures = self._clock(), 0, 0

    def doubted(self, *, strongly: bool = False) -> None:
        """Note an answer that an unwell session may have given as well; a strong doubt is settled at once."""
        with self.state() as state:
            state.doubts = max(state.doubts + 1, self.pace.canary_after if strongly else 0)

    def failed(self) -> float:
        """Note a failed canary; pauses everybody, until one is alive again, and returns for how many seconds."""
        with self.state() as state:
            doubled = 2.0 ** min(state.failures, _MOST_DOUBLINGS)
            longest = min(self.pace.pause_s * doubled, self.pace.longest_pause_s)
            seconds: float = longest * (1 + self.pace.jitter * random.uniform(-1, 1))
            state.failures, state.doubts = state.failures + 1, 0
            state.paused_until_s = max(state.paused_until_s, self._clock() + seconds)
            return seconds

    def canary_is_due(self) -> bool:
        """Whether to ask a video known to be alive before going on."""
        with self.state() as state:
            silent_s = self._clock() - state.sign_s
            return silent_s > self.pace.canary_every_s or self._is_doubtful(state)

    def is_unwell(self) -> bool:
        """Whether none but a canary may be asked: in a pause, after one that failed, in doubt."""
        with self.state() as state:
            return state.paused_until_s > self._clock() or self._is_doubtful(state)

    def has_doubts(self) -> bool:
        """Whether there are answers that the next sign of life has to vouch for."""
        with self.state() as state:
            return state.doubts > 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one thread of all processes ask the canary, and the others wait for what it finds."""
        with _locked(self._turn):
            yield

    @contextmanager
    def state(self) -> Iterator[State]:
        """The shared state, under its lock; what is changed is written, whole or not at all."""
        with _locked(self._lock):
            state = self._read()
            before = asdict(state)
            yield state
            if asdict(state) != before:
                write_bytes(self._file, json.dumps(asdict(state)).encode())

    def _reserve(self) -> float:
        """Take the next free token and say how many seconds away it is (the generic cell rate algorithm)."""
        with self.state() as state:
            now_s = self._clock()
            full_at_s = max(state.full_at_s, now_s)
            state.full_at_s = full_at_s + self.pace.interval_s
            return max(0.0, full_at_s - (self.pace.burst - 1) * self.pace.interval_s - now_s)

    def _is_doubtful(self, state: State) -> bool:
        return state.failures > 0 or state.doubts >= self.pace.canary_after

    def _read(self) -> State:
        try:
            noted = json.loads(self._file.read_text())
            state = State(**{field.name: field.type(noted[field.name]) for field in fields(State)})  # type: ignore[operator]
            latest_s = self._clock() + self._furthest_s()
            if not all(math.isfinite(value) and value < latest_s for value in asdict(state).values()):
                raise ValueError(f"{state} was written by a clock that was wrong")
            return state
        except FileNotFoundError:
            return State()
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            # Damaged from outside: as if the bucket had just been emptied, which is the slow side.
            return State(full_at_s=self._clock() + self.pace.interval_s * self.pace.burst)

    def _furthest_s(self) -> float:
        """Seconds of the future that a state can speak of."""
        longest_s = max(LONGEST_REST_S, self.pace.longest_pause_s * (1 + self.pace.jitter))
        return longest_s + self.pace.interval_s * (self.pace.burst + _MOST_WAITING)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
