"""Begun: by which recipe the shards of a workspace are made, as its stage has noted it."""

import json

from audiosetzsl.shards.schema import Kind
from audiosetzsl.workspace import Workspace


def begun_by(place: Workspace) -> dict[Kind, str]:
    """Fingerprint of the recipe of each kind that extract-features has begun here; older workspaces note none."""
    try:
        noted = json.loads(place.extractors.read_text())["made_by"]
        return {kind: str(noted[kind]) for kind in Kind if kind in noted}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # whoever makes shards refuses a note that cannot be read
