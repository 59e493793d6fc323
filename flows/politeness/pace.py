"""Pace of an egress: a token bucket and its pauses, shared by everything on this machine that uses it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audiosetzsl.egresses import EGRESS_NAME, VARIABLE, Allowance, allowance_path
from audiosetzsl.errors import SetupError
from flows.politeness.shared_state import SharedState

# However long a server asks to be left alone: after this, a canary finds out by itself.
LONGEST_REST_S = 24 * 3600.0
WORTH_TELLING_S = 60.0
# Slower, and no sign of life would be near enough to an answer to vouch for it.
SLOWEST_PER_HOUR = 6.0
log = logging.getLogger(__name__)
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
        if not self.per_hour >= SLOWEST_PER_HOUR or self.burst < 1:
            raise SetupError(
                f"the rate is {self.per_hour} an hour with bursts of {self.burst}, expected at least "
                f"{SLOWEST_PER_HOUR:g} an hour, and bursts of 1"
            )

    @property
    def interval_s(self) -> float:
        """Seconds between two questions in the long run."""
        return 3600.0 / self.per_hour


class Bucket:
    """The tokens of one egress: whoever asks takes one first."""

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
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise SetupError(
                f"{folder} cannot be made ({problem.strerror}), where the pace of egress {name} is noted; set "
                f"{VARIABLE} to a folder that you can write to"
            ) from problem
        self.name, self.pace = name, pace
        self._clock, self._sleep = clock, sleep
        self._told: datetime | None = None
        path = allowance_path(folder, name)
        self._allowance = SharedState(path, Allowance, self._latest_s, self._emptied)

    def take(self) -> None:
        """Wait for the end of any pause, and for a token.

        The token is noted before the wait: a process that dies meanwhile makes us slower, never faster. A
        pause that begins meanwhile voids it, or else all who waited would ask at once when the pause ends.
        """
        while True:
            while (wait_s := self.pause_left_s()) > 0:
                self._tell(wait_s)
                self._sleep(wait_s)
            self._sleep(self._reserve())
            if not self.pause_left_s():
                return

    def pause_left_s(self) -> float:
        """Seconds until the end of a pause; 0 if there is none."""
        with self._allowance.held() as allowance:
            return max(0.0, allowance.paused_until_s - self._clock())

    def pause(self, seconds: float) -> None:
        """Let nobody take a token for so long, a day at most; a pause that ends later stays."""
        with self._allowance.held() as allowance:
            until_s = self._clock() + min(seconds, LONGEST_REST_S)
            allowance.paused_until_s = max(allowance.paused_until_s, until_s)

    def _tell(self, wait_s: float) -> None:
        """Say that there is a pause, which may be another run's, once."""
        until = datetime.fromtimestamp(self._clock() + wait_s, UTC)
        if wait_s > WORTH_TELLING_S and (self._told is None or until - self._told > timedelta(seconds=1)):
            self._told = until
            log.warning("egress %s: paused until %s UTC", self.name, f"{until:%Y-%m-%d %H:%M}")

    def _reserve(self) -> float:
        """Take the next free token and say how many seconds away it is (the generic cell rate algorithm)."""
        with self._allowance.held() as allowance:
            now_s = self._clock()
            full_at_s = max(allowance.full_at_s, now_s)
            allowance.full_at_s = full_at_s + self.pace.interval_s
            return max(0.0, full_at_s - (self.pace.burst - 1) * self.pace.interval_s - now_s)

    def _emptied(self) -> Allowance:
        """What counts where the note was damaged from outside: the slow side."""
        return Allowance(full_at_s=self._clock() + self.pace.interval_s * self.pace.burst)

    def _latest_s(self) -> float:
        """The farthest time that a note can speak of."""
        longest_s = max(LONGEST_REST_S, self.pace.longest_pause_s * (1 + self.pace.jitter))
        return self._clock() + longest_s + self.pace.interval_s * (self.pace.burst + _MOST_WAITING)
