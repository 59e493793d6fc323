"""Fetch: AudioSet's own files from their public address, resumed where it broke off, whole or not at all."""

from collections.abc import Callable, Sequence
from pathlib import Path

from audiosetzsl.audioset.remotes import REMOTES, Remote
from audiosetzsl.downloads import Pin, download
from audiosetzsl.errors import AudioSetFileError

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
    return download(
        remote.url,
        directory / remote.name,
        Pin(remote.sha256, bytes=remote.bytes),
        owner="AudioSet",
        error=AudioSetFileError,
        progress=lambda done, _: progress(remote, done),
    )
