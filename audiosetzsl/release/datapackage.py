"""Data Package: the tables of the release with types, patterns and keys, for frictionless."""

import json
from collections.abc import Mapping
from typing import Any

from audiosetzsl.audioset.remotes import CITE
from audiosetzsl.release.columns import CLASSES, MIDS_SEPARATOR, SEGMENTS, Column, Kind
from audiosetzsl.release.contents import CLASS_MAP, CSV, Release
from audiosetzsl.release.prose import AUDIOSET_URL, AUTHORS, LICENCES, filled

_TYPES = {
    Kind.TEXT: "string",
    Kind.LIST: "string",
    Kind.INTEGER: "integer",
    Kind.NUMBER: "number",
    Kind.TRUTH: "boolean",
}
_AUTHORS = [{"title": name, "role": "author"} for name in AUTHORS]
_MIDS = rf"^[^{MIDS_SEPARATOR},\s]+({MIDS_SEPARATOR}[^{MIDS_SEPARATOR},\s]+)*$"
_MEDIA = {".parquet": "application/vnd.apache.parquet", ".txt": "text/plain"}


def datapackage(release: Release, data: Mapping[str, tuple[str, int]], facts: Mapping[str, str]) -> bytes:
    """Render `datapackage.json`; the arguments are those of `croissant.croissant`."""
    tables = {CSV: ("segments", SEGMENTS, "segment_id"), CLASS_MAP: ("classes", CLASSES, "class")}
    document = {
        "profile": "data-package",
        "name": facts["name"],
        "title": facts["title"],
        "description": filled("description.txt", facts).strip(),
        "version": release.version,
        "created": f"{release.date.isoformat()}T00:00:00Z",
        "homepage": facts["home"],
        "licenses": [{"name": li.spdx, "title": li.title, "path": li.url} for li in LICENCES],
        "sources": [{"title": CITE, "path": AUDIOSET_URL}],
        **({"contributors": _AUTHORS} if release.is_audiosetzsl else {}),
        "resources": [
            _table(name, *tables[name], *data[name]) if name in tables else _file(name, *data[name])
            for name in data
        ],
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _table(
    path: str, name: str, columns: tuple[Column, ...], key: str, sha256: str, size: int
) -> dict[str, Any]:
    return {
        "name": name,
        "type": "table",
        "path": path,
        "scheme": "file",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        **({"compression": "gz"} if path.endswith(".gz") else {}),
        "bytes": size,
        "hash": f"sha256:{sha256}",
        "schema": {"fields": [_field(column) for column in columns], "primaryKey": [key]},
    }


def _file(path: str, sha256: str, size: int) -> dict[str, Any]:
    stem, dot, ending = path.rpartition(".")
    return {
        "name": f"{stem}-{ending}".replace("/", "-").replace("_", "-"),
        "type": "file",
        "path": path,
        "scheme": "file",
        "mediatype": _MEDIA[dot + ending],
        "bytes": size,
        "hash": f"sha256:{sha256}",
    }


def _field(column: Column) -> dict[str, Any]:
    constraints: dict[str, Any] = {"required": True} if column.required else {}
    if column.kind is Kind.LIST:
        constraints["pattern"] = _MIDS
    if column.pattern:
        constraints["pattern"] = column.pattern
    if column.values:
        constraints["enum"] = list(column.values)
    if column.kind in (Kind.INTEGER, Kind.NUMBER):
        constraints["minimum"] = 0
    field: dict[str, Any] = {
        "name": column.name,
        "type": _TYPES[column.kind],
        "description": column.meaning,
        "constraints": constraints,
    }
    if column.kind is Kind.TRUTH:
        field |= {"trueValues": ["True"], "falseValues": ["False"]}
    return field
