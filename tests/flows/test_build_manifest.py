"""The stage build-manifest, as a user meets it: files, options, errors."""

import csv
import gzip
import http.server
import shutil
import threading
from dataclasses import replace
from functools import partial

import pytest

from audiosetzsl.audioset.remotes import REMOTES
from audiosetzsl.classes import Class, ClassList
from audiosetzsl.errors import AudioSetFileError, ClassListError, SetupError
from audiosetzsl.manifest import class_list_of, read_manifest
from audiosetzsl.selection.class_file import write_class_file
from flows.build_manifest import build_manifest

NAMES = {"/m/a": "Dog", "/m/b": "Cat", "/m/c": "Bus"}
LISTS = {
    "unbalanced": [
        (f"{letter}{n:010d}", float(n), float(n + 10), (f"/m/{letter}",))
        for letter in "abc"
        for n in range(20)
    ]
}
CLASSES = ClassList(
    "small",
    (Class("dog", "/m/a", seen=True), Class("cat", "/m/b", seen=True), Class("bus", "/m/c", seen=False)),
)


@pytest.fixture
def own(tmp_path, write_audioset):
    """A small AudioSet and a class list of one's own."""
    directory = write_audioset(tmp_path / "audioset", LISTS, NAMES)
    return str(directory), write_class_file(CLASSES, tmp_path / "own.toml")


def test_a_class_list_of_ones_own_is_built_and_travels_with_the_manifest(tmp_path, own):
    audioset, toml = own
    build_manifest(tmp_path / "w", audioset, toml, any_lists=True)
    table = read_manifest(tmp_path / "w" / "manifest.parquet")
    assert class_list_of(table) == CLASSES
    assert table.to_pandas().groupby(["class_name", "split"]).size().to_dict() == {
        (name, split): n for name in CLASSES.names for split, n in (("train", 12), ("val", 4), ("test", 4))
    }


def test_two_builds_are_the_same_bytes(tmp_path, own):
    audioset, toml = own
    for name in ("one", "two"):
        build_manifest(tmp_path / name, audioset, toml, any_lists=True)
    for file in ("manifest.parquet", "drops.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_rows_of_a_release_that_do_not_fit_are_a_file(tmp_path, own, capsys):
    audioset, toml = own
    lists = tmp_path / "release" / "youtube-id" / "trn"
    lists.mkdir(parents=True)
    (lists / "dog.txt").write_text(
        "4, a0000000000, 0.000, 10.000, /m/a\n9, a0000000001, 1.000, 11.000, /m/a\n"
        + "".join(f"{4 + n}, a{n:010d}, {n}.000, {n + 10}.000, /m/a\n" for n in range(2, 20))
    )
    build_manifest(tmp_path / "w", audioset, toml, f"release:{tmp_path / 'release'}", any_lists=True)
    misfits = list(csv.DictReader((tmp_path / "w" / "release_misfits.csv").read_text().splitlines()))
    assert [(row["line"], row["problem"]) for row in misfits] == [("2", "its line is 9, AudioSet says 5")]
    told = capsys.readouterr().out
    assert "1 rows of the release do not fit" in told
    assert "warning: the release lists no segment of cat, bus" in told
    assert len(read_manifest(tmp_path / "w" / "manifest.parquet")) == 19


def test_a_class_that_is_too_small_is_refused(tmp_path, write_audioset, own):
    few = {"unbalanced": [row for row in LISTS["unbalanced"] if row[0] < "c0000000005"]}
    audioset = write_audioset(tmp_path / "few", few, NAMES)
    with pytest.raises(ClassListError, match=r"bus.*5.*expected at least 10"):
        build_manifest(tmp_path / "w", str(audioset), own[1], any_lists=True)
    assert not (tmp_path / "w").exists()


def test_an_unknown_split_is_refused(tmp_path, own):
    audioset, toml = own
    with pytest.raises(
        SetupError, match=r"there is no split 'random', expected 'hash' or 'release:PATH_OR_URL'"
    ):
        build_manifest(tmp_path / "w", audioset, toml, "random", any_lists=True)
    assert not (tmp_path / "w" / "manifest.parquet").exists()


def test_lists_that_are_not_audiosets_are_refused_without_being_asked_for(tmp_path, own):
    audioset, toml = own
    with pytest.raises(AudioSetFileError, match=r"not the list that AudioSet published.*--any-lists"):
        build_manifest(tmp_path / "w", audioset, toml)


@pytest.mark.real
def test_download_fetches_the_lists_and_builds_the_dataset(real_data, tmp_path, monkeypatch):
    served = tmp_path / "served"
    shutil.copytree(real_data / "audioset", served)
    packed = served / "unbalanced_train_segments.csv.gz"
    (served / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    handler = partial(QuietFiles, directory=served)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(
        "flows.build_manifest.REMOTES", [replace(remote, url=f"{here}/{remote.name}") for remote in REMOTES]
    )
    try:
        built = build_manifest(tmp_path / "w", "download")
    finally:
        server.shutdown()
        server.server_close()
    assert built.funnel.kept == 163_183
    assert sorted(path.name for path in (tmp_path / "w" / "audioset").iterdir()) == sorted(
        r.name for r in REMOTES
    )


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    """The files of a folder, without a line for each request."""

    def log_message(self, *_):
        pass
