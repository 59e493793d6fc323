"""Class lists: names of classes, one a line, as the authors and AVCA-GZSL write them; vectors in their order."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from audiosetzsl.errors import SetupError


def read_classes(path: Path) -> list[str]:
    """Names of a list, in its order; `'dog',` is dog, as in the authors' own lists.

    Raises:
        SetupError: the list is absent, is no text, or names a class twice or one that cannot name a file.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise SetupError(
            f"{path} cannot be read ({problem}); expected a list of classes, one a line"
        ) from problem
    names = [_bare(line.strip()) for line in lines if line.strip()]
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise SetupError(f"{path} names {twice[0]} more than once; expected each class once")
    if wrong := unsafe(names):
        raise SetupError(f"{path} names {wrong[0]!r}, and no file of features can be called so")
    return names


def unsafe(names: Sequence[str]) -> list[str]:
    """Names that would lead a file elsewhere, or out of its folder."""
    return [
        name
        for name in names
        if not name or name.startswith(".") or set(name) & {"/", "\\", "\0", "\n", "\r"}
    ]


def write_classes(path: Path, names: Sequence[str], *, quoted: bool = False) -> Path:
    """Write a list; `quoted` is the authors' manner, and the only one for names that a bare line would change."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"'{name}',\n" if quoted or _bare(name.strip()) != name else f"{name}\n" for name in names]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def in_class_order(
    vectors: Mapping[str, np.ndarray], names: Sequence[str], path: Path
) -> Float[np.ndarray, "n_classes width"]:
    """Vectors in the order of the classes.

    Raises:
        SetupError: a class has none.
    """
    if missing := [name for name in names if name not in vectors]:
        raise SetupError(f"{path} has no vector of {', '.join(missing)}; expected one of each class")
    return np.stack([vectors[name] for name in names])


def _bare(line: str) -> str:
    quoted = line.removesuffix(",")
    return quoted[1:-1] if len(quoted) > 1 and quoted[0] == quoted[-1] == "'" else line
