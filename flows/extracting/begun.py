"""What was begun: the extractors that a workspace's features are made with, so that later runs go on alike."""

import json
from dataclasses import asdict
from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.files import write_bytes
from audiosetzsl.workspace import Workspace
from extractors.extraction.block import Extractors
from extractors.log_mel import LogMelConfig
from extractors.video.nets import VideoConfig


def as_begun(place: Workspace) -> Extractors | None:
    """The extractors that this workspace has been using; None where nothing was extracted yet.

    Raises:
        SetupError: the note of them cannot be read.
    """
    note = _note(place)
    if not note.is_file():
        return None
    try:
        facts = json.loads(note.read_text())
        return Extractors(LogMelConfig(**facts["log_mel"]), VideoConfig(**facts["video"]))
    except (ValueError, KeyError, TypeError) as problem:
        raise SetupError(
            f"{note} cannot be read ({problem}); delete it, and name --preset, --net and --weights as they were"
        ) from problem


def note_begun(place: Workspace, extractors: Extractors) -> None:
    """Keep the extractors for the next run; a note that says so already is left alone."""
    note, facts = _note(place), (json.dumps(asdict(extractors), indent=1) + "\n").encode()
    if not note.is_file() or note.read_bytes() != facts:
        write_bytes(note, facts)


def _note(place: Workspace) -> Path:
    return place.root / "features" / "extractors.json"
