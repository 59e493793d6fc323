"""Phrase files, and vectors of names by a table: means of means, and no word is lost without a word."""

import numpy as np
import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.word_tables.table import WordTable
from extractors.words.phrase_file import read_phrases
from extractors.words.table_vectors import vectors_of_phrases

TABLE = WordTable(
    {
        word: np.array(vector, np.float32)
        for word, vector in {
            "church": [1, 0, 0],
            "bell": [0, 1, 0],
            "lion": [0, 0, 1],
            "big_cat": [4, 0, 0],
            "cat": [9, 9, 9],
        }.items()
    },
    remark="it holds 5 words",
)


def test_names_are_means_of_their_phrases_and_these_of_their_words():
    phrases = {"church-bell": ["church bell"], "panther": ["big cat", "Lion"]}
    vectors, wording = vectors_of_phrases(phrases, TABLE)
    np.testing.assert_array_equal(vectors, np.float32([[0.5, 0.5, 0], [2, 0, 0.5]]))
    assert vectors.dtype == np.float32
    assert wording == ("church + bell", "big_cat | lion")


def test_a_phrase_of_many_words_weighs_as_much_as_one_of_one():
    vectors, _ = vectors_of_phrases({"x": ["church bell bell bell", "lion"]}, TABLE)
    np.testing.assert_allclose(vectors, [[1 / 8, 3 / 8, 1 / 2]])


def test_unknown_words_are_all_named_with_what_to_do():
    phrases = {"church-bell": ["church bell"], "pig": ["pig"], "panther": ["big cat", "roaring lion of Asia"]}
    with pytest.raises(SetupError) as told:
        vectors_of_phrases(phrases, TABLE)
    assert str(told.value).splitlines() == [
        "not all classes have a vector in the table (it holds 5 words):",
        "pig: the phrase 'pig' needs 'pig', not in the table in any spelling",
        "panther: the phrase 'roaring lion of Asia' needs 'roaring', 'of', 'Asia', not in the table in any spelling",
        'Write another phrase for the class into a file, as in `church-bell = "church bell"`, and give it with '
        "--phrases FILE.toml; words such as `of` can be left out with --stop-words of,and.",
    ]


def test_stop_words_are_left_out_but_not_all_there_is():
    vectors, wording = vectors_of_phrases({"x": ["Bell of the church"]}, TABLE, {"of", "the"})
    np.testing.assert_allclose(vectors, [[0.5, 0.5, 0]])
    assert wording == ("bell + church",)
    with pytest.raises(SetupError, match=r"x: the phrase 'of the' holds no word that counts"):
        vectors_of_phrases({"x": ["of the"]}, TABLE, {"of", "the"})


TOML = 'church-bell = "church bell"\npanther = ["lion", "big cat"]\n'
CSV = 'name,phrase\nchurch-bell,church bell\npanther,lion\n\npanther,"big cat"\n'


@pytest.mark.parametrize(("name", "content"), [("p.toml", TOML), ("p.csv", CSV), ("p.csv", "\ufeff" + CSV)])
def test_phrases_come_by_name(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert read_phrases(path) == {"church-bell": ("church bell",), "panther": ("lion", "big cat")}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "p.toml",
            b"dog = cat",
            r"p\.toml: .*line 1.*; expected name = \"phrase\" or name = \[\"phrase\", \.\.\.\]",
        ),
        ("p.toml", b"dog = 3", r"p\.toml: dog is 3; expected"),
        ("p.toml", b'dog = ["a", 3]', r"p\.toml: dog is \['a', 3\]; expected"),
        ("p.toml", b"dog = []", r"p\.toml: dog has a phrase without a word, or none"),
        ("p.toml", b'dog = "?!"', r"p\.toml: dog has a phrase without a word, or none"),
        ("p.toml", b'dog = "\xff"', r"p\.toml: .*decode"),
        ("p.csv", b"", r"p\.csv: the header is ''; expected the header name,phrase and two values a line"),
        ("p.csv", b"dog,phrase\n", r"p\.csv: the header is 'dog,phrase'"),
        ("p.csv", b"name,phrase\ndog,a,b\n", r"p\.csv: line 2 has 3 values"),
        ("p.csv", b"name,phrase\ndog,\n", r"p\.csv: dog has a phrase without a word"),
        ("p.csv", b'name,phrase\ndog,"a\n', r"p\.csv: line 2: .*end of data"),
        ("p.txt", b"dog a\n", r"p\.txt is no \.toml or \.csv file; --phrases needs one"),
        ("p.csv", None, r"p\.csv is no \.toml or \.csv file"),
    ],
)
def test_phrase_files_of_another_form_are_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SetupError, match=message):
        read_phrases(tmp_path / name)
