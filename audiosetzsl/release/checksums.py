"""SHA256SUMS: the digest of every file of a release, in the form of `sha256sum -c`."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from audiosetzsl.files import sha256_of
from audiosetzsl.release.finding import Finding

SUMS = "SHA256SUMS"
AVAILABILITY_FOLDER = "availability"  # grows after a release is published, so it has checksums of its own
_LINE = re.compile(r"([0-9a-f]{64})  ((?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*)")


def sums_text(digests: Mapping[str, str]) -> bytes:
    """Render digests, sorted by file name."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


def read_sums(content: bytes) -> tuple[dict[str, str], list[str]]:
    """Digests by file name, and what is wrong with the text; a line that breaks the form is not read."""
    digests: dict[str, str] = {}
    problems: list[str] = []
    lines = content.decode("ascii", "replace").split("\n")
    if lines.pop() != "":
        problems.append("does not end with a line end; it was cut or changed")
    for number, line in enumerate(lines, start=1):
        found = _LINE.fullmatch(line)
        if found is None:
            problems.append(
                f"line {number}: found {line[:100]!r}, expected 64 lower-case hex digits, two blanks, a name"
            )
        elif found.group(2) in digests:
            problems.append(f"line {number}: {found.group(2)} stands there twice")
        else:
            digests[found.group(2)] = found.group(1)
    if list(digests) != sorted(digests):
        problems.append("its names are not in order; it was edited")
    return digests, problems


def files_in(directory: Path) -> list[str]:
    """Names of all files below a folder, relative to it, without SHA256SUMS itself and without snapshots."""
    paths = (path.relative_to(directory) for path in directory.rglob("*") if path.is_file())
    return sorted({path.as_posix() for path in paths if path.parts[0] != AVAILABILITY_FOLDER} - {SUMS})


def check_sums(directory: Path, expected: Iterable[str]) -> tuple[set[str], list[Finding]]:
    """Hold a folder to its SHA256SUMS.

    Returns:
        The names of the files that are as they were published, and what is wrong with the others.
    """
    path = directory / SUMS
    if not path.is_file():
        return set(), [Finding(SUMS, "is absent, so nothing can be checked; get the whole release again")]
    digests, problems = read_sums(path.read_bytes())
    findings = [Finding(SUMS, problem) for problem in problems]
    present = files_in(directory)
    findings += [Finding(name, "is not listed in SHA256SUMS") for name in present if name not in digests]
    whole = set()
    for name, digest in digests.items():
        if name not in present:
            findings.append(Finding(name, "is listed in SHA256SUMS and absent; get it again"))
        elif (found := sha256_of(directory / name)) != digest:
            findings.append(
                Finding(name, f"has sha256 {found}, SHA256SUMS says {digest}; it is damaged, get it again")
            )
        else:
            whole.add(name)
    unlisted = sorted(set(expected) - set(digests) - set(present))
    findings += [Finding(name, "belongs to every release and is absent") for name in unlisted]
    return whole, findings
