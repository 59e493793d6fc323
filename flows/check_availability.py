"""Stage check-availability: which videos of a manifest are alive, asked without any media, as a dated layer."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from audiosetzsl.availability.snapshot import SNAPSHOT_COLUMNS, record_check
from audiosetzsl.blocks import Block
from audiosetzsl.clips.reading import read_parts, read_signs
from audiosetzsl.clips.standing import COLUMNS, NEVER_ASKED, standings
from audiosetzsl.errors import SetupError
from audiosetzsl.show import say
from audiosetzsl.workspace import Workspace
from flows.fetch_clips import Asking, Inquiry, pursue
from flows.fetching.attempt import look
from flows.planning import plan_workspace
from flows.runner import Processes, Runner


def check_availability(
    workspace: Path, on: str | None = None, runner: Runner | None = None, asking: Asking | None = None
) -> dict[str, int]:
    """Ask YouTube for every video of a workspace's manifest, and add what it says to availability.parquet.

    Args:
        workspace: folder with manifest.parquet; gets checks/<day>/ and availability.parquet.
        on: day (YYYY-MM-DD) by which the check is called; None goes on with the latest that is not done, or
            begins one of today.
        runner: where to work; None is processes of this machine.
        asking: pace and patience.

    Raises:
        SetupError: `on` is no day, another run is at work in the workspace, or the disk is full.

    Returns:
        How many segments stand at which verdict.
    """
    place, asking = Workspace(workspace), asking or Asking()
    begun = None if on else _begun(place, plan_workspace(place), asking)
    day = begun or _day(on or str(datetime.now(UTC).date()))
    say(f"the check of {day}")
    ledger = place.checks(day)
    inquiry = Inquiry("check-availability", place, ledger, look, "youtube")
    counts = pursue(inquiry, runner or Processes(), asking)
    now = datetime.now(UTC)
    attempts, canaries = read_parts(ledger, SNAPSHOT_COLUMNS), read_signs(place.canaries)
    seen = record_check(place.availability, attempts, canaries, now, asking.patience)
    say(f"{len(seen):,} videos are in {place.availability}")
    return counts


def _day(on: str) -> str:
    try:
        return date.fromisoformat(on).isoformat()
    except ValueError as problem:
        raise SetupError(f"--on is {on!r}, expected a day as YYYY-MM-DD") from problem


def _begun(place: Workspace, blocks: Sequence[Block], asking: Asking) -> str | None:
    """The latest check, if there are videos that it still has to ask for."""
    days = sorted(folder.name for folder in place.checks("").glob("????-??-??"))
    if not days:
        return None
    attempts, canaries = read_parts(place.checks(days[-1]), COLUMNS), read_signs(place.canaries)
    found = standings(attempts, canaries, datetime.now(UTC), asking.patience)
    ids = [name for block in blocks for name in block.segment_ids]
    done = all(found.get(name, NEVER_ASKED).settled for name in ids)
    return None if done else days[-1]
