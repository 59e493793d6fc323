"""Made of: a small file beside features in a form of others, so that what made them is not forgotten on the way."""

import json
from collections.abc import Mapping
from pathlib import Path

from audiosetzsl.errors import SetupError

FILE = "made_of.json"


def as_json(facts: Mapping[str, object]) -> str:
    """Facts as text, the same for the same facts."""
    return json.dumps(dict(facts), sort_keys=True, indent=1)


def facts_of(text: str, where: object) -> dict[str, object]:
    """Facts that a text holds.

    Raises:
        SetupError: it holds none.
    """
    try:
        match json.loads(text):
            case dict(facts):
                return facts
        problem = "it is no object"
    except (ValueError, RecursionError) as error:
        problem = str(error)
    raise SetupError(
        f"{where} should say in JSON what made the features ({problem}); delete it, or copy it again"
    )


def read_made_of(folder: Path) -> dict[str, object]:
    """What made the features of a folder; nothing where it does not say.

    Raises:
        SetupError: the file is there and damaged.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        return facts_of(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as problem:
        raise SetupError(f"{path} cannot be read ({problem}); delete it, or copy it again") from problem


def write_made_of(folder: Path, facts: Mapping[str, object]) -> None:
    """Say what made the features of a folder, if that is known."""
    if facts:
        (folder / FILE).write_text(as_json(facts), encoding="utf-8")
