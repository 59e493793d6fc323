"""The paper's last criterion: an unseen class is no nearer than 0.8 to any Kinetics class."""

import numpy as np
import pytest

from audiosetzsl.classes import Class
from audiosetzsl.errors import SetupError
from audiosetzsl.selection.kinetics import Nearest, embed_class, embed_names, read_kinetics_names
from audiosetzsl.word_tables.table import WordTable

TABLE = WordTable(
    {
        "riding": np.array([1.0, 0.0, 0.0]),
        "bike": np.array([0.0, 1.0, 0.0]),
        "bicycle": np.array([0.1, 1.0, 0.0]),
        "owl": np.array([0.0, 0.0, 2.0]),
        "nothing": np.zeros(3),
    }
)


def test_names_are_embedded_by_their_known_words_and_the_rest_is_counted():
    names = embed_names(["riding bike", "riding mule", "yodelling", "nothing"], TABLE)
    assert names.names == ("riding bike", "riding mule")
    assert names.whole == (True, False)
    assert names.n_all == 4
    assert names.directions == pytest.approx(np.array([[0.5**0.5, 0.5**0.5, 0.0], [1.0, 0.0, 0.0]]))


def test_the_nearest_name_is_by_cosine():
    names = embed_names(["riding", "riding bike"], TABLE)
    nearest = names.nearest(TABLE.vectors["bicycle"])
    assert nearest.name == "riding bike"
    assert nearest.cosine == pytest.approx(1.1 / (2 * 1.01) ** 0.5)


def test_without_a_vector_there_is_no_nearest_name():
    names = embed_names(["riding"], TABLE)
    assert names.nearest(None) is None
    assert names.nearest(np.zeros(3)) is None
    assert embed_names(["yodelling"], TABLE).nearest(TABLE.vectors["owl"]) is None


def test_a_class_passes_up_to_0_8_if_enough_names_are_known():
    names = embed_names(["riding", "bike", "owl"], TABLE)
    assert names.passes(Nearest("bike", 0.8, True)) is True
    assert names.passes(Nearest("bike", 0.81, False)) is False
    assert names.passes(None) is None


def test_a_class_cannot_pass_where_too_few_names_are_known_but_can_fail():
    few = embed_names(["riding", *["yodelling"] * 5], TABLE)
    assert not few.enough
    assert few.passes(Nearest("riding", 0.1, True)) is None
    assert few.passes(Nearest("riding", 0.9, True)) is False
    # Of "riding mule" only riding is known: that it is near says nothing about the mule.
    assert few.passes(Nearest("riding mule", 0.9, False)) is None


def test_nine_names_in_ten_are_enough():
    assert embed_names(["riding"] * 9 + ["yodelling"], TABLE).enough
    assert not embed_names(["riding"] * 8 + ["yodelling"] * 2, TABLE).enough


@pytest.mark.parametrize(
    ("one", "vector"),
    [
        (Class("owl", "/m/x", seen=False), [0.0, 0.0, 2.0]),
        (Class("owl", "/m/x", seen=False, phrase="riding bike"), [0.5, 0.5, 0.0]),
        (Class("owl", "/m/x", seen=False, phrase="riding bird"), [0.0, 0.0, 2.0]),  # of the name instead
        (Class("barn", "/m/x", seen=False, phrase="riding bird"), [1.0, 0.0, 0.0]),  # better than nothing
    ],
)
def test_a_class_is_embedded_by_its_phrase_then_by_its_name(one, vector):
    assert embed_class(one, TABLE).tolist() == vector


def test_a_class_of_unknown_words_has_no_vector():
    assert embed_class(Class("barn", "/m/x", seen=False), TABLE) is None


def test_names_are_read_one_a_line(tmp_path):
    path = tmp_path / "label_map.txt"
    path.write_text("abseiling\n\n air drumming \n")
    assert read_kinetics_names(path) == ["abseiling", "air drumming"]


def test_a_file_without_names_is_refused(tmp_path):
    path = tmp_path / "label_map.txt"
    with pytest.raises(SetupError, match=r"label_map.txt does not exist; --kinetics needs the names"):
        read_kinetics_names(path)
    path.write_text("\n")
    with pytest.raises(SetupError, match=r"label_map.txt holds no name, expected one Kinetics class a line"):
        read_kinetics_names(path)


@pytest.mark.real
def test_the_33_vectors_know_too_few_of_the_kinetics_names(real_data):
    from audiosetzsl.word_tables.reading import read_word_table

    all_names = read_kinetics_names(real_data / "kinetics" / "label_map.txt")
    table = read_word_table(real_data / "word_vectors" / "audiosetzsl33_w2v_300d_best.npz", all_names)
    names = embed_names(all_names, table)
    assert (len(names.names), names.n_all) == (12, 400)
    assert not names.enough
