"""Notes: what a clip says of where it came from, so that one that outlived its process can be entered."""

import json
from collections.abc import Mapping
from typing import Any


def note_of(
    source: str, way: str | None = None, format_id: str | None = None, pulled_bytes: int | None = None
) -> str:
    """The comment of a clip."""
    told = {"source": source, "way": way, "format_id": format_id, "pulled_bytes": pulled_bytes}
    return json.dumps({"audiosetzsl": 1, **told})


def read_note(comment: str) -> Mapping[str, Any]:
    """What a clip says of itself; nothing, if it is none of ours."""
    try:
        noted = json.loads(comment)
    except ValueError:
        return {}
    if not isinstance(noted, dict) or noted.get("audiosetzsl") != 1:
        return {}
    return {key: noted.get(key) for key in ("source", "way", "format_id", "pulled_bytes")}
