"""Commands of `audiosetzsl`: the dataset, its tables and its releases.

Modules here import nothing heavy at the top: `audiosetzsl --help` has to answer at once.
"""

import sys
from collections.abc import Callable

import typer

from audiosetzsl.cli.availability import import_availability, publish_availability, survivors
from audiosetzsl.cli.clips import plan, status
from audiosetzsl.cli.doctor import doctor
from audiosetzsl.cli.features import convert_features, show_features
from audiosetzsl.cli.publishing import diff, publish, verify
from audiosetzsl.cli.shards import shards
from audiosetzsl.cli.tables import classes, stats
from audiosetzsl.errors import AudioSetZSLError

app = typer.Typer(
    help="AudioSetZSL: look at the dataset, publish it, check it. The factory is `python -m flows`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
COMMANDS: tuple[Callable[..., None], ...] = (
    *(stats, classes, publish, verify, diff, doctor),
    *(plan, status, import_availability, survivors, publish_availability),
    *(convert_features, show_features),
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(shards, name="shards")


def main() -> None:
    """Run a command; an error that we raise on purpose ends in one line and exit code 1."""
    try:
        app()
    except AudioSetZSLError as problem:
        sys.exit(f"error: {problem}")
