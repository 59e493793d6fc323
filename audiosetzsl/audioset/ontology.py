"""Ontology, label names and quality counts of AudioSet."""

import csv
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.audioset.remotes import LABELS, ONTOLOGY, QA_COUNTS, path_of, text_of
from audiosetzsl.errors import AudioSetFileError


@dataclass(frozen=True, slots=True)
class Node:
    """One sound of the ontology."""

    mid: str
    name: str
    description: str
    child_mids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """How many of the segments that raters listened to carried the label."""

    rated: int
    true: int

    @property
    def ratio(self) -> float | None:
        """Share of true ones; None for the 70 labels that nobody rated."""
        return self.true / self.rated if self.rated else None


@dataclass(frozen=True, slots=True)
class Ontology:
    """AudioSet's 632 sounds, the 527 of them that are labels, and the quality of those labels."""

    nodes: Mapping[str, Node]
    labels: Mapping[str, str]  # mid -> display name, in AudioSet's index order
    quality: Mapping[str, Quality]
    parents: Mapping[str, tuple[str, ...]]

    def ancestors(self, mid: str) -> frozenset[str]:
        """Every node above `mid`, along all of its parents."""
        found: set[str] = set()
        due = list(self.parents.get(mid, ()))
        while due:
            parent = due.pop()
            if parent not in found:
                found.add(parent)
                due.extend(self.parents.get(parent, ()))
        return frozenset(found)

    def path(self, mid: str) -> tuple[str, ...]:
        """Names from the root down to `mid`, along the first parent of each node."""
        names = [self.nodes[mid].name]
        while parents := self.parents.get(mid):
            mid = parents[0]
            names.append(self.nodes[mid].name)
        return tuple(reversed(names))

    def group(self, mid: str) -> str:
        """Second level of the ontology above `mid`, first for animals: `Vehicle`, `Water`, `Animal`, ...

        The paper groups by hand ("animals, vehicles, water bodies"); this is the nearest level of AudioSet's.
        """
        path = self.path(mid)
        return path[0] if path[0] == "Animal" else path[min(1, len(path) - 1)]


def read_ontology(directory: Path) -> Ontology:
    """Read ontology.json, class_labels_indices.csv and qa_true_counts.csv from a folder, plain or .gz.

    Raises:
        AudioSetFileError: a file is absent, malformed or re-ordered; the message names file and line.
    """
    nodes = _read_nodes(directory)
    parents: dict[str, list[str]] = defaultdict(list)
    for node in nodes.values():
        for child in node.child_mids:
            parents[child].append(node.mid)
    return Ontology(
        nodes,
        _read_labels(directory, nodes),
        _read_quality(directory),
        {child: tuple(above) for child, above in parents.items()},
    )


def _read_nodes(directory: Path) -> dict[str, Node]:
    path = path_of(directory, ONTOLOGY)
    try:
        records = json.loads(text_of(directory, ONTOLOGY))
        nodes = [Node(r["id"], r["name"], r["description"], tuple(r["child_ids"])) for r in records]
    except json.JSONDecodeError as problem:
        raise AudioSetFileError(
            f"{path}, line {problem.lineno}: {problem.msg}, expected JSON; the file is truncated or damaged"
        ) from problem
    except (KeyError, TypeError) as problem:
        raise AudioSetFileError(
            f"{path}: a record lacks {problem}, expected id, name, description, child_ids"
        ) from problem
    return {node.mid: node for node in nodes}


def _read_labels(directory: Path, nodes: Mapping[str, Node]) -> dict[str, str]:
    path = path_of(directory, LABELS)
    labels: dict[str, str] = {}
    for line, row in _rows(path, text_of(directory, LABELS), ["index", "mid", "display_name"]):
        index, mid, name = row
        if index != str(len(labels)):
            raise AudioSetFileError(
                f"{path}, line {line}: index is {index}, expected {len(labels)}; it was re-ordered or cut"
            )
        if mid not in nodes:
            raise AudioSetFileError(f"{path}, line {line}: {mid} is not a node of the ontology")
        labels[mid] = name
    return labels


def _read_quality(directory: Path) -> dict[str, Quality]:
    path = path_of(directory, QA_COUNTS)
    quality: dict[str, Quality] = {}
    for line, (mid, rated, true) in _rows(
        path, text_of(directory, QA_COUNTS), ["label_id", "num_rated", "num_true"]
    ):
        if not (rated.isdecimal() and true.isdecimal() and int(true) <= int(rated)):
            raise AudioSetFileError(
                f"{path}, line {line}: found {rated!r} rated, {true!r} true, expected counts, true <= rated"
            )
        quality[mid] = Quality(int(rated), int(true))
    return quality


def _rows(path: Path, text: str, header: list[str]) -> list[tuple[int, list[str]]]:
    rows = list(csv.reader(text.splitlines()))
    if not rows or rows[0] != header:
        found = rows[0] if rows else "an empty file"
        raise AudioSetFileError(f"{path}, line 1: found {found}, expected {header}")
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise AudioSetFileError(
                f"{path}, line {line}: found {len(row)} fields, expected {len(header)} ({', '.join(header)})"
            )
    return list(enumerate(rows[1:], start=2))
