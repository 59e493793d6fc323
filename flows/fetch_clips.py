"""Stage fetch-clips: every segment gets its clip from a source, or a verdict; the ledger says which."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from audiosetzsl.clips.ledger import CLIP_COLUMNS, clip_rows
from audiosetzsl.clips.reading import read_parts
from audiosetzsl.clips.standing import count_verdicts
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.show import Cell, say, show_table
from audiosetzsl.workspace import Workspace
from flows.asking import Asking
from flows.fetching.block import Errand, work_block
from flows.fetching.due import Agenda, agenda
from flows.fetching.meter import LedgerMeter
from flows.fetching.questions import FETCH, Question
from flows.fetching.workplace import alone
from flows.planning import plan_workspace
from flows.runner import Processes, Runner
from flows.sources.opening import open_source
from flows.sources.source import PoliteSource, told

STAND_INS = "synthetic"  # the source that renders them
NO_CLIP = tuple(verdict for verdict in Verdict if verdict is not Verdict.OK)


def fetch_clips(
    workspace: Path,
    source: str = "synthetic",
    block_size: int | None = None,
    runner: Runner | None = None,
    asking: Asking | None = None,
) -> dict[str, int]:
    """Fetch the clips of a workspace's manifest, block by block, until nothing is due.

    Args:
        workspace: folder with manifest.parquet; gets clips/, and media/ where files are made.
        source: `youtube`, `local:FOLDER`, a template of addresses, or `synthetic`.
        block_size: segments in a block; None is 256, or what the workspace was planned with.
        runner: where to work; None is processes of this machine.
        asking: pace, patience and options of the source.

    Raises:
        SetupError: there is no such source, another process fetches here, the disk is full, or stand-ins
            and real clips would be mixed.

    Returns:
        How many segments stand at which verdict.
    """
    place = Workspace(workspace)
    _refuse_mixture(place, source)
    inquiry = Inquiry("fetch-clips", place, place.clips, FETCH, source)
    return pursue(inquiry, runner or Processes(), asking or Asking(), block_size)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One question for every segment of a workspace, and the folder of the ledger that takes the answers."""

    name: str  # of the stage, for people
    place: Workspace
    ledger: Path
    question: Question
    source: str
    note: Callable[[], None] = lambda: None  # called after each pass, also after one that was broken off


def pursue(inquiry: Inquiry, runner: Runner, asking: Asking, block_size: int | None = None) -> dict[str, int]:
    """Ask a question for every segment of a workspace, again and again, until nothing is due."""
    place, ledger = inquiry.place, inquiry.ledger
    blocks = plan_workspace(place, block_size)
    # Opened here to say at once what is wrong with it.
    source = open_source(inquiry.source, place.root / "scratch", asking.options)
    errand = Errand(
        place,
        ledger,
        inquiry.question,
        inquiry.source,
        options=asking.options,
        egress=asking.egress,
        pace=asking.pace,
        canaries=asking.canaries,
        gate=runner.gate(),
    )
    polite = isinstance(source, PoliteSource)
    # A folder may have been filled since, and costs nobody anything.
    again = asking.again if polite else (*asking.again, *NO_CLIP)
    with alone(place):
        while True:
            now = datetime.now(UTC)
            due = agenda(blocks, place, ledger, now, asking.patience, source.name, again)
            again = ()
            if due.blocks:
                meter = LedgerMeter(ledger, due.n_due)
                try:
                    for _ in runner.map(inquiry.name, partial(work_block, errand), due.blocks, meter):
                        pass
                finally:
                    inquiry.note()
            elif asking.wait and due.next_at:
                _sleep_until(due.next_at)
            else:
                return _told(due, sum(len(block.segment_ids) for block in blocks), polite)


def _refuse_mixture(place: Workspace, source: str) -> None:
    """Rendered clips among real ones would be taken for real ones."""
    clips = clip_rows(read_parts(place.clips, (*CLIP_COLUMNS, "source")))
    there = set(clips["source"].to_pylist())
    rendered = STAND_INS in there
    if there and rendered != (source == STAND_INS):
        kinds = ("rendered stand-ins", "real ones") if rendered else ("real ones", "rendered stand-ins")
        raise SetupError(
            f"clips in {place.root} ({len(clips):,}) are {kinds[0]}, and {told(source)} gives {kinds[1]}; use "
            "another workspace, or begin anew without clips/ and media/"
        )


def _sleep_until(at: datetime) -> None:
    say(f"nothing is due before {at:%Y-%m-%d %H:%M} UTC; waiting")
    time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))


def _told(due: Agenda, n_segments: int, polite: bool) -> dict[str, int]:
    """Say where the segments stand, and what is still to come."""
    counts = count_verdicts(due.standing.values())
    settled = count_verdicts(s for s in due.standing.values() if s.settled)
    rows: list[list[Cell]] = [[name, n, settled.get(name, 0)] for name, n in sorted(counts.items())]
    show_table(f"{n_segments:,} segments", ["verdict", "segments", "settled"], rows)
    if due.next_at:
        open_ = sum(not s.settled for s in due.standing.values())
        if polite:
            at = f"{due.next_at:%Y-%m-%d %H:%M} UTC"
            say(
                f"{open_:,} segments are to be asked for again, the first at {at}: run the same command then, or "
                "with --wait"
            )
        else:
            say(
                f"{open_:,} segments have no clip here: run the same command when there are more, or another --source"
            )
    return counts
