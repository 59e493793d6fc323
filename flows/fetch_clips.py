"""Stage fetch-clips: every segment gets its clip from a source, or a verdict; the ledger says which."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from audiosetzsl.clips.standing import Patience, count_verdicts
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import YTID
from audiosetzsl.show import Cell, say, show_table
from audiosetzsl.workspace import Workspace
from flows.fetching.attempt import Question, fetch
from flows.fetching.block import Errand, work_block
from flows.fetching.due import Agenda, agenda
from flows.fetching.meter import LedgerMeter
from flows.fetching.workplace import alone
from flows.planning import plan_workspace
from flows.politeness.canary import CANARIES
from flows.politeness.pace import Pace
from flows.runner import Processes, Runner
from flows.sources.opening import SourceOptions, open_source


@dataclass(frozen=True, slots=True)
class Asking:
    """How a source is asked: how fast, from where, how patiently."""

    options: SourceOptions = field(default_factory=SourceOptions)
    egress: str = "default"  # a name for the address that asks; one pace and one set of canaries each
    pace: Pace = field(default_factory=Pace)
    patience: Patience = field(default_factory=Patience)
    canaries: tuple[str, ...] = CANARIES
    again: tuple[Verdict, ...] = ()  # verdicts that are asked for once more, settled or not
    wait: bool = False  # for what is due later


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
        SetupError: there is no such source, another process fetches here, or the disk is full.

    Returns:
        How many segments stand at which verdict.
    """
    place = Workspace(workspace)
    inquiry = Inquiry("fetch-clips", place, place.clips, fetch, source)
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
    open_source(inquiry.source, place.root / "scratch", asking.options)
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
    again: Sequence[Verdict] = asking.again
    with alone(place):
        while True:
            due = agenda(blocks, ledger, place.canaries, datetime.now(UTC), asking.patience, again)
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
                return _told(due, sum(len(block.segment_ids) for block in blocks))


def _sleep_until(at: datetime) -> None:
    say(f"nothing is due before {at:%Y-%m-%d %H:%M} UTC; waiting")
    time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))


def _told(due: Agenda, n_segments: int) -> dict[str, int]:
    """Say where the segments stand, and what is still to come."""
    counts = count_verdicts(due.standing.values())
    settled = count_verdicts(s for s in due.standing.values() if s.settled)
    rows: list[list[Cell]] = [[name, n, settled.get(name, 0)] for name, n in sorted(counts.items())]
    show_table(f"{n_segments:,} segments", ["verdict", "segments", "settled"], rows)
    if due.next_at:
        open_ = sum(not s.settled for s in due.standing.values())
        say(
            f"{open_:,} segments are to be asked for again, the first at {due.next_at:%Y-%m-%d %H:%M} UTC: run the "
            "same command then, or with --wait"
        )
    return counts


def asking_of(
    egress: str,
    per_hour: float,
    threads: int | None = None,
    config: Path | None = None,
    canaries: str | None = None,
    again: str = "",
    wait: bool = False,
) -> Asking:
    """Turn the words of a command line into how to ask.

    Raises:
        SetupError: a verdict, a video id, a rate or a name is not one.
    """
    ids = tuple(word.strip() for word in canaries.split(",")) if canaries is not None else CANARIES
    if wrong := [ytid for ytid in ids if not YTID.fullmatch(ytid)]:
        raise SetupError(
            f"canaries {', '.join(map(repr, wrong))} are no ids of videos, expected 11 signs each"
        )
    if threads is not None and threads < 1:
        raise SetupError(f"--threads is {threads}, expected at least 1")
    return Asking(
        options=SourceOptions(threads, config),
        egress=egress,
        pace=Pace(per_hour),
        canaries=ids,
        again=verdicts_named(again),
        wait=wait,
    )


def verdicts_named(text: str) -> tuple[Verdict, ...]:
    """Verdicts of a list with commas.

    Raises:
        SetupError: there is none of this name.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in list(Verdict)]:
        raise SetupError(f"there is no verdict {', '.join(unknown)}, expected some of {', '.join(Verdict)}")
    return tuple(Verdict(name) for name in names)
