"""Standing: what all attempts at a segment amount to, and when it is due again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import NamedTuple

import pyarrow as pa

from audiosetzsl.clips.signs import Signs, Witness, signs_of
from audiosetzsl.clips.verdicts import NEEDS_WITNESS, Nature, Verdict, nature_of

# Columns of the ledger that a standing is made of.
COLUMNS = ("segment_id", "verdict", "egress", "at")


class Attempt(NamedTuple):
    """What a standing needs of a row of the ledger."""

    verdict: str
    egress: str | None
    at: datetime


class Life(StrEnum):
    """What is known of the video behind a segment; a closed list."""

    ALIVE = "alive"  # its player answered, or there is a clip
    CLOSED = "closed"  # it is there, and not for us
    GONE = "gone"
    UNKNOWN = "unknown"  # never asked, or no answer that says anything of the video


_LIVES = {
    Nature.GOT: Life.ALIVE,
    Nature.BEYOND: Life.ALIVE,
    Nature.MEDIA: Life.ALIVE,
    Nature.CLOSED: Life.CLOSED,
    Nature.GONE: Life.GONE,
    Nature.DOUBTFUL: Life.GONE,  # after the second look
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait before asking again, and how often; seconds."""

    second_look_s: float = 24 * 3600.0  # between the two looks that a doubtful answer needs
    reach_s: float = 3600.0  # within which a sign of life vouches for an answer
    media_s: float = 600.0  # the first wait; each further one is `growth` times as long
    session_s: float = 900.0
    broken_s: float = 6 * 3600.0
    later_s: float = 24 * 3600.0
    absent_s: float = 3600.0  # never grows, never ends
    growth: float = 2.0
    attempts: int = 6  # in a row that end alike, after which the verdict stands

    def wait_s(self, nature: Nature, n: int) -> float:
        """Seconds after the n-th attempt in a row of this nature."""
        if nature is Nature.ABSENT:
            return self.absent_s
        first = {
            Nature.MEDIA: self.media_s,
            Nature.SESSION: self.session_s,
            Nature.BROKEN: self.broken_s,
            Nature.LATER: self.later_s,
        }[nature]
        return first * self.growth ** (n - 1)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a segment stands: its verdict so far, and when to ask again; settled if never."""

    verdict: Verdict | None  # None if no attempt counts
    due_at: datetime | None  # None if settled
    n_attempts: int = 0
    told: Attempt | None = field(default=None, compare=False)  # the last that says whether the video lives

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be done."""
        return self.due_at is None

    def is_due(self, now: datetime) -> bool:
        """Whether to ask again now."""
        return self.due_at is not None and self.due_at <= now

    @property
    def life(self) -> Life:
        """What is known of the video."""
        return _LIVES[nature_of(self.told.verdict)] if self.told else Life.UNKNOWN


BEGINNING = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
NEVER_ASKED = Standing(None, BEGINNING)


def standing_of(
    attempts: Sequence[Attempt], signs: Mapping[str, Signs], now: datetime, patience: Patience
) -> Standing:
    """Judge one segment by all its attempts, in order of time.

    An answer that an unwell session may have given to any video is void unless there are signs of life on
    both sides of it: asked again, it is as if it had not been given.
    """
    if not attempts:
        return NEVER_ASKED
    n = len(attempts)
    for attempt in attempts:
        if nature_of(attempt.verdict) is Nature.GOT:
            return Standing(Verdict(attempt.verdict), None, n, attempt)
    counted, open_at = [], None
    for attempt in attempts:
        seen = _witness(attempt, signs, now, patience)
        if seen is Witness.WELL:
            counted.append(attempt)
        elif seen is Witness.OPEN:
            open_at = attempt.at + timedelta(seconds=patience.reach_s)
    if not counted or open_at is not None:
        last = Verdict(counted[-1].verdict) if counted else None
        return Standing(last, open_at or BEGINNING, n, _told(counted))
    return _judged(counted, n, patience)


def _witness(attempt: Attempt, signs: Mapping[str, Signs], now: datetime, patience: Patience) -> Witness:
    if attempt.egress is None or nature_of(attempt.verdict) not in NEEDS_WITNESS:
        return Witness.WELL
    return signs.get(attempt.egress, Signs()).witness(attempt.at, now, patience.reach_s)


def _judged(counted: Sequence[Attempt], n: int, patience: Patience) -> Standing:
    last = counted[-1]
    verdict, nature = Verdict(last.verdict), nature_of(last.verdict)
    alike = _in_a_row(counted, nature)
    if nature in (Nature.GONE, Nature.CLOSED, Nature.BEYOND):
        return Standing(verdict, None, n, last)
    if nature is Nature.DOUBTFUL:
        second = alike[-1].at + timedelta(seconds=patience.second_look_s)
        if last.at >= second:
            return Standing(verdict, None, n, last)
        return Standing(verdict, second, n, _told(counted))
    if nature is not Nature.ABSENT and len(alike) >= patience.attempts:
        return Standing(verdict, None, n, _told(counted))
    wait_s = patience.wait_s(nature, len(alike))
    return Standing(verdict, last.at + timedelta(seconds=wait_s), n, _told(counted))


def _in_a_row(counted: Sequence[Attempt], nature: Nature) -> list[Attempt]:
    """The latest attempts that ended alike, the last one first.

    Between two doubtful looks there may be answers about us or about nothing: they take nothing from the first.
    """
    passed_over = (Nature.SESSION, Nature.BROKEN) if nature is Nature.DOUBTFUL else ()
    about_it = [a for a in reversed(counted) if nature_of(a.verdict) not in passed_over]
    return list(takewhile(lambda a: nature_of(a.verdict) is nature, about_it))


def _told(counted: Sequence[Attempt]) -> Attempt | None:
    """The last attempt that says by itself whether the video lives; a doubtful one does not."""
    for attempt in reversed(counted):
        if (nature := nature_of(attempt.verdict)) in _LIVES and nature is not Nature.DOUBTFUL:
            return attempt
    return None


def standings(
    attempts: pa.Table, canaries: pa.Table, now: datetime, patience: Patience | None = None
) -> dict[str, Standing]:
    """Standing of every segment that was ever asked for; `attempts` holds the columns COLUMNS."""
    patience = patience or Patience()
    rows = list(_rows(attempts))
    signs = signs_of(((a.egress, a.verdict, a.at) for _, a in rows), canaries)
    by_segment: dict[str, list[Attempt]] = {}
    for segment_id, attempt in rows:
        by_segment.setdefault(segment_id, []).append(attempt)
    return {
        segment_id: standing_of(sorted(tried, key=lambda a: a.at), signs, now, patience)
        for segment_id, tried in by_segment.items()
    }


def _rows(attempts: pa.Table) -> Iterator[tuple[str, Attempt]]:
    columns = [attempts[name].to_pylist() for name in COLUMNS]
    for segment_id, *rest in zip(*columns, strict=True):
        yield segment_id, Attempt(*rest)


def count_verdicts(found: Iterable[Standing]) -> dict[str, int]:
    """How many segments stand where; those of whom nothing is known yet count as `unknown`."""
    counts: dict[str, int] = {}
    for standing in found:
        name = str(standing.verdict or "unknown")
        counts[name] = counts.get(name, 0) + 1
    return counts
