"""Labels: exactly one mid makes a class, and what shuts a segment out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.building.labels import judge
from audiosetzsl.classes import AUDIOSETZSL, Class, ClassList
from audiosetzsl.errors import ClassListError

CLASSES = ClassList(
    "small",
    (
        Class("vehicle", "/m/07yv9", seen=True),
        Class("car", "/m/0k4j", seen=True, excluded_mids=("/m/horn", "/m/bell")),
        Class("bird", "/m/015p6", seen=False, excluded_mids=("/m/owl",)),
    ),
    excluded_mids=("/m/bell",),
)
# The classes' labels, what excludes, and others: some begin or end like a class's label.
MIDS = [
    "/m/07yv9",
    "/m/0k4j",
    "/m/015p6",
    "/m/horn",
    "/m/owl",
    "/m/bell",
    "/m/0k4",
    "/m/0k4jj",
    "m/015p6",
    "/t/x",
]


def one(text, classes=CLASSES):
    """Verdict on one label set: classes found, the class, whether it is shut out."""
    verdicts = judge([text], classes)
    index = int(verdicts.class_index[0])
    return (
        int(verdicts.n_classes[0]),
        classes.names[index] if index >= 0 else None,
        bool(verdicts.excluded[0]),
    )


def slow_fate(mids):
    hits = [c for c in CLASSES if c.mid in mids]
    if len(hits) != 1:
        return len(hits), None, None
    shut_out = any(mid in CLASSES.excluded_mids or mid in hits[0].excluded_mids for mid in mids)
    return 1, hits[0].name, shut_out


@settings(deadline=None)
@given(label_sets=st.lists(st.lists(st.sampled_from(MIDS), min_size=1, unique=True), max_size=8))
def test_every_label_set_gets_its_own_verdict(label_sets):
    verdicts = judge([",".join(mids) for mids in label_sets], CLASSES)
    for number, mids in enumerate(label_sets):
        n_classes, name, shut_out = slow_fate(mids)
        assert verdicts.n_classes[number] == n_classes
        if n_classes == 1:
            assert CLASSES.names[verdicts.class_index[number]] == name
            assert verdicts.excluded[number] == shut_out
        if n_classes == 0:
            assert verdicts.class_index[number] == -1 and not verdicts.excluded[number]


@pytest.mark.parametrize(
    ("label_set", "verdict"),
    [
        ("/m/0k4j", (1, "car", False)),
        ("/t/x,/m/0k4j,/m/y", (1, "car", False)),
        ("/m/0k4", (0, None, False)),  # begins like a class's label
        ("/m/0k4jj,/m/00k4j", (0, None, False)),
        ("/t/x", (0, None, False)),
        ("/m/bell", (0, None, False)),  # carries no class to be shut out of
        ("/m/0k4j,/m/bell", (1, "car", True)),
        ("/m/bell,/m/015p6", (1, "bird", True)),  # excluded everywhere, wherever it stands
        ("/m/0k4j,/m/horn", (1, "car", True)),
        ("/m/07yv9,/m/horn", (1, "vehicle", False)),  # excluded from another class only
        ("/m/0k4j,/m/owl", (1, "car", False)),
    ],
)
def test_verdicts_by_hand(label_set, verdict):
    assert one(label_set) == verdict


def test_a_label_below_a_class_is_not_the_class():
    """Vehicle is above Car in the ontology: a car is not a vehicle here, and both labels are two classes."""
    assert one("/m/0k4j")[1] == "car"
    assert one("/m/0k4j,/m/07yv9")[0] == 2
    crow = "/m/04s8yn"  # a child of Bird
    assert one(crow, AUDIOSETZSL) == (0, None, False)


def test_the_bicycle_bell_shuts_out_of_every_class_of_the_dataset():
    for c in AUDIOSETZSL:
        assert one(c.mid, AUDIOSETZSL) == (1, c.name, False)
        assert one(f"/m/0gy1t2s,{c.mid}", AUDIOSETZSL) == (1, c.name, True)


def test_no_label_sets_have_no_verdicts():
    verdicts = judge([], CLASSES)
    assert len(verdicts.n_classes) == len(verdicts.class_index) == len(verdicts.excluded) == 0


def test_a_class_that_is_not_in_the_list_is_named_with_those_that_are():
    assert CLASSES["bird"].mid == "/m/015p6"
    with pytest.raises(ClassListError, match="there is no class 'owl' in small; it has vehicle, car, bird"):
        CLASSES["owl"]


def test_a_class_is_looked_up_by_its_phrase_or_by_its_name():
    assert (AUDIOSETZSL["fan"].words, AUDIOSETZSL["dog"].words) == ("mechanical fan", "dog")
