"""Neighbours are by cosine, of all classes and of seen ones; what cannot be right is said."""

import numpy as np

from audiosetzsl.word_tables.neighbours import neighbours, odd_vectors

NAMES = ["dog", "cat", "car", "bus"]
MATRIX = np.float32([[1, 0, 0], [2, 2, 0], [0, 0, 3], [0, 3, 4]])
SEEN = np.array([True, True, True, False])


def told(rows):
    return [(row.neighbour, round(row.cosine, 3)) for row in rows.itertuples()]


def test_the_nearest_come_first_and_never_the_class_itself():
    near = neighbours(NAMES, MATRIX, SEEN, k=2)
    of = {name: near[(near.class_name == name) & (near["among"] == "all")] for name in NAMES}
    assert told(of["dog"]) == [("cat", 0.707), ("car", 0.0)]
    assert told(of["car"]) == [("bus", 0.8), ("dog", 0.0)]
    assert of["car"]["rank"].tolist() == [1, 2]


def test_unseen_classes_have_their_seen_neighbours_too():
    near = neighbours(NAMES, MATRIX, SEEN, k=2)
    among_seen = near[near["among"] == "seen"]
    assert set(among_seen.class_name) == {"bus"}
    assert not among_seen.seen.any()
    assert told(among_seen) == [("car", 0.8), ("cat", 0.424)]


def test_fewer_classes_than_asked_for_are_all():
    near = neighbours(NAMES[:2], MATRIX[:2], np.array([True, False]), k=3)
    assert list(near.itertuples(index=False, name=None)) == [
        ("dog", True, "all", 1, "cat", near.cosine[0]),
        ("cat", False, "all", 1, "dog", near.cosine[1]),
        ("cat", False, "seen", 1, "dog", near.cosine[2]),
    ]


def test_it_agrees_with_the_definition():
    rng = np.random.default_rng(0)
    matrix, seen = rng.normal(size=(20, 7)), rng.random(20) < 0.5
    names = [f"c{i}" for i in range(20)]
    near = neighbours(names, matrix, seen)
    for i, name in enumerate(names):
        for among in ("all", "seen"):
            cosines = {
                names[j]: matrix[i] @ matrix[j] / (np.linalg.norm(matrix[i]) * np.linalg.norm(matrix[j]))
                for j in range(20)
                if j != i and (among == "all" or seen[j])
            }
            best = sorted(cosines, key=cosines.get, reverse=True)[:3] if among == "all" or not seen[i] else []
            rows = near[(near.class_name == name) & (near["among"] == among)]
            assert rows.neighbour.tolist() == best
            np.testing.assert_allclose(rows.cosine, [cosines[other] for other in best])


def test_zeros_and_twins_are_said():
    matrix = np.float32([[1, 0, 0], [0, 0, 0], [2, 0, 0], [2, 0.1, 0]])
    assert odd_vectors(NAMES, matrix) == [
        "the vector of cat is all zeros: nothing can be learnt from it",
        "dog and car have the same vector (cosine 1.0000): they can hardly be told apart",
        "dog and bus have nearly the same vector (cosine 0.9988): they can hardly be told apart",
        "car and bus have nearly the same vector (cosine 0.9988): they can hardly be told apart",
    ]
    assert odd_vectors(NAMES, MATRIX) == []
    near = neighbours(NAMES, matrix, SEEN)
    assert near[near.class_name == "cat"].cosine.tolist() == [0.0, 0.0, 0.0]


def test_many_twins_are_counted():
    warnings = odd_vectors([f"c{i}" for i in range(6)], np.ones((6, 4)))
    assert len(warnings) == 11
    assert warnings[-1] == "and 5 more pairs of a cosine of 0.99 or more"
