"""Choosing class vectors: AudioSet's own, a table of word vectors or a text tower, and the words looked up in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from audiosetzsl.classes import ClassList
from audiosetzsl.errors import SetupError
from audiosetzsl.files import sha256_of
from audiosetzsl.show import say
from audiosetzsl.word_tables.named import NamedVectors
from audiosetzsl.word_tables.reading import read_word_table
from extractors.words.class_vectors import load_ontology_labels, load_ontology_vectors, vectors_for
from extractors.words.phrase_file import read_phrases
from extractors.words.table_vectors import vectors_of_phrases
from extractors.words.text_towers import PLAIN, PREFIX, embed_phrases

AUDIOSET = "audioset"
OF_AUDIOSET = "AudioSet's names and descriptions, TF-IDF + SVD"  # the source that a file notes
Phrases = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Wording:
    """What is looked up for a class, besides its own phrase or name."""

    phrases: Path | None = None  # TOML or CSV
    stop_words: tuple[str, ...] = ()  # in lower case
    prompts: tuple[str, ...] = PLAIN  # with {} where the phrase goes; for text towers


def wording_of(phrases: Path | None, stop_words: str, prompts: Sequence[str] | None) -> Wording:
    """Turn the words of a command line into what is looked up."""
    words = tuple(word.strip().lower() for word in stop_words.split(",") if word.strip())
    return Wording(phrases, words, tuple(prompts or PLAIN))


def choose(classes: ClassList, vectors: str | Path, wording: Wording) -> NamedVectors:
    """Vectors of the classes, as somebody names them; their source notes the classes that they are for.

    Args:
        classes: the classes, in the order of the rows.
        vectors: `audioset`, `sentence-transformers:` and a model, or else the path of a table. A `Path`, or text
            with a folder in front (`./audioset`), is a path whatever it is called.
        wording: which words stand for the classes.

    Raises:
        SetupError: a class has no vector, the table or model cannot be used, or an option has no use for it.
    """
    made = _looked_up(classes, vectors, wording)
    return replace(made, source={**made.source, "classes": noted_of(classes)})


def noted_of(classes: ClassList) -> dict[str, dict[str, str]]:
    """What vectors depend on in a class list: the label and the phrase of each class, by its name."""
    return {c.name: {"mid": c.mid, "phrase": c.phrase} for c in classes}


def _looked_up(classes: ClassList, vectors: str | Path, wording: Wording) -> NamedVectors:
    if isinstance(vectors, str) and vectors.startswith(PREFIX):
        return _of_tower(classes, vectors.removeprefix(PREFIX), wording)
    if wording.prompts != PLAIN:
        raise SetupError(f"--prompt is for text towers, and {vectors} is none; use --phrases, or no prompt")
    if vectors != AUDIOSET:  # no Path is equal to a text
        return _of_table(classes, _file_of(vectors), wording)
    return _of_audioset(classes, wording)


def _file_of(vectors: str | Path) -> Path:
    path = Path(vectors)
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise SetupError(
            f"--vectors {vectors}: {path.absolute()} {found}; give the file of a table of word vectors, "
            f"{AUDIOSET} for AudioSet's own words, or {PREFIX}MODEL for a text tower, where MODEL may be a folder"
        )
    return path


def _of_audioset(classes: ClassList, wording: Wording) -> NamedVectors:
    if Path(AUDIOSET).is_file():
        say(
            f"--vectors {AUDIOSET} is AudioSet's own words; for the file of that name here write ./{AUDIOSET}"
        )
    if wording != Wording():
        raise SetupError(
            "AudioSet's own vectors go by label, so that phrases and stop words are of no use to them; name a table "
            f"with --vectors, or a text tower ({PREFIX}...)"
        )
    mids, labels = [c.mid for c in classes], load_ontology_labels()
    matrix = vectors_for(mids, load_ontology_vectors())
    return NamedVectors(
        tuple(classes.names), matrix, tuple(labels[mid] for mid in mids), {"source": OF_AUDIOSET}
    )


def _of_table(classes: ClassList, path: Path, wording: Wording) -> NamedVectors:
    given = _given(classes, wording)
    own: Phrases = {c.name: (c.words,) for c in classes}
    table = read_word_table(path, [*classes.names, *(p for some in (own | given).values() for p in some)])
    # Rows that somebody named after the classes are meant for them. A corpus knows a fan, but another one.
    named = {name: (name,) for name in classes.names if table.of_names and name in table.vectors}
    phrases = own | named | given
    matrix, entries = vectors_of_phrases(phrases, table, wording.stop_words)
    source = {
        "source": f"{path.name} sha256:{sha256_of(path)}",
        "phrases": {name: list(some) for name, some in phrases.items()},
        "stop_words": list(wording.stop_words),
    }
    return NamedVectors(tuple(phrases), matrix, entries, source)


def _of_tower(classes: ClassList, tower: str, wording: Wording) -> NamedVectors:
    if wording.stop_words:
        raise SetupError(
            "--stop-words is for tables of single words; a text tower reads whole phrases, leave it out"
        )
    own: Phrases = {c.name: (c.phrase or c.name.replace("-", " "),) for c in classes}
    phrases = own | _given(classes, wording)
    matrix, texts, digest = embed_phrases(phrases, tower, wording.prompts)
    # Of a folder its name only: where it lies is nobody else's business.
    name = Path(tower).name if Path(tower).is_dir() else tower
    source = {"source": f"{PREFIX}{name} sha256:{digest}", "prompts": list(wording.prompts)}
    return NamedVectors(tuple(phrases), matrix, texts, source)


def _given(classes: ClassList, wording: Wording) -> Phrases:
    """Phrases of the user's file, all of them for classes that there are."""
    given = read_phrases(wording.phrases) if wording.phrases else {}
    for name in given:
        if name not in classes.names:
            close = get_close_matches(name, classes.names, n=1)
            hint = f"write {close[0]}" if close else "take it out"
            raise SetupError(f"{wording.phrases}: there is no class {name!r} in {classes.name}; {hint}")
    return given
