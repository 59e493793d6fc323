"""Commands of `python -m flows`: every stage of the factory.

Modules here import nothing heavy at the top: `python -m flows --help` has to answer at once.
"""

import os
import sys
from collections.abc import Callable

import typer

from audiosetzsl.errors import AudioSetZSLError
from flows.cli.clips import check_availability, fetch_clips
from flows.cli.features import (
    embed_audio,
    extract_features,
    fetch_weights,
    make_class_vectors,
    train_audio_cnn,
)
from flows.cli.manifest import build_manifest, sample_manifest
from flows.cli.pipelines import build_dataset, train_cjme
from flows.cli.results import report_results, reproduce, score_cjme

app = typer.Typer(
    help="The factory: every stage of the dataset and its results, resumed where it broke off.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
COMMANDS: tuple[Callable[..., None], ...] = (
    *(build_manifest, sample_manifest, fetch_clips, check_availability),
    *(fetch_weights, extract_features, make_class_vectors, train_audio_cnn, embed_audio),
    *(score_cjme, report_results, reproduce, build_dataset, train_cjme),
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run a stage; an error that we raise on purpose ends in one line and exit code 1."""
    # Before torch comes in: its threads wait by spinning, which where others work too doubles the time of training.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except AudioSetZSLError as problem:
        sys.exit(f"error: {problem}")
