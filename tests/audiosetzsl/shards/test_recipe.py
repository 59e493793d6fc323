"""Recipes: told apart by everything that matters, and the same after a file."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosetzsl.shards import Recipe, fingerprint


@dataclass(frozen=True)
class Pictures:
    size: int = 224


@dataclass(frozen=True)
class Sound:
    hop_ms: float = 10.0
    n_mels: int = 64
    weights: str = "random:0"
    at: Path = Path("a/b")
    steps: tuple[int, ...] = (1, 2)
    pictures: Pictures = field(default_factory=Pictures)


@dataclass(frozen=True)
class Video(Sound):
    pass


def test_a_fingerprint_changes_with_everything_that_matters():
    sound = Sound()
    recipes = [
        Recipe.of(sound, code=1),
        Recipe.of(sound, code=2),
        Recipe.of(Video(), code=1),  # the same fields of another configuration
        *(
            Recipe.of(replace(sound, **change), code=1)
            for change in ({"hop_ms": 20.0}, {"n_mels": 65}, {"at": Path("c")}, {"steps": (1, 3)})
        ),
        Recipe.of(replace(sound, pictures=Pictures(112)), code=1),
        Recipe.of(sound, code=1, network="a"),
        Recipe.of(sound, code=1, network="b"),
        Recipe.of(sound, code=1, other="a"),
    ]
    prints = {recipe.fingerprint for recipe in recipes}
    assert len(prints) == len(recipes)
    assert all(len(one) == 12 and int(one, 16) >= 0 for one in prints)
    assert Recipe.of(sound, code=1, a="1", b="2") == Recipe.of(Sound(), b="2", a="1", code=1)


@dataclass(frozen=True)
class Front:
    window_ms: float
    low_hz: float | None
    hops_ms: tuple[float, ...]
    n_mels: int
    sound: Sound = field(default_factory=Sound)


def test_equal_configurations_have_one_fingerprint_however_their_numbers_are_typed():
    """25 is 25.0, also where a library of arrays made the number."""
    one = Front(25.0, 125.0, (10.0, 5.0), 64)
    other = Front(25, 125, (10, 5), np.int64(64), Sound(hop_ms=10, n_mels=64.0))
    assert one == other
    assert Recipe.of(one, code=1) == Recipe.of(other, code=1)
    assert Recipe.of(one, code=1).fingerprint == Recipe.of(other, code=1).fingerprint
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(replace(one, low_hz=None)) != fingerprint(one)


def test_fingerprints_stay_as_they_are_in_shards_of_old():
    recipe = Recipe.of(Sound(), code=1, network="a")
    assert (recipe.fingerprint, fingerprint(Sound(), seed="0")) == ("b75e0f905a80", "ef8fafb39fa0")


def test_what_is_said_besides_stands_for_the_field_of_that_name():
    """Weights count by their digest, wherever they lie."""
    here, there = (Recipe.of(Sound(weights=f"{at}/net.pt"), code=1, weights="sha256:ab") for at in ("a", "b"))
    assert here == there
    assert here.facts["weights"] == "sha256:ab"


@pytest.mark.parametrize(
    ("weights", "is_random"),
    [
        ("random:0 (nothing was learned)", True),
        ("random:7", True),
        ("rgb.pt sha256:00", False),
        (None, False),
    ],
)
def test_weights_that_learned_nothing_are_told(weights, is_random):
    assert Recipe("net", {} if weights is None else {"weights": weights}).is_random is is_random


def test_a_recipe_can_be_looked_up_by():
    assert {Recipe.of(Sound(), code=1): 1}[Recipe.of(Sound(), code=1)] == 1


facts = st.dictionaries(
    st.text(max_size=8),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    max_size=5,
)


@given(name=st.text(max_size=9), facts=facts)
def test_a_recipe_comes_back_from_its_text(name, facts):
    recipe = Recipe(name, facts)
    read = Recipe.from_json(recipe.as_json())
    assert read == recipe
    assert read.fingerprint == recipe.fingerprint


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "a"}', '{"name": 1, "facts": {}}', '"name"'])
def test_a_text_that_is_no_recipe(text):
    with pytest.raises(ValueError, match=r"no name with facts|Expecting|line 1"):
        Recipe.from_json(text)


def test_a_fingerprint_of_a_configuration_alone():
    sound = Sound()
    prints = [
        fingerprint(sound),
        fingerprint(sound, seed="0"),
        fingerprint(sound, seed="1"),
        fingerprint(Video()),
    ]
    assert len(set(prints)) == 4
    assert fingerprint(sound, a="1", b="2") == fingerprint(Sound(), b="2", a="1")
