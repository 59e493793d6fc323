"""Commands `audiosetzsl shards verify`, `stats` and `repair`: the features of a workspace, checked and mended."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audiosetzsl.shards import Kind, Status
    from audiosetzsl.shards.finding import Finding
    from audiosetzsl.shards.redo import Redo
    from audiosetzsl.workspace import Workspace

shards = typer.Typer(help="Features of a workspace: check them, count them, mend them.", no_args_is_help=True)
_Workspace = Annotated[Path, typer.Argument(metavar="WORKSPACE", help="Folder of a run.")]
_Kinds = Annotated[
    str,
    typer.Option("--kinds", help="log_mel, video, audio, with commas; default: those that were begun."),
]


@shards.command()
def verify(workspace: _Workspace = Path("work"), kinds: _Kinds = "") -> None:
    """Read every shard whole: is each there, undamaged, of one recipe, of the clips of now? Exit code 1 if not."""
    from audiosetzsl.cli.shard_tables import show_findings
    from audiosetzsl.show import say
    from audiosetzsl.workspace import Workspace

    place = Workspace(workspace)
    chosen = _kinds(place, kinds)
    findings = _verified(place, chosen)
    show_findings(workspace, findings)
    wrong = [finding for finding in findings if finding.is_wrong]
    if wrong:
        say(f"{workspace}: {len(wrong)} findings; {_remedy(workspace, wrong)}")
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
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before files are touched.")] = False,
) -> None:
    """List the shards that are missing, stale, broken or have rows of a status, and run their stages again.

    Nothing is lost by it: what a stage does not make again comes back, and what it replaces lies in `set-aside/`.
    """
    from audiosetzsl.cli.shard_tables import show_redos
    from audiosetzsl.shards.making_way import at_rest, is_unmade, made_way
    from audiosetzsl.shards.redo import redos_of, with_statuses
    from audiosetzsl.shards.repair import check_begun, ready, stages_for
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
    stages, by_hand = _runnable(stages_for(place, redos))
    check_begun(place, stages)
    with at_rest(place):
        pass  # better refused now than after an answer
    redos = ready(redos, stages)
    _confirm(place, redos, yes)
    with made_way(place, redos) as aside:
        code = _run(stages)
        unmade = [redo for redo in redos if redo.is_of_plan and is_unmade(redo.path)]
    if aside.is_dir():
        say(
            f"{aside} keeps {sum(path.is_file() for path in aside.rglob('*'))} files; delete it if you miss none"
        )
    if unmade:
        say(f"{len(unmade)} shards were not made again; those that were there are back as they were")
    if by_hand:
        say(f"to do by hand: {'; '.join(by_hand)}")
    if code or unmade or by_hand:
        raise typer.Exit(code or 1)


def _remedy(workspace: Path, wrong: "Sequence[Finding]") -> str:
    """What helps against findings: a repair, if there is work for one, or only what they say themselves."""
    from audiosetzsl.shards.redo import redos_of

    of_repair = {redo.path for redo in redos_of(wrong)}
    by_hand = sum(finding.path not in of_repair for finding in wrong)
    if not of_repair:
        return "no repair helps against them, so do what their details say"
    command = f"`audiosetzsl shards repair {workspace}`"
    if by_hand:
        return f"{command} helps against all but {by_hand}, whose details say what to do"
    return f"{command} makes these shards again"


def _confirm(place: "Workspace", redos: "Sequence[Redo]", yes: bool) -> None:
    """Say what becomes of files that are there, and ask."""
    from audiosetzsl.shards.redo import Way
    from audiosetzsl.shards.repair import lost_clips
    from audiosetzsl.show import say

    if lost := lost_clips(place, redos):
        say(f"{lost} clips of these blocks are gone; rows of theirs are kept where a shard can be read")
    touched = sum(redo.way is not Way.NONE for redo in redos)
    if touched and not yes:
        typer.confirm(f"Make {touched} files again, or set them aside?", abort=True)


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


def _runnable(stages: "Sequence[Sequence[str]]") -> "tuple[list[Sequence[str]], list[str]]":
    """Stages that can be run here, and what is left to do by hand: the wheel has no factory."""
    import shlex

    from audiosetzsl.shards.repair import is_complete

    if not (_checkout() / "flows" / "__main__.py").is_file():
        return [], ["run this command in a checkout of the project, which has the stages"] if stages else []
    incomplete = [f"python -m flows {shlex.join(stage)}" for stage in stages if not is_complete(stage)]
    return [stage for stage in stages if is_complete(stage)], incomplete


def _run(stages: "Sequence[Sequence[str]]") -> int:
    """Run stages of the factory one after another, up to the first that fails; its exit code, or 0."""
    import shlex
    import subprocess
    import sys

    from audiosetzsl.show import say

    for stage in stages:
        say(f"python -m flows {shlex.join(stage)}")
        if code := subprocess.run([sys.executable, "-m", "flows", *stage], cwd=_checkout()).returncode:
            return code
    return 0


def _checkout() -> Path:
    import audiosetzsl

    return Path(audiosetzsl.__file__).parent.parent
