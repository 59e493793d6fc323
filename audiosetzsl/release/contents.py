"""What a release is made of: tables, class list, version, and who asked to be left out."""

import datetime
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.building.funnel import class_counts
from audiosetzsl.building.splits import Split
from audiosetzsl.classes import AUDIOSETZSL, ClassList
from audiosetzsl.manifest import PUBLISHED, class_list_of, provenance_of
from audiosetzsl.tables.paper import COUNTS

VERSION = "1.0.0"
MANIFEST = PUBLISHED
CSV = "audiosetzsl.csv.gz"
DROPS = "drops.parquet"
CLASS_MAP = "class_map.csv"
SPLIT_LISTS = {split.value: f"splits/{split}.txt" for split in Split}
CROISSANT = "croissant.json"
DATAPACKAGE = "datapackage.json"
CARD = "README.md"
CHANGELOG = "CHANGELOG.md"
DATA = (MANIFEST, CSV, DROPS, CLASS_MAP, *SPLIT_LISTS.values())
PAGES = (CARD, "LICENSES.md", "REMOVAL.md", CHANGELOG)
FILES = (*DATA, CROISSANT, DATAPACKAGE, *PAGES)


@dataclass(frozen=True, slots=True)
class Release:
    """Everything that the files of a release are rendered from."""

    manifest: pa.Table  # its metadata carries the provenance
    drops: pa.Table
    version: str
    date: datetime.date
    n_removed: int = 0  # segments left out on request

    @property
    def provenance(self) -> dict[str, Any]:
        """What the manifest was made from."""
        return provenance_of(self.manifest)

    @property
    def classes(self) -> ClassList:
        """The class list that the manifest was made from."""
        return class_list_of(self.manifest)

    @property
    def is_audiosetzsl(self) -> bool:
        """Whether this is the paper's dataset, and not a subset of AudioSet of somebody's own."""
        return self.classes.name == AUDIOSETZSL.name


def labels_of(manifest: pa.Table) -> dict[str, str]:
    """AudioSet's display name of each class, as far as the build has noted it."""
    return {c["name"]: c.get("label", "") for c in provenance_of(manifest)["classes"]}


def counts_of(manifest: pa.Table) -> dict[str, list[int]]:
    """Segments per class in train, val and test, in class order; a class without any has zeros."""
    found = class_counts(manifest)
    names = class_list_of(manifest).names
    return {name: [found.get(name, {}).get(split.value, 0) for split in Split] for name in names}


def paper_counts(classes: ClassList) -> dict[str, tuple[int, int, int]]:
    """Table 10 of the paper; empty for any other class list than the paper's."""
    return COUNTS if classes.name == AUDIOSETZSL.name else {}


def digest_of(ytid: str) -> str:
    """How a removed video is noted: the SHA-256 of its id."""
    return hashlib.sha256(ytid.encode()).hexdigest()


def without(table: pa.Table, removed: Collection[str]) -> pa.Table:
    """Leave out the segments of removed videos, given by the digests of their ids."""
    if not removed:
        return table
    stays = np.array([digest_of(ytid) not in removed for ytid in table["ytid"].to_pylist()], dtype=bool)
    return table.filter(pa.array(stays))


def joined(table: pa.Table, column: str, separator: str) -> pa.Array:
    """A column of lists as one of strings."""
    return pc.binary_join(table[column].combine_chunks(), separator)
