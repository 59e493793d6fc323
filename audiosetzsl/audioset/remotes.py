"""AudioSet's own six files: where they come from, what they must be, where they lie."""

import gzip
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from audiosetzsl.errors import AudioSetFileError

_BUCKET = "https://storage.googleapis.com/us_audioset/youtube_corpus/v1"
LISTS_LICENCE = "CC BY 4.0"
CITE = "Gemmeke et al., Audio Set: An ontology and human-labeled dataset for audio events, ICASSP 2017"


class Source(StrEnum):
    """AudioSet's three segment lists."""

    UNBALANCED = "unbalanced"
    BALANCED = "balanced"
    EVAL = "eval"


@dataclass(frozen=True, slots=True)
class Remote:
    """A file of AudioSet's as it was published: its address, size and digest, licence and source."""

    name: str
    url: str
    bytes: int
    sha256: str
    licence: str = LISTS_LICENCE
    cite: str = CITE


LISTS = {
    Source.UNBALANCED: Remote(
        "unbalanced_train_segments.csv",
        f"{_BUCKET}/csv/unbalanced_train_segments.csv",
        101_468_408,
        "bb2dfd5e4f1ced39db9480633c510f813d7899f4b7472aa83a411b4a43a12698",
    ),
    Source.BALANCED: Remote(
        "balanced_train_segments.csv",
        f"{_BUCKET}/csv/balanced_train_segments.csv",
        1_211_931,
        "3b83e5ff9ed72cfda37d4e36ce08250e107c1ea70f109f6ab6668ac200db5e94",
    ),
    Source.EVAL: Remote(
        "eval_segments.csv",
        f"{_BUCKET}/csv/eval_segments.csv",
        1_143_389,
        "f7055f53935f70e74e39494a5c8c4c78f1700fce275028bd36e31186f33d45db",
    ),
}
LABELS = Remote(
    "class_labels_indices.csv",
    f"{_BUCKET}/csv/class_labels_indices.csv",
    14_675,
    "cdd1049833c4b86127c2773ac0d14a2754b6a6d0d1798002ed5c66e699708429",
)
QA_COUNTS = Remote(
    "qa_true_counts.csv",
    f"{_BUCKET}/qa/qa_true_counts.csv",
    7_746,
    "43507dbfcee2ab1ed771f4412f20ad5ce5c90fd850abcaf982db443f7652a0b2",
)
ONTOLOGY = Remote(
    "ontology.json",
    "https://raw.githubusercontent.com/audioset/ontology/master/ontology.json",
    342_780,
    "9c685f4403eecc3ca9be37fd7285cf212feaaea6ff7229d3e7ca89e0d1f2d15d",
    licence="CC BY-SA 4.0",
)
REMOTES = (*LISTS.values(), LABELS, QA_COUNTS, ONTOLOGY)


def path_of(directory: Path, remote: Remote) -> Path:
    """Find a file of AudioSet's in a folder, plain or gzipped.

    Raises:
        AudioSetFileError: it is not there under either name.
    """
    for path in (directory / remote.name, directory / f"{remote.name}.gz"):
        if path.is_file():
            return path
    raise AudioSetFileError(
        f"{remote.name} (or {remote.name}.gz) is not in {directory}; "
        f"get it from {remote.url}, or let `--audioset download` fetch it"
    )


def content_of(path: Path) -> bytes:
    """Bytes of a file, unpacked if its name ends in .gz.

    Raises:
        AudioSetFileError: the gzip stream ends early or is damaged.
    """
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise AudioSetFileError(
            f"{path} cannot be unpacked ({problem}): it is truncated or damaged; fetch it again"
        ) from problem


def text_of(directory: Path, remote: Remote) -> str:
    """Text of one of AudioSet's small files.

    Raises:
        AudioSetFileError: it is absent or is not UTF-8.
    """
    path = path_of(directory, remote)
    try:
        return content_of(path).decode()
    except UnicodeDecodeError as problem:
        raise AudioSetFileError(f"{path} is not UTF-8 text ({problem}); fetch it again") from problem
