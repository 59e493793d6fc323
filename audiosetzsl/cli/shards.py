"""Commands `audiosetzsl shards verify`, `stats` and `repair`: the features of a workspace, checked and mended."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audiosetzsl.shards import Kind, Status
    from audiosetzsl.shards.finding import Finding
    from audiosetzsl.workspace import Workspace

shards = typer.Typer(help="Features of a workspace: check them, count them, mend them.", no_args_is_help=True)
_Workspace = Annotated[Path, typer.Argument(metavar="WORKSPACE", help="Folder of a run.")]
_Kinds = Annotated[
    str,
    typer.Option("--kinds", help="log_mel, video, audio, with commas; default: those that were begun."),
]


@shards.command()
def verify(workspace: _Workspace = Path("work"), kinds: _Kinds = "") -> None:
    """Read every shard whole: is each block there, undamaged, in order, of one recipe? Exit code 1 if not."""
    from audiosetzsl.cli.shard_tables import show_findings
    from audiosetzsl.show import say
    from audiosetzsl.workspace import Workspace

    place = Workspace(workspace)
    chosen = _kinds(place, kinds)
    findings = _verified(place, chosen)
    show_findings(workspace, findings)
    wrong = [finding for finding in findings if finding.is_wrong]
    if wrong:
        say(
            f"{workspace}: {len(wrong)} findings; `audiosetzsl shards repair {workspace}` makes these shards again"
        )
        raise typer.Exit(1)
    say(f"{workspace}: everything fits ({', '.join(chosen)})")


@shards.command()
def stats(
    workspace: _Workspace = Path("work"),
    kinds: _Kinds = "",
    thinnest: Annotated[int, typer.Option(min=0, help="How many classes and splits to print.")] = 10,
) -> None:
    """Count what the shards hold, say what made them, and where a class runs thin."""
    from audiosetzsl.cli.shard_tables import show_stats
    from audiosetzsl.shards.stats import stats_of
    from audiosetzsl.workspace import Workspace

    place = Workspace(workspace)
    chosen = [
        kind for kind in _kinds(place, kinds) if kinds or any(place.features(kind).glob("part-*.parquet"))
    ]
    told = [stats_of(place, kind) for kind in chosen]
    show_stats(workspace, told, thinnest)


@shards.command()
def repair(
    workspace: _Workspace = Path("work"),
    kinds: _Kinds = "",
    status: Annotated[
        str,
        typer.Option(
            "--status", help="Also make blocks again that have such rows, with commas: failed,unreadable."
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before files are removed.")] = False,
) -> None:
    """List the shards that are missing, broken or have rows of a status; remove them and run their stages again."""
    from audiosetzsl.cli.shard_tables import show_redos
    from audiosetzsl.shards.repair import redos_of, stages_for, with_statuses
    from audiosetzsl.show import say
    from audiosetzsl.workspace import Workspace

    place = Workspace(workspace)
    chosen, statuses = _kinds(place, kinds), _statuses(status)
    redos = redos_of(_verified(place, chosen))
    known = {redo.path for redo in redos}
    redos += [redo for redo in with_statuses(place, chosen, statuses) if redo.path not in known]
    if not redos:
        say(f"{workspace}: nothing to repair")
        return
    show_redos(workspace, redos)
    stages = stages_for(place, redos)
    there = [redo.path for redo in redos if redo.path.exists()]
    if there and not yes:
        typer.confirm(f"Remove {len(there)} files, so that they are made again?", abort=True)
    for path in there:
        path.unlink(missing_ok=True)
    say(f"removed {len(there)} files")
    _run(stages)


def _verified(place: "Workspace", kinds: "Sequence[Kind]") -> "list[Finding]":
    from audiosetzsl.shards.planned import planned_blocks
    from audiosetzsl.shards.verify import verify as verify_shards
    from audiosetzsl.show import progress_bar

    with progress_bar() as bar:
        task = bar.add_task("shards", total=len(kinds) * len(planned_blocks(place)))
        return verify_shards(place, kinds, lambda: bar.advance(task))


def _kinds(place: "Workspace", names: str) -> "list[Kind]":
    from audiosetzsl.errors import SetupError
    from audiosetzsl.shards import Kind
    from audiosetzsl.shards.verify import kinds_of

    asked = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := sorted(set(asked) - set(Kind)):
        raise SetupError(f"there are no features of kind {', '.join(unknown)}, expected {', '.join(Kind)}")
    return [kind for kind in Kind if kind in asked] if asked else kinds_of(place)


def _statuses(names: str) -> "list[Status]":
    from audiosetzsl.errors import SetupError
    from audiosetzsl.shards import Status

    asked = [name.strip() for name in names.split(",") if name.strip()]
    allowed = [status for status in Status if status is not Status.OK]
    if unknown := sorted(set(asked) - set(allowed)):
        raise SetupError(f"status is {', '.join(unknown)}, expected some of {', '.join(allowed)}")
    return [status for status in allowed if status in asked]


def _run(stages: "Sequence[Sequence[str]]") -> None:
    """Run stages of the factory one after another, if it is here; say what is left to do by hand."""
    import shlex
    import subprocess
    import sys

    import audiosetzsl
    from audiosetzsl.shards.repair import is_complete
    from audiosetzsl.show import say

    checkout = Path(audiosetzsl.__file__).parent.parent
    is_here = (checkout / "flows" / "__main__.py").is_file()
    for number, stage in enumerate(stages):
        if not is_here or not is_complete(stage):
            where = "" if is_here else " in a checkout of the project"
            say(
                f"to do{where}: {'; '.join(f'python -m flows {shlex.join(left)}' for left in stages[number:])}"
            )
            return
        say(f"python -m flows {shlex.join(stage)}")
        ended = subprocess.run([sys.executable, "-m", "flows", *stage], cwd=checkout).returncode
        if ended:
            raise typer.Exit(ended)
