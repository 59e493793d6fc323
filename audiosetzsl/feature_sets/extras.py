"""Extras: packages that only the forms of other projects need, asked for when one is met."""

from importlib import import_module
from types import ModuleType

from audiosetzsl.errors import SetupError


def exchange(name: str) -> ModuleType:
    """Import h5py, or a module of scipy.

    Raises:
        SetupError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as problem:
        raise SetupError(
            f"{name.partition('.')[0]} is not installed, and this form of features needs it; "
            "run `pip install 'audiosetzsl[exchange]'`"
        ) from problem
