"""Standing: what all attempts at a segment amount to, and when it is due again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import NamedTuple

import pyarrow as pa

from audiosetzsl.clips.signs import Evidence, Signs, Witness, evidence_of
from audiosetzsl.clips.verdicts import NEEDS_WITNESS, Nature, Verdict, nature_of

# Columns of the ledger that a standing is made of.
COLUMNS = ("segment_id", "verdict", "egress", "at", "source", "took_s")


class Attempt(NamedTuple):
    """What a standing needs of a row of the ledger."""

    verdict: str
    egress: str | None
    at: datetime
    source: str = "youtube"
    took_s: float = 0.0


class Life(StrEnum):
    """What is known of the video behind a segment; a closed list."""

    ALIVE = "alive"  # its player answered, or there is a clip
    CLOSED = "closed"  # it is there, and not for us
    GONE = "gone"
    UNKNOWN = "unknown"  # never asked, or no answer that says anything of the video


# Whether media are withheld or of no use, it is the media that fail.
_OF_MEDIA = (Nature.MEDIA, Nature.WITHHELD)
_LIVES = {
    Nature.GOT: Life.ALIVE,
    Nature.BEYOND: Life.ALIVE,
    Nature.MEDIA: Life.ALIVE,
    Nature.WITHHELD: Life.ALIVE,
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
    most_attempts: int = 24  # however they end

    def wait_s(self, nature: Nature, n: int) -> float:
        """Seconds after the n-th attempt in a row of this nature."""
        if nature is Nature.ABSENT:
            return self.absent_s
        first = {
            Nature.MEDIA: self.media_s,
            Nature.WITHHELD: self.media_s,
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
    attempts: Sequence[Attempt],
    evidence: Evidence,
    now: datetime,
    patience: Patience,
    source: str | None = None,
) -> Standing:
    """Judge one segment by all its attempts, in order of time.

    An answer that an unwell session may have given to any video is void unless there are signs of life on
    both sides of it: asked again, it is as if it had not been given. A clip is one wherever it is from; other
    answers count for the source that gave them, and say nothing of what another may have.

    Args:
        attempts: all of the segment.
        evidence: when the sessions were well.
        now: when the question is put.
        patience: how long to wait before asking again.
        source: who would be asked; None is who was asked last.
    """
    if not attempts:
        return NEVER_ASKED
    n = len(attempts)
    for attempt in attempts:
        if nature_of(attempt.verdict) is Nature.GOT:
            return Standing(Verdict(attempt.verdict), None, n, attempt)
    source = source or attempts[-1].source
    counted, answered, open_at = [], [], None
    for attempt in attempts:
        seen = _witness(attempt, evidence, now, patience)
        if seen is Witness.WELL:
            counted.append(attempt)
        elif seen is Witness.OPEN and attempt.source == source:
            open_at = attempt.at + timedelta(seconds=patience.reach_s)
        # Whoever withholds the media of a video says that it is there.
        if seen is Witness.WELL or nature_of(attempt.verdict) is Nature.WITHHELD:
            answered.append(attempt)
    told = _told(answered)
    counted = [attempt for attempt in counted if attempt.source == source]
    if not counted or open_at is not None:
        so_far = Verdict(counted[-1].verdict) if counted else None
        return Standing(so_far, open_at or BEGINNING, n, told)
    last, due_at = counted[-1], _due_at(counted, patience)
    if due_at is None and nature_of(last.verdict) is Nature.DOUBTFUL:
        told = last  # two looks that are far enough apart do say it
    return Standing(Verdict(last.verdict), due_at, n, told)


def _witness(attempt: Attempt, evidence: Evidence, now: datetime, patience: Patience) -> Witness:
    nature = nature_of(attempt.verdict)
    if attempt.egress is None or nature not in NEEDS_WITNESS:
        return Witness.WELL
    signs = evidence.delivered if nature is Nature.WITHHELD else evidence.answered
    return signs.get(attempt.egress, Signs()).witness(attempt.at, now, patience.reach_s)


def _due_at(counted: Sequence[Attempt], patience: Patience) -> datetime | None:
    """When to ask again after these answers; None if the last one stands."""
    last = counted[-1]
    nature = nature_of(last.verdict)
    alike = _in_a_row(counted, nature)
    if nature in (Nature.GONE, Nature.CLOSED, Nature.BEYOND):
        return None
    if nature is Nature.DOUBTFUL:
        second = alike[-1].at + timedelta(seconds=patience.second_look_s)
        return None if last.at >= second else second
    tired = len(alike) >= patience.attempts or len(counted) >= patience.most_attempts
    if nature is not Nature.ABSENT and tired:
        return None
    return last.at + timedelta(seconds=patience.wait_s(nature, len(alike)))


def _in_a_row(counted: Sequence[Attempt], nature: Nature) -> list[Attempt]:
    """The latest attempts that ended alike, the last one first.

    Between two doubtful looks there may be answers about us or about nothing: they take nothing from the first.
    """
    passed_over = (Nature.SESSION, Nature.BROKEN) if nature is Nature.DOUBTFUL else ()
    about_it = [a for a in reversed(counted) if nature_of(a.verdict) not in passed_over]
    alike = _OF_MEDIA if nature in _OF_MEDIA else (nature,)
    return list(takewhile(lambda a: nature_of(a.verdict) in alike, about_it))


def _told(answered: Sequence[Attempt]) -> Attempt | None:
    """The last attempt that says by itself whether the video lives; a doubtful one, or a folder, does not."""
    asked = [attempt for attempt in answered if attempt.egress is not None]
    for attempt in reversed(asked):
        if (nature := nature_of(attempt.verdict)) in _LIVES and nature is not Nature.DOUBTFUL:
            return attempt
    return None


def standings(
    attempts: pa.Table,
    canaries: pa.Table,
    now: datetime,
    patience: Patience | None = None,
    source: str | None = None,
) -> dict[str, Standing]:
    """Standing of every segment that was ever asked for; `attempts` holds the columns COLUMNS."""
    patience = patience or Patience()
    rows = list(_rows(attempts))
    began = ((a.egress, a.verdict, a.at - timedelta(seconds=a.took_s)) for _, a in rows)
    evidence = evidence_of(list(began), canaries)
    by_segment: dict[str, list[Attempt]] = {}
    for segment_id, attempt in rows:
        by_segment.setdefault(segment_id, []).append(attempt)
    return {
        segment_id: standing_of(sorted(tried, key=lambda a: a.at), evidence, now, patience, source)
        for segment_id, tried in by_segment.items()
    }


def _rows(attempts: pa.Table) -> Iterator[tuple[str, Attempt]]:
    columns = [attempts[name].to_pylist() for name in COLUMNS]
    for segment_id, *rest in zip(*columns, strict=True):
        yield segment_id, Attempt(*rest)


def count_verdicts(found: Iterable[Standing]) -> dict[str, int]:
    """How many segments stand where; those of whom nothing counts yet are `undecided`."""
    counts: dict[str, int] = {}
    for standing in found:
        name = str(standing.verdict or "undecided")
        counts[name] = counts.get(name, 0) + 1
    return counts
