"""A phrase is found in a table by its spellings, in the order that is promised."""

import numpy as np
import pytest

from audiosetzsl.word_tables.spelling import (
    entries_to_read,
    spellings_of_phrase,
    spellings_of_word,
    words_of,
)
from audiosetzsl.word_tables.table import Found, WordTable

TABLE = WordTable(
    {
        "driving": np.array([1.0, 0.0]),
        "car": np.array([0.0, 1.0]),
        "church-bell": np.array([3.0, 3.0]),
        "bag_pipes": np.array([4.0, 4.0]),
        "New_York": np.array([5.0, 5.0]),
        "Bovinae": np.array([6.0, 6.0]),
        "Fan": np.array([7.0, 7.0]),
        "fan": np.array([8.0, 8.0]),
    }
)


def test_words_are_letters_and_digits_as_they_are_written():
    assert words_of("Roaring cats (lions, tigers)") == ["Roaring", "cats", "lions", "tigers"]
    assert words_of("shooting goal (soccer), 100m") == ["shooting", "goal", "soccer", "100m"]
    assert words_of("church-bell, o'clock, 'quoted', bag_pipes") == [
        "church", "bell", "o'clock", "quoted", "bag", "pipes",
    ]  # fmt: skip
    assert words_of("Ölpumpe café") == ["Ölpumpe", "café"]
    assert words_of("--- ...") == []


def test_the_order_of_spellings():
    assert spellings_of_phrase("Church bell") == [
        "Church bell", "Church_bell", "Church-bell", "church bell", "church_bell", "church-bell",
    ]  # fmt: skip
    assert spellings_of_word("TV") == ["TV", "tv", "Tv"]
    assert spellings_of_word("dog") == ["dog", "Dog"]
    assert spellings_of_phrase(" ?! ") == []


def test_what_is_read_is_what_may_be_looked_up():
    assert entries_to_read(["Big cat"]) == {
        "Big cat", "Big_cat", "Big-cat", "big cat", "big_cat", "big-cat", "Big", "big", "cat", "Cat",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("phrase", "entries", "missing"),
    [
        ("Church-bell", ("church-bell",), ()),
        ("church bell", ("church-bell",), ()),
        ("bag pipes", ("bag_pipes",), ()),
        ("New York", ("New_York",), ()),
        ("new york", (), ("new", "york")),  # a name is not guessed from words
        ("Driving (car)", ("driving", "car"), ()),
        ("bovinae", ("Bovinae",), ()),
        ("fan", ("fan",), ()),
        ("Fan", ("Fan",), ()),
        ("FAN", ("fan",), ()),
        ("driving tractor", ("driving",), ("tractor",)),
        ("", (), ()),
    ],
)
def test_a_phrase_is_found_whole_and_else_by_its_words(phrase, entries, missing):
    assert TABLE.find(phrase) == Found(entries, missing)


def test_words_can_be_left_out_but_not_of_an_entry_of_their_own():
    assert TABLE.find("Driving of the car", {"of", "the"}) == Found(("driving", "car"))
    table = WordTable({"sound_of_rain": np.zeros(2), "rain": np.ones(2)})
    assert table.find("sound of rain", {"sound", "of"}) == Found(("sound_of_rain",))
    assert table.find("Of the", {"of", "the"}) == Found((), ())


def test_a_phrase_is_the_mean_of_its_words():
    vector, whole = TABLE.embed("Driving (car)")
    assert vector.tolist() == [0.5, 0.5]
    assert whole


def test_what_is_known_of_a_phrase_can_be_asked_for():
    vector, whole = TABLE.embed("driving tractor")
    assert vector.tolist() == [1.0, 0.0]
    assert not whole
    assert TABLE.embed("yodelling") == (None, False)
    assert TABLE.embed("") == (None, False)
