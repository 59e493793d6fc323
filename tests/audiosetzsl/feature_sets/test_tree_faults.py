"""Trees of HDF5 files as the authors have them: read by clip id, and every fault told with file and clip."""

import h5py
import numpy as np
import pytest
from feature_set_files import write_dict, write_h5, write_lines

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets.opening import open_set

NAMES = ["dog", "cat", "pig"]


def rows(ids, width):
    """A row that says of which clip it is."""
    return np.array([[int(one[1:])] * width for one in ids], np.float32)


@pytest.fixture
def tree(tmp_path):
    """Two seen classes and an unseen one, written by hand; audio and video stand in other orders."""
    for kind, names in (("all", NAMES), ("seen", NAMES[:2]), ("unseen", NAMES[2:])):
        write_lines(tmp_path / f"class-split/{kind}_class.txt", [f"'{name}'," for name in names])
    root = tmp_path / "features"
    for there, first in (("trn", 10), ("val", 20), ("tst", 30)):
        for number, name in enumerate(NAMES):
            ids = [f"v{100 * number + first + offset}" for offset in (2, 0, 1)]
            write_h5(root / "audio" / there / f"{name}.h5", ids, rows(ids, 2))
            write_h5(root / "video" / there / f"{name}.h5", ids[::-1], rows(ids[::-1], 3), as_text=True)
    write_dict(
        root / "text/word_embeddings-dict-33.npy", {n: np.full(4, i, np.float32) for i, n in enumerate(NAMES)}
    )
    return tmp_path


def test_audio_and_video_are_joined_by_id_not_by_row(tree):
    clips = open_set(f"official:{tree}")
    assert clips.classes.names == ("dog", "cat", "pig")
    assert clips.classes.seen == (True, True, False)
    assert clips.clip_ids.tolist() == [
        f"v{100 * n + f + o}" for n in range(3) for f in (10, 20, 30) for o in range(3)
    ]
    assert clips.splits.tolist() == ["train"] * 3 + ["val"] * 3 + ["test"] * 3 + clips.splits.tolist()[9:]
    assert clips.labels.tolist() == [0] * 9 + [1] * 9 + [2] * 9
    np.testing.assert_array_equal(clips.features.audio, rows(clips.clip_ids, 2))
    np.testing.assert_array_equal(clips.features.video, rows(clips.clip_ids, 3))
    np.testing.assert_array_equal(clips.class_vectors[:, 0], [0, 1, 2])


def test_a_class_without_files_in_a_split_has_no_clips_there(tree):
    for kind in ("audio", "video"):
        (tree / f"features/{kind}/trn/pig.h5").unlink()
    clips = open_set(f"official:{tree}")
    assert len(clips) == 24
    assert not (~clips.seen & (clips.splits == "train")).any()


def test_features_of_avca_gzsl_lie_one_folder_deeper(tree):
    (tree / "features").rename(tree / "main")
    (tree / "features").mkdir()
    (tree / "main").rename(tree / "features/main")
    assert len(open_set(f"official:{tree}")) == 27
    (tree / "features/other/audio").mkdir(parents=True)
    with pytest.raises(SetupError, match=r"holds 2 folders with audio/ \(main, other\).*\?features=FOLDER"):
        open_set(f"official:{tree}")
    assert len(open_set(f"official:{tree}?features=main")) == 27
    with pytest.raises(SetupError, match="has no folder 'gone'"):
        open_set(f"official:{tree}?features=gone")


def h5(change):
    """A fault in audio/trn/dog.h5, written through h5py."""

    def break_it(tree):
        with h5py.File(tree / "features/audio/trn/dog.h5", "a") as file:
            change(file)

    return break_it


def put(file, name, value):
    del file[name]
    file[name] = value


def set_row(file, row, value):
    file["data"][row] = value


def external_link(file):
    del file["data"]
    file["data"] = h5py.ExternalLink("../val/dog.h5", "data")


def soft_link(file):
    file.move("data", "hidden")
    file["data"] = h5py.SoftLink("/hidden")


def external_storage(file):
    del file["data"]
    file.create_dataset("data", (3, 2), "f4", external=[("/etc/hostname", 0, 24)])


def virtual(file):
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("../val/dog.h5", "data", (3, 2))
    del file["data"]
    file.create_virtual_dataset("data", layout)


def numbers_of_any_length(file):
    del file["video_urls"]
    file.create_dataset("video_urls", (3,), h5py.vlen_dtype(np.int32))


def a_trap(file):
    del file["data"], file["video_urls"]
    file.create_dataset("data", (10**9, 1024), "f4", chunks=(1, 1024))
    file.create_dataset("video_urls", (10**9,), "S80", chunks=(1024,))


DOG = r"audio/trn/dog\.h5"
FAULTS = {
    "no data": (h5(lambda f: f.pop("data")), DOG + " has no dataset 'data', only video_urls"),
    "no ids": (h5(lambda f: f.pop("video_urls")), DOG + " has no dataset 'video_urls', only data"),
    "NaN": (
        h5(lambda f: set_row(f, 1, np.nan)),
        DOG + ": the features of 1 of 3 clips are not finite.* v10;",
    ),
    "infinite": (h5(lambda f: set_row(f, 0, np.inf)), DOG + ": the features of 1 of 3 .* first is v12;"),
    "far off": (
        h5(lambda f: set_row(f, 1, 1e20)),
        DOG
        + r": the features of 1 of 3 clips are beyond 1e\+15, the first is v10; extract these clips again",
    ),
    "width": (
        h5(lambda f: put(f, "data", np.ones((3, 5), "f4"))),
        r"(dog|cat)\.h5 is \d wide, .*(dog|cat)\.h5 is \d; expected one width",
    ),
    "rows": (h5(lambda f: put(f, "data", np.ones((2, 2), "f4"))), DOG + ": data has 2 rows for 3 ids"),
    "axes": (
        h5(lambda f: put(f, "data", np.ones(3, "f4"))),
        DOG + r": 'data' has shape \(3,\), expected 2 axes",
    ),
    "integers": (
        h5(lambda f: put(f, "data", np.ones((3, 2), int))),
        DOG + ": data is int64, expected real numbers",
    ),
    "numbers as ids": (
        h5(lambda f: put(f, "video_urls", [1, 2, 3])),
        DOG + ": video_urls is int64, expected bytes",
    ),
    "numbers of any length": (
        h5(numbers_of_any_length),
        DOG + ": video_urls holds object that is no text; expected ids of clips",
    ),
    "twice": (
        h5(lambda f: put(f, "video_urls", np.array(["v12", "v10", "v10"], "S80"))),
        DOG + " holds v10 more than",
    ),
    "empty id": (
        h5(lambda f: put(f, "video_urls", np.array(["v12", "", "v1"], "S80"))),
        DOG + ": clip 1 has an empty",
    ),
    "no UTF-8": (
        h5(lambda f: put(f, "video_urls", np.array([b"\xff", b"a", b"b"]))),
        DOG + " cannot be read as HDF5",
    ),
    "other clip": (
        h5(lambda f: put(f, "video_urls", np.array(["v12", "v10", "v19"], "S80"))),
        DOG + r" holds 1 clips that .*video/trn/dog\.h5 does not, the first is v19;",
    ),
    "empty": (
        h5(lambda f: (put(f, "data", np.ones((0, 2), "f4")), put(f, "video_urls", np.array([], "S80")))),
        DOG + " holds no clips",
    ),
    "external link": (h5(external_link), DOG + ": 'data' is a link, and links are not followed"),
    "soft link": (h5(soft_link), DOG + ": 'data' is a link, and links are not followed"),
    "external storage": (h5(external_storage), DOG + ": 'data' is no dataset with its numbers in this file"),
    "virtual": (h5(virtual), DOG + ": 'data' is no dataset with its numbers in this file"),
    "group": (h5(lambda f: (f.pop("data"), f.create_group("data"))), DOG + ": 'data' is no dataset with its"),
    "trap": (h5(a_trap), DOG + r": '\w+' announces \(1000000000,.*far more than the file holds"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_inside_a_file(tree, fault):
    break_it, message = FAULTS[fault]
    break_it(tree)
    with pytest.raises(SetupError, match=message):
        open_set(f"official:{tree}")


def truncate(path, keep=0.5):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


TREE_FAULTS = {
    "truncated": (
        lambda t: truncate(t / "features/video/tst/cat.h5"),
        r"video/tst/cat\.h5 cannot be read as HDF5",
    ),
    "empty file": (
        lambda t: truncate(t / "features/video/tst/cat.h5", 0),
        r"video/tst/cat\.h5 cannot be read as HDF5",
    ),
    "no HDF5": (
        lambda t: (t / "features/audio/trn/dog.h5").write_text("<html>"),
        DOG + r" cannot be read as HDF5 .*: fetch it again",
    ),
    "one kind": (
        lambda t: (t / "features/video/val/pig.h5").unlink(),
        r"audio/val/pig\.h5 has no counterpart in .*video/val",
    ),
    "the other": (
        lambda t: (t / "features/audio/val/pig.h5").unlink(),
        r"video/val/pig\.h5 has no counterpart in .*audio/val",
    ),
    "unknown class": (
        lambda t: (t / "features/video/val/pig.h5").rename(t / "features/video/val/cow.h5"),
        r"video/val/cow\.h5 is of no class of the 3 in class-split",
    ),
    "two spellings": (
        lambda t: write_h5(t / "features/audio/trn/DOG.h5", ["x"], rows(["v1"], 2)),
        r"audio/trn/\w+\.h5 and .*audio/trn/\w+\.h5 are of one class",
    ),
    "clip in two splits": (
        lambda t: [
            write_h5(t / f"features/{kind}/tst/cat.h5", ["v10"], rows(["v10"], width))
            for kind, width in (("audio", 2), ("video", 3))
        ],
        r"v10 stands in .*trn/dog\.h5 and in .*tst/cat\.h5; expected each clip once",
    ),
    "no clips": (
        lambda t: [path.unlink() for path in t.rglob("*.h5")],
        r"features holds no clips; expected files",
    ),
    "no vectors": (
        lambda t: next(t.rglob("*.npy")).unlink(),
        r"text holds 0 files word_embeddings-dict-\*\.npy, expected one",
    ),
    "vector missing": (
        lambda t: write_dict(next(t.rglob("*.npy")), {"dog": np.ones(2)}),
        r"dict-33\.npy has no vector of cat, pig",
    ),
    "class named twice": (
        lambda t: write_lines(t / "class-split/all_class.txt", ["dog", "cat", "dog"]),
        r"all_class\.txt names dog more than once",
    ),
    "class leads elsewhere": (
        lambda t: write_lines(t / "class-split/all_class.txt", ["../dog"]),
        r"all_class\.txt names '\.\./dog', and no file of features can be called so",
    ),
    "seen and unseen": (
        lambda t: write_lines(t / "class-split/unseen_class.txt", ["dog", "pig"]),
        "calls dog seen and unseen",
    ),
    "neither": (
        lambda t: write_lines(t / "class-split/seen_class.txt", ["dog"]),
        "cat is not in all_class.txt and in one of seen_class.txt and unseen_class.txt",
    ),
    "no list": (lambda t: (t / "class-split/all_class.txt").unlink(), r"all_class\.txt cannot be read"),
    "made of": (
        lambda t: (t / "made_of.json").write_text("[1]"),
        r"made_of\.json should say in JSON .*it is no object",
    ),
    "made of what": (lambda t: (t / "made_of.json").write_text("{"), r"made_of\.json should say in JSON"),
    "made of bytes": (
        lambda t: (t / "made_of.json").write_bytes(b"\xff"),
        r"made_of\.json cannot be read \(.*\); delete it, or copy it again",
    ),
}


@pytest.mark.parametrize("fault", TREE_FAULTS)
def test_faults_of_a_tree(tree, fault):
    break_it, message = TREE_FAULTS[fault]
    break_it(tree)
    with pytest.raises(SetupError, match=message):
        open_set(f"official:{tree}")
