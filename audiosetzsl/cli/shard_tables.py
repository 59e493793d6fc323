"""Tables that the commands `audiosetzsl shards ...` print."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audiosetzsl.show import Cell, say, show_table

if TYPE_CHECKING:
    from audiosetzsl.shards.finding import Finding
    from audiosetzsl.shards.redo import Redo
    from audiosetzsl.shards.stats import KindStats

# Longer lists are cut: hundreds of missing shards are one piece of news.
LINES = 40


def show_findings(workspace: Path, findings: "Sequence[Finding]") -> None:
    """Print what `verify` found, one by one and counted."""
    if not findings:
        return
    rows = [[str(one.kind), one.path.name, str(one.problem), one.detail] for one in findings]
    _show_first(f"Shards of {workspace}", ["kind", "file", "what", "detail"], rows)
    counts = Counter((str(one.kind), str(one.problem)) for one in findings)
    show_table("Findings", ["kind", "what", "files"], [[*key, n] for key, n in sorted(counts.items())])
    if harmless := sum(not one.is_wrong for one in findings):
        say(
            f"{harmless} leftovers of writes that were broken off do no harm; `shards repair` removes old ones"
        )


def show_redos(workspace: Path, redos: "Sequence[Redo]") -> None:
    """Print what is to be made again, and why."""
    rows = [[str(redo.kind), redo.path.name, redo.why] for redo in redos]
    _show_first(f"To repair in {workspace}", ["kind", "file", "why"], rows)


def show_stats(workspace: Path, told: "Sequence[KindStats]", thinnest: int) -> None:
    """Print sizes, statuses, lengths, the classes that are covered worst, and what made the features."""
    columns = ["kind", "shards", "segments", "ok", "MB", "kB a clip"]
    show_table(str(workspace), columns, [_size_row(one) for one in told])
    show_table(
        "Status and flags",
        ["kind", "status or flag", "segments", "of all"],
        [row for one in told for row in _count_rows(one)],
    )
    columns = ["kind", "of the clips that are ok", "mean", "p5", "median", "p95", "least", "most"]
    show_table("Lengths", columns, [row for one in told for row in _length_rows(one)])
    _show_thinnest(told, thinnest)
    for one in told:
        facts = ", ".join(f"{name} {value}" for name, value in one.recipe.facts.items())
        say(f"{one.kind} is made by {one.recipe.name} ({one.recipe.fingerprint}): {facts}")
        if one.recipe.is_random:
            say(f"✗ {one.kind} comes of RANDOM WEIGHTS: nothing was learned, so do not report results of it")


def _show_thinnest(told: "Sequence[KindStats]", thinnest: int) -> None:
    from audiosetzsl.shards.stats import coverage_of

    kinds = [str(one.kind) for one in told]
    covered = coverage_of(told)[["class_name", "split", "segments", *kinds, "all", "share"]].head(thinnest)
    show_table(
        f"The {len(covered)} of all classes and splits with the least share of segments that have every kind",
        ["class", "split", "segments", *kinds, "all", "share"],
        [[*row[:-1], f"{row[-1]:.1%}"] for row in covered.to_numpy().tolist()],
    )


def _size_row(one: "KindStats") -> list[Cell]:
    a_clip = one.n_bytes / one.n_ok / 1e3 if one.n_ok else None
    return [str(one.kind), one.n_shards, len(one.rows), one.n_ok, one.n_bytes / 1e6, a_clip]


def _count_rows(one: "KindStats") -> list[list[Cell]]:
    counted = {**one.statuses, **{f"flag {flag}": n for flag, n in one.flags.items()}}
    return [[str(one.kind), name, n, f"{n / len(one.rows):.1%}"] for name, n in counted.items()]


def _length_rows(one: "KindStats") -> list[list[Cell]]:
    measures = [name for name in ("duration_s", "n_frames", "n_windows") if name in one.rows and one.n_ok]
    return [[str(one.kind), name, *one.spread(name)] for name in measures]


def _show_first(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    show_table(title, columns, rows[:LINES])
    if len(rows) > LINES:
        say(f"and {len(rows) - LINES} more")
