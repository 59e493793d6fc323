"""A storm: many segments, three in ten of them with a fault whose right verdict is known, and kills.

Used by the tests in small and by benchmarks/fault_storm.py in full.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loopback_faults import Fault
from loopback_youtube import LoopbackYouTube, Media, config_text
from patient_fetch import PATIENCE

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.clips.reading import read_parts, read_signs
from audiosetzsl.clips.standing import COLUMNS, standings
from audiosetzsl.errors import AudioSetZSLError
from audiosetzsl.manifest import SCHEMA, write_manifest
from audiosetzsl.workspace import Workspace
from extractors.media.inspection import inspect

SUPPORT = Path(__file__).parent
SHARE_OF_FAULTS = 0.3
Plan = Callable[[], list[Fault]]


def player(message: str, **more) -> Plan:
    """A message in place of streams."""
    return lambda: [Fault("player", "message", message=message, **more)]


def media(kind: str, **more) -> Plan:
    """Something wrong with the media."""
    return lambda: [Fault("media", kind, **more)]


# Each with the verdict that the segment has to end with, and the flag it has to carry, if one.
FAULTS: dict[str, tuple[Plan, str]] = {
    "private": (player("private"), "private"),
    "removed": (player("removed_by_uploader"), "removed_by_uploader"),
    "terminated account": (player("account_terminated"), "account_terminated"),
    "copyright": (player("copyright"), "copyright"),
    "policy": (player("policy"), "policy"),
    "geo": (player("geo"), "geo"),
    "age": (player("age"), "age"),
    "members": (player("members_only"), "members"),
    "bare unavailable": (player("unavailable"), "unavailable"),
    "unavailable once": (player("unavailable", times=1), "ok"),
    "premiere once": (player("premiere", times=1), "ok"),
    "bot check once": (player("bot_check", times=1), "ok"),
    "rate limit once": (player("rate_limited", times=1), "ok"),
    "player 403 once": (lambda: [Fault("player", "status", status=403, times=1)], "ok"),
    "player 404": (lambda: [Fault("player", "status", status=404)], "api_error"),
    "player 429 once": (lambda: [Fault("player", "status", status=429, retry_after_s=1, times=1)], "ok"),
    "player 500": (lambda: [Fault("player", "status", status=500)], "api_error"),
    "player 503 once": (lambda: [Fault("player", "status", status=503, times=1)], "ok"),
    "player stalls once": (lambda: [Fault("player", "stall", times=1)], "ok"),
    "player resets once": (lambda: [Fault("player", "reset", times=1)], "ok"),
    "media 403": (media("status", status=403), "media_http"),
    "media 404": (media("status", status=404), "media_http"),
    "media 429 once": (media("status", status=429, retry_after_s=1, times=1), "ok"),
    "media 500": (media("status", status=500), "media_http"),
    "media 503 once": (media("status", status=503, times=1), "ok"),
    "media stall": (media("stall", after_bytes=20_000), "stalled"),
    "media reset once": (media("reset", after_bytes=20_000, times=1), "ok"),
    "media cut off": (media("truncated"), "truncated"),
    "file cut short": (media("cut"), "truncated"),
    "empty file": (media("empty"), "empty"),
    "no ranges": (media("ignore_range"), "ok"),
    "slow server": (media("drip", bytes_per_s=400_000), "ok"),
    "no sound": (lambda: [Fault("player", "formats", itags=(134,))], "ok"),
    "start past the end": (list, "past_end"),
}
ENDS_S = 60.0
# Files cut in the middle hold what comes before; these segments lie behind it.
LATE = ("file cut short", "media cut off")


@dataclass
class Storm:
    """What was injected, and what is to come of it."""

    place: Workspace
    kinds: dict[str, str]  # of each segment: a fault's name, or "" for none
    right: dict[str, str]  # the verdict it has to end with
    unreadable: list[str] = field(default_factory=list)  # moments at which the ledger could not be read
    looks: int = 0  # moments at which it could


def make_storm(
    root: Path, server: LoopbackYouTube, n: int, seed: int, share: float = SHARE_OF_FAULTS
) -> Storm:
    """Write a manifest of `n` segments of 1 to 10 s, and plan a fault for a share of them."""
    rng = random.Random(seed)
    names = sorted(FAULTS)
    rows, kinds, right = [], {}, {}
    n_faults = 0  # in turn, so that a small storm has all kinds
    for number in range(n):
        kind = names[n_faults % len(names)] if rng.random() < share else ""
        n_faults += bool(kind)
        lasts_s = rng.choice([10.0, 10.0, 10.0, 9.0, 4.0, 1.0])
        start_s = rng.randrange(0, int(ENDS_S - lasts_s) * 1000) / 1000
        if kind == "start past the end":
            start_s += 2 * ENDS_S
        if kind in LATE:
            start_s = ENDS_S - 10 - rng.randrange(0, 5000) / 1000
        # Ids begin with all signs that ids may begin with.
        ytid = f"{'-_aZ0'[number % 5]}{number:010d}"
        rows.append(_row(ytid, start_s, start_s + lasts_s, number))
        segment_id = rows[-1]["segment_id"]
        plan, verdict = FAULTS[kind] if kind else (list, "ok")
        if faults := plan():
            server.faults[ytid] = faults
        kinds[segment_id], right[segment_id] = kind, verdict
    place = Workspace(root)
    _write(rows, place)
    return Storm(place, kinds, right)


def run(
    storm: Storm, server: LoopbackYouTube, config: Path, kills: int, seed: int, blackouts: int = 0
) -> None:
    """Fetch, kill the fetching processes at random moments, and at last let them come to the end.

    A blackout is a second in which every answer of the player is the rate-limit message.
    """
    rng = random.Random(seed)
    over = threading.Event()
    threads = [threading.Thread(target=_read_all_along, args=(storm, over))]
    threads += [threading.Thread(target=_black_out, args=(server, blackouts, rng.random(), over))]
    for thread in threads:
        thread.start()
    try:
        for number in range(kills):
            process = _start(storm.place, config)
            _wait_for_news(storm.place, process, rng.uniform(0.0, 4.0))
            # Sometimes all processes die, as when the machine does; sometimes the first alone.
            _kill(process, alone=number % 3 == 0)
        last = _start(storm.place, config)
        if last.wait(3600):
            raise AssertionError("the last run did not end well")
    finally:
        over.set()
        for thread in threads:
            thread.join()


def verdicts(storm: Storm) -> dict[str, str]:
    """The verdict at which each segment is settled; `open` for one that is not."""
    found = standings(*_evidence(storm.place), now=_now(), patience=PATIENCE)
    settled = {name: str(s.verdict) if s.settled else f"open ({s.verdict})" for name, s in found.items()}
    return {name: settled.get(name, "never asked for") for name in storm.right}


def wrong(storm: Storm) -> Counter[str]:
    """Segments that ended with another verdict than the right one, by fault."""
    ended = verdicts(storm)
    return Counter(
        f"{storm.kinds[name] or 'no fault'}: {ended[name]}, expected {right}"
        for name, right in storm.right.items()
        if ended[name] != right
    )


def fetched_again(storm: Storm, server: LoopbackYouTube) -> list[str]:
    """Clips whose media were asked for after they were there."""
    since = {}
    for path in storm.place.media.rglob("*.mp4"):
        since[path.stem.rpartition("_")[0]] = path.stat().st_mtime
    return sorted(
        {hit.ytid for hit in server.requests(server="media") if hit.wall_s > since.get(hit.ytid, hit.wall_s)}
    )


def leftovers(storm: Storm) -> list[str]:
    """Files of media that are no clip of the ledger, and clips that are not whole."""
    table = read_parts(storm.place.clips, ("verdict", "path", "bytes", "duration_s"))
    clips = {row["path"]: row for row in table.to_pylist() if row["verdict"] == "ok"}
    found = {str(p.relative_to(storm.place.root)): p for p in storm.place.media.rglob("*") if p.is_file()}
    odd = sorted(found.keys() ^ clips.keys())
    return odd + [
        name
        for name, path in found.items()
        if name in clips and (path.stat().st_size != clips[name]["bytes"] or not _is_whole(path, clips[name]))
    ]


def several_ends(storm: Storm) -> list[str]:
    """Segments with more than one clip in the ledger."""
    table = read_parts(storm.place.clips, ("segment_id", "verdict"))
    ok = Counter(row["segment_id"] for row in table.to_pylist() if row["verdict"] == "ok")
    return sorted(name for name, n in ok.items() if n > 1)


def _is_whole(path: Path, row: dict[str, object]) -> bool:
    lasts_s = inspect(path, 10.0).duration_s
    return abs(lasts_s - float(str(row["duration_s"]))) < 1e-6


def _evidence(place: Workspace):
    return read_parts(place.clips, COLUMNS), read_signs(place.canaries)


def _now():
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _start(place: Workspace, config: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(SUPPORT / "patient_fetch.py"), str(place.root), str(config)]
    with place.root.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            command, start_new_session=True, stdout=log, stderr=log, cwd=SUPPORT.parent.parent
        )


def _wait_for_news(place: Workspace, process: subprocess.Popen[bytes], more_s: float) -> None:
    """Wait until a run writes to the ledger, and some more, so that kills hit work and not only its start."""
    before, until = _size(place), time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until and _size(place) == before:
        time.sleep(0.05)
    time.sleep(more_s)


def _size(place: Workspace) -> int:
    return sum(path.stat().st_mtime_ns for path in place.clips.glob("part-*.parquet"))


def _kill(process: subprocess.Popen[bytes], *, alone: bool) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL) if alone else os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read_all_along(storm: Storm, over: threading.Event) -> None:
    while not over.wait(0.5):
        try:
            _evidence(storm.place)
            storm.looks += 1
        except AudioSetZSLError as problem:
            storm.unreadable.append(str(problem))


def _black_out(server: LoopbackYouTube, times: int, wait_s: float, over: threading.Event) -> None:
    for _ in range(times):
        if over.wait(5 + 10 * wait_s):
            return
        server.rate_limited = True
        over.wait(1.5)
        server.rate_limited = False


def _row(ytid: str, start_s: float, end_s: float, number: int) -> dict[str, object]:
    chosen = AUDIOSETZSL.classes[number % len(AUDIOSETZSL)]
    return {
        "segment_id": f"{ytid}_{round(1000 * start_s)}",
        "ytid": ytid,
        "start_s": start_s,
        "end_s": end_s,
        "class_name": chosen.name,
        "seen": chosen.seen,
        "split": ("train", "val", "test")[number % 3],
        "source": "unbalanced",
        "line": number + 4,
        "mids": [chosen.mid],
    }


def _write(rows: Sequence[dict[str, object]], place: Workspace) -> None:
    import pyarrow as pa

    from audiosetzsl.manifest import load_manifest_table, provenance_of

    table = pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["segment_id"])), SCHEMA)
    # Which classes there are stands in the provenance; that of the published manifest will do.
    write_manifest(table, place.manifest, provenance_of(load_manifest_table()))


def serve(folder: Path) -> LoopbackYouTube:
    """The server of a storm, from the media in a folder."""
    return LoopbackYouTube(Media.in_folder(folder))


def write_config(server: LoopbackYouTube, path: Path) -> Path:
    """Options of yt-dlp that point it at the server, with short waits."""
    path.write_text(config_text(server.player_port) + "--socket-timeout 2\n--extractor-retries 1\n")
    return path
