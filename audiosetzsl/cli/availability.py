"""Commands `import-availability`, `survivors` and `publish-availability`: which videos are still there."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pyarrow as pa

    from audiosetzsl.availability.survivors import Left
    from audiosetzsl.show import Cell
    from audiosetzsl.workspace import Workspace


def import_availability(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="CSV with ytid, status and date.")],
    name: Annotated[str, typer.Option(help="Name of the list, which every row will bear as its source.")],
    workspace: Annotated[Path, typer.Option(help="Folder whose availability.parquet takes it up.")] = Path(
        "work"
    ),
) -> None:
    """Take a third party's list of living and dead videos into a workspace; twice is as good as once."""
    import pyarrow.compute as pc

    from audiosetzsl.availability.layer import add_observations
    from audiosetzsl.availability.third_party import read_list
    from audiosetzsl.show import say
    from audiosetzsl.workspace import Workspace

    rows = read_list(file, name)
    place = Workspace(workspace)
    manifest = _manifest(place)
    ours = rows.filter(pc.is_in(rows["ytid"], manifest["ytid"].combine_chunks()))
    n_new = add_observations(place.availability, ours) if len(ours) else 0
    counts = {str(pair["values"]): pair["counts"] for pair in pc.value_counts(ours["status"]).to_pylist()}
    told = ", ".join(f"{n:,} {status}" for status, n in sorted(counts.items())) or "none"
    say(f"{file}: {len(rows):,} observations, {len(ours):,} of videos of the manifest ({told})")
    say(f"{place.availability}: {n_new:,} new, {len(ours) - n_new:,} were there already")


def survivors(
    workspace: Annotated[
        Path | None, typer.Option(help="Folder of a run: its observations, and its manifest if there is one.")
    ] = None,
    availability: Annotated[Path | None, typer.Option(help="A file of observations.")] = None,
    on: Annotated[
        str | None, typer.Option(help="Month (2026-11) or day (2026-11-24) at whose end to count.")
    ] = None,
    thin: Annotated[int, typer.Option(min=0, help="Warn of classes and splits with fewer left.")] = 50,
) -> None:
    """Count what is left of the dataset per class and split; without options by the published snapshots."""
    from audiosetzsl.availability.known import known_by, observations
    from audiosetzsl.availability.survivors import survivors_of
    from audiosetzsl.errors import SetupError
    from audiosetzsl.manifest import load_manifest_table
    from audiosetzsl.show import say
    from audiosetzsl.workspace import Workspace

    if workspace and availability:
        raise SetupError(
            "--workspace and --availability both say where the observations are; give one of them"
        )
    manifest = load_manifest_table()
    if workspace:
        manifest, availability = _manifest(Workspace(workspace)), Workspace(workspace).availability
    parts = survivors_of(manifest, known_by(observations(availability), on))
    _show_survivors(parts, f"Survivors{f' on {on}' if on else ''}")
    say(
        "Unseen classes bear a *. Left: all that are not known to be gone. Closed: there, and not for everybody."
    )
    for line in _warnings(parts, thin):
        say(line)


def publish_availability(
    workspace: Annotated[
        Path | None,
        typer.Option(
            help="Folder with the availability.parquet to publish; without it only removals are done."
        ),
    ] = None,
    to: Annotated[Path, typer.Option(help="Folder of the release that the snapshot joins.")] = Path(
        "manifests"
    ),
    date: Annotated[
        str | None, typer.Option(help="Day of the snapshot as YYYY-MM-DD; that of the newest observation.")
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(help="Name of an imported list to publish too, if its terms allow it; may be repeated."),
    ] = None,
) -> None:
    """Publish a dated snapshot and its list of dead videos; take out what was removed on request."""
    from audiosetzsl.availability.publish import publish_snapshot, withdraw_removed
    from audiosetzsl.show import say
    from audiosetzsl.workspace import Workspace

    for path in withdraw_removed(to):
        say(f"{path}: videos that were removed on request were taken out")
    if workspace is None:
        say("no snapshot was added; give --workspace FOLDER for that")
        return
    observed = Workspace(workspace).availability
    done = publish_snapshot(observed, to, day=_day(date) if date else None, lists=also or ())
    say(f"{done.path}: " + ", ".join(f"{n:,} {status}" for status, n in sorted(done.counts.items())))
    if done.n_strangers:
        say(f"{done.n_strangers:,} videos that were observed are not in the release, and were left out")


def _day(text: str) -> datetime.date:
    from audiosetzsl.errors import SetupError

    try:
        return datetime.date.fromisoformat(text)
    except ValueError as problem:
        raise SetupError(f"--date is {text!r}, expected a day as YYYY-MM-DD") from problem


def _manifest(workspace: "Workspace") -> "pa.Table":
    """The workspace's manifest, or the published one where it has none."""
    from audiosetzsl.manifest import load_manifest_table

    return load_manifest_table(workspace.manifest if workspace.manifest.is_file() else None)


def _show_survivors(parts: "list[Left]", title: str) -> None:
    from audiosetzsl.availability.survivors import summed
    from audiosetzsl.building.splits import Split
    from audiosetzsl.show import show_table

    columns = ["class", "split", "manifest", "alive", "closed", "gone", "unknown", "left", "share left"]
    rows = [_row(part) for part in parts]
    show_table(title, columns, rows)
    totals = []
    for name, wanted in (("all", (True, False)), ("seen", (True,)), ("unseen", (False,))):
        of_kind = [part for part in parts if part.seen in wanted]
        for split in [split for split in Split if any(part.split == split for part in of_kind)]:
            totals.append(_row(summed([p for p in of_kind if p.split == split], name, split), name))
        totals.append(_row(summed(of_kind, name), name))
    show_table("Totals", ["classes", *columns[1:]], totals)


def _row(part: "Left", name: str | None = None) -> "list[Cell]":
    share = f"{part.left / part.segments:.1%}" if part.segments else ""
    counts = (part.segments, part.alive, part.closed, part.gone, part.unknown, part.left)
    return [name or part.marked, part.split, *counts, share]


def _warnings(parts: "list[Left]", limit: int) -> list[str]:
    from audiosetzsl.availability.survivors import summed, thin

    names = dict.fromkeys(part.class_name for part in parts)
    classes = [summed([p for p in parts if p.class_name == name], name) for name in names]
    found = [*thin(classes, limit), *thin(parts, limit)]
    return [
        f"thin: {part.marked} ({'seen' if part.seen else 'unseen'}), {part.split}: {part.left:,} left of "
        f"{part.segments:,}, under {limit:,}"
        for part in found
    ]
