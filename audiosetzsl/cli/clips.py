"""Commands `audiosetzsl status` and `audiosetzsl plan`: how far the clips are, and what is left to do."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from audiosetzsl.clips.progress import Progress
    from audiosetzsl.show import Cell

_Workspace = Annotated[Path, typer.Argument(metavar="WORKSPACE", help="Folder of a run.")]


def status(workspace: _Workspace = Path("work")) -> None:
    """Tell how far the clips of a workspace are, at any time, also while they are being fetched."""
    from datetime import UTC

    from audiosetzsl.clips.progress import progress_of
    from audiosetzsl.show import say, show_table
    from audiosetzsl.workspace import Workspace

    now = datetime.now(UTC)
    told = progress_of(Workspace(workspace), now)
    total = told.funnel.candidates or 1
    lines = [(what, n, f"{n / total:.1%}") for what, n in told.funnel.lines()]
    show_table("Funnel", ["segments", "how many", "of all"], lines)
    if told.attempts:
        show_table("Verdicts", ["verdict", "means", "segments", "attempts"], _verdict_rows(told))
    if told.flags:
        show_table("Flags", ["flag", "clips", ""], _flag_rows(told))
    for line in _lines(told, now):
        say(line)


def plan(
    workspace: _Workspace = Path("work"),
    egresses: Annotated[int, typer.Option(min=1, help="Addresses that ask at the same time.")] = 1,
    rate: Annotated[float, typer.Option(min=0.01, help="Clips an hour of each address.")] = 300.0,
) -> None:
    """Tell what is left to fetch, how long it takes at a polite pace, and whether the disk holds it."""
    from datetime import UTC

    from audiosetzsl.clips.plan import plan_of
    from audiosetzsl.show import say, show_table
    from audiosetzsl.workspace import Workspace

    now = datetime.now(UTC)
    told = plan_of(Workspace(workspace), now, egresses=egresses, rate=rate)
    if told.is_published:
        say(f"{workspace} has no manifest: this is the plan for the published one, from the beginning")
    agenda = told.agenda
    rows: list[tuple[str, int]] = [
        ("due now", agenda.now),
        ("due later", agenda.later),
        ("settled", agenda.settled),
    ]
    say(f"Manifest: {told.manifest}")
    show_table("Plan", ["segments", "how many"], rows)
    if agenda.next_at:
        say(f"The next of those due later is due {_when(agenda.next_at, now)}.")
    say(
        f"Time: {told.days:,.1f} days for {agenda.open:,} segments at {rate:g} clips an hour with "
        f"{egresses} {'egress' if egresses == 1 else 'egresses'}; what has to be asked again takes longer."
    )
    basis = (
        f"the mean of the {told.n_measured:,} clips so far"
        if told.n_measured
        else "an upper bound, as fewer than 20 clips were fetched so far"
    )
    short = told.needed_bytes - told.free_bytes
    enough = "enough" if short <= 0 else f"{_size(short)} too little"
    say(
        f"Disk: {_size(told.needed_bytes)} at {_size(told.mean_bytes)} a clip ({basis}); "
        f"{_size(told.free_bytes)} are free at {told.free_at}: {enough}."
    )


def _verdict_rows(told: "Progress") -> list[list["Cell"]]:
    from audiosetzsl.clips.verdicts import Verdict, nature_of

    counted = {*told.verdicts, *told.attempts}
    rows: list[list[Cell]] = [
        [verdict, str(nature_of(verdict)), told.verdicts.get(verdict, 0), told.attempts.get(verdict, 0)]
        for verdict in Verdict
        if verdict in counted
    ]
    if "undecided" in counted:
        rows.append(["undecided", "no attempt counts yet", told.verdicts["undecided"], None])
    return rows


def _flag_rows(told: "Progress") -> list[list["Cell"]]:
    from audiosetzsl.clips.flags import Flag
    from audiosetzsl.clips.funnel import BAD

    known = [str(flag) for flag in Flag]
    order = [*known, *sorted(told.flags.keys() - set(known))]
    return [
        [flag, told.flags[flag], "bad" if flag in BAD else "noted"] for flag in order if flag in told.flags
    ]


def _lines(told: "Progress", now: datetime) -> list[str]:
    agenda, pace = told.agenda, told.pace
    later = f", the next {_when(agenda.next_at, now)}" if agenda.next_at else ""
    lines = [f"Due now {agenda.now:,}, due later {agenda.later:,}{later}; settled {agenda.settled:,}."]
    hours = pace.hours_for(agenda.open)
    left = f"{_span(hours)} left at this pace" if hours is not None else "no pace to tell the time left from"
    lines.append(
        f"In the last {max(round(pace.window_s / 60), 1)} min: {pace.fetched:,} clips fetched, "
        f"{pace.settled:,} segments settled; {left if agenda.open else 'nothing is left to do'}."
    )
    elsewhere = f", {_size(told.bytes_elsewhere)} elsewhere" if told.bytes_elsewhere else ""
    lines.append(
        f"Clips: {_size(told.bytes_here)} in the workspace{elsewhere}; pulled {_size(told.pulled_bytes)}."
    )
    good, failed = (_when(at, now) if at else "never" for at in (told.last_good, told.last_failed))
    lines.append(f"Canaries: last good {good}, last failed {failed}.")
    lines += [f"Egress {name} is paused until {_when(until, now)}." for name, until in told.paused.items()]
    if told.n_strangers:
        lines.append(
            f"The ledger has {told.n_strangers:,} more segments, which the manifest has not: not counted."
        )
    return lines


def _when(at: datetime, now: datetime) -> str:
    seconds = (at - now).total_seconds()
    span = _span(abs(seconds) / 3600)
    return f"{at:%Y-%m-%d %H:%M} UTC ({f'in {span}' if seconds > 0 else f'{span} ago'})"


def _span(hours: float) -> str:
    if hours >= 48:
        return f"{hours / 24:,.1f} days"
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def _size(n_bytes: int | float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:,.1f} {unit}"
    return f"{n_bytes:.0f} B"
