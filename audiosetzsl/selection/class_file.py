"""Class lists as TOML files: one's own subset of AudioSet, read with every fault named at once.

name = "street-sounds"
excluded_mids = ["/m/04rlf"]    # optional: a segment with one of these labels is left out

[[classes]]
name = "police-car"             # small letters and digits, joined by single hyphens
mid = "/m/04qvtq"               # one of AudioSet's 527 labels; its descendants are not part of it
seen = true                     # false for a class that is never trained on
excluded_mids = ["/m/012n7d"]   # optional: the same, for this class alone
phrase = "police car siren"     # optional: words whose vector stands for the class; else its name

[[classes]]
name = "train"
mid = "/m/06d_3"
seen = false
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audiosetzsl.audioset.ontology import Ontology
from audiosetzsl.classes import Class, ClassList
from audiosetzsl.errors import ClassListError
from audiosetzsl.files import write_bytes
from audiosetzsl.selection.class_faults import ancestor_warnings, faults_of, faults_of_sizes

# The least size that gives every split two segments (6, 2, 2), which retrieval needs: it leaves the query out.
MIN_SIZE = 10


def read_class_file(path: Path, ontology: Ontology) -> tuple[ClassList, list[str]]:
    """Read a class list, and what to be warned of: classes that lie above one another in the ontology.

    Raises:
        ClassListError: the file is absent, no TOML, or breaks a rule; the message has one line per fault.
    """
    document = _parse(path)
    if faults := faults_of(document, ontology):
        raise ClassListError(_listed(f"{path} cannot be used", faults))
    classes = tuple(_class_of(entry) for entry in document["classes"])
    class_list = ClassList(document["name"], classes, tuple(document.get("excluded_mids", ())))
    return class_list, ancestor_warnings(class_list, ontology)


def check_sizes(classes: ClassList, counts: Mapping[str, int], minimum: int = MIN_SIZE) -> None:
    """Hold the number of segments that a build found for each class to a least size.

    Raises:
        ClassListError: lists every class that is too small.
    """
    if faults := faults_of_sizes(classes, counts, minimum):
        raise ClassListError(_listed(f"class list {classes.name!r} cannot be used", faults))


def to_toml(classes: ClassList) -> str:
    """Write a class list as TOML that `read_class_file` reads back."""
    lines = [f"name = {_text(classes.name)}"]
    if classes.excluded_mids:
        lines.append(f"excluded_mids = {_texts(classes.excluded_mids)}")
    for c in classes:
        lines += ["", "[[classes]]", f"name = {_text(c.name)}", f"mid = {_text(c.mid)}"]
        lines.append(f"seen = {str(c.seen).lower()}")
        if c.excluded_mids:
            lines.append(f"excluded_mids = {_texts(c.excluded_mids)}")
        if c.phrase:
            lines.append(f"phrase = {_text(c.phrase)}")
    return "\n".join(lines) + "\n"


def write_class_file(classes: ClassList, path: Path) -> Path:
    """Write a class list to a TOML file, whole or not at all."""
    return write_bytes(path, to_toml(classes).encode())


def _parse(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ClassListError(f"{path} does not exist; `audiosetzsl classes --toml` prints one to start from")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ClassListError(f"{path} is not TOML: {problem}; correct that place") from problem


def _class_of(entry: Mapping[str, Any]) -> Class:
    excluded = tuple(entry.get("excluded_mids", ()))
    return Class(entry["name"], entry["mid"], entry["seen"], excluded, entry.get("phrase", ""))


def _listed(what: str, faults: list[str]) -> str:
    return "\n".join([f"{what}, {len(faults)} {'fault' if len(faults) == 1 else 'faults'}:", *faults])


def _text(value: str) -> str:
    # A JSON string is a TOML string, but for the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _texts(values: tuple[str, ...]) -> str:
    return f"[{', '.join(_text(value) for value in values)}]"
