"""Clips of a training of the audio CNN: those it learns from and is judged by, and how to know them again."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.errors import ShardError
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.features import stream_log_mel
from audiosetzsl.manifest import class_list_of, load_manifest, read_manifest
from audiosetzsl.shards import Kind
from audiosetzsl.workspace import Workspace
from models.audio_cnn import LogMelRow, MappedLogMels, lay_out


@dataclass(frozen=True, slots=True)
class TrainingClips:
    """Train and val clips of seen classes that have log-mels; val clips only of classes with train clips."""

    place: Workspace
    classes: ClassTable
    taught: tuple[str, ...]  # seen classes that have train clips, in the order of the table
    digests: Mapping[str, str]  # of all that a split gives, in its order; empty where it gives nothing

    @staticmethod
    def of(place: Workspace) -> "TrainingClips":
        """Those of a workspace; each of their log-mels is read once, and a few are in memory at a time.

        Raises:
            ShardError: there are no log-mels, or one is damaged.
        """
        classes = ClassTable.of(class_list_of(read_manifest(place.manifest)))
        heard = [
            (split, class_name, _digest((name, class_name, split, log_mel)))
            for name, class_name, split, log_mel in _rows(place, None, classes.names)
        ]
        with_train_clips = {class_name for split, class_name, _ in heard if split == "train"}
        taught = tuple(name for name in classes.names if name in with_train_clips)
        # A network has no answer for a class that it was not taught: such clips say nothing about it.
        digests = {
            part: _together(digest for split, name, digest in heard if split == part and name in taught)
            for part in ("train", "val")
        }
        return TrainingClips(place, classes, taught, digests)

    @property
    def facts(self) -> Mapping[str, str]:
        """Where they are others, other clips are learnt from or judged by: no fact is of any other clip."""
        return {"taught": json.dumps(self.taught), **self.digests}

    def laid_out(self, split: str, path: Path) -> MappedLogMels | None:
        """Their log-mels of one split, laid out in a file and mapped; None where there are no val clips.

        Raises:
            SetupError: there is no train clip.
            ShardError: a shard is damaged, or was made again meanwhile.
        """
        if split == "val" and not self.digests[split]:
            return None
        digests: list[bytes] = []
        lay_out(_noted(_rows(self.place, split, self.taught), digests), path)
        if _together(digests) != self.digests[split]:
            raise ShardError(
                f"shards of {self.place.features(Kind.LOG_MEL)} were made again while they were read; "
                "wait for extract-features to end, then repeat this command"
            )
        return MappedLogMels(path)


def _rows(place: Workspace, split: str | None, classes: Collection[str]) -> Iterator[LogMelRow]:
    """Clips of some seen classes, of one split or of all three.

    The split that is noted beside each is the manifest's own word, so that training can check it.
    """
    rows = load_manifest(place.manifest, split=split, seen=True)
    split_of = dict(zip(rows.segment_id, rows.split, strict=True))
    present = set(rows.class_name) & set(classes)
    for name, of, log_mel in stream_log_mel(place, split=split, seen=True, classes=present):
        yield name, of, split_of[name], log_mel


def _noted(rows: Iterable[LogMelRow], digests: list[bytes]) -> Iterator[LogMelRow]:
    """Pass rows on, and note the digest of each."""
    for row in rows:
        digests.append(_digest(row))
        yield row


def _digest(row: LogMelRow) -> bytes:
    """SHA-256 of a clip: its names and its log-mel, to the byte."""
    *labels, log_mel = row
    digest = hashlib.sha256(json.dumps([*labels, log_mel.dtype.str, log_mel.shape]).encode())
    digest.update(log_mel.data)
    return digest.digest()


def _together(digests: Iterable[bytes]) -> str:
    """Digest of clips in their order, which decides what is drawn when; nothing where there is none."""
    joined = b"".join(digests)
    return hashlib.sha256(joined).hexdigest() if joined else ""
