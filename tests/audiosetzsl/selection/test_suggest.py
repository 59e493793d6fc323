"""Suggestions for a subset of one's own: labels of good quality, by group, with the company they keep."""

import pytest

from audiosetzsl.audioset.ontology import Node, Ontology, Quality, read_ontology
from audiosetzsl.errors import SetupError
from audiosetzsl.selection.co_occurrence import Companion, pool_label_sets
from audiosetzsl.selection.suggest import suggest

# The second level is the group, but animals are one group.
PARENT = {
    "Wild animals": "Animal",
    "Owl": "Wild animals",
    "Dog": "Animal",
    "Bark": "Dog",
    "Vehicle": "Sounds of things",
    "Car": "Vehicle",
    "Bus": "Vehicle",
    "Skid": "Car",
    "Speech": "Human voice",
    "Human voice": "Human sounds",
}
NAMES = ["Animal", "Sounds of things", "Human sounds", *PARENT]
GOOD, BAD = Quality(10, 9), Quality(10, 6)
QUALITY = {
    "Animal": GOOD,
    "Owl": GOOD,
    "Dog": GOOD,
    "Bark": GOOD,
    "Car": GOOD,
    "Bus": BAD,
    "Skid": Quality(0, 0),
}
ONTOLOGY = Ontology(
    nodes={name: Node(name, name, "", ()) for name in NAMES},
    labels={name: f"the {name}" for name in ("Animal", "Owl", "Dog", "Bark", "Car", "Bus", "Skid", "Speech")},
    quality=QUALITY | {"Speech": GOOD},
    parents={child: (parent,) for child, parent in PARENT.items()},
)
LABEL_SETS = {
    "Animal,Dog": 50,
    "Dog,Bark": 20,
    "Dog,Speech": 20,
    "Dog,Owl": 10,
    "Car,Bus": 40,
    "Car,Skid": 30,
    "Car,Speech": 10,
    "Owl": 5,
}


def test_labels_of_good_quality_come_by_group_and_the_largest_first():
    found = [(s.group, s.mid, s.segments) for s in suggest(ONTOLOGY, LABEL_SETS)]
    assert found == [
        ("Animal", "Dog", 100),
        ("Animal", "Animal", 50),
        ("Animal", "Bark", 20),
        ("Animal", "Owl", 15),
        ("Human voice", "Speech", 30),
        ("Vehicle", "Car", 80),
    ]


def test_company_is_another_good_label_that_is_no_relative():
    found = {s.mid: s for s in suggest(ONTOLOGY, LABEL_SETS)}
    # Animal lies above dog and bark below it; bus and skid are no good labels.
    assert found["Dog"].in_group == Companion("Owl", 0.1)
    assert found["Dog"].anywhere == Companion("Speech", 0.2)
    assert found["Car"].in_group is None
    assert found["Car"].anywhere == Companion("Speech", 0.125)
    assert found["Animal"].in_group is None
    assert found["Dog"].label == "the Dog"


def test_a_group_and_a_least_size_narrow_the_list_but_not_the_company():
    found = suggest(ONTOLOGY, LABEL_SETS, group="Animal", min_size=50)
    assert [s.mid for s in found] == ["Dog", "Animal"]
    assert found[0].anywhere == Companion("Speech", 0.2)


def test_an_unknown_group_is_answered_with_those_there_are():
    with pytest.raises(SetupError, match=r"no group 'Cats' .*expected one of: Animal; Human voice; Vehicle"):
        suggest(ONTOLOGY, LABEL_SETS, group="Cats")


@pytest.mark.real
def test_288_labels_of_audioset_can_be_suggested(real_data):
    ontology = read_ontology(real_data / "audioset")
    found = suggest(ontology, pool_label_sets(real_data / "audioset", ontology.labels))
    assert len(found) == 288
    sizes = {s.label: s.segments for s in found}
    assert sizes["Dog"] == 13_432
    fly = next(s for s in found if s.label == "Fly, housefly")
    assert ontology.labels[fly.in_group.mid] == "Bee, wasp, etc."
    assert fly.in_group.share == pytest.approx(0.796, abs=5e-4)
