"""Commands `build-manifest` and `sample-manifest`: who is in the dataset."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import ROOT, Recorded, Seed, Work, run


def build_manifest(
    audioset: Annotated[str, typer.Option(help="Folder with AudioSet's six files, or `download`.")],
    workspace: Work = ROOT,
    classes: Annotated[
        Path | None, typer.Option(help="TOML with your own classes; default: AudioSetZSL.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="`hash`, or `release:PATH_OR_URL` for the authors' lists.")
    ] = "hash",
    seed: Seed = 0,
    any_lists: Annotated[
        bool, typer.Option("--any-lists", help="Take lists that are not AudioSet's own.")
    ] = False,
    prefect: Recorded = False,
) -> None:
    """AudioSet's lists -> the manifest, its drops, the funnel."""
    from flows.build_manifest import build_manifest as stage

    run(prefect, stage, workspace, audioset, classes, split, seed, any_lists)


def sample_manifest(
    workspace: Work = ROOT,
    manifest: Annotated[
        Path | None, typer.Option(help="Take rows of this manifest; default: published.")
    ] = None,
    per_class: Annotated[int | None, typer.Option(help="Segments of each class.")] = None,
    having: Annotated[Path | None, typer.Option(help="Only segments whose clip is in this folder.")] = None,
    prefect: Recorded = False,
) -> None:
    """Some rows of a manifest -> a manifest for a trial, or for the clips one has."""
    from flows.sample_manifest import sample_manifest as stage

    run(prefect, stage, workspace, manifest, per_class, having)
