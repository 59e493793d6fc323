"""Commands `publish`, `verify` and `diff`: make a release, check one, compare two."""

import datetime
from pathlib import Path
from typing import Annotated

import typer


def publish(
    workspace: Annotated[
        Path, typer.Option(help="Folder that holds manifest.parquet and drops.parquet of a build.")
    ] = Path("work"),
    to: Annotated[
        Path, typer.Option(help="Folder of the release; an older release there is replaced.")
    ] = Path("manifests"),
    version: Annotated[
        str | None, typer.Option(help="MAJOR.MINOR.PATCH of the release; 1.0.0 if not given.")
    ] = None,
    date: Annotated[
        str | None,
        typer.Option(help="Day of publication as YYYY-MM-DD, which the documents state; today if not given."),
    ] = None,
    removed: Annotated[
        Path | None,
        typer.Option(help="Text file of video ids, one a line, that are left out from now on, on request."),
    ] = None,
) -> None:
    """Write a release: manifest, lists, drops, class map, checksums, Croissant, Data Package, card, terms."""
    from audiosetzsl.release.contents import VERSION
    from audiosetzsl.release.publish import publish as publish_release
    from audiosetzsl.show import say, show_table
    from audiosetzsl.workspace import Workspace

    ids = _read_lines(removed) if removed else []
    done = publish_release(Workspace(workspace), to, date=_day(date), version=version or VERSION, removed=ids)
    show_table(f"{to}: version {done.release.version}", ["file", "bytes"], done.files.items())
    for name in done.deleted:
        say(f"deleted {name}: the older release had it, this one has not")
    for name in done.foreign:
        say(f"left {name}: it is no file of a release, and `audiosetzsl verify` will say so")
    say(f"{len(done.release.manifest):,} segments, {len(done.release.drops):,} drops")


def verify(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="Folder of a release, or a manifest; the checkout's manifests/ or the installed manifest "
            "if not given.",
            show_default=False,
        ),
    ] = None,
    audioset: Annotated[
        Path | None, typer.Option(help="Folder of AudioSet's lists: derive every row again and compare.")
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(
            "--release", help="Folder or address of the authors' lists, if the manifest is made from them."
        ),
    ] = None,
) -> None:
    """Check a release: checksums, schema, rules, agreement of its files; exit code 1 if anything is wrong."""
    from audiosetzsl.release.verify import default_release
    from audiosetzsl.release.verify import verify as verify_release
    from audiosetzsl.show import say

    at = path or default_release()
    findings = verify_release(at, audioset=audioset, release=release)
    for finding in findings:
        say(f"✗ {finding}")
    if not at.is_dir():
        say(f"{at} is a manifest alone: there are no checksums, only its schema and its rules were checked")
    if audioset is None:
        say("rows were not derived again; give --audioset FOLDER for that")
    if findings:
        say(f"{at}: {len(findings)} findings")
        raise typer.Exit(1)
    say(f"{at}: everything fits")


def diff(
    before: Annotated[
        Path, typer.Argument(metavar="A", help="Folder of the older release, or its manifest.")
    ],
    after: Annotated[Path, typer.Argument(metavar="B", help="Folder of the newer release, or its manifest.")],
    ids: Annotated[int, typer.Option(min=0, help="How many segment ids of each change to print.")] = 0,
) -> None:
    """Compare two releases: segments added, removed, moved and relabelled, per class and split."""
    from dataclasses import astuple, fields

    from audiosetzsl.release.diff import Tally, manifest_at, tally, totals
    from audiosetzsl.release.diff import diff as diff_manifests
    from audiosetzsl.show import say, show_table

    old, new = manifest_at(before), manifest_at(after)
    changes = diff_manifests(old, new)
    columns = [field.name.removesuffix("_name").replace("_", " ") for field in fields(Tally)]
    touched = [astuple(row) for row in tally(changes, old, new) if any(astuple(row)[3:-1])]
    if touched:
        show_table(f"{before} -> {after}", columns, touched)
    show_table("All classes", ["change", "segments"], totals(changes).items())
    if ids:
        for row in _first_of_each(changes.to_pylist(), ids):
            places = [f"{row[f'class_{when}']}/{row[f'split_{when}']}" for when in ("before", "after")]
            say(f"{row['change']} {row['segment_id']} {' -> '.join(p for p in places if p != 'None/None')}")
    if not len(changes):
        say("no difference")


def _first_of_each(changes: list[dict[str, str]], n: int) -> list[dict[str, str]]:
    """The first `n` changes of each kind."""
    kinds = sorted({row["change"] for row in changes})
    return [row for kind in kinds for row in [r for r in changes if r["change"] == kind][:n]]


def _read_lines(path: Path) -> list[str]:
    from audiosetzsl.errors import SetupError

    if not path.is_file():
        raise SetupError(f"{path} does not exist, expected a text file of video ids, one a line")
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]


def _day(text: str | None) -> datetime.date:
    from audiosetzsl.errors import SetupError

    if text is None:
        return datetime.datetime.now(datetime.UTC).date()
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as problem:
        raise SetupError(f"--date is {text!r}, expected a day as YYYY-MM-DD") from problem
