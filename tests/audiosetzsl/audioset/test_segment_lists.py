"""Faults of AudioSet's files: each is an error that names file, line, what was found and what was expected."""

import gzip

import numpy as np
import pytest

from audiosetzsl.audioset.ontology import read_ontology
from audiosetzsl.audioset.remotes import Source, content_of
from audiosetzsl.audioset.segments import read_segments
from audiosetzsl.building.candidates import read_list
from audiosetzsl.errors import AudioSetFileError

NAMES = {"/m/a": "Dog", "/m/b": "Cat"}
ROWS = [
    ("-aaaaaaaaaa", 0.0, 10.0, ("/m/a",)),
    ("bbbbbbbbbbb", 30.0, 37.5, ("/m/a", "/m/b")),
    ("ccccccccccc", 4000.0, 4010.0, ("/m/b",)),
]


@pytest.fixture
def audioset(tmp_path, write_audioset):
    return write_audioset(tmp_path / "audioset", {"unbalanced": ROWS}, NAMES)


def read(directory, **options):
    labels = read_ontology(directory).labels
    return read_list(directory, Source.UNBALANCED, labels, any_lists=True, **options)


def damage(directory, old, new):
    path = directory / "unbalanced_train_segments.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_rows_come_back_as_they_were_written(audioset):
    segments = read(audioset)
    codes, label_sets = segments.label_sets()
    assert [label_sets[code] for code in codes] == ["/m/a", "/m/a,/m/b", "/m/b"]
    ytid, start_s, end_s = segments.heads(np.array([0, 2, 1]))
    assert ytid.tolist() == [b"-aaaaaaaaaa", b"ccccccccccc", b"bbbbbbbbbbb"]
    assert start_s.tolist() == [0.0, 4000.0, 30.0]
    assert end_s.tolist() == [10.0, 4010.0, 37.5]


def test_a_gzipped_list_reads_like_a_plain_one(audioset):
    path = audioset / "unbalanced_train_segments.csv"
    plain = path.read_bytes()
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(plain))
    path.unlink()
    assert len(read(audioset)) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "# YTID, start_seconds",
            "# start_seconds, YTID",
            r"segments.csv, line 3: found '# start_s.*expected '# YTID",
        ),
        (
            "num_segs=3",
            "num_rows=3",
            r"segments.csv, line 2: found '# num_ytids=3.*expected '# ..., num_segs=N",
        ),
        (
            "num_segs=3",
            "num_segs=4",
            r"line 6: the list ends after 3 rows, its header promises 4; it is truncated",
        ),
        ("30.000, 37.500", "30, 37.500", r"line 5: found 'bbbbbbbbbbb, 30, .*expected 'YTID, start.000"),
        ("30.000, 37.500", "37.500, 30.000", r"line 5: ends at 30.000, expected later than 37.500"),
        ("-aaaaaaaaaa", "zaaaaaaaaaa", r"line 5: ytid bbbbbbbbbbb stands after zaaaaaaaaaa, .*re-ordered"),
        ("ccccccccccc", "bbbbbbbbbbb", r"line 6: ytid bbbbbbbbbbb stands after bbbbbbbbbbb, .*each once"),
        ("/m/a,/m/b", "/m/a,/m/q", r"line 5: label '/m/q' is not in class_labels_indices.csv"),
        ('"/m/a,/m/b"', "/m/a,/m/b", r"line 5: found 'bbbbbbbbbbb"),
    ],
)
def test_a_fault_names_its_line(audioset, old, new, message):
    damage(audioset, old, new)
    with pytest.raises(AudioSetFileError, match=message):
        read(audioset)


def test_a_well_formed_list_of_somebody_else_needs_to_be_asked_for(audioset):
    with pytest.raises(AudioSetFileError, match=r"not the list that AudioSet published.*--any-lists"):
        read_list(audioset, Source.UNBALANCED, NAMES)


def test_a_truncated_gzip_says_so(audioset):
    path = audioset / "unbalanced_train_segments.csv"
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    path.with_name(path.name + ".gz").write_bytes(packed[:-9])
    with pytest.raises(
        AudioSetFileError, match=r"csv.gz cannot be unpacked .*truncated or damaged; fetch it again"
    ):
        read(audioset)


def test_an_absent_list_says_where_to_get_it(tmp_path):
    with pytest.raises(
        AudioSetFileError, match=r"eval_segments.csv \(or .*.gz\) is not in .*; get it from https://"
    ):
        read_list(tmp_path, Source.EVAL, NAMES)


def test_a_list_that_ends_early_is_noticed_without_the_row_check(audioset):
    content = content_of(audioset / "unbalanced_train_segments.csv")
    cut = content[: content.index(b"ccccc")]
    with pytest.raises(AudioSetFileError, match=r"line 6: the list ends after 2 rows, expected 3"):
        read_segments(cut, Source.UNBALANCED, "", audioset / "unbalanced_train_segments.csv")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "class_labels_indices.csv",
            "0,/m/a",
            "1,/m/a",
            r"indices.csv, line 2: index is 1, expected 0; .*re-ordered",
        ),
        (
            "class_labels_indices.csv",
            "/m/a",
            "/m/q",
            r"indices.csv, line 2: /m/q is not a node of the ontology",
        ),
        ("class_labels_indices.csv", "index,", "id,", r"indices.csv, line 1: found .*expected \['index'"),
        ("class_labels_indices.csv", ',"Cat"', "", r"indices.csv, line 3: found 2 fields, expected 3"),
        ("qa_true_counts.csv", "/m/a,10,9", "/m/a,9,10", r"counts.csv, line 2: found '9' rated, '10' true"),
        ("ontology.json", "]", "", r"ontology.json, line 1: .*truncated or damaged"),
        ("ontology.json", '"name"', '"title"', r"ontology.json: a record lacks 'name', expected id, name"),
    ],
)
def test_faults_of_the_small_files(audioset, file, old, new, message):
    path = audioset / file
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(AudioSetFileError, match=message):
        read_ontology(audioset)


@pytest.mark.real
@pytest.mark.parametrize("source", list(Source))
def test_real_lists_are_recognised_and_pass_the_row_check_too(real_data, source):
    labels = read_ontology(real_data / "audioset").labels
    segments = read_list(real_data / "audioset", source, labels)
    assert len(segments) == {"unbalanced": 2_041_789, "balanced": 22_160, "eval": 20_371}[source]


@pytest.mark.real
def test_a_changed_byte_of_a_real_list_is_found(real_data, tmp_path):
    path = real_data / "audioset" / "eval_segments.csv"
    content = path.read_bytes()
    changed = content.replace(b'"/m/03l9g"', b'"/m/03l9h"', 1)
    (tmp_path / path.name).write_bytes(changed)
    labels = read_ontology(real_data / "audioset").labels
    with pytest.raises(AudioSetFileError, match=r"eval_segments.csv, line 5: label '/m/03l9h' is not in"):
        read_list(tmp_path, Source.EVAL, labels)
