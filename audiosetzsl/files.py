"""Files that are whole or absent: atomic writes, digests, checked Parquet."""

import errno
import hashlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from audiosetzsl.errors import AudioSetZSLError, ManifestError, SetupError

# What a file system says when it takes no more: no space, no quota, no larger file.
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# What a file system says when it does not give a file that may well be whole: a bad disk, a network drive that is
# gone, no right to read, too many open files. EINVAL is not among them: Arrow gets it where a damaged file leads it.
NOT_GIVEN = frozenset(
    {
        *(errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN),
        *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE),
    }
)
# What NumPy and zipfile raise at an .npz that is none, is cut or damaged, encrypted, or compressed in a new way.
NPZ_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a scratch path that becomes `path` only if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{uuid4().hex[:8]}")
    try:
        yield scratch
        with scratch.open("rb") as written:
            os.fsync(written.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> Path:
    """Write `content` to `path`, whole or not at all."""
    with atomic_path(path) as scratch:
        scratch.write_bytes(content)
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that a file stands for; others wait, in whatever process of this machine."""
    import fcntl  # here, as who only reads may have a system without it

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def lock_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock that a file stands for, unless somebody does; yields whether it is held now."""
    import fcntl  # as above

    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_mine = True
        except BlockingIOError:
            is_mine = False
        yield is_mine


def copy_file(source: Path, target: Path) -> Path:
    """Copy a file with its times, whole or not at all."""
    with atomic_path(target) as scratch:
        shutil.copy2(source, scratch)
    return target


def move_file(source: Path, target: Path) -> Path:
    """Move a file, also to another disk; whatever breaks it off, it is whole at one of the two places."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        copy_file(source, target)
        source.unlink()
    return target


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as 64 lower-case hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_table(
    table: pa.Table,
    path: Path,
    schema: pa.Schema,
    *,
    error: type[AudioSetZSLError] = ManifestError,
    **parquet: Any,
) -> Path:
    """Write `table` as zstd Parquet with page checksums, after holding it to `schema`.

    Raises:
        AudioSetZSLError: (of type `error`) the table has another schema; nothing is written.
    """
    check_schema(table, schema, path, error=error)
    layout = {"compression": "zstd", "write_page_checksum": True, "store_schema": True, **parquet}
    with atomic_path(path) as scratch:
        pq.write_table(table, scratch, **layout)
    return path


def read_table(
    path: Path,
    schema: pa.Schema,
    *,
    error: type[AudioSetZSLError] = ManifestError,
    columns: list[str] | None = None,
) -> pa.Table:
    """Read a Parquet file of this project, or some columns; page checksums and schema are checked.

    Raises:
        AudioSetZSLError: (of type `error`) the file is absent, damaged, or has another schema.
        SetupError: the disk does not give the file.
    """
    table = read_parquet(path, error=error, columns=columns)
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    with damage_told(path, error):
        check_schema(table, schema, path, error=error)
    return table


def read_parquet(
    path: Path, *, error: type[AudioSetZSLError] = ManifestError, columns: list[str] | None = None
) -> pa.Table:
    """Read a Parquet file of any schema, or some columns; page checksums and the number of rows are checked.

    Raises:
        AudioSetZSLError: (of type `error`) the file is absent or damaged.
        SetupError: the disk does not give the file.
    """
    with damage_told(path, error):
        if not path.is_file():
            raise error(f"{path} does not exist; make it first or check the path")
        # Opened once: another process may put a new file in its place between two looks.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table, n_rows = file.read(columns=columns), file.metadata.num_rows
        # No checksum covers the footer; a row group that it forgets would be missing without a word.
        if len(table) != n_rows:
            raise error(
                f"{path} is damaged (it holds {len(table)} of {n_rows} rows); delete it and make it again"
            )
    return table


@contextmanager
def damage_told(path: Path, error: type[AudioSetZSLError]) -> Iterator[None]:
    """Whatever Arrow says of a file that it cannot read becomes an `error` that says what to do.

    Raises:
        AudioSetZSLError: (of type `error`) the file is damaged.
        SetupError: the disk does not give the file, which may be whole: nobody should delete it, or make it again.
    """
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as problem:
        if isinstance(problem, OSError) and problem.errno in NOT_GIVEN:
            raise SetupError(
                f"{path} cannot be read just now ({problem}), and may be whole; look after its disk, or after your "
                "right to read it, and try again"
            ) from problem
        raise error(f"{path} is damaged ({problem}); delete it and make it again") from problem


def check_schema(
    table: pa.Table, schema: pa.Schema, path: Path, *, error: type[AudioSetZSLError] = ManifestError
) -> None:
    """Hold names, order, types and null rules of `table` to `schema`; metadata is free."""
    if table.schema.names != schema.names:
        raise error(f"{path}: columns are {table.schema.names}, expected {schema.names}")
    for field, found in zip(schema, table.schema, strict=True):
        if found.type != field.type:
            raise error(f"{path}: column {field.name!r} is {found.type}, expected {field.type}")
        if not field.nullable and table[field.name].null_count:
            raise error(f"{path}: column {field.name!r} holds nulls, and must not")
