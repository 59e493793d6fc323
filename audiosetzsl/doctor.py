"""Doctor: what of this machine is ready for the project, and what to do about the rest."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from audiosetzsl.audioset.remotes import REMOTES, content_of, path_of
from audiosetzsl.downloads import DigestKind, Pin, weights_folder
from audiosetzsl.errors import AudioSetFileError, ManifestError
from audiosetzsl.machine import (
    Finding,
    find_ffmpeg,
    find_gpu,
    find_js_runtime,
    find_packages,
    find_python,
    find_ytdlp,
)
from audiosetzsl.manifest import published_path, read_manifest

WEIGHT_FILES = (".pt", ".pth", ".safetensors")
# I3D's published file, as in extractors/video/weights.py, which this room does not know.
I3D_FILE = "rgb_imagenet.pt"
I3D_PIN = Pin("73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a", DigestKind.GIT_BLOB)
_GB = 1e9
SHARDS_GB = 20  # log-mel in half precision is 86 kB a segment, the rest little
CLIPS_GB = 250  # 10 s at 360 lines are up to 1.5 MB


def examine(audioset: Path | None, workspace: Path) -> list[Finding]:
    """Look at everything; nothing is changed, and nothing that is missing raises."""
    return [
        find_python(),
        find_manifest(),
        find_packages(),
        find_ffmpeg(),
        find_ytdlp(datetime.now(UTC).date()),
        find_js_runtime(),
        find_gpu(),
        find_lists(audioset),
        find_weights(),
        find_space(workspace),
    ]


def find_manifest(path: Path | None = None) -> Finding:
    """Whether the published manifest (or the one at `path`) loads and keeps its rules."""
    advice = "install audiosetzsl again, or in a checkout restore manifests/ with git"
    try:
        path = path or published_path()
        table = read_manifest(path)
    except ManifestError as problem:
        return Finding("published manifest", False, str(problem), advice)
    n_classes = len(table["class_name"].unique())
    return Finding("published manifest", True, f"{len(table):,} segments of {n_classes} classes", advice)


def find_lists(directory: Path | None) -> Finding:
    """Which of AudioSet's six files are in a folder, and whether they are what AudioSet published."""
    name = "AudioSet's files"
    if directory is None:
        return Finding(name, False, "not looked for", "name their folder with --audioset")
    absent, other = [], []
    for remote in REMOTES:
        try:
            content = content_of(path_of(directory, remote))
            if hashlib.sha256(content).hexdigest() != remote.sha256:
                other.append(remote.name)
        except (AudioSetFileError, OSError):
            absent.append(remote.name)
    found = f"{len(REMOTES) - len(absent) - len(other)} of {len(REMOTES)} as published"
    found += f"; absent or unreadable: {', '.join(absent)}" if absent else ""
    found += f"; not AudioSet's: {', '.join(other)}" if other else ""
    advice = "python -m flows build-manifest --audioset download fetches them; move others away first"
    return Finding(name, not absent and not other, f"{found}, in {directory}", advice)


def find_weights(environment: Mapping[str, str] = os.environ) -> Finding:
    """Whether the published weights of I3D, the default network, are on this machine, and which others are."""
    folder = weights_folder(environment)
    files = {
        path.name: path for path in sorted(folder.glob("*")) if path.suffix in WEIGHT_FILES and path.is_file()
    }
    sizes = {name: f"{name} ({path.stat().st_size / 1e6:.1f} MB)" for name, path in files.items()}
    published = files.get(I3D_FILE)
    ready = published is not None and I3D_PIN.holds(published)
    found = f"{sizes[I3D_FILE]}, {'' if ready else 'not '}as published" if published else f"no {I3D_FILE}"
    others = ", ".join(words for name, words in sizes.items() if name != I3D_FILE)
    found += f"; others are there: {others}" if others else ""
    advice = (
        "python -m flows fetch-weights fetches those of I3D, if no other file of that name is there; "
        "or name a file with --weights"
    )
    return Finding("weights", ready, f"{found}; in {folder}", advice)


def find_space(workspace: Path) -> Finding:
    """Whether the disk of the workspace holds the whole dataset, clips included."""
    there = next(place for place in (workspace.absolute(), *workspace.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free / _GB
    advice = (
        f"the whole dataset needs some {SHARDS_GB} GB for its shards and up to {CLIPS_GB} GB for its clips; "
        "name a folder on a larger disk with --workspace, or take part of the manifest"
    )
    return Finding("disk", free >= SHARDS_GB + CLIPS_GB, f"{free:,.0f} GB free at {there}", advice)
