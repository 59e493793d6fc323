"""What was begun: the extractors that a workspace's features are made with, so that later runs go on alike."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from audiosetzsl.errors import SetupError
from audiosetzsl.files import write_bytes
from audiosetzsl.shards import Kind, Recipe
from audiosetzsl.workspace import Workspace
from extractors.extraction.block import Extractors
from extractors.log_mel import LogMelConfig
from extractors.video.nets import VideoConfig


def as_begun(place: Workspace) -> Extractors | None:
    """The extractors that this workspace has been using; None where nothing was extracted yet.

    Raises:
        SetupError: the note of them cannot be read.
    """
    note = place.extractors
    if not note.is_file():
        return None
    try:
        facts = json.loads(note.read_text())
        return Extractors(LogMelConfig(**facts["log_mel"]), VideoConfig(**facts["video"]))
    except (ValueError, KeyError, TypeError) as problem:
        raise SetupError(
            f"{note} cannot be read ({problem}); delete it, and name --preset, --net and --weights as they were"
        ) from problem


def note_begun(place: Workspace, extractors: Extractors, recipes: Mapping[Kind, Recipe]) -> None:
    """Keep the extractors, and the fingerprints of their recipes; a note that says so already is left alone."""
    facts = {**asdict(extractors), "made_by": {kind: recipe.fingerprint for kind, recipe in recipes.items()}}
    note, content = place.extractors, (json.dumps(facts, indent=1) + "\n").encode()
    if not note.is_file() or note.read_bytes() != content:
        write_bytes(note, content)
