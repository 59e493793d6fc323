"""Recipe: what made the features of a folder, and the fingerprint by which it is told from every other."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Name of what made features, and the facts that they depend on: settings, weights, version of the code."""

    name: str
    facts: Facts = field(hash=False)

    @staticmethod
    def of(config: "DataclassInstance", *, code: int, **more: str) -> "Recipe":
        """Recipe of a configuration.

        Args:
            config: its fields are facts.
            code: a number that whoever changes what the code computes raises by one.
            more: facts that are no fields, such as the digest of the weights.
        """
        return Recipe(type(config).__name__, _plain({**_facts_of(config), **more, "code": code}))

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that change whenever the name or a fact does."""
        return _digest({"name": self.name, "facts": self.facts})

    @property
    def is_random(self) -> bool:
        """Whether weights that nobody trained made the features: stand-ins, for trials."""
        return str(self.facts.get("weights", "")).startswith("random")

    def as_json(self) -> str:
        """The recipe as text, the same for the same recipe."""
        return json.dumps({"name": self.name, "facts": self.facts}, sort_keys=True, default=str)

    @staticmethod
    def from_json(text: str) -> "Recipe":
        """The recipe that a text is of.

        Raises:
            ValueError: the text is of none.
        """
        match json.loads(text):
            case {"name": str(name), "facts": dict(facts)}:
                return Recipe(name, facts)
        raise ValueError("the recipe is no name with facts")


def fingerprint(config: "DataclassInstance", **more: str) -> str:
    """Twelve hex digits that change whenever a field of `config`, or one of `more`, does."""
    return _digest({"config": type(config).__name__, **_facts_of(config), **more})


def _facts_of(config: "DataclassInstance") -> dict[str, object]:
    """Fields by name; equal configurations give equal texts: 25 in a field of floats is 25.0 there, too."""
    kinds = get_type_hints(type(config))
    return {f.name: _as_declared(getattr(config, f.name), kinds[f.name]) for f in fields(config)}


def _as_declared(value: Any, kind: Any) -> object:
    """A number as the kind that its field declares, alone, in a tuple, or beside None; the rest as it is."""
    if is_dataclass(value) and not isinstance(value, type):
        return _facts_of(value)
    if isinstance(value, tuple | list):
        return [_as_declared(item, kind) for item in value]
    kinds = get_args(kind) or (kind,)
    if float in kinds and int not in kinds and isinstance(value, Real):
        return float(value)
    if int in kinds and float not in kinds and isinstance(value, Integral | float) and value % 1 == 0:
        return int(value)
    return value


def _digest(facts: Facts) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _plain(facts: Facts) -> dict[str, object]:
    """Facts as they come back from a file: a path is its text, a tuple a list."""
    plain: dict[str, object] = json.loads(json.dumps(facts, sort_keys=True, default=str))
    return plain
