"""Source local: a folder, here or anywhere that fsspec reaches, of clips or of whole videos."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import Segment
from extractors.media.cutting import cut
from flows.sources.clip_names import Named, named
from flows.sources.notes import note_of
from flows.sources.placing import duration_s, is_clip, start_in_video
from flows.sources.source import Got, Refusal, told

log = logging.getLogger(__name__)
# What Python puts in place of the bytes of a name that are not UTF-8; no table can hold it.
_NO_TEXT = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Holdings:
    """Files of a folder by what their names say: clips by segment, and files that name a video alone."""

    fs: Any
    files: dict[Named, tuple[str, ...]]

    def find(self, segment: Segment) -> tuple[str, bool] | None:
        """The file for a segment, and whether its name says that it is the clip; None if there is none."""
        start_ms = round(1000 * segment.start_s)
        for key in (Named(segment.ytid, start_ms), Named(segment.ytid, None)):
            if paths := self.files.get(key):
                return _one_of(paths, segment), key.start_ms is not None
        return None


@dataclass(frozen=True, slots=True)
class Local:
    """Takes clips where they lie, and cuts them out of whole videos."""

    where: str
    name: str = "local"
    threads: int = 1

    def look(self, ytid: str) -> None:
        """Say whether a file names the video."""
        if not any(key.ytid == ytid for key in holdings(self.where).files):
            raise Refusal(Verdict.NOT_FOUND, "no file of the folder names it")

    def get(self, segment: Segment, mid: str, into: Path) -> Got:
        """Name the clip of a segment, or cut it."""
        held = holdings(self.where)
        found = held.find(segment)
        if found is None:
            raise Refusal(Verdict.NOT_FOUND, "no file of the folder has its name")
        path, says_clip = found
        here = Path(path) if isinstance(held.fs, LocalFileSystem) else None
        if says_clip and here:
            return Got(here)
        with _opened(held.fs, path) as file:
            lasts_s = duration_s(file, PurePosixPath(path).name)
            clip = says_clip or is_clip(segment, lasts_s)
            if clip and here:
                return Got(here)
            start_s = 0.0 if clip else start_in_video(segment, lasts_s)
            source = here or cast(BinaryIO, file)
            cut([source], into, start_s, start_s + segment.duration_s, note=note_of(self.name, "cut"))
        return Got(into, way="cut")


@lru_cache(maxsize=4)
def holdings(where: str) -> Holdings:
    """List what a folder holds; done once a process. Clips whose paths are not UTF-8 are passed over.

    Raises:
        SetupError: there is no such folder, fsspec cannot reach it, or two files claim to be the same.
    """
    try:
        fs, root = url_to_fs(where)
        there = fs.isdir(root)
        found = _files_here(root) if isinstance(fs, LocalFileSystem) else fs.find(root)
        paths = sorted(found) if there else []
    except Exception as problem:  # each of the systems that fsspec reaches has errors of its own
        raise SetupError(
            told(f"{where} cannot be listed ({problem}); expected a folder that holds clips")
        ) from None
    if not there:
        raise SetupError(told(f"{where} is no folder, expected one that holds clips"))
    files = _by_name(paths, where)
    for key, claims in files.items():
        # In folders of their own, the name of the class will decide.
        if len({PurePosixPath(path).parent for path in claims}) < len(claims):
            _refuse_two(claims, key)
    return Holdings(fs, files)


def _files_here(root: str) -> Iterator[str]:
    """Files under a folder, also where it is put together of links to other disks; each folder once."""
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = Path(folder).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (str(Path(folder, name)) for name in names)


def _by_name(paths: Sequence[str], where: str) -> dict[Named, tuple[str, ...]]:
    """Paths by what their names say, in order."""
    files: dict[Named, tuple[str, ...]] = {}
    n_odd = 0
    for path in paths:
        key = named(path)
        if key is None:
            continue
        if _NO_TEXT.search(path):
            n_odd += 1
            continue
        files[key] = (*files.get(key, ()), path)
    if n_odd:
        says = "%d clips under %r are passed over: their paths are not UTF-8; rename them, for example with convmv"
        log.warning(says, n_odd, told(where))
    return files


def _opened(fs: Any, path: str) -> Any:
    try:
        return fs.open(path, "rb")
    except FileNotFoundError as problem:
        raise Refusal(Verdict.NOT_FOUND, "the file has gone since the folder was listed") from problem


def _one_of(paths: tuple[str, ...], segment: Segment) -> str:
    """The file in the folder of the segment's class, where several have one name."""
    ours = [path for path in paths if PurePosixPath(path).parent.name == segment.class_name]
    if len(paths) > 1 and len(ours) != 1:
        _refuse_two(paths, Named(segment.ytid, round(1000 * segment.start_s)))
    return ours[0] if ours else paths[0]


def _refuse_two(paths: tuple[str, ...], key: Named) -> None:
    name = key.ytid if key.start_ms is None else f"{key.ytid}_{key.start_ms}"
    raise SetupError(f"{paths[0]} and {paths[1]} are both a clip of {name}; leave one")
