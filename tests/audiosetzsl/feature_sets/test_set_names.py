"""Names of feature sets."""

from pathlib import Path

import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets.named import Form, Name
from audiosetzsl.feature_sets.opening import open_set, save_set


@pytest.mark.parametrize(
    ("text", "form", "place", "options"),
    [
        ("work", Form.WORKSPACE, "work", {}),
        ("workspace:a:b", Form.WORKSPACE, "a:b", {}),
        ("npz:a/b.npz", Form.NPZ, "a/b.npz", {}),
        (
            "avca:UCF?features=cls_features&dataset=ucf",
            Form.AVCA,
            "UCF",
            {"features": "cls_features", "dataset": "ucf"},
        ),
        # Literally: these are folders, not forms on a web page.
        ("official:X?features=i3d+vggish", Form.OFFICIAL, "X", {"features": "i3d+vggish"}),
        ("official:X?features=100%25=a", Form.OFFICIAL, "X", {"features": "100%25=a"}),
        ("official:a%20b+c?", Form.OFFICIAL, "a%20b+c", {}),
        ("xlsa17:X?view=&&splits=a", Form.XLSA17, "X", {"view": "", "splits": "a"}),
        ("xlsa17:/d/CUB?splits=sent_splits.mat", Form.XLSA17, "/d/CUB", {"splits": "sent_splits.mat"}),
    ],
)
def test_a_name_is_taken_apart(text, form, place, options):
    assert Name.of(text) == Name(form, Path(place), options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hdf5:a", r"'hdf5' is no form of features, expected workspace, npz, official, avca, xlsa17"),
        ("npz:", r"names no place; give npz:PATH"),
        ("npz:a?features=b", r"unknown options \['features'\]; npz takes none"),
        ("avca:a?feature=b", r"unknown options \['feature'\]; avca takes features=..., dataset=..."),
        ("official:a?main", r"unknown options .*; official takes features=..."),
        ("official:a?&", r"unknown options '&'; official takes features=..."),
        ("official:a?features=b&main", r"unknown options \['main'\]; official takes features=..."),
        ("official:a?feature%73=b", r"unknown options \['feature%73'\]; official takes features=..."),
        ("official:a?features", r"features should name something in a, not a way elsewhere"),
        ("official:a?features=..", r"features should name something in a, not a way elsewhere"),
        ("avca:a?features=../../b", r"features should name something in a, not a way elsewhere"),
        ("xlsa17:a?splits=/b/splits.mat", r"splits should name something in a, not a way elsewhere"),
    ],
)
def test_wrong_names(text, message):
    with pytest.raises(SetupError, match=message):
        Name.of(text)


def test_a_place_where_nothing_is(tmp_path):
    with pytest.raises(SetupError, match=r"gone does not exist; check the name"):
        open_set(f"official:{tmp_path / 'gone'}")


def test_a_package_that_is_not_installed_is_named_with_its_extra(tmp_path, monkeypatch):
    from feature_set_files import drawn

    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(SetupError, match=r"h5py is not installed.*pip install 'audiosetzsl\[exchange\]'"):
        save_set(f"official:{tmp_path / 'new'}", drawn())
    assert not list(tmp_path.iterdir())
