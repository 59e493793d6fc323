"""Rules of a class list, each with the words for breaking it."""

import re
from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from audiosetzsl.audioset.ontology import Ontology
from audiosetzsl.classes import ClassList

# Names become names of files and columns, on any system, so there is one spelling and no case.
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_TOP = {"name": str, "classes": list, "excluded_mids": list}
_CLASS = {"name": str, "mid": str, "seen": bool, "excluded_mids": list, "phrase": str}
_OPTIONAL = {"excluded_mids", "phrase"}
_WORDS = {str: "a text", list: "a list", bool: "true or false"}


def faults_of(document: Mapping[str, Any], ontology: Ontology) -> list[str]:
    """Every fault of a parsed class list, in the order of the file."""
    faults = _shape_faults(document, _TOP, "top level")
    faults += _value_faults(document, "top level", ontology)
    entries = document.get("classes")
    if not isinstance(entries, list):
        return faults
    tables = [entry for entry in entries if isinstance(entry, dict)]
    if len(tables) < len(entries):
        faults.append(
            "classes holds something else than tables, expected each class under its own [[classes]]"
        )
    for number, entry in enumerate(tables, start=1):
        name = entry.get("name")
        where = f"class {number}" + (f" ({name})" if isinstance(name, str) else "")
        faults += _shape_faults(entry, _CLASS, where)
        faults += _value_faults(entry, where, ontology)
    everywhere = _texts_of(document.get("excluded_mids"))
    return faults + _set_faults(tables, everywhere)


def ancestor_warnings(classes: ClassList, ontology: Ontology) -> list[str]:
    """Pairs of classes of which one lies above the other: allowed, but seldom meant."""
    return [
        f"{upper.name} ({ontology.labels[upper.mid]}) lies above {lower.name} ({ontology.labels[lower.mid]}) in "
        "the ontology: segments often carry both, and such are left out; keep one of the two, or go on"
        for lower in classes
        for upper in classes
        if upper.mid in ontology.ancestors(lower.mid)
    ]


def faults_of_sizes(classes: ClassList, counts: Mapping[str, int], minimum: int) -> list[str]:
    """Classes with fewer than `minimum` segments."""
    return [
        f"class {name} has {counts.get(name, 0)} segments, expected at least {minimum}; "
        "choose a label with more, or leave the class out"
        for name in classes.names
        if counts.get(name, 0) < minimum
    ]


def _shape_faults(table: Mapping[str, Any], shape: Mapping[str, type], where: str) -> list[str]:
    """Unknown keys, missing keys and values of the wrong type."""
    faults = []
    for key, value in table.items():
        if key not in shape:
            close = get_close_matches(key, shape, n=1)
            hint = f"write {close[0]}" if close else "take it out"
            faults.append(f"{where}: unknown key {key}, expected some of {', '.join(shape)}; {hint}")
        elif type(value) is not shape[key]:
            faults.append(f"{where}: {key} is {value!r}, expected {_WORDS[shape[key]]}")
        elif key == "excluded_mids" and isinstance(value, list) and len(_texts_of(value)) < len(value):
            faults.append(f"{where}: {key} is {value!r}, expected a list of texts")
    missing = [key for key in shape if key not in table and key not in _OPTIONAL]
    return faults + [f"{where}: {key} is missing, expected {_WORDS[shape[key]]}; add it" for key in missing]


def _value_faults(table: Mapping[str, Any], where: str, ontology: Ontology) -> list[str]:
    """Names that are malformed and mids that are no labels."""
    faults = []
    name = table.get("name")
    if isinstance(name, str) and not NAME.fullmatch(name):
        faults.append(
            f"{where}: name {name!r} is malformed, expected small letters and digits, joined by single hyphens, "
            "because files are named after it"
        )
    mids = [("mid", table["mid"])] if isinstance(table.get("mid"), str) else []
    mids += [("excluded mid", mid) for mid in _texts_of(table.get("excluded_mids"))]
    for what, mid in mids:
        if mid not in ontology.nodes:
            faults.append(
                f"{where}: {what} {mid} is unknown, expected one of AudioSet's; look in ontology.json"
            )
        elif mid not in ontology.labels:
            faults.append(
                f"{where}: {what} {mid} ({ontology.nodes[mid].name}) is none of AudioSet's {len(ontology.labels)} "
                "labels, so no segment carries it; choose one from class_labels_indices.csv"
            )
    return faults


def _set_faults(tables: list[dict[str, Any]], everywhere: list[str]) -> list[str]:
    """Rules that hold between classes."""
    faults = []
    for key in ("name", "mid"):
        values = Counter(table[key] for table in tables if isinstance(table.get(key), str))
        faults += [
            f"{key} {value} stands {times} times, expected once; take out one"
            for value, times in values.items()
            if times > 1
        ]
    for table in tables:
        if table.get("mid") in everywhere + _texts_of(table.get("excluded_mids")):
            faults.append(
                f"class {table.get('name')}: its own mid {table['mid']} is among the excluded mids, "
                "so it would be empty; take it out of one of the two"
            )
    flags = [table["seen"] for table in tables if isinstance(table.get("seen"), bool)]
    for seen, word in ((True, "seen"), (False, "unseen")):
        if len(flags) == len(tables) and seen not in flags:
            faults.append(
                f"there is no {word} class, expected at least one; set seen = {str(seen).lower()} for one"
            )
    return faults


def _texts_of(values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
