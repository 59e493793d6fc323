"""Commands from vectors to results: CJME, its scores, its page."""

from pathlib import Path
from typing import Annotated

import typer

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
