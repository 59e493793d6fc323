import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.errors import SetupError
from extractors.words.class_vectors import (
    METADATA,
    ONTOLOGY_VECTORS,
    load_ontology_labels,
    load_ontology_vectors,
    ontology_vectors,
    vectors_for,
    write_ontology_vectors,
)


@pytest.fixture(scope="module")
def committed():
    return load_ontology_vectors()


def toy_ontology(n=300):
    """Animals and machines under two roots, each class with a word of its own."""
    roots = [
        {"id": "/m/a", "name": "Animal", "description": "A living being.", "child_ids": []},
        {"id": "/m/m", "name": "Machine", "description": "A thing that was built.", "child_ids": []},
    ]
    for i in range(n - 2):
        mid = f"/t/{i}"
        roots[i % 2]["child_ids"].append(mid)
        roots.append({"id": mid, "name": f"Word{i}", "description": f"Sound number{i}.", "child_ids": []})
    return roots


def test_every_class_of_the_dataset_has_a_unit_vector(committed):
    assert len(committed) == 632
    vectors = vectors_for([c.mid for c in AUDIOSETZSL], committed)
    assert vectors.shape == (33, 300) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


@pytest.mark.parametrize(
    "name, near, far",
    [
        ("dog", "cat", "car"),
        ("truck", "bus", "goat"),
        ("rain", "ocean", "clock"),
        ("gunshot", "fireworks", "pig"),
    ],
)
def test_kindred_classes_are_nearer(committed, name, near, far):
    one, kin, stranger = vectors_for([AUDIOSETZSL[n].mid for n in (name, near, far)], committed)
    assert one @ kin > one @ stranger + 0.1


def test_the_committed_file_is_small_and_credits_its_source():
    metadata = pq.read_schema(ONTOLOGY_VECTORS).metadata
    assert ONTOLOGY_VECTORS.stat().st_size < 800_000
    assert metadata[b"attribution"] == b"AudioSet ontology, CC BY-SA 4.0, Google"
    assert {key: metadata[key.encode()].decode() for key in METADATA} == METADATA


def test_every_vector_has_audiosets_name(committed):
    labels = load_ontology_labels()
    assert list(labels) == list(committed)
    assert labels[AUDIOSETZSL["panther"].mid] == "Roaring cats (lions, tigers)"


def test_order_comes_from_the_caller(committed):
    dog, cat = AUDIOSETZSL["dog"].mid, AUDIOSETZSL["cat"].mid
    np.testing.assert_array_equal(
        vectors_for([dog, cat], committed), vectors_for([cat, dog], committed)[::-1]
    )


def test_classes_without_a_vector_are_all_named(committed):
    with pytest.raises(SetupError, match=r"no vector for /m/unicorn, /m/dragon; there are 632: /m/"):
        vectors_for(["/m/unicorn", AUDIOSETZSL["dog"].mid, "/m/dragon"], committed)


def test_the_same_ontology_gives_the_same_vectors_and_kin_is_kin():
    mids, names, vectors = ontology_vectors(toy_ontology())
    again = ontology_vectors(toy_ontology())[2]
    np.testing.assert_array_equal(vectors, again)
    assert (mids[2], names[2]) == ("/t/0", "Word0")
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    cosines = vectors[2:] @ vectors[2:].T
    assert cosines[0, 2] > 3 * cosines[0, 1]  # two animals, an animal and a machine


def test_too_small_an_ontology_is_refused():
    with pytest.raises(SetupError, match=r"the ontology holds 10 classes, expected at least 300"):
        ontology_vectors(toy_ontology(10))


def test_an_absent_file_is_said(tmp_path):
    with pytest.raises(SetupError, match=r"vectors\.parquet does not exist"):
        load_ontology_vectors(tmp_path / "vectors.parquet")


@pytest.mark.real
def test_the_committed_vectors_come_from_the_real_ontology(real_data, tmp_path, committed):
    ontology = real_data / "audioset" / "ontology.json"
    made = load_ontology_vectors(write_ontology_vectors(ontology, tmp_path / "made.parquet"))
    assert list(made) == list(committed) == [r["id"] for r in json.loads(ontology.read_text())]
    np.testing.assert_allclose(np.stack(list(made.values())), np.stack(list(committed.values())), atol=2e-3)
