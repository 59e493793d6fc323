"""Fetch a workspace from a loopback YouTube with the days of the real thing made seconds.

`python tests/support/patient_fetch.py WORKSPACE CONFIG`; a test may kill it at any moment and call it again.
"""

import os
import sys
from pathlib import Path

from audiosetzsl.clips.standing import Patience
from audiosetzsl.egresses import VARIABLE
from flows.asking import Asking
from flows.fetch_clips import fetch_clips
from flows.politeness.pace import Pace
from flows.sources.opening import SourceOptions

# A day is 3 s here, an hour of pause 1 s; what is counted in attempts is as it is.
PATIENCE = Patience(
    second_look_s=3.0,
    reach_s=60.0,
    media_s=0.3,
    session_s=0.3,
    broken_s=0.3,
    later_s=0.3,
    growth=1.2,
    attempts=3,
)
PACE = Pace(per_hour=3_600_000, burst=1000, pause_s=1.0, longest_pause_s=2.0)
CANARIES = ("canary_one_", "canary_two_")


def asking(config: Path) -> Asking:
    """How to ask the loopback server."""
    options = SourceOptions(threads=4, config=config, clip_s=8.0)
    return Asking(options=options, pace=PACE, patience=PATIENCE, canaries=CANARIES, wait=True)


if __name__ == "__main__":
    # Its egress is none of this machine's.
    os.environ[VARIABLE] = str(Path(sys.argv[1]).parent / "state")
    fetch_clips(Path(sys.argv[1]), "youtube", asking=asking(Path(sys.argv[2])))
