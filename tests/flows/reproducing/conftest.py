"""What tests of reproduce share: methods that train for two passes, and a set of sound alone."""

from dataclasses import replace

import pytest
from small_sets import small_set

from audiosetzsl.feature_sets.opening import save_set
from flows.reproducing import methods

QUICK = 2  # passes


@pytest.fixture
def quick(monkeypatch):
    """The methods as they are, but trained for two passes."""
    known = dict(methods.methods())

    def grid_of(one):
        return lambda before: tuple(one.with_passes(cell, QUICK) for cell in one.grid(before))

    short = {name: replace(one, grid=grid_of(one)) if one.with_passes else one for name, one in known.items()}
    monkeypatch.setattr(methods, "methods", lambda: short)


@pytest.fixture
def sound(tmp_path):
    """A feature set that has sound alone, as a file."""
    save_set(f"npz:{tmp_path / 'sound.npz'}", small_set(video_width=0))
    return f"npz:{tmp_path / 'sound.npz'}"
