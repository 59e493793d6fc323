"""Funnel of the clips: from the candidates of a manifest to good clips, every segment accounted for."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from audiosetzsl.clips.flags import Flag
from audiosetzsl.clips.standing import NEVER_ASKED, Life, Standing
from audiosetzsl.clips.verdicts import Verdict

# A clip with one of these flags is there, and not good.
BAD = frozenset({Flag.SILENT, Flag.STILL, Flag.NO_AUDIO, Flag.SHORT, Flag.DUPLICATE})


@dataclass(frozen=True, slots=True)
class Funnel:
    """How many segments came how far."""

    candidates: int
    asked: int
    alive: int
    closed: int
    gone: int
    unknown: int  # asked, and nothing is known yet
    fetched: int
    good: int

    def lines(self) -> list[tuple[str, int]]:
        """What to print; the lines that are set in add up to the one they stand under."""
        return [
            ("candidates", self.candidates),
            ("  never asked", self.candidates - self.asked),
            ("  asked", self.asked),
            ("    closed", self.closed),
            ("    gone", self.gone),
            ("    unknown", self.unknown),
            ("    alive", self.alive),
            ("      no clip", self.alive - self.fetched),
            ("      fetched", self.fetched),
            ("        bad", self.fetched - self.good),
            ("        good", self.good),
        ]


@dataclass(frozen=True, slots=True)
class Agenda:
    """How many segments are still to be asked for, and when."""

    now: int
    later: int
    settled: int
    next_at: datetime | None  # when the first of those that are due later is due

    @property
    def open(self) -> int:
        """How many are not settled."""
        return self.now + self.later


def funnel_of(
    segment_ids: Sequence[str], standings: Mapping[str, Standing], flags: Mapping[str, Collection[str]]
) -> Funnel:
    """Count how far the segments of a manifest came; `flags` are those of each clip, of other segments too."""
    found = [(name, standings[name]) for name in segment_ids if name in standings]
    lives = Counter(standing.life for _, standing in found)
    clips = [name for name, standing in found if standing.verdict is Verdict.OK]
    return Funnel(
        candidates=len(segment_ids),
        asked=len(found),
        alive=lives[Life.ALIVE],
        closed=lives[Life.CLOSED],
        gone=lives[Life.GONE],
        unknown=lives[Life.UNKNOWN],
        fetched=len(clips),
        good=sum(BAD.isdisjoint(flags.get(name, ())) for name in clips),
    )


def agenda_of(segment_ids: Iterable[str], standings: Mapping[str, Standing], now: datetime) -> Agenda:
    """Count which segments of a manifest are due; those that were never asked for are due now."""
    dues = [standings.get(name, NEVER_ASKED).due_at for name in segment_ids]
    later = [due_at for due_at in dues if due_at is not None and due_at > now]
    settled = dues.count(None)
    return Agenda(len(dues) - settled - len(later), len(later), settled, min(later, default=None))
