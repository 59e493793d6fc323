"""Round trips: what is written comes back bit by bit, other programs read it, and it is whole or not there."""

import csv
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from feature_set_files import NAMES, assert_same, drawn, without
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import loadmat

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.feature_sets.opening import open_set, save_set

MADE_OF = {"features": {"audio": {"name": "Net", "facts": {"weights": "sha256:1", "taught": None}}}}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A new place every time it is asked."""
    root, count = tmp_path_factory.mktemp("sets"), iter(range(10**6))
    return lambda: root / str(next(count))


@settings(max_examples=5, deadline=None)
@given(
    st.integers(5, 40), st.integers(0, 99), st.sampled_from(["float32", "float64", "float16"]), st.booleans()
)
def test_every_form_gives_back_what_it_was_given(places, n, seed, dtype, own):
    clips = drawn(n, seed=seed, dtype=dtype, made_of=MADE_OF if own else {}, held_out=("bus",) if own else ())
    shuffled = clips.rows(np.random.default_rng(seed).permutation(n))
    for form, expected in (
        ("npz:{}", clips),
        ("official:{}", drawn(n, seed=seed, dtype=dtype, made_of=clips.made_of)),
        ("official:{}?features=i3d", drawn(n, seed=seed, dtype=dtype, made_of=clips.made_of)),
        ("avca:{}", without(clips, val_of=clips.held_out)),
        ("avca:{}?features=cls_features&dataset=ucf", without(clips, val_of=clips.held_out)),
    ):
        name = form.format(places())
        save_set(name, shuffled, leave_out=True)
        assert_same(open_set(name), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("view", ["audio", "video"])
def test_xlsa17_gives_back_one_kind_of_features(places, view, dtype):
    widths = (4, 0) if view == "audio" else (0, 4)
    clips = without(drawn(widths=widths, dtype=dtype, held_out=("bus",), made_of=MADE_OF), val=True)
    name = f"xlsa17:{places()}?view={view}"
    assert_same(save_set(name, clips), clips)
    assert_same(open_set(name), clips)


def test_concatenated_features_go_into_xlsa17_as_one_kind(places):
    clips = without(drawn(), val=True)
    name = f"xlsa17:{places()}?view=concat"
    save_set(name, clips)
    both = np.concatenate([clips.features.audio, clips.features.video], axis=1)
    np.testing.assert_array_equal(open_set(name).features.video, both)


def test_a_form_goes_through_a_set_into_the_same_files(places):
    first, second = places(), places()
    clips = without(drawn(held_out=("cat",)), val_of=("cat",))
    save_set(f"official:{first / 'official'}", drawn(made_of=MADE_OF))
    save_set(f"official:{second / 'official'}", open_set(f"official:{first / 'official'}"))
    for form in ("avca", "npz"):
        save_set(f"{form}:{first / form}", clips)
        save_set(f"{form}:{second / form}", open_set(f"{form}:{first / form}"))
    for path in (path for path in first.rglob("*") if path.is_file()):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path


def rows_by_id(root: Path, folders, kind):
    """What the loaders of others make of our folders: every file of a folder, whatever its name."""
    found = {}
    for folder in folders:
        for path in (root / kind / folder).iterdir():
            with h5py.File(path) as file:
                for row, clip in zip(file["data"], list(file["video_urls"]), strict=True):
                    found[str(clip, "utf-8")] = (path.stem, row)
    return found


@pytest.mark.parametrize("folder", ["", "main"])
def test_the_loader_of_audiosetzsl_in_avca_gzsl_reads_the_official_form(places, folder):
    clips, place = drawn(), places()
    save_set(f"official:{place}" + (f"?features={folder}" if folder else ""), clips)
    classes = [
        line.replace("'", "").replace(",", "")
        for line in np.loadtxt(place / "class-split/all_class.txt", str)
    ]
    assert classes == list(NAMES)
    root = place / "features" / folder
    words = np.load(root / "text/word_embeddings-dict-5.npy", allow_pickle=True).item()
    for name, vector in zip(NAMES, clips.class_vectors, strict=True):
        np.testing.assert_array_equal(words[name], vector)
    for kind in ("audio", "video"):
        for there, split in (("trn", "train"), ("val", "val"), ("tst", "test")):
            found = rows_by_id(root, [there], kind)
            mine = clips.rows(clips.splits == split)
            assert set(found) == set(mine.clip_ids)
            for clip, label, row in zip(
                mine.clip_ids, mine.labels, getattr(mine.features, kind), strict=True
            ):
                assert found[clip][0] == NAMES[label]
                np.testing.assert_array_equal(found[clip][1], row)


def test_the_loader_of_vggsound_in_avca_gzsl_reads_both_stages(places):
    clips, place = without(drawn(held_out=("cat",)), val_of=("cat",)), places()
    save_set(f"avca:{place}", clips)
    root, names = place / "features/main_features", np.array(NAMES)[clips.labels]

    def classes(stage):
        return set((place / f"class-split/main_split/{stage}.txt").read_text().split())

    assert classes("stage_1_train") == {"dog", "bus"} == classes("stage_1_val_seen")
    assert classes("stage_1_val_unseen") == {"cat", "pig", "church-bell"}
    assert classes("stage_2_train") == {"dog", "cat", "bus"} == classes("stage_2_test_seen")
    assert classes("stage_2_test_unseen") == {"pig", "church-bell"}
    train, val, held = clips.splits == "train", clips.splits == "val", names == "cat"
    for folders, mask in (
        (["stage_1_train"], train & ~held),
        (["stage_1_val_seen"], val & clips.seen),
        (["stage_1_val_unseen"], (train & held) | (val & ~clips.seen)),
        (["stage_1_train", "stage_1_val_seen", "stage_1_val_unseen"], train | val),
        (["stage_2_test_seen", "stage_2_test_unseen"], clips.splits == "test"),
    ):
        found = rows_by_id(root, folders, "audio")
        assert set(found) == set(clips.clip_ids[mask]) == set(rows_by_id(root, folders, "video"))
    with (place / "class-split/vggsound_w2v_class_names.csv").open() as file:
        original = {row["manual"]: row["original"] for row in csv.DictReader(file)}
    words = np.load(root / "text/word_embeddings_vggsound_normed.npy", allow_pickle=True).item()
    assert sorted(original[word] for word in words) == sorted(NAMES)


def test_programs_for_xlsa17_read_ours(places):
    """As the scripts of others do: numbers from 1 into columns of features, labels from 1 into columns of att."""
    clips, place = without(drawn(widths=(0, 6), held_out=("bus",)), val=True), places()
    save_set(f"xlsa17:{place}", clips)
    res, splits = loadmat(place / "res101.mat"), loadmat(place / "att_splits.mat")
    features, labels = res["features"].T, res["labels"].astype(int).squeeze() - 1
    np.testing.assert_array_equal(features, clips.features.video)
    np.testing.assert_array_equal(splits["att"].T, clips.class_vectors)

    def classes(key):
        return {NAMES[label] for label in labels[splits[key].squeeze() - 1]}

    assert classes("trainval_loc") == {"dog", "cat", "bus"} == classes("test_seen_loc")
    assert classes("train_loc") == {"dog", "cat"}
    assert classes("val_loc") == {"bus"}
    assert classes("test_unseen_loc") == {"pig", "church-bell"}
    # Nothing is chosen on test.
    first = {*splits["train_loc"].ravel().tolist(), *splits["val_loc"].ravel().tolist()}
    assert first == set(splits["trainval_loc"].ravel().tolist())


@pytest.mark.parametrize(
    ("form", "held_out", "message"),
    [
        ("avca:{}", (), "8 train clips of unseen classes, the first is "),
        (
            "avca:{}",
            ("cat",),
            "unseen classes, the first is .*; 4 val clips of held-out classes, the first is ",
        ),
        (
            "xlsa17:{}?view=video",
            (),
            "20 val clips, the first is .*; 8 train clips of unseen classes, the first is ",
        ),
    ],
)
def test_clips_without_a_place_are_counted_and_named_and_nothing_is_written(places, form, held_out, message):
    clips, place = drawn(held_out=held_out), places()
    with pytest.raises(SetupError, match=message + r".*\(npz holds everything\).*--leave-out"):
        save_set(form.format(place), clips)
    assert not place.exists()
    written = save_set(form.format(place), clips, leave_out=True)
    assert 0 < len(written) < len(clips)


@pytest.mark.parametrize(
    ("form", "clips", "message"),
    [
        ("official:{}", drawn(held_out=("cat",)), "no place for 1 held-out classes"),
        ("official:{}", drawn(widths=(0, 3)), "no audio features, and both kinds are needed"),
        ("avca:{}", drawn(widths=(3, 0)), "no video features, and both kinds are needed"),
        ("avca:{}?dataset=ave", drawn(), "dataset 'ave' is unknown, expected vggsound, ucf, activitynet"),
        ("xlsa17:{}", drawn(), r"one kind of features; say which, as in xlsa17:.*\?view=video"),
        ("xlsa17:{}?view=video&splits=res101.mat", drawn(), "res101.mat is the name of its features"),
        (
            "official:{}",
            drawn().rows(np.zeros(60, bool)),
            "there are no clips to write, of 0 that were given",
        ),
        ("xlsa17:{}?view=text", drawn(), "view 'text' is unknown, expected audio, video, concat"),
        (
            "xlsa17:{}?view=audio",
            without(drawn(6), val=True),
            "class pig has no clips, by which alone it says what is seen",
        ),
        (
            "xlsa17:{}?view=audio",
            without(drawn(held_out=("cat",)).rows(drawn().labels != 1), val=True),
            "class cat has no clips.*held-out class cat has no train clips",
        ),
        ("xlsa17:{}?view=audio", without(drawn(dtype="float16"), val=True), "MATLAB has no float16"),
        ("work{}", drawn(), "features are not written into a workspace"),
    ],
)
def test_sets_that_a_form_cannot_hold(places, form, clips, message):
    place = places()
    with pytest.raises(SetupError, match=message):
        save_set(form.format(place), clips)
    assert not place.exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("../dog", "cat", "bus", "pig", "fan"), "no file can be called '../dog'"),
        (("a", "A", "b", "c", "d"), "capitals"),
    ],
)
def test_names_of_classes_that_name_no_file(places, names, message):
    clips = drawn()
    with pytest.raises(SetupError, match=message):
        save_set(f"official:{places()}", replace(clips, classes=ClassTable(names, clips.classes.seen)))


@pytest.mark.parametrize("form", ["official", "avca"])
def test_names_of_classes_that_a_line_of_text_would_change(places, form):
    names = ("dog ", "cat,", "'bus'", "church bell", "'")
    clips = without(replace(drawn(), classes=ClassTable(names, drawn().classes.seen)))
    name = f"{form}:{places()}"
    save_set(name, clips)
    assert_same(open_set(name), clips)


def test_what_is_there_is_not_overwritten(places):
    place = places()
    place.mkdir()
    for form in ("npz", "official", "avca", "xlsa17"):
        with pytest.raises(SetupError, match="is there already; name another place"):
            save_set(f"{form}:{place}", drawn())


@pytest.mark.parametrize("form", ["npz", "official", "avca", "xlsa17"])
def test_a_set_is_whole_or_not_there(places, form, monkeypatch):
    place, clips = places() / "new", without(drawn(widths=(0, 4) if form == "xlsa17" else (4, 4)), val=True)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("audiosetzsl.feature_sets.whole_folder.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_set(f"{form}:{place}", clips)
    assert not list(place.parent.iterdir())
