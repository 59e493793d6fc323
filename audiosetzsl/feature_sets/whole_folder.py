"""Whole folder: a folder that is whole or absent, written under another name and renamed at the end."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a scratch folder that becomes `path` only if the block succeeds; `path` must not hold anything."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{uuid4().hex[:8]}")
    scratch.mkdir()
    try:
        yield scratch
        for written in sorted(scratch.rglob("*")):
            if written.is_file():
                with written.open("rb") as file:
                    os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
