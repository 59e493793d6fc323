"""Class lists in TOML: they come back as they were, and a bad one is told all of its faults at once."""

import inspect
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosetzsl.audioset.ontology import Node, Ontology, read_ontology
from audiosetzsl.classes import AUDIOSETZSL, Class, ClassList
from audiosetzsl.errors import ClassListError
from audiosetzsl.selection import class_file
from audiosetzsl.selection.class_file import check_sizes, read_class_file, to_toml, write_class_file

SOUNDS = {
    "/m/animal": "Animal",
    "/m/bird": "Bird",
    "/m/crow": "Crow",
    "/m/dog": "Dog",
    "/m/car": "Car",
    "/m/bell": "Bicycle bell",
}
ABSTRACT = "/m/things"
SMALL = ClassList(
    "small",
    (
        Class("dog", "/m/dog", seen=True),
        Class("motor-car", "/m/car", seen=False, excluded_mids=("/m/bell",), phrase='the "car"'),
    ),
    excluded_mids=("/m/crow",),
)


def ontology_of(labels, parents=None):
    nodes = {mid: Node(mid, name, "", ()) for mid, name in {**labels, ABSTRACT: "Sounds of things"}.items()}
    return Ontology(nodes, labels, {}, parents or {})


ONTOLOGY = ontology_of(
    SOUNDS,
    {"/m/bird": ("/m/animal",), "/m/dog": ("/m/animal",), "/m/crow": ("/m/bird",), "/m/car": (ABSTRACT,)},
)


def read(tmp_path, text):
    path = tmp_path / "list.toml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return read_class_file(path, ONTOLOGY)


def faults(tmp_path, text):
    with pytest.raises(ClassListError) as caught:
        read(tmp_path, text)
    return str(caught.value).splitlines()[1:]


TWO = """
    name = "two"
    [[classes]]
    name = "dog"
    mid = "/m/dog"
    seen = true
    [[classes]]
    name = "car"
    mid = "/m/car"
    seen = false
"""


def test_a_list_comes_back_as_it_was_written(tmp_path):
    path = write_class_file(SMALL, tmp_path / "small.toml")
    assert read_class_file(path, ONTOLOGY) == (SMALL, [])


def test_the_default_list_is_a_valid_starting_point(tmp_path):
    labels = {c.mid: c.name for c in AUDIOSETZSL} | {mid: "excluded" for mid in AUDIOSETZSL.excluded_mids}
    path = write_class_file(AUDIOSETZSL, tmp_path / "default.toml")
    assert read_class_file(path, ontology_of(labels)) == (AUDIOSETZSL, [])


@given(phrase=st.text())
def test_any_phrase_survives_the_way_through_toml(tmp_path_factory, phrase):
    classes = (Class("dog", "/m/dog", seen=True, phrase=phrase), Class("car", "/m/car", seen=False))
    path = tmp_path_factory.mktemp("phrase") / "list.toml"
    write_class_file(ClassList("odd", classes), path)
    assert read_class_file(path, ONTOLOGY)[0].classes == classes


@pytest.mark.real
def test_the_example_in_the_documentation_is_valid(tmp_path, real_data):
    path = tmp_path / "example.toml"
    path.write_text(inspect.getdoc(class_file).split("\n\n", 1)[1])
    classes, warnings = read_class_file(path, read_ontology(real_data / "audioset"))
    assert classes.names == ["police-car", "train"]
    assert classes["police-car"].words == "police car siren"
    assert warnings == []


@pytest.mark.real
def test_no_class_of_the_dataset_lies_above_another(tmp_path, real_data):
    path = write_class_file(AUDIOSETZSL, tmp_path / "default.toml")
    assert read_class_file(path, read_ontology(real_data / "audioset")) == (AUDIOSETZSL, [])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "two"', 'name = "two"\nclases = 2', "top level: unknown key clases, .*; write classes"),
        ('name = "two"', 'name = "two"\n[extra]', "top level: unknown key extra, .*; take it out"),
        ('name = "two"', "", "top level: name is missing, expected a text; add it"),
        ('name = "two"', 'name = "Two"', "top level: name 'Two' is malformed, expected small letters"),
        ('name = "two"', "name = 2", "top level: name is 2, expected a text"),
        (
            "seen = true",
            "unseen = false\nseen = true",
            r"class 1 \(dog\): unknown key unseen, .*; write seen",
        ),
        ("seen = true", "", r"class 1 \(dog\): seen is missing, expected true or false; add it"),
        ("seen = true", 'seen = "yes"', r"class 1 \(dog\): seen is 'yes', expected true or false"),
        ("seen = true", "seen = 1", r"class 1 \(dog\): seen is 1, expected true or false"),
        ('name = "dog"', "", "class 1: name is missing, expected a text"),
        (
            'name = "dog"',
            'name = "big dog"',
            "class 1 .*: name 'big dog' is malformed, expected small letters",
        ),
        ('name = "dog"', 'name = "../dog"', "name '../dog' is malformed"),
        ('name = "dog"', 'name = "dog-"', "name 'dog-' is malformed"),
        ('name = "dog"', 'name = ""', "name '' is malformed"),
        ('name = "dog"', 'name = "car"', "name car stands 2 times, expected once"),
        ('"/m/dog"', '"/m/car"', "mid /m/car stands 2 times, expected once"),
        ('"/m/dog"', '["/m/dog"]', r"class 1 \(dog\): mid is \['/m/dog'\], expected a text"),
        ('"/m/dog"', '"/m/dgo"', r"class 1 \(dog\): mid /m/dgo is unknown, expected one of AudioSet's"),
        (
            '"/m/dog"',
            '"/m/things"',
            r"class 1 \(dog\): mid /m/things \(Sounds of things\) is none of AudioSet's 6 labels, "
            "so no segment carries it; choose one from class_labels_indices.csv",
        ),
        (
            "seen = true",
            "seen = false",
            "there is no seen class, expected at least one; set seen = true for one",
        ),
        (
            "seen = false",
            "seen = true",
            "there is no unseen class, expected at least one; set seen = false for",
        ),
        (
            "seen = true",
            'seen = true\nexcluded_mids = "/m/bell"',
            "excluded_mids is '/m/bell', expected a list",
        ),
        (
            "seen = true",
            "seen = true\nexcluded_mids = [1]",
            r"excluded_mids is \[1\], expected a list of texts",
        ),
        ("seen = true", 'seen = true\nexcluded_mids = ["/m/x"]', "excluded mid /m/x is unknown"),
        (
            "seen = true",
            'seen = true\nexcluded_mids = ["/m/dog"]',
            "class dog: its own mid /m/dog is among the excluded mids, so it would be empty; take it out",
        ),
        ("seen = true", "seen = true\nphrase = 3", "phrase is 3, expected a text"),
    ],
)
def test_each_fault_is_named(tmp_path, old, new, message):
    assert old in TWO
    found = faults(tmp_path, TWO.replace(old, new, 1))
    assert len(found) == 1, found
    with pytest.raises(ClassListError, match=message):
        read(tmp_path, TWO.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "none"\nclasses = []', "there is no seen class"),
        ('name = "none"', "top level: classes is missing, expected a list"),
        ('name = "none"\nclasses = "dog"', "top level: classes is 'dog', expected a list"),
        ('name = "none"\nclasses = ["dog"]', r"expected each class under its own \[\[classes\]\]"),
        ('name = "none"\n[classes]\nname = "dog"', "classes is {'name': 'dog'}, expected a list"),
    ],
)
def test_a_list_without_classes_is_refused(tmp_path, text, message):
    with pytest.raises(ClassListError, match=message):
        read(tmp_path, text)


def test_all_faults_are_told_together(tmp_path):
    found = faults(
        tmp_path,
        """
        name = "Bad"
        [[classes]]
        name = "dog"
        mid = "/m/dgo"
        seen = true
        [[classes]]
        name = "dog"
        mid = "/m/car"
        sen = true
        """,
    )
    assert [line.split(":")[0] for line in found] == [
        "top level",  # the name
        "class 1 (dog)",  # the mid
        "class 2 (dog)",  # sen
        "class 2 (dog)",  # seen is missing
        "name dog stands 2 times, expected once; take out one",
    ]


def test_a_syntax_error_names_its_line(tmp_path):
    with pytest.raises(ClassListError, match=r"list.toml is not TOML: .*line 3.*correct that place"):
        read(tmp_path, 'name = "x"\n\nseen = yes\n')


def test_a_file_that_is_not_text_is_no_class_list(tmp_path):
    path = tmp_path / "list.toml"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(ClassListError, match=r"is not TOML: .*utf-8"):
        read_class_file(path, ONTOLOGY)


def test_an_absent_file_says_where_to_get_one(tmp_path):
    with pytest.raises(
        ClassListError, match=r"no.toml does not exist; `audiosetzsl classes --toml` prints one"
    ):
        read_class_file(tmp_path / "no.toml", ONTOLOGY)


def test_classes_above_one_another_are_a_warning(tmp_path):
    text = TWO.replace("dog", "crow").replace("/m/car", "/m/animal").replace('"car"', '"animal"')
    classes, warnings = read(tmp_path, text)
    assert classes.names == ["crow", "animal"]
    assert len(warnings) == 1
    assert warnings[0].startswith(
        "animal (Animal) lies above crow (Crow) in the ontology: segments often carry"
    )


def test_classes_that_are_too_small_are_all_named():
    check_sizes(SMALL, {"dog": 10, "motor-car": 10})
    with pytest.raises(ClassListError) as caught:
        check_sizes(SMALL, {"dog": 9})
    assert str(caught.value).splitlines() == [
        "class list 'small' cannot be used, 2 faults:",
        "class dog has 9 segments, expected at least 10; choose a label with more, or leave the class out",
        "class motor-car has 0 segments, expected at least 10; choose a label with more, or leave the class out",
    ]
    check_sizes(SMALL, {"dog": 3, "motor-car": 3}, minimum=3)


def test_the_least_size_is_the_first_that_gives_every_split_two():
    from audiosetzsl.building.splits import split_sizes

    assert min(n for n in range(100) if min(split_sizes(n)) >= 2) == class_file.MIN_SIZE


def test_toml_leaves_out_what_is_empty():
    assert to_toml(ClassList("one", (Class("dog", "/m/dog", seen=True),))) == (
        'name = "one"\n\n[[classes]]\nname = "dog"\nmid = "/m/dog"\nseen = true\n'
    )
