"""Settings: fields of a configuration, changed by words of the command line such as `passes=30`."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar, get_type_hints

from audiosetzsl.errors import SetupError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def with_settings(config: T, words: Sequence[str]) -> T:
    """A configuration with some of its numbers and names changed; each is of the kind that its field is.

    Raises:
        SetupError: a word is not `name=value`, names no field, or its value is of another kind or out of range.
    """
    known = {field.name: getattr(config, field.name) for field in fields(config)}
    kinds, changes = get_type_hints(type(config)), {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in known:
            told = ", ".join(f"{key}={value}" for key, value in known.items())
            raise SetupError(f"--set {word}: expected name=value; by now {told}")
        kind = kinds[name]
        try:
            changes[name] = kind(text)
        except ValueError as problem:
            raise SetupError(
                f"--set {word}: expected a value like {name}={known[name]} ({kind.__name__})"
            ) from problem
    return replace(config, **changes)
