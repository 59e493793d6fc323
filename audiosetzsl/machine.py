"""Programs and devices that the factory uses: which of them are here, and whether they are new enough."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib import metadata, util
from itertools import takewhile

LEAST_PYTHON = (3, 11)
OLD_DAYS = 90  # yt-dlp itself warns from this age on
FACTORY = (
    *(
        "av",
        "fastapi",
        "ffmpeg",
        "fsspec",
        "imageio_ffmpeg",
        "librosa",
        "matplotlib",
        "prefect",
        "safetensors",
    ),
    *("scipy", "sklearn", "soxr", "torch", "torchvision", "yt_dlp"),
)
_INSTALL = "run pip install -e '.[factory]' in the checkout"
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the project needs: whether it is ready, what was found, and what to do about it."""

    name: str
    ready: bool
    found: str
    advice: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """A JavaScript runtime that yt-dlp can use, and from which version on."""

    program: str
    option: str  # that makes it tell its version
    version: str  # pattern of its answer
    least: tuple[int, ...]


# As in yt_dlp/utils/_jsruntime.py of 2026.10.26; deno comes first because yt-dlp uses no other unasked.
RUNTIMES = (
    Runtime("deno", "--version", r"^deno (\S+)", (2, 3)),
    Runtime("node", "--version", r"^v(\S+)", (22,)),
    Runtime("qjs", "--help", r"^QuickJS version (\S+)", (2023, 12, 9)),
    Runtime("qjs", "--help", r"^QuickJS-ng version (\S+)", (0,)),
)


def usable_cores() -> int:
    """Cores that this process may use: a cluster or a container may give it fewer than there are."""
    if hasattr(os, "sched_getaffinity"):  # macOS has none
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def answer_of(command: Sequence[str]) -> str | None:
    """What a program prints, on either stream and whatever its exit code; None if it cannot be run."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").strip()


def search_path() -> str:
    """Where programs are looked for: beside this Python first, as yt-dlp does, then on PATH."""
    return os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])


def find_python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Whether this Python is new enough."""
    least = _dotted(LEAST_PYTHON)
    return Finding("Python", version >= LEAST_PYTHON, _dotted(version), f"install Python {least} or newer")


def find_packages(modules: Sequence[str] = FACTORY) -> Finding:
    """Whether the packages that make the dataset and train on it are installed; none is imported."""
    absent = [name for name in modules if util.find_spec(name) is None]
    found = f"absent: {', '.join(absent)}" if absent else f"all {len(modules)}"
    return Finding("factory packages", not absent, found, f"{_INSTALL}; manifests and metrics do without")


def find_ffmpeg(path: str | None = None) -> Finding:
    """Whether there is an ffmpeg: on PATH, or the one that imageio-ffmpeg brings."""
    program = shutil.which("ffmpeg", path=path or search_path()) or _bundled_ffmpeg()
    answer = answer_of([program, "-version"]) if program else None
    known = re.match(r"ffmpeg version (\S+)", answer or "")
    found = f"{known.group(1)} at {program}" if known else "none on PATH, none of imageio-ffmpeg"
    return Finding("ffmpeg", known is not None, found, "run pip install imageio-ffmpeg, or install ffmpeg")


def find_js_runtime(path: str | None = None) -> Finding:
    """Whether yt-dlp has a JavaScript runtime for YouTube; one that is too old does not count."""
    seen = []
    for runtime in RUNTIMES:
        program = shutil.which(runtime.program, path=path or search_path())
        answer = answer_of([program, runtime.option]) if program else None
        known = re.search(runtime.version, answer or "", re.MULTILINE)
        if known is None:
            continue
        enough = _numbers(known.group(1)) >= runtime.least
        old = "" if enough else f", older than {_dotted(runtime.least)}"
        seen.append((enough, f"{runtime.program} {known.group(1)}{old}"))
    ready = any(enough for enough, _ in seen)
    found = "; ".join(text for _, text in seen) or "none"
    advice = "run pip install 'deno>=2.3': without a runtime YouTube gives yt-dlp fewer formats, or none"
    return Finding("JavaScript for yt-dlp", ready, found, advice)


def find_ytdlp(today: date, version: str | None = None) -> Finding:
    """Whether yt-dlp is installed and young: YouTube changes, and old ones stop working within weeks."""
    version = version or _version_of("yt-dlp")
    advice = "run pip install -U yt-dlp"
    if version is None:
        return Finding("yt-dlp", False, "not installed", advice)
    try:
        age = (today - date(*_numbers(version)[:3])).days
    except (TypeError, ValueError):
        return Finding("yt-dlp", False, f"{version}, which tells no date", advice)
    return Finding("yt-dlp", age <= OLD_DAYS, f"{version}, {age} days old", advice)


def find_gpu(path: str | None = None) -> Finding:
    """Whether the driver knows a GPU and torch can use it; torch is asked in a process of its own."""
    program = shutil.which("nvidia-smi", path=path or search_path())
    answer = (
        answer_of([program, "--query-gpu=name,memory.total", "--format=csv,noheader"]) if program else None
    )
    if answer is None or "MiB" not in answer:
        slow = "nothing to do for a trial: all stages run on CPU, but I3D over all segments takes days there"
        return Finding("GPU", False, "none that nvidia-smi knows", slow)
    devices = "; ".join(answer.splitlines())
    if _version_of("torch") is None:
        return Finding("GPU", False, f"{devices}; torch is not installed", _INSTALL)
    usable = answer_of([sys.executable, "-c", "import torch; print('usable', torch.cuda.is_available())"])
    ready = (usable or "").endswith("usable True")
    found = f"{devices}; torch {_version_of('torch')} {'can' if ready else 'cannot'} use it"
    return Finding("GPU", ready, found, "install the torch build for your driver: https://pytorch.org")


def _bundled_ffmpeg() -> str | None:
    if util.find_spec("imageio_ffmpeg") is None:
        return None
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:  # the package is there without its binary
        return None


def _version_of(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Leading numbers of a version: `2.3.1-rc` is (2, 3, 1)."""
    return tuple(int(part) for part in takewhile(str.isdecimal, re.split(r"[.\-+]", version)))


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
