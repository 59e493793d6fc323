"""Canary: videos known to be alive are asked, to find out whether it is we who are unwell."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from audiosetzsl.clips.signs import add_canary
from audiosetzsl.clips.standing import Patience
from audiosetzsl.clips.verdicts import ANSWERED, NEEDS_WITNESS, Nature, Verdict, nature_of
from audiosetzsl.errors import ClipError
from flows.politeness.gates import Gate, open_gate
from flows.politeness.health import Health
from flows.politeness.pace import Bucket

log = logging.getLogger(__name__)
# Long-lived videos of YouTube's own history; one answer of the three is enough. Name others with --canaries.
CANARIES = ("jNQXAC9IVRw", "dQw4w9WgXcQ", "9bZkp7q19f0")


class Watch:
    """Keeps an egress honest: asks canaries when they are due, and stops everybody when they fail."""

    def __init__(
        self,
        bucket: Bucket,
        health: Health,
        notes: Path,
        look: Callable[[str], None],
        canaries: Sequence[str] = CANARIES,
        gate: Gate = open_gate,
    ) -> None:
        self.bucket, self.health, self.canaries = bucket, health, canaries
        self._notes, self._look, self._gate = notes, look, gate

    @property
    def egress(self) -> str:
        """Name of the address that asks."""
        return self.bucket.name

    def admit(self) -> None:
        """Wait for a token; come back only in a session that is known to be well."""
        while True:
            self._ask_if(self.health.canary_is_due)
            self._take()
            # While this one waited, another may have found out that the session is not well after all.
            if not self.health.is_doubtful() and not self.bucket.pause_left_s():
                return

    def note(self, verdict: Verdict, retry_after_s: float | None, took_s: float = 0.0) -> None:
        """Take in how an attempt ended; never waits, so that the answer is not held up.

        One that is about the session has a canary asked before any further question.
        """
        nature = nature_of(verdict)
        if nature in ANSWERED - NEEDS_WITNESS:
            self.health.answered(took_s)
            return
        self.health.doubted(strongly=nature is Nature.SESSION)
        if retry_after_s and nature in (Nature.SESSION, Nature.BROKEN):
            self.bucket.pause(retry_after_s)

    def settle(self) -> None:
        """Ask the canary that the last doubtful answers still need, if it can come in time for them."""
        if self.bucket.pause_left_s() < Patience().reach_s:
            self._ask_if(self.health.has_doubts, until_well=False)

    def _ask_if(self, due: Callable[[], bool], *, until_well: bool = True) -> None:
        """Ask the canaries while `due` says so; a failure pauses the egress, and then they are asked again."""
        while due():
            with self.health.turn():
                # Another thread may have asked while this one waited for its turn.
                well = not due() or self._ask()
            if well or not until_well:
                return

    def _ask(self) -> bool:
        """Ask one canary after the other, until one is alive."""
        answers = []
        for ytid in self.canaries:
            self._take()
            began, began_s = datetime.now(UTC), self.health.clock()
            try:
                self._look(ytid)
            except ClipError as problem:
                answers.append(f"{ytid}: {problem.reason}")
                continue
            self._noted(True, f"{ytid}: {Verdict.ALIVE}", began)
            self.health.answered(self.health.clock() - began_s)
            return True
        self._noted(False, "; ".join(answers), datetime.now(UTC))
        seconds = self.health.failed()
        self.bucket.pause(seconds)
        log.warning(
            "egress %s: no canary is alive (%s); paused for %.0f min, and what was said since the last sign of "
            "life does not count",
            *(self.egress, "; ".join(answers), seconds / 60),
        )
        return False

    def _take(self) -> None:
        self.bucket.take()
        self._gate(self.egress)

    def _noted(self, good: bool, message: str, at: datetime) -> None:
        in_ms = at.replace(microsecond=at.microsecond // 1000 * 1000)
        row = {"egress": self.egress, "good": good, "message": message, "at": in_ms}
        add_canary(self._notes / f"{self.egress}.parquet", row)
