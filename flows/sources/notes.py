"""Notes: what a clip says of where it came from, so that one that outlived its process can be entered."""

import json
from collections.abc import Mapping
from typing import Any


def note_of(way: str | None, format_id: str | None, pulled_bytes: int | None) -> str:
    """The comment of a clip."""
    return json.dumps({"audiosetzsl": 1, "way": way, "format_id": format_id, "pulled_bytes": pulled_bytes})


def read_note(comment: str) -> Mapping[str, Any]:
    """What a clip says of itself; nothing, if it is none of ours."""
    try:
        noted = json.loads(comment)
    except ValueError:
        return {}
    if not isinstance(noted, dict) or noted.get("audiosetzsl") != 1:
        return {}
    return {key: noted.get(key) for key in ("way", "format_id", "pulled_bytes")}
