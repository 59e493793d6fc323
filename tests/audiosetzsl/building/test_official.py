"""The authors' release: its six classes at hand join without a misfit; every kind of misfit is reported."""

import http.server
import shutil
import threading
from functools import partial

import pytest

from audiosetzsl.audioset.ontology import read_ontology
from audiosetzsl.building.build import build
from audiosetzsl.building.funnel import class_counts
from audiosetzsl.building.official import by_release, read_release
from audiosetzsl.building.splits import by_hash
from audiosetzsl.classes import AUDIOSETZSL, Class, ClassList
from audiosetzsl.errors import ManifestError
from audiosetzsl.tables.paper import COUNTS, TABLE_8, TABLE_9
from audiosetzsl.tables.stats import ClassCount, tables_of, tables_of_counts

NAMES = {"/m/a": "Dog", "/m/b": "Bus", "/m/x": "Bell"}
CLASSES = ClassList("small", (Class("dog", "/m/a", seen=True), Class("bus", "/m/b", seen=False)))
LISTS = {
    "unbalanced": [
        ("aaaaaaaaaaa", 0.0, 10.0, ("/m/a",)),
        ("bbbbbbbbbbb", 30.0, 40.0, ("/m/a", "/m/x")),
        ("ccccccccccc", 1.0, 9.0, ("/m/b",)),
        ("ddddddddddd", 1.0, 9.0, ("/m/a", "/m/b")),
    ],
}
RELEASE = {
    "trn/dog": "4, aaaaaaaaaaa, 0.000, 10.000, /m/a\n",
    "val/dog": "5, bbbbbbbbbbb, 30.000, 40.000, /m/a, /m/x\n",
    "tst/bus": "6, ccccccccccc, 1.000, 9.000, /m/b\n",
}


def write_release(directory, lists, seen="'dog'", unseen="'bus',\n"):
    for name, text in lists.items():
        path = directory / "youtube-id" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (directory / "class-split").mkdir()
    (directory / "class-split" / "seen_class.txt").write_text(seen)
    (directory / "class-split" / "unseen_class.txt").write_text(unseen)
    return str(directory)


def join(tmp_path, write_audioset, location):
    audioset = write_audioset(tmp_path / "audioset", LISTS, NAMES)
    misfits = []
    rule = by_release(read_release(location, CLASSES), CLASSES, misfits)
    return build(audioset, read_ontology(audioset), CLASSES, rule, any_lists=True), misfits


def test_a_release_gives_each_segment_its_split(tmp_path, write_audioset):
    built, misfits = join(tmp_path, write_audioset, write_release(tmp_path / "r", RELEASE))
    rows = built.manifest.to_pandas()
    assert dict(zip(rows.ytid, rows.split, strict=True)) == {
        "aaaaaaaaaaa": "train",
        "bbbbbbbbbbb": "val",
        "ccccccccccc": "test",
    }
    assert misfits == []


def test_what_the_release_does_not_list_is_dropped_with_that_reason(tmp_path, write_audioset):
    lists = {"trn/dog": RELEASE["trn/dog"]}
    built, _ = join(tmp_path, write_audioset, write_release(tmp_path / "r", lists))
    drops = built.drops.to_pandas().set_index("ytid").reason.to_dict()
    assert drops == {
        "bbbbbbbbbbb": "not_in_release",
        "ccccccccccc": "not_in_release",
        "ddddddddddd": "several_classes",
    }
    assert ("not in the authors' release", -2) in built.funnel.lines()


@pytest.mark.parametrize(
    ("file", "row", "problem"),
    [
        ("trn/dog", "4 aaaaaaaaaaa 0 10 /m/a", "malformed, expected"),
        ("trn/dog", "4, zzzzzzzzzzz, 0.000, 10.000, /m/a", "its ytid is no candidate"),
        ("trn/dog", "7, ddddddddddd, 1.000, 9.000, /m/a, /m/b", "its ytid is no candidate"),
        ("trn/bus", "4, aaaaaaaaaaa, 0.000, 10.000, /m/a", "its class is bus, AudioSet says dog"),
        ("trn/dog", "4, aaaaaaaaaaa, 5.000, 10.000, /m/a", "its start is 5.0, AudioSet says 0.0"),
        ("trn/dog", "4, aaaaaaaaaaa, 0.000, 11.000, /m/a", "its end is 11.0, AudioSet says 10.0"),
        (
            "trn/dog",
            "4, aaaaaaaaaaa, 0.000, 10.000, /m/a, /m/x",
            "its labels is /m/a,/m/x, AudioSet says /m/a",
        ),
        ("trn/dog", "9, aaaaaaaaaaa, 0.000, 10.000, /m/a", "its line is 9, AudioSet says 4"),
        ("tst/dog", "5, bbbbbbbbbbb, 30.000, 40.000, /m/a, /m/x", "listed before, in val"),
    ],
)
def test_a_row_that_does_not_fit_is_reported_and_the_others_stay(
    tmp_path, write_audioset, file, row, problem
):
    lists = {"val/dog": RELEASE["val/dog"], file: row + "\n"}
    built, misfits = join(tmp_path, write_audioset, write_release(tmp_path / "r", lists))
    assert built.manifest["ytid"].to_pylist() == ["bbbbbbbbbbb"]
    assert [(m.row.file, m.row.line) for m in misfits] == [(f"youtube-id/{file}.txt", 1)]
    assert misfits[0].problem.startswith(problem)


def test_other_seen_classes_are_refused(tmp_path):
    location = write_release(tmp_path / "r", RELEASE, seen="'cat',\n'dog'")
    with pytest.raises(
        ManifestError, match=r"seen_class.txt differs from the class list in cat; use the class list"
    ):
        read_release(location, CLASSES)


def test_an_empty_place_is_refused(tmp_path):
    with pytest.raises(
        ManifestError, match=r"holds no list of any class, expected youtube-id/\{trn,val,tst\}"
    ):
        read_release(str(tmp_path), CLASSES)


@pytest.fixture
def serve():
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    servers = []

    def start(directory):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=directory))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_release_is_read_from_an_address_too(tmp_path, serve):
    location = write_release(tmp_path / "r", RELEASE)
    assert read_release(serve(location), CLASSES) == read_release(location, CLASSES)


def test_an_address_that_nobody_answers_is_an_error():
    with pytest.raises(ManifestError, match=r"http://127.0.0.1:9 cannot be reached .*; check the address"):
        read_release("http://127.0.0.1:9", CLASSES)


@pytest.mark.real
def test_six_classes_of_the_release_give_the_papers_counts(real_data, tmp_path):
    misfits = []
    rows = read_release(str(real_data / "release_sample"), AUDIOSETZSL)
    rule = by_release(rows, AUDIOSETZSL, misfits)
    built = build(real_data / "audioset", read_ontology(real_data / "audioset"), AUDIOSETZSL, rule)
    counts = {
        name: (splits["train"], splits["val"], splits["test"])
        for name, splits in class_counts(built.manifest).items()
    }
    assert misfits == []
    assert len(counts) == 6
    assert counts == {name: COUNTS[name] for name in counts}


@pytest.mark.real
def test_one_wrong_row_of_the_real_release_is_found(real_data, tmp_path):
    shutil.copytree(real_data / "release_sample", tmp_path / "r")
    path = tmp_path / "r" / "youtube-id" / "tst" / "pig.txt"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("So8xdMyA2YU, 30.000", "So8xdMyA2YU, 31.000"))
    misfits = []
    rule = by_release(read_release(str(tmp_path / "r"), AUDIOSETZSL), AUDIOSETZSL, misfits)
    build(real_data / "audioset", read_ontology(real_data / "audioset"), AUDIOSETZSL, rule)
    assert [(m.row.line, m.problem) for m in misfits] == [(1, "its start is 31.0, AudioSet says 30.0")]


@pytest.mark.real
def test_a_whole_release_of_the_papers_sizes_gives_its_tables(real_data, tmp_path):
    """Only six of the authors' classes are at hand, so the other lists are made in their form from AudioSet."""
    directory = real_data / "audioset"
    ontology = read_ontology(directory)
    candidates = build(directory, ontology, AUDIOSETZSL, by_hash()).manifest.to_pandas()
    for name, rows in candidates.groupby("class_name"):
        start = 0
        for folder, n in zip(("trn", "val", "tst"), COUNTS[name], strict=True):
            path = tmp_path / "youtube-id" / folder / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [
                f"{row.line}, {row.ytid}, {row.start_s:.3f}, {row.end_s:.3f}, {', '.join(row.mids)}\n"
                for row in rows[start : start + n].itertuples()
            ]
            path.write_text("".join(lines))
            start += n
    shutil.copytree(real_data / "release_sample" / "class-split", tmp_path / "class-split")

    misfits = []
    rule = by_release(read_release(str(tmp_path), AUDIOSETZSL), AUDIOSETZSL, misfits)
    tables = tables_of(build(directory, ontology, AUDIOSETZSL, rule).manifest)
    assert misfits == []
    assert tables == tables_of_counts([ClassCount(c.name, c.seen, COUNTS[c.name]) for c in AUDIOSETZSL])
    assert {row: tuple(counts) for row, counts in tables.table_9.items()} == TABLE_9
    for split, printed in TABLE_8.items():
        ours = tables.table_8[split]
        assert (ours.min, ours.max) == (printed.min, printed.max)
        assert (ours.mean, ours.std) == pytest.approx((printed.mean, printed.std), abs=0.01)
