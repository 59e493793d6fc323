"""Health of an egress: whether the answers that a workspace gets through it are those of a session that is well."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.files import locked
from flows.politeness.pace import Pace
from flows.politeness.shared_state import SharedState

# Doublings of a pause that are counted; the longest pause is reached long before.
_MOST_DOUBLINGS = 64


@dataclass(slots=True)
class Symptoms:
    """What the processes of a workspace share."""

    failures: int = 0  # canaries in a row that failed
    doubts: int = 0  # answers since the last sign of life that say nothing of the session
    doubted_s: float = 0.0  # when the last of them came, by the clock on the wall
    sign_s: float = 0.0  # the last sign of life


class Health:
    """What the answers say of the session. It is a workspace's own: its ledger needs witnesses of its own."""

    def __init__(self, folder: Path, name: str, pace: Pace, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.clock, self._pace = clock, pace
        self._turn = folder / f"{name}.turn"
        # A clock may be set back by a minute; what lies farther ahead was written by one that was wrong.
        self._symptoms = SharedState(folder / f"{name}.json", Symptoms, lambda: clock() + 60, Symptoms)

    def answered(self, ago_s: float = 0.0) -> None:
        """Note a sign of life, of a question that was put `ago_s` ago; it says nothing of what came since."""
        with self._symptoms.held() as symptoms:
            asked_s = self.clock() - ago_s
            symptoms.sign_s = max(symptoms.sign_s, asked_s)
            if symptoms.doubted_s <= asked_s:
                symptoms.doubts, symptoms.failures = 0, 0

    def doubted(self, *, strongly: bool = False) -> None:
        """Note an answer that an unwell session may have given as well; a strong doubt is settled at once."""
        with self._symptoms.held() as symptoms:
            symptoms.doubts = max(symptoms.doubts + 1, self._pace.canary_after if strongly else 0)
            symptoms.doubted_s = self.clock()

    def failed(self) -> float:
        """Note a failed canary, and say for how many seconds nobody should ask."""
        with self._symptoms.held() as symptoms:
            doubled = 2.0 ** min(symptoms.failures, _MOST_DOUBLINGS)
            symptoms.failures, symptoms.doubts = symptoms.failures + 1, 0
            symptoms.doubted_s = self.clock()
        seconds = min(self._pace.pause_s * doubled, self._pace.longest_pause_s)
        return seconds * (1 + self._pace.jitter * random.uniform(-1, 1))

    def canary_is_due(self) -> bool:
        """Whether to ask a video known to be alive before going on."""
        with self._symptoms.held() as symptoms:
            silent_s = self.clock() - symptoms.sign_s
            return silent_s > self._pace.canary_every_s or self._is_doubtful(symptoms)

    def is_doubtful(self) -> bool:
        """Whether none but a canary may be asked: after one that failed, or in doubt."""
        with self._symptoms.held() as symptoms:
            return self._is_doubtful(symptoms)

    def has_doubts(self) -> bool:
        """Whether there are answers that the next sign of life has to vouch for."""
        with self._symptoms.held() as symptoms:
            return symptoms.doubts > 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one thread of all processes ask the canary, and the others wait for what it finds."""
        with locked(self._turn):
            yield

    def _is_doubtful(self, symptoms: Symptoms) -> bool:
        return symptoms.failures > 0 or symptoms.doubts >= self._pace.canary_after
