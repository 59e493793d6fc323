"""Commands `fetch-clips` and `check-availability`: the clips, and which of them are still there."""

from typing import Annotated

import typer

from flows.cli.options import (
    ROOT,
    Again,
    Canary,
    Config,
    Egress,
    PerHour,
    Recorded,
    Source,
    Threads,
    Wait,
    Work,
    run,
)


def fetch_clips(
    workspace: Work = ROOT,
    source: Source = "synthetic",
    egress: Egress = "default",
    per_hour: PerHour = 300.0,
    threads: Threads = None,
    config: Config = None,
    canaries: Canary = None,
    again: Again = "",
    wait: Wait = False,
    prefect: Recorded = False,
) -> None:
    """Manifest -> clips and their ledger; resumed by the same command, for weeks if need be."""
    from flows.asking import asking_of
    from flows.fetch_clips import fetch_clips as stage

    asking = asking_of(egress, per_hour, threads, config, canaries, again, wait)
    run(prefect, stage, workspace, source, asking=asking)


def check_availability(
    workspace: Work = ROOT,
    on: Annotated[
        str | None,
        typer.Option(help="Day of the check, YYYY-MM-DD; default: one begun lately, or today."),
    ] = None,
    egress: Egress = "default",
    per_hour: PerHour = 300.0,
    threads: Threads = None,
    config: Config = None,
    canaries: Canary = None,
    again: Again = "",
    wait: Wait = False,
    prefect: Recorded = False,
) -> None:
    """Manifest -> which of its videos are alive, without any media, as a dated layer."""
    from flows.asking import asking_of
    from flows.check_availability import check_availability as stage

    asking = asking_of(egress, per_hour, threads, config, canaries, again, wait)
    run(prefect, stage, workspace, on=on, asking=asking)
