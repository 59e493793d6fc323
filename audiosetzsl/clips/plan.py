"""Plan: what is left to fetch, how many days that takes at a polite pace, and whether the disk holds it."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.clips.funnel import Agenda, agenda_of
from audiosetzsl.clips.ledger import clip_rows
from audiosetzsl.clips.progress import segment_ids_of
from audiosetzsl.clips.reading import read_parts, read_signs
from audiosetzsl.clips.standing import COLUMNS, Patience, standings
from audiosetzsl.manifest import published_path
from audiosetzsl.workspace import Workspace

CLIPS_PER_HOUR = 300.0  # of one egress: what a guest of YouTube may ask for, by yt-dlp's wiki
MOST_BYTES = 1.5e6  # of a clip: 10 s at 360 lines
ENOUGH_CLIPS = 20  # whose mean is believed


@dataclass(frozen=True, slots=True)
class Plan:
    """What `audiosetzsl plan` tells."""

    manifest: Path
    is_published: bool  # whether that is the published manifest, because the workspace has none
    agenda: Agenda
    days: float  # to ask for everything open once
    mean_bytes: float  # of a clip
    n_measured: int  # clips that the mean is of; 0 if it is an upper bound
    free_bytes: int
    free_at: Path

    @property
    def needed_bytes(self) -> float:
        """What the open segments take if each gets its clip."""
        return self.agenda.open * self.mean_bytes


def plan_of(
    workspace: Workspace,
    now: datetime,
    *,
    egresses: int = 1,
    rate: float = CLIPS_PER_HOUR,
    patience: Patience | None = None,
) -> Plan:
    """Plan what is left of a workspace's manifest, or the whole published one where it has none.

    Raises:
        ManifestError: the manifest is damaged.
        ShardError: a part of the ledger is damaged.
    """
    published = not workspace.manifest.is_file()
    manifest = published_path() if published else workspace.manifest
    segment_ids = segment_ids_of(manifest)
    attempts = read_parts(workspace.clips, (*COLUMNS, "bytes"))
    found = standings(attempts, read_signs(workspace.canaries), now, patience)
    agenda = agenda_of(segment_ids, found, now)
    mean_bytes, n_measured = _mean_bytes(attempts)
    there = next(p for p in (workspace.root.absolute(), *workspace.root.absolute().parents) if p.exists())
    return Plan(
        manifest=manifest,
        is_published=published,
        agenda=agenda,
        days=agenda.open / (rate * egresses) / 24,
        mean_bytes=mean_bytes,
        n_measured=n_measured,
        free_bytes=shutil.disk_usage(there).free,
        free_at=there,
    )


def _mean_bytes(attempts: pa.Table) -> tuple[float, int]:
    """Mean size of the clips so far and how many they are; or an upper bound, and 0, if they are few."""
    sizes = clip_rows(attempts)["bytes"].drop_null()
    if len(sizes) < ENOUGH_CLIPS:
        return MOST_BYTES, 0
    return float(pc.mean(sizes).as_py()), len(sizes)
