"""Progress of a workspace's clips: funnel, verdicts, flags, what is due, pace, bytes and canaries, as of now."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.clips.duplicates import DUPLICATE_COLUMNS, find_duplicates
from audiosetzsl.clips.flags import Flag
from audiosetzsl.clips.funnel import Agenda, Funnel, agenda_of, funnel_of
from audiosetzsl.clips.ledger import clip_rows
from audiosetzsl.clips.reading import read_parts, read_signs
from audiosetzsl.clips.standing import COLUMNS, Patience, Standing, count_verdicts, standings
from audiosetzsl.egresses import egress_folder, paused_until
from audiosetzsl.errors import ManifestError
from audiosetzsl.manifest import read_manifest
from audiosetzsl.workspace import Workspace

WINDOW_S = 3600.0  # over which the pace is measured
_SHORTEST_S = 60.0  # a shorter time says nothing of the pace
# Columns of the ledger that progress is told from.
_COLUMNS = tuple(dict.fromkeys((*COLUMNS, *DUPLICATE_COLUMNS, "path", "bytes", "pulled_bytes")))


@dataclass(frozen=True, slots=True)
class Pace:
    """What came in the last hour, or since its first attempt if nothing came in the hour before."""

    fetched: int
    settled: int  # segments that need nothing more, clips among them
    window_s: float

    def hours_for(self, n_open: int) -> float | None:
        """How long `n_open` segments will take at this pace; None if it cannot be told yet."""
        if not self.settled or self.window_s < _SHORTEST_S:
            return None
        return n_open / self.settled * self.window_s / 3600


@dataclass(frozen=True, slots=True)
class Progress:
    """What `audiosetzsl status` tells."""

    funnel: Funnel
    agenda: Agenda
    verdicts: dict[str, int]  # segments by where they stand
    attempts: dict[str, int]  # attempts by how they ended
    flags: dict[str, int]  # clips by what was seen of them
    pace: Pace
    n_strangers: int  # segments of the ledger that are not in the manifest
    bytes_here: int  # of clips in the workspace
    bytes_elsewhere: int  # of clips that stay where they were
    pulled_bytes: int
    last_good: datetime | None  # canary
    last_failed: datetime | None
    paused: dict[str, datetime]  # egresses that are to be left alone, and until when


def progress_of(workspace: Workspace, now: datetime, patience: Patience | None = None) -> Progress:
    """Tell how far a workspace's clips are, while others may be writing them.

    Raises:
        ManifestError: the workspace has no manifest, or it is damaged.
        ShardError: a part of the ledger is damaged.
    """
    segment_ids = segment_ids_of(workspace.manifest)
    attempts = read_parts(workspace.clips, _COLUMNS)
    canaries = read_signs(workspace.canaries)  # after the attempts: none that failed between them is missed
    found = standings(attempts, canaries, now, patience)
    ours = attempts.filter(pc.is_in(attempts["segment_id"], pa.array(segment_ids, pa.string())))
    clips = clip_rows(ours)
    known = set(segment_ids)
    in_manifest = {name: standing for name, standing in found.items() if name in known}
    flags = _flags(clips)
    here = _in_workspace(clips)
    return Progress(
        funnel=funnel_of(segment_ids, in_manifest, flags),
        agenda=agenda_of(segment_ids, in_manifest, now),
        verdicts=count_verdicts(in_manifest.values()),
        attempts=dict(Counter(ours["verdict"].to_pylist())),
        flags=dict(Counter(flag for of_clip in flags.values() for flag in of_clip)),
        pace=_pace(ours, clips, in_manifest, now),
        n_strangers=len(found) - len(in_manifest),
        bytes_here=_sum(clips.filter(here)["bytes"]),
        bytes_elsewhere=_sum(clips.filter(pc.invert(here))["bytes"]),
        pulled_bytes=_sum(ours["pulled_bytes"]),
        last_good=pc.max(canaries.filter(canaries["good"])["at"]).as_py(),
        last_failed=pc.max(canaries.filter(pc.invert(canaries["good"]))["at"]).as_py(),
        paused=_paused({*canaries["egress"].to_pylist(), *attempts["egress"].unique().to_pylist()}, now),
    )


def segment_ids_of(manifest: Path) -> list[str]:
    """Segments of a manifest.

    Raises:
        ManifestError: it is absent, damaged, or breaks its rules.
    """
    if not manifest.is_file():
        raise ManifestError(
            f"{manifest} does not exist, so there is no telling which segments are wanted; check the path, or "
            "make it with `python -m flows build-manifest` or `sample-manifest`"
        )
    ids: list[str] = read_manifest(manifest)["segment_id"].to_pylist()
    return ids


def _flags(clips: pa.Table) -> dict[str, set[str]]:
    """Flags of each clip: those of the ledger, and `duplicate`, which only all clips together can tell."""
    names, noted = clips["segment_id"].to_pylist(), clips["flags"].to_pylist()
    repeats = find_duplicates(clips)
    return {
        name: {*flags, *([str(Flag.DUPLICATE)] if name in repeats else ())}
        for name, flags in zip(names, noted, strict=True)
    }


def _pace(attempts: pa.Table, clips: pa.Table, found: Mapping[str, Standing], now: datetime) -> Pace:
    hour, at = timedelta(seconds=WINDOW_S), attempts["at"]
    since, before = (pa.scalar(now - n * hour, at.type) for n in (1, 2))
    lately = attempts.filter(pc.greater(at, since))
    goes_on = pc.any(pc.and_(pc.greater(at, before), pc.less_equal(at, since))).as_py()
    begun = now - hour if goes_on or not len(lately) else pc.min(lately["at"]).as_py()
    window_s = (now - begun).total_seconds() if len(attempts) else 0.0
    settled = sum(found[name].settled for name in lately["segment_id"].unique().to_pylist())
    return Pace(_count(pc.greater(clips["at"], since)), settled, max(window_s, 0.0))


def _in_workspace(clips: pa.Table) -> pa.ChunkedArray:
    """Which clips lie in the workspace: their paths are relative to it."""
    elsewhere = pc.or_(pc.starts_with(clips["path"], "/"), pc.match_substring(clips["path"], "://"))
    return pc.fill_null(pc.invert(elsewhere), False)


def _paused(egresses: set[str | None], now: datetime) -> dict[str, datetime]:
    """Which of the egresses this machine is not to use before a time to come."""
    found = {name: paused_until(egress_folder(), name) for name in sorted(filter(None, egresses))}
    return {name: until for name, until in found.items() if until and until > now}


def _sum(column: pa.ChunkedArray) -> int:
    return int(pc.sum(column).as_py() or 0)


def _count(true: pa.ChunkedArray) -> int:
    return _sum(true.cast(pa.int64()))
