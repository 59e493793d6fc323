"""A phrase is found in a table by its spellings, in the order that is promised."""

from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

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


def test_marks_belong_to_their_letters_in_every_script():
    assert words_of("हिन्दी पानी") == ["हिन्दी", "पानी"]
    assert words_of("น้ำตก-เสียง") == ["น้ำตก", "เสียง"]
    assert words_of("مَاءٌ، صَوت") == ["مَاءٌ", "صَوت"]
    assert words_of("می\u200cخواهم") == ["می\u200cخواهم"]  # one word of Persian, with a joiner in it
    assert words_of("❤️ heart") == ["heart"]  # the picture ends in a mark, but has no letter


def test_apostrophes_are_one_however_they_are_typed():
    assert words_of("O’clock, ‘quoted’, l’eau") == ["O'clock", "quoted", "l'eau"]
    assert spellings_of_word("o’clock") == ["o'clock", "o’clock", "O'clock", "O’clock"]


def test_the_order_of_spellings():
    assert spellings_of_phrase("Church bell") == [
        "Church bell", "Church_bell", "Church-bell", "church bell", "church_bell", "church-bell",
    ]  # fmt: skip
    assert spellings_of_word("TV") == ["TV", "tv", "Tv"]
    assert spellings_of_word("dog") == ["dog", "Dog"]
    assert spellings_of_word("été") == [
        "\xe9t\xe9", "e\u0301te\u0301", "\xc9t\xe9", "E\u0301te\u0301",
    ]  # fmt: skip
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


@pytest.mark.parametrize("typed", ["l’eau d'été", normalize("NFD", "L'eau d’été")])
@pytest.mark.parametrize(
    ("table", "entries"),
    [
        (["l'eau", "d'été"], ("l'eau", "d'été")),
        (["l’eau", "d’été", "eau"], ("l’eau", "d’été")),
        (["l'", "eau", "d'", normalize("NFD", "été")], ("l'", "eau", "d'", normalize("NFD", "été"))),
        (["l", "'eau", "d", "été"], ("l", "'eau", "d", "été")),
    ],
    ids=["as typed", "other apostrophe", "split after it", "split otherwise"],
)
def test_tables_may_type_and_split_otherwise(typed, table, entries):
    assert WordTable({entry: np.ones(2) for entry in table}).find(typed) == Found(entries)


LETTERS = st.text(st.sampled_from("aeéÖñʼ'’ _-0ที่हिन्दीक़ْمَاİǰ\u0301\u0323\u200d"), max_size=12)


@settings(max_examples=60)
@given(LETTERS, st.sets(LETTERS, max_size=4))
@example("café", {"cafe\u0301"})
def test_it_is_all_one_whether_marks_are_typed_apart_and_what_is_read_is_all_that_is_needed(phrase, others):
    composed, apart = normalize("NFC", phrase), normalize("NFD", phrase)
    assert words_of(composed) == words_of(apart)
    known = [apart, *words_of(phrase)[:1], *others]
    found = WordTable({entry: np.ones(2) for entry in known}).find(composed)
    assert WordTable({entry: np.ones(2) for entry in known}).find(apart) == found
    assert (
        WordTable({entry: np.ones(2) for entry in entries_to_read([apart]) & {*known}}).find(apart) == found
    )


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
