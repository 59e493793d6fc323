"""Stage check-availability: which videos of a manifest are alive, asked without any media, as a dated layer."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from audiosetzsl.availability.layer import read_availability
from audiosetzsl.availability.snapshot import SNAPSHOT_COLUMNS, record_check, ytid_of
from audiosetzsl.blocks import Block
from audiosetzsl.clips.reading import read_parts, read_signs
from audiosetzsl.clips.standing import COLUMNS, NEVER_ASKED, Life, Patience, standings
from audiosetzsl.errors import SetupError
from audiosetzsl.show import Cell, say, show_table
from audiosetzsl.workspace import Workspace
from flows.asking import Asking
from flows.fetch_clips import Inquiry, pursue
from flows.fetching.attempt import refuse_full_disk
from flows.fetching.questions import LOOK
from flows.meters import Meter
from flows.planning import plan_workspace
from flows.politeness.gates import Gate
from flows.runner import Processes, Runner

# A check goes on by itself for so long: 23 days for all videos at the default pace, and the waits thereafter.
GOES_ON = timedelta(days=45)
NOTE_S = 3600.0  # between two records in one pass

T = TypeVar("T")
R = TypeVar("R")


def check_availability(
    workspace: Path,
    on: str | None = None,
    runner: Runner | None = None,
    asking: Asking | None = None,
    *,
    today: date | None = None,
) -> dict[str, int]:
    """Ask YouTube for every video of a workspace's manifest, and keep what it says in availability.parquet.

    Args:
        workspace: folder with manifest.parquet; gets checks/<day>/ and availability.parquet.
        on: day (YYYY-MM-DD) by which the check is called. None goes on with the newest that is not done and
            under 45 days old, or begins one of today; where verdicts are asked for again, it is the latest
            check there is.
        runner: where to work; None is processes of this machine.
        asking: pace and patience.
        today: for tests.

    Raises:
        SetupError: `on` is no day or still to come, another run is at work in the workspace, or the disk is
            full.
        ManifestError: the manifest or availability.parquet is damaged.

    Returns:
        How many segments stand at which verdict.
    """
    place, asking = Workspace(workspace), asking or Asking()
    today = today or datetime.now(UTC).date()
    blocks = plan_workspace(place)
    day = _day(on, today) if on is not None else _chosen(place, blocks, asking, today)
    if place.availability.is_file():
        read_availability(place.availability)  # to say at once if it is damaged

    def note() -> None:
        _record(place, day, asking.patience)

    inquiry = Inquiry("check-availability", place, place.checks(day), LOOK, "youtube", note)
    counts = pursue(inquiry, _Noting(runner or Processes(), note), asking)
    _tell(place, day, blocks, _record(place, day, asking.patience))
    return counts


@dataclass(frozen=True, slots=True)
class _Noting:
    """A runner that now and then notes what is known so far: a pass over everything takes weeks."""

    runner: Runner
    note: Callable[[], None]

    def map(
        self,
        name: str,
        function: Callable[[T], R],
        blocks: Sequence[T],
        meter: Meter | None = None,
        workers: int | None = None,
    ) -> Iterator[R]:
        """Work on the blocks, and note between them."""
        noted_s = time.monotonic()
        for result in self.runner.map(name, function, blocks, meter, workers):
            yield result
            if time.monotonic() - noted_s >= NOTE_S:
                self.note()
                noted_s = time.monotonic()

    def gate(self) -> Gate:
        """The other runner's."""
        return self.runner.gate()


def _record(place: Workspace, day: str, patience: Patience) -> pa.Table:
    """Bring availability.parquet up to what a check knows by now; its rows come back."""
    attempts, canaries = read_parts(place.checks(day), SNAPSHOT_COLUMNS), read_signs(place.canaries)
    try:
        return record_check(place.availability, attempts, canaries, datetime.now(UTC), patience)
    except OSError as problem:
        refuse_full_disk(problem, place)
        raise


def _tell(place: Workspace, day: str, blocks: Sequence[Block], seen: pa.Table) -> None:
    """Say what a check knows of all videos."""
    n_videos = len({ytid_of(name) for block in blocks for name in block.segment_ids})
    found = Counter(seen["status"].to_pylist())
    found[Life.UNKNOWN] = n_videos - sum(found[life] for life in Life if life is not Life.UNKNOWN)
    rows: list[list[Cell]] = [[life, found[life], f"{found[life] / max(n_videos, 1):.1%}"] for life in Life]
    show_table(f"The check of {day}", ["status", "videos", "of all"], rows)
    say(
        f"{len(seen):,} videos of it are in {place.availability}; "
        f"`audiosetzsl survivors --workspace {place.root}` tells what is left of each class"
    )


def _day(on: str, today: date) -> str:
    """The day that a command line names.

    Raises:
        SetupError: it is none, or still to come.
    """
    try:
        day = date.fromisoformat(on)
    except ValueError as problem:
        raise SetupError(f"--on is {on!r}, expected a day as YYYY-MM-DD") from problem
    if day > _last(today):
        raise SetupError(
            f"--on is {day}, which is still to come; expected today, {today} (UTC), or a day before"
        )
    say(f"the check of {day}")
    return str(day)


def _last(today: date) -> date:
    """East of Greenwich it may be tomorrow already."""
    return today + timedelta(days=1)


def _chosen(place: Workspace, blocks: Sequence[Block], asking: Asking, today: date) -> str:
    """The check to work on where none is named."""
    days = _days(place, today)
    if asking.again and days:
        say(f"the check of {days[0]}, the latest; {', '.join(asking.again)} are asked for again")
        return str(days[0])
    for day in (day for day in days if today - day < GOES_ON):
        if n_open := _n_open(place, blocks, asking.patience, day):
            other = "" if day >= today else f"; `--on {today}` begins another"
            say(f"the check of {day} goes on: {n_open:,} segments are open{other}")
            return str(day)
    if today in days:
        say(f"the check of {today} is done")
    else:
        say(f"the check of {today} begins" + ("; `--on DAY` goes on with an older one" if days else ""))
    return str(today)


def _days(place: Workspace, today: date) -> list[date]:
    """Days of the checks there are, the latest first; one that is still to come is a slip, and passed over."""
    days = []
    for folder in place.checks("").glob("????-??-??"):
        try:
            days.append(date.fromisoformat(folder.name))
        except ValueError:
            continue
    return sorted((day for day in days if day <= _last(today)), reverse=True)


def _n_open(place: Workspace, blocks: Sequence[Block], patience: Patience, day: date) -> int:
    """How many segments a check still has to ask for, now or later."""
    attempts, canaries = read_parts(place.checks(str(day)), COLUMNS), read_signs(place.canaries)
    found = standings(attempts, canaries, datetime.now(UTC), patience)
    ids = [name for block in blocks for name in block.segment_ids]
    return sum(not found.get(name, NEVER_ASKED).settled for name in ids)
