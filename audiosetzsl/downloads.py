"""Downloads: a file from its address, gone on with where it broke off, held to its digest, whole or not at all."""

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from audiosetzsl.errors import AudioSetZSLError
from audiosetzsl.files import locked, sha256_of

_CHUNK = 1 << 16
TIMEOUT_S = 60
Progress = Callable[[int, int | None], None]  # (bytes there so far, bytes of all of it where known)


def weights_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where weights of networks lie on this machine: AZSL_WEIGHTS, or the user's cache."""
    if named := environment.get("AZSL_WEIGHTS"):
        return Path(named)
    cache = environment.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "audiosetzsl" / "weights"


class DigestKind(StrEnum):
    """Digests by which files are published; the second is SHA-1 of git's header and the content."""

    SHA256 = "sha256"
    GIT_BLOB = "git blob id (SHA-1)"


@dataclass(frozen=True, slots=True)
class Pin:
    """What a published file must be: its digest, or as much of it as was published, and its size where known."""

    digest: str
    kind: DigestKind = DigestKind.SHA256
    bytes: int | None = None

    def digest_of(self, path: Path) -> str:
        """The digest of a file, of this kind, as hex digits."""
        return sha256_of(path) if self.kind is DigestKind.SHA256 else git_blob_id_of(path)

    def holds(self, path: Path) -> bool:
        """Whether a file is the published one."""
        return self.digest_of(path).startswith(self.digest)


def git_blob_id_of(path: Path) -> str:
    """The id that git gives to a file's content: SHA-1 of `blob <size>`, a zero byte, and the content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def download(
    url: str,
    path: Path,
    pin: Pin,
    *,
    owner: str,
    error: type[AudioSetZSLError],
    progress: Progress = lambda done, total: None,
) -> Path:
    """Fetch a file; the part that came before a failure stays as `<name>.part` and is gone on with.

    What is there and right is left alone. Of several who fetch the same file at once, on one machine, one does
    and the others wait for it; the lock they hold, `.<name>.lock`, stays beside it.

    Args:
        url: where it is published.
        path: where to put it.
        pin: what it must be.
        owner: whose file it is, for messages.
        error: class of the errors to raise.
        progress: told of the bytes so far.

    Raises:
        AudioSetZSLError: (of type `error`) another file is there already, or it cannot be fetched, or it came
            as something else than was published.
    """
    if not path.is_file():
        lock = path.with_name(f".{path.name}.lock")
        with locked(lock):
            if not path.is_file():  # nobody fetched it meanwhile
                fetched = _fetched(url, path, pin, owner, error, progress)
                lock.unlink(missing_ok=True)  # whoever waits for it finds the file there
                return fetched
    if not pin.holds(path):
        raise error(
            f"{path} is there, but is not {owner}'s (expected {pin.kind} {pin.digest}); "
            "move it away to fetch the original"
        )
    progress(path.stat().st_size, path.stat().st_size)
    return path


def _fetched(
    url: str, path: Path, pin: Pin, owner: str, error: type[AudioSetZSLError], progress: Progress
) -> Path:
    """Fetch a file that is not there, which nobody else does meanwhile."""
    part = path.with_name(f"{path.name}.part")
    try:
        _go_on(url, part, pin.bytes, progress)
    except urllib.error.HTTPError as problem:
        says = f"{url} answered {problem.code} {problem.reason}"
        raise error(f"{says}; try again later, or get the file elsewhere and put it at {path}") from problem
    except (OSError, HTTPException) as problem:
        done = part.stat().st_size if part.exists() else 0
        of = "" if pin.bytes is None else f" of {pin.bytes:,}"
        raise error(
            f"{url} broke off after {done:,}{of} bytes ({problem}); "
            f"run again to go on from there, or get the file elsewhere and put it at {path}"
        ) from problem
    if not pin.holds(part):
        found = pin.digest_of(part)
        part.unlink()
        raise error(
            f"{url} gave a file with {pin.kind} {found}, expected {pin.digest}; "
            f"{owner} may have changed it, or something between here and there did: nothing was kept"
        )
    with part.open("rb") as file:
        os.fsync(file.fileno())
    return part.replace(path)


def _go_on(url: str, part: Path, size: int | None, progress: Progress) -> None:
    """Bring `part` to the end of the file, unless it seems to be there; its digest is looked at later."""
    done = part.stat().st_size if part.exists() else 0
    if size is not None and done >= size:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as problem:
        if done and problem.code == 416:  # nothing comes after the part
            return
        raise
    with answer:
        if answer.status != 206:
            done = 0  # the server sends the whole file, whatever was asked for
        total = _promised(answer, done) if size is None else size
        with part.open("ab" if done else "wb") as file:
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                progress(done, total)
    if total is not None and done < total:
        raise ConnectionError("the connection was closed early")


def _promised(answer: HTTPResponse, done: int) -> int | None:
    """Bytes of the whole file, if the server says how many are to come."""
    to_come = answer.headers["Content-Length"]
    return done + int(to_come) if to_come else None
