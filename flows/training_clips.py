"""Clips of a training of the audio CNN: those it learns from and is judged by, and how to know them again."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.errors import ShardError
from audiosetzsl.features import feature_rows, stream_log_mel
from audiosetzsl.features.parts import Parts, parts_of
from audiosetzsl.shards import Kind, Status, clips_of
from audiosetzsl.workspace import Workspace
from models.audio_cnn import MappedLogMels, lay_out


@dataclass(frozen=True, slots=True)
class TrainingClips:
    """Train and val clips of seen classes that have log-mels; val clips only of classes with train clips."""

    place: Workspace
    parts: Parts
    split_of: Mapping[str, str]  # by segment id
    facts: Mapping[str, str]  # others are other clips, or other log-mels of them

    @staticmethod
    def of(place: Workspace) -> "TrainingClips":
        """Those of a workspace.

        Raises:
            ShardError: there are no log-mels, or one is damaged.
        """
        parts = parts_of(place, Kind.LOG_MEL)
        contents = _contents(parts)
        rows = feature_rows(place, Kind.LOG_MEL)
        rows = rows[(rows.status == Status.OK) & rows.seen & rows.split.isin(("train", "val"))]
        # A network has no answer for a class that it was not taught: such clips say nothing about it.
        rows = rows[rows.class_name.isin(rows.class_name[rows.split == "train"])]
        names = _digest(f"{row.segment_id} {row.split} {row.class_name}" for row in rows.itertuples())
        split_of = dict(zip(rows.segment_id, rows.split, strict=True))
        facts = {"clips": names, "contents": contents, "log_mel": parts.made_by}
        return TrainingClips(place, parts, split_of, facts)

    def laid_out(self, split: str, path: Path) -> MappedLogMels | None:
        """Their log-mels of one split, laid out in a file and mapped; None where there are no val clips.

        The split that is noted beside each comes from the manifest on its own, so that training can check it.

        Raises:
            SetupError: there is no train clip.
            ShardError: a shard is damaged, or was made again meanwhile.
        """
        if split == "val" and split not in self.split_of.values():
            return None
        stream = stream_log_mel(self.place, split=split, seen=True)
        # Extraction may go on meanwhile: shards that came after the look at the rows stay out.
        log_mels = (
            (name, of, self.split_of[name], frames) for name, of, frames in stream if name in self.split_of
        )
        lay_out(log_mels, path)
        if _contents(self.parts) != self.facts["contents"]:
            raise ShardError(
                f"shards of {self.parts.folder} were made again while they were read; "
                "wait for extract-features to end, then repeat this command"
            )
        return MappedLogMels(path)


def _contents(parts: Parts) -> str:
    """Digest of what the shards were made of: another one when a clip was fetched anew and is another."""
    return _digest(f"{path.name} {clips_of(path)}" for path in parts.paths)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
