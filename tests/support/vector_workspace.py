"""Workspaces with sound, picture and class vectors that are drawn: what score-cjme starts from."""

from pathlib import Path

import numpy as np
from small_shards import CLASSES, OTHER, RECIPE, fill, planned

from audiosetzsl.manifest import read_manifest, write_manifest
from audiosetzsl.shards import Kind, Recipe
from audiosetzsl.word_tables.named import NamedVectors, write_class_vectors
from audiosetzsl.workspace import Workspace

MIDS = ("/m/0bt9lr", "/m/01yrx", "/m/068zj")


def with_vectors(
    root: Path, *, audio: Recipe = OTHER, video: Recipe = RECIPE, video_width: int = 8
) -> Workspace:
    """Two seen classes and one unseen, four clips of each in each split, 8 wide; vectors of classes are 5 wide."""
    place, blocks = planned(root)
    fill(place, Kind.AUDIO, blocks, recipe=audio)
    fill(place, Kind.VIDEO, blocks, recipe=video, width=video_width)
    classes = [
        {"name": name, "mid": mid, "seen": seen, "excluded_mids": [], "phrase": ""}
        for (name, seen), mid in zip(CLASSES, MIDS, strict=True)
    ]
    noted = {"class_list": "three", "excluded_mids": [], "classes": classes}
    write_manifest(read_manifest(place.manifest), place.manifest, noted)
    draw_class_vectors(place)
    return place


def draw_class_vectors(place: Workspace, seed: int = 0, source: str = "drawn") -> None:
    """Write vectors of the classes, others for another seed; the source is what the file says of them."""
    names = tuple(name for name, _ in CLASSES)
    matrix = np.random.default_rng(seed).normal(size=(len(names), 5)).astype(np.float32)
    write_class_vectors(NamedVectors(names, matrix, names, {"source": source}), place.text)
