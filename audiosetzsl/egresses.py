"""Egresses: the addresses that ask, and where this machine notes how fast each may go on and when."""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

# Folder of the notes, for those who have no home or share an address among machines.
VARIABLE = "AZSL_STATE"
EGRESS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


@dataclass(slots=True)
class Allowance:
    """What all who use an egress share; times are seconds of the clock on the wall."""

    full_at_s: float = 0.0  # when its bucket of tokens is full again
    paused_until_s: float = 0.0


def egress_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where allowances are noted: one place a user, as one address may serve several workspaces."""
    if named := environment.get(VARIABLE):
        return Path(named) / "egresses"
    home = environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "audiosetzsl" / "egresses"


def allowance_path(folder: Path, name: str) -> Path:
    """The note of one egress."""
    return folder / f"{name}.json"


def paused_until(folder: Path, name: str) -> datetime | None:
    """Until when an egress is to be left alone; None if it is not known to be, or the note is damaged."""
    try:
        seconds = float(json.loads(allowance_path(folder, name).read_text())["paused_until_s"])
        return datetime.fromtimestamp(seconds, UTC) if math.isfinite(seconds) and seconds > 0 else None
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
