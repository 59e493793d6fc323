"""Croissant 1.1: the release described for machines, responsible-AI fields included."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from audiosetzsl.building.splits import Split
from audiosetzsl.release.columns import CLASSES, DROPS, MIDS_SEPARATOR, SEGMENTS, Column, Kind
from audiosetzsl.release.contents import CLASS_MAP, CSV, MANIFEST, Release
from audiosetzsl.release.contents import DROPS as DROPS_FILE
from audiosetzsl.release.prose import AUDIOSET_URL, AUTHORS, LICENCES, filled, text

_CROISSANT_NAMES = (
    *(
        "annotation",
        "arrayShape",
        "citeAs",
        "column",
        "containedIn",
        "equivalentProperty",
        "excludes",
        "extract",
    ),
    *("field", "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset"),
    *(
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "readLines",
        "recordSet",
        "references",
        "regex",
        "repeated",
    ),
    *(
        "replace",
        "samplingRate",
        "sdVersion",
        "separator",
        "source",
        "subField",
        "transform",
        "unArchive",
        "value",
    ),
)
# Appendix 1 of the Croissant 1.1 specification, and the names that mlcroissant wants to see besides.
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _CROISSANT_NAMES},
}
_CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
_TYPES = {
    Kind.TEXT: "sc:Text",
    Kind.LIST: "sc:Text",
    Kind.INTEGER: "sc:Integer",
    Kind.NUMBER: "sc:Float",
    Kind.TRUTH: "sc:Boolean",
}
_FORMATS = {".parquet": "application/x-parquet", ".gz": "text/csv", ".csv": "text/csv", ".txt": "text/plain"}


def croissant(release: Release, data: Mapping[str, tuple[str, int]], facts: Mapping[str, str]) -> bytes:
    """Render `croissant.json`.

    Args:
        release: what is published.
        data: SHA-256 and size in bytes of each data file, by its name.
        facts: the numbers that the prose quotes.
    """
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS,
        "name": facts["title"],
        "description": filled("description.txt", facts).strip(),
        "version": release.version,
        "datePublished": release.date.isoformat(),
        "isLiveDataset": False,
        "license": [licence.url for licence in LICENCES],
        "url": facts["home"],
        "creator": _creators(release, facts),
        "citeAs": text("citation.bib").strip(),
        "keywords": ["zero-shot learning", "audio-visual", "AudioSet", "video classification", "retrieval"],
        "inLanguage": "en",
        "prov:wasDerivedFrom": {"@id": AUDIOSET_URL},
        **responsible_ai(facts),
        "distribution": [_file(name, *data[name]) for name in data],
        "recordSet": [
            _records("segments", MANIFEST, SEGMENTS, "segment_id", "Every segment of the dataset."),
            _records("drops", DROPS_FILE, DROPS, "segment_id", "Every segment left out, with the reason."),
            _records("classes", CLASS_MAP, CLASSES, "class", "Every class, with its counts."),
            _splits(),
        ],
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _creators(release: Release, facts: Mapping[str, str]) -> list[dict[str, str]]:
    if release.is_audiosetzsl:
        return [{"@type": "sc:Person", "name": name} for name in AUTHORS]
    return [{"@type": "sc:Organization", "name": f"Publishers of {facts['title']}"}]


def responsible_ai(facts: Mapping[str, str]) -> dict[str, Any]:
    """The fields of Croissant's responsible-AI vocabulary, `rai:<field>` -> text or texts."""
    fields = tomllib.loads(filled("responsible_ai.toml", facts))
    return {
        f"rai:{field}": " ".join(value.split())
        if isinstance(value, str)
        else [" ".join(v.split()) for v in value]
        for field, value in fields.items()
    }


def _file(name: str, sha256: str, size: int) -> dict[str, Any]:
    described = {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{size} B",
        "encodingFormat": _FORMATS[name[name.rindex(".") :]],
        "sha256": sha256,
    }
    if name == CSV:
        described["sameAs"] = MANIFEST
        described["description"] = f"The manifest as gzipped CSV; labels are joined by {MIDS_SEPARATOR!r}."
    return described


def _records(name: str, file: str, columns: tuple[Column, ...], key: str, description: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "key": {"@id": f"{name}/{key}"},
        "field": [_field(name, file, column) for column in columns],
    }


def _field(records: str, file: str, column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{records}/{column.name}",
        "name": column.name,
        "description": column.meaning,
        "dataType": _TYPES[column.kind],
        "source": {"fileObject": {"@id": file}, "extract": {"column": column.name}},
    }
    if column.kind is Kind.LIST:
        described |= {"isArray": True, "arrayShape": "-1"}
    if column.name == "class_name":
        described["dataType"] = ["sc:Text", "cr:Label"]
    if column.name == "split":
        described["references"] = {"field": {"@id": "splits/name"}}
    return described


def _splits() -> dict[str, Any]:
    """The splits as an enumeration, with Croissant's own names for them."""
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "The splits of the dataset.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": ["sc:URL", "cr:Split"]},
        ],
        "data": [{"splits/name": s, "splits/url": f"cr:{_CR_SPLITS[s]}"} for s in Split],
    }


_CR_SPLITS = {Split.TRAIN: "TrainingSplit", Split.VAL: "ValidationSplit", Split.TEST: "TestSplit"}
