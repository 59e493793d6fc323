"""What tests of reproduce share: methods that train for two passes, and a set of sound alone."""

import pytest
from quick_methods import make_quick
from small_sets import small_set

from audiosetzsl.feature_sets.opening import save_set


@pytest.fixture
def quick(monkeypatch):
    """The methods as they are, but trained for two passes."""
    make_quick(monkeypatch)


@pytest.fixture
def sound(tmp_path):
    """A feature set that has sound alone, as a file."""
    save_set(f"npz:{tmp_path / 'sound.npz'}", small_set(video_width=0))
    return f"npz:{tmp_path / 'sound.npz'}"
