"""Commands from vectors to results: CJME, its scores, its page."""

from pathlib import Path
from typing import Annotated

import typer

from audiosetzsl.feature_sets.stages import Protocol
from flows.cli.options import ROOT, OneDevice, PresetName, Recorded, Seed, Work, run


def score_cjme(
    workspace: Work = ROOT,
    preset_name: PresetName = "paper",
    seed: Seed = 0,
    device: OneDevice = "cpu",
    prefect: Recorded = False,
) -> None:
    """Vectors -> CJME, its scores of val and test, and its embeddings of test."""
    from flows.presets import preset
    from flows.score_cjme import score_cjme as stage

    run(prefect, stage, workspace, preset(preset_name).cjme, seed, device)


def report_results(
    checkpoint: Annotated[Path, typer.Option(help="A CJME that score-cjme wrote.")],
    workspace: Work = ROOT,
    prefect: Recorded = False,
) -> None:
    """Scores and embeddings -> S, U, HM, mAP and a page."""
    from flows.report_results import report_results as stage

    run(prefect, stage, workspace, checkpoint)


def reproduce(
    features: Annotated[
        str,
        typer.Option(
            help="Where features lie: a workspace, or npz:FILE, official:FOLDER, avca:FOLDER (docs/feature-sets.md)."
        ),
    ] = str(ROOT),
    table: Annotated[
        list[int] | None, typer.Option(help="Table of the paper, once or more; default: 2, 3, 4, 5 and 7.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="From how many seeds every method is trained; features and settings stay.")
    ] = 5,
    protocol: Annotated[
        list[Protocol] | None,
        typer.Option(
            help="`paper` chooses on val clips of the unseen classes, `strict` holds out seen ones."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the results; default: results/reproduce in the workspace.")
    ] = None,
    xlsa17: Annotated[
        Path | None, typer.Option(help="Folder with folders SUN, CUB, AWA1, AWA2 of xlsa17, for table 6.")
    ] = None,
    cjme: Annotated[
        str,
        typer.Option(
            help="Preset of CJME: `paper`, `avgzslnet`, or `literal`, which takes the paper at its word."
        ),
    ] = "paper",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trainings side by side; default: one a core.")
    ] = None,
    device: OneDevice = "cpu",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Show every training in TensorBoard, too.")
    ] = False,
    prefect: Recorded = False,
) -> None:
    """Features -> the paper's tables beside its numbers, means over seeds; resumed by the same command."""
    from flows.reproduce import place_of
    from flows.reproduce import reproduce as stage
    from flows.reproducing.asked import asked_of
    from flows.reproducing.work import Work

    asked, work = asked_of(table, protocol, seeds, xlsa17, cjme), Work(device, tensorboard)
    run(prefect, stage, features, place_of(features, out), asked, work, workers=workers)
