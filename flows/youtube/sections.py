"""Sections: yt-dlp's own download of a part of a video by ffmpeg, in processes that are ended in time."""

import contextlib
import os
import pickle
import re
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from imageio_ffmpeg import get_ffmpeg_exe
from yt_dlp import YoutubeDL

from audiosetzsl.clips.verdicts import Verdict
from flows.sources.source import Refusal
from flows.youtube.byte_ranges import LARGEST_REQUEST, NotThisWay
from flows.youtube.session import started

_SILENT = ["-rw_timeout", "20000000"]  # microseconds; every ffmpeg knows it
# Wishes to ffmpeg's reader over HTTP; those that a build does not know are left out.
_WISHES = {
    "request_size": str(LARGEST_REQUEST),
    "reconnect_on_network_error": "1",
    "reconnect_on_http_error": "408,5xx",
    "reconnect_max_retries": "3",
}
# Spawned, not forked: of this process's threads, a fork has only one.
_SPAWN = get_context("spawn")
_LONGEST_ANSWER = 2000


def download_sections(
    params: Mapping[str, Any],
    info: Mapping[str, Any],
    formats: str,
    seconds: tuple[float, float],
    scratch: Path,
    limit_s: float,
) -> Path:
    """Download some seconds of a video into `scratch` and return the file; its time 0 is the first of them.

    Neither yt-dlp nor ffmpeg can be trusted to end here: ffmpeg waits for a silent server for ever. So both
    work in a process group of their own, which is killed when the time is over or its parent has died.

    Raises:
        NotThisWay: it did not work.
        Refusal: it did not end within `limit_s`.
    """
    if limit_s <= 0:
        raise Refusal(Verdict.STALLED, "out of time before ffmpeg was started")
    ours, theirs = _SPAWN.Pipe(duplex=False)
    job = _Job(
        _portable(params), YoutubeDL.sanitize_info(dict(info)), formats, seconds, str(scratch), limit_s
    )
    process = _SPAWN.Process(target=_work, args=(theirs, job), daemon=True)
    try:
        process.start()
        theirs.close()
        process.join(limit_s)
        in_time = process.exitcode is not None
        _end(process)
        if not in_time:
            raise Refusal(Verdict.STALLED, f"ffmpeg was not done within {limit_s:.0f} s")
        said = _heard(ours)
    finally:
        ours.close()
    files = [path for path in sorted(scratch.glob("section.*")) if path.suffix not in (".part", ".ytdl")]
    if said or not files:
        raise NotThisWay(f"sections: {said or 'no file came'}")
    return files[0]


def _portable(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that can go to another process: not those for which yt-dlp has made a function."""
    portable = {}
    for name, value in params.items():
        with contextlib.suppress(pickle.PicklingError, AttributeError, TypeError):
            pickle.dumps(value)
            portable[name] = value
    return portable


def _end(process: BaseProcess) -> None:
    """End a process and whatever is left of its group."""
    assert process.pid
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()  # perhaps it has not got as far as to have a group
    process.join()


def _heard(answer: Connection) -> str:
    """What a process that has ended said last."""
    try:
        said: str = answer.recv() if answer.poll() else "yt-dlp said nothing"
    except EOFError:
        said = "yt-dlp ended early"
    return said


def _work(answer: Connection, job: "_Job") -> None:
    """Download, in a process of its own; sends an empty word, or what went wrong."""
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)  # nobody reads it, and it may hold what nobody is to know
    threading.Thread(target=_end_in_time, args=(job.limit_s,), daemon=True).start()
    heard = Silence()
    try:
        _download(job, heard)
        said = ""
    except Exception as problem:
        told = [str(problem) or repr(problem), *heard.said[-1:]]
        unlike = dict.fromkeys(text.removeprefix("ERROR: ") for text in told)
        said = "; ".join(unlike).replace(f"{job.scratch}/", "")
    answer.send(said[:_LONGEST_ANSWER])
    answer.close()


def _end_in_time(limit_s: float) -> None:
    """End this process and its ffmpeg when the time is over, or when nobody waits for them any more."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel], limit_s)
        os.killpg(0, signal.SIGKILL)


def _download(job: "_Job", heard: "Silence") -> None:
    from yt_dlp.utils import download_range_func

    ffmpeg = get_ffmpeg_exe()
    folder = _named_ffmpeg(Path(job.scratch), ffmpeg)
    # Whether there is an ffmpeg, yt-dlp also asks where it does not look at the parameter.
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    ours = {
        "format": job.formats,
        "logger": heard,
        "outtmpl": {"default": f"{job.scratch}/section.%(ext)s"},
        "download_ranges": download_range_func(None, [job.seconds]),
        "external_downloader_args": {"ffmpeg_i": reader_options(ffmpeg)},
        "ffmpeg_location": str(folder),
        "overwrites": True,
    }
    started({**job.params, **ours}).process_ie_result(job.info, download=True)


@dataclass(frozen=True, slots=True)
class _Job:
    """What the process is to do."""

    params: dict[str, Any]
    info: dict[str, Any]
    formats: str
    seconds: tuple[float, float]
    scratch: str
    limit_s: float


class Silence:
    """A logger that keeps what yt-dlp says, and prints nothing."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def debug(self, message: str) -> None:
        """Leave out."""

    def error(self, message: str) -> None:
        """Keep."""
        self.said.append(message)

    warning = error


def _named_ffmpeg(scratch: Path, ffmpeg: str) -> Path:
    """A folder in which the program has the name that yt-dlp looks for."""
    link = scratch / "ffmpeg"
    link.symlink_to(ffmpeg)
    return scratch


@lru_cache(maxsize=1)
def reader_options(ffmpeg: str) -> list[str]:
    """Options for reading over HTTP: those of our wishes that this ffmpeg knows."""
    told = subprocess.run(
        [ffmpeg, "-hide_banner", "-h", "protocol=http"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    ).stdout
    known = set(re.findall(r"^\s*-(\w+)", told, re.MULTILINE))
    return _SILENT + [
        word for name, value in _WISHES.items() if name in known for word in (f"-{name}", value)
    ]
