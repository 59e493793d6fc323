"""Tables of word vectors, as .npz and as text, read for the words that are needed."""

import numpy as np
import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.selection.word_table import WordTable, read_word_table, words_of

TABLE = WordTable(
    {"driving": np.array([1.0, 0.0]), "car": np.array([0.0, 1.0]), "church-bell": np.array([3.0, 3.0])}
)


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def text(path, content):
    path.write_bytes(content.encode())
    return path


def test_a_phrase_is_the_mean_of_its_words():
    vector, whole = TABLE.embed("Driving (car)")
    assert vector.tolist() == [0.5, 0.5]
    assert whole


def test_a_phrase_is_the_mean_of_the_words_that_are_known():
    vector, whole = TABLE.embed("driving tractor")
    assert vector.tolist() == [1.0, 0.0]
    assert not whole


def test_a_phrase_of_unknown_words_has_no_vector():
    assert TABLE.embed("yodelling") == (None, False)
    assert TABLE.embed("") == (None, False)


def test_a_whole_name_in_the_table_goes_before_its_words():
    vector, whole = TABLE.embed("Church-bell")
    assert vector.tolist() == [3.0, 3.0]
    assert whole


def test_words_are_small_letters_without_signs():
    assert words_of("Roaring cats (lions, tigers)") == ["roaring", "cats", "lions", "tigers"]
    assert words_of("shooting goal (soccer), 100m") == ["shooting", "goal", "soccer", "100m"]


def test_arrays_of_names_and_vectors(tmp_path):
    path = npz(tmp_path / "t.npz", names=np.array(["Dog", "cat"]), vectors=np.eye(2, dtype=np.float32))
    assert read_word_table(path, []).embed("dog")[0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("header", ["", "4 2\n"], ids=["GloVe", "word2vec"])
def test_text_is_read_for_the_words_that_are_needed(tmp_path, header):
    path = text(tmp_path / "t.txt", f"{header}the 9 9\ndog 1 0.5\nDog 7 7\ncat 0 -1e-3 \n")
    table = read_word_table(path, ["dog", "big cat"])
    assert {word: vector.tolist() for word, vector in table.vectors.items()} == {
        "dog": [1.0, 0.5],
        "cat": [0.0, pytest.approx(-1e-3)],
    }


def test_words_that_are_not_needed_may_be_anything(tmp_path):
    path = tmp_path / "t.vec"
    path.write_bytes(b"\xff\xfe 1 0\n. . . 4 5\ndog 1 0\n")
    assert list(read_word_table(path, ["dog"]).vectors) == ["dog"]


def test_pickled_objects_are_not_loaded(tmp_path):
    path = npz(tmp_path / "t.npz", names=np.array(["dog"], dtype=object), vectors=np.zeros((1, 2)))
    with pytest.raises(SetupError, match=r"cannot be read .*expected arrays `names` .* no pickles"):
        read_word_table(path, [])


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        (
            {"names": np.array(["a"]), "vectors": np.zeros((2, 3))},
            r"names are <U1 \(1,\), vectors float64 \(2, 3\)",
        ),
        ({"names": np.array(["a"]), "vectors": np.zeros(1)}, r"vectors float64 \(1,\)"),
        ({"names": np.array([1]), "vectors": np.zeros((1, 2))}, r"names are int64"),
        ({"names": np.array(["a"]), "vectors": np.array([["x", "y"]])}, r"vectors <U1 \(1, 2\)"),
        (
            {"words": np.array(["a"])},
            r"cannot be read .*names.*expected arrays `names` \(text\) and `vectors`",
        ),
    ],
)
def test_arrays_of_another_form_are_refused(tmp_path, arrays, found):
    with pytest.raises(SetupError, match=found):
        read_word_table(npz(tmp_path / "t.npz", **arrays), [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("dog 1 2\ncat 1\n", r"t.txt, line 2: 1 numbers, expected 2; the table is damaged"),
        ("dog 1 two\n", r"t.txt, line 1: could not convert .*'two'.*expected a word and numbers"),
        ("cow 1 2\ndog\n", r"t.txt, line 2: 0 numbers, expected 2"),
    ],
)
def test_damaged_text_names_its_line(tmp_path, content, message):
    with pytest.raises(SetupError, match=message):
        read_word_table(text(tmp_path / "t.txt", content), ["dog", "cat"])


def test_other_files_are_refused(tmp_path):
    with pytest.raises(SetupError, match=r"t.npz does not exist; --vectors needs a table of word vectors"):
        read_word_table(tmp_path / "t.npz", [])
    with pytest.raises(SetupError, match=r"t.npz cannot be read .*no pickles"):
        read_word_table(text(tmp_path / "t.npz", "no zip"), [])
    with pytest.raises(SetupError, match=r"t.bin: expected .npz .*write a binary table out as text first"):
        read_word_table(text(tmp_path / "t.bin", "x"), [])


@pytest.mark.real
def test_the_33_names_have_vectors(real_data):
    from audiosetzsl.classes import AUDIOSETZSL

    table = read_word_table(real_data / "word_vectors" / "audiosetzsl33_w2v_300d_best.npz", [])
    assert sorted(table.vectors) == sorted(AUDIOSETZSL.names)
    assert {len(vector) for vector in table.vectors.values()} == {300}
