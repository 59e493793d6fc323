"""Stage make-class-vectors: a vector of words for every class of a workspace."""

from pathlib import Path

import numpy as np

from audiosetzsl.classes import ClassList
from audiosetzsl.errors import ShardError
from audiosetzsl.manifest import class_list_of, read_manifest
from audiosetzsl.shards import recipe_of
from audiosetzsl.show import Cell, say, show_table
from audiosetzsl.word_tables.named import NamedVectors, read_class_vectors, write_class_vectors
from audiosetzsl.word_tables.neighbours import neighbours, odd_vectors
from audiosetzsl.workspace import Workspace
from flows.choose_vectors import AUDIOSET, OF_AUDIOSET, Wording, choose, noted_of


def make_class_vectors(
    workspace: Path, vectors: str | Path | None = None, wording: Wording | None = None
) -> Path:
    """Give every class of the manifest its vector, and show which classes lie near each other by them.

    Args:
        workspace: folder with manifest.parquet; gets features/text.
        vectors: a table of word vectors (a `Path` always is one); `sentence-transformers:` and a folder or name;
            `audioset` for those made of AudioSet's own descriptions; None keeps what the workspace has for these
            classes, else AudioSet's.
        wording: which words stand for the classes.

    Raises:
        SetupError: a class has no vector, or the file or its phrases cannot be used.
        ShardError: the workspace's vectors are damaged, or of a table or tower for other classes, and it is not
            said what to make them of.
    """
    place, wording = Workspace(workspace), wording or Wording()
    classes = class_list_of(read_manifest(place.manifest))
    if vectors is None and wording == Wording() and (source := _source_of(place.text, classes)):
        say(f"{place.text} is made already, of {source}; --vectors {AUDIOSET} or FILE makes it anew")
        return place.text
    made = choose(classes, vectors or AUDIOSET, wording)
    write_class_vectors(made, place.text)
    show_neighbours(made, classes)
    return place.text


def show_neighbours(made: NamedVectors, classes: ClassList) -> None:
    """Print for each class what its vector was made of and what lies nearest, and what looks wrong."""
    seen = np.array([c.seen for c in classes])
    near = neighbours(made.names, made.matrix, seen)

    def told(name: str, among: str) -> str:
        rows = near[(near.class_name == name) & (near.among == among)]
        return ", ".join(f"{row.neighbour} {row.cosine:.2f}" for row in rows.itertuples())

    rows: list[list[Cell]] = [
        [c.name if c.seen else f"{c.name}*", words, told(c.name, "all"), told(c.name, "seen")]
        for c, words in zip(classes, made.wording, strict=True)
    ]
    title = f"class vectors [{len(made.names)} x {made.matrix.shape[1]}] of {made.source['source']}"
    show_table(title, ["class (* unseen)", "made of", "nearest classes", "nearest seen classes"], rows)
    for warning in odd_vectors(made.names, made.matrix):
        say(f"warning: {warning}")


def _source_of(path: Path, classes: ClassList) -> str | None:
    """What the vectors of a file were made of; None if there are none for these classes, or AudioSet's of others.

    Raises:
        ShardError: the file is damaged, or made of something that has to be named again, for other classes.
    """
    if not path.is_file():
        return None
    try:
        names, facts = read_class_vectors(path)[0], recipe_of(path).facts
    except ShardError as problem:
        # Not made anew without a word: they may have been of another table than the default.
        raise ShardError(f"{problem}, and name what they are made of with --vectors") from problem
    source = str(facts.get("source", "what nobody noted"))
    # The same names may stand for other words or another label by now.
    if names == classes.names and facts.get("classes") == noted_of(classes):
        return source
    if source == OF_AUDIOSET:
        say(f"{path} is of other classes, labels or phrases, and is made anew")
        return None
    raise ShardError(
        f"{path} is of other classes, labels or phrases than the manifest, and was made of {source}; name what to "
        f"make it of now with --vectors: that FILE or model again, or {AUDIOSET}"
    )
