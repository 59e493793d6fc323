"""Fetch: AudioSet's own files from their public address, resumed where it broke off, whole or not at all."""

import os
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from audiosetzsl.audioset.remotes import REMOTES, Remote
from audiosetzsl.errors import AudioSetFileError
from audiosetzsl.files import sha256_of

_CHUNK = 1 << 16
Progress = Callable[[Remote, int], None]  # (file, bytes there so far)


def _no_progress(_: Remote, __: int) -> None:
    pass


def fetch_audioset(
    directory: Path, remotes: Sequence[Remote] = REMOTES, progress: Progress = _no_progress
) -> list[Path]:
    """Fetch the six files into a folder; what is there and right is left alone, what is wrong is said.

    Raises:
        AudioSetFileError: a file there is another than AudioSet's, or cannot be fetched, or came damaged.
    """
    return [fetch(remote, directory, progress) for remote in remotes]


def fetch(remote: Remote, directory: Path, progress: Progress = _no_progress) -> Path:
    """Fetch one file. The part that came before a failure stays as `<name>.part` and is gone on with."""
    path, part = directory / remote.name, directory / f"{remote.name}.part"
    if path.is_file():
        if sha256_of(path) == remote.sha256:
            progress(remote, remote.bytes)
            return path
        raise AudioSetFileError(
            f"{path} is there, but is not AudioSet's (expected sha256 {remote.sha256}); "
            "move it away to fetch the original"
        )
    directory.mkdir(parents=True, exist_ok=True)
    try:
        _go_on(remote, part, progress)
    except OSError as problem:
        done = part.stat().st_size if part.exists() else 0
        raise AudioSetFileError(
            f"{remote.url} broke off after {done:,} of {remote.bytes:,} bytes ({problem}); "
            "run again to go on from there"
        ) from problem
    found = sha256_of(part)
    if found != remote.sha256:
        part.unlink()
        raise AudioSetFileError(
            f"{remote.url} gave a file with sha256 {found}, expected {remote.sha256}; "
            "AudioSet may have changed it, or something between here and there did: nothing was kept"
        )
    with part.open("rb") as file:
        os.fsync(file.fileno())
    return part.replace(path)


def _go_on(remote: Remote, part: Path, progress: Progress) -> None:
    done = part.stat().st_size if part.exists() else 0
    if done >= remote.bytes:
        return
    request = urllib.request.Request(remote.url, headers={"Range": f"bytes={done}-"} if done else {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        if answer.status != 206:
            done = 0  # the server sends the whole file, whatever was asked for
        with part.open("ab" if done else "wb") as file:
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                progress(remote, done)
    if done < remote.bytes:
        raise OSError("the connection was closed early")
