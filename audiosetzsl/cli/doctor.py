"""Command `audiosetzsl doctor`: what is ready on this machine, and what to do about the rest."""

from pathlib import Path
from typing import Annotated

import typer


def doctor(
    audioset: Annotated[Path | None, typer.Option(help="Folder that holds AudioSet's six files.")] = None,
    workspace: Annotated[Path, typer.Option(help="Folder that a run would write to.")] = Path("work"),
) -> None:
    """Say what of this machine is ready, and what to do about the rest; it changes nothing."""
    from audiosetzsl.doctor import examine
    from audiosetzsl.show import say

    findings = examine(audioset, workspace)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        say(f"{'✓' if finding.ready else '✗'} {finding.name:<{width}}  {finding.found}")
        if not finding.ready:
            say(f"  {'':<{width}}  → {finding.advice}")
    ready = sum(finding.ready for finding in findings)
    say(f"{ready} of {len(findings)} ready")
