"""Signs of life: when a session at an egress is known to have been well, and when not."""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import pyarrow as pa

from audiosetzsl.clips.verdicts import ANSWERED, DELIVERED, Nature, nature_of
from audiosetzsl.errors import ShardError
from audiosetzsl.files import read_table, write_table

# A canary: a video known to be alive, asked to find out whether we are.
CANARIES = pa.schema(
    [
        pa.field("egress", pa.string(), nullable=False),
        pa.field("good", pa.bool_(), nullable=False),
        pa.field("message", pa.string(), nullable=False),  # what each of the videos answered
        pa.field("at", pa.timestamp("ms", tz="UTC"), nullable=False),
    ]
)


class Witness(StrEnum):
    """Whether an answer of a moment can be believed."""

    WELL = "well"  # signs of life on both sides, and near
    OPEN = "open"  # the later sign is still to come
    UNWELL = "unwell"  # a canary failed before or after, or nobody knows


@dataclass(frozen=True, slots=True)
class Signs:
    """Moments of one egress at which its session was well (True) or not (False), in order of time."""

    times: list[datetime] = field(default_factory=list)
    good: list[bool] = field(default_factory=list)

    def witness(self, at: datetime, now: datetime, reach_s: float) -> Witness:
        """Judge an answer given at `at`: the nearest sign on either side must be good and within `reach_s`."""
        before, after = bisect_right(self.times, at) - 1, bisect_left(self.times, at)
        if before < 0 or not self._vouches(before, at, reach_s):
            return Witness.UNWELL
        if after == len(self.times):
            return Witness.OPEN if (now - at).total_seconds() <= reach_s else Witness.UNWELL
        return Witness.WELL if self._vouches(after, at, reach_s) else Witness.UNWELL

    def _vouches(self, sign: int, at: datetime, reach_s: float) -> bool:
        return self.good[sign] and abs((self.times[sign] - at).total_seconds()) <= reach_s


@dataclass(frozen=True, slots=True)
class Evidence:
    """Signs of every egress: that its session was answered, and that media came to it."""

    answered: Mapping[str, Signs] = field(default_factory=dict)
    delivered: Mapping[str, Signs] = field(default_factory=dict)


def evidence_of(attempts: Sequence[tuple[str | None, str, datetime]], canaries: pa.Table) -> Evidence:
    """Signs from attempts (egress, verdict, when it began), and from canaries.

    A video whose player answered is as good a canary as any; a canary that failed is the only bad sign, and
    outweighs a good one of the same moment. The player answered soon after the attempt began: what came of
    the media later says nothing of the session by then.
    """
    return Evidence(signs_of(attempts, canaries, ANSWERED), signs_of(attempts, canaries, DELIVERED))


def signs_of(
    attempts: Iterable[tuple[str | None, str, datetime]], canaries: pa.Table, natures: Container[Nature]
) -> dict[str, Signs]:
    """Signs of every egress: attempts (egress, verdict, time) of these natures are good ones."""
    found: dict[str, dict[datetime, bool]] = {}
    for egress, verdict, at in attempts:
        if egress is not None and nature_of(verdict) in natures:
            found.setdefault(egress, {})[at] = True
    for row in canaries.to_pylist():
        of_egress = found.setdefault(row["egress"], {})
        of_egress[row["at"]] = row["good"] and of_egress.get(row["at"], True)
    return {egress: _in_order(moments) for egress, moments in found.items()}


def _in_order(moments: dict[datetime, bool]) -> Signs:
    times = sorted(moments)
    return Signs(times, [moments[at] for at in times])


def add_canary(path: Path, row: dict[str, object]) -> None:
    """Note one more canary of an egress; the caller holds the egress's lock."""
    there = [read_table(path, CANARIES, error=ShardError)] if path.is_file() else []
    one = pa.Table.from_pylist([row], CANARIES)
    write_table(pa.concat_tables([*(t.replace_schema_metadata() for t in there), one]), path, CANARIES)
