"""A small AudioSet, built and published once; tests that change a release get a copy."""

import datetime
import shutil
from dataclasses import asdict

import pytest

from audiosetzsl.audioset.ontology import read_ontology
from audiosetzsl.building.build import build
from audiosetzsl.building.splits import by_hash
from audiosetzsl.classes import AUDIOSETZSL, Class, ClassList
from audiosetzsl.files import write_table
from audiosetzsl.manifest import DROPS_SCHEMA, write_manifest
from audiosetzsl.release.publish import publish
from audiosetzsl.workspace import Workspace

DATE = datetime.date(2026, 11, 23)
BICYCLE_BELL, SPEECH = "/m/0gy1t2s", "/m/09x0r"
OWN = ClassList("own", (Class("dog", "/m/0bt9lr", seen=True), Class("bus", "/m/01bjv", seen=False)))


def rows_of(classes, per_class):
    """Lists with `per_class` unbalanced segments a class and one in eval, and a few that are left out."""
    unbalanced, evaluation, number = [], [], 0

    def segment(*mids, start=30.0, length=10.0):
        nonlocal number
        number += 1
        return (f"{'-_'[number % 2]}id{number:08d}", start, start + length, mids)

    for c in classes:
        unbalanced += [segment(c.mid, SPEECH, length=10.0 - n % 2) for n in range(per_class)]
        evaluation.append(segment(c.mid, start=1.5))
    dog, bus = "/m/0bt9lr", "/m/01bjv"
    unbalanced += [segment(dog, bus), segment(dog, bus, SPEECH), segment(dog, BICYCLE_BELL)]
    unbalanced += [segment(SPEECH) for _ in range(9)]
    return {"unbalanced": unbalanced, "eval": evaluation, "balanced": [segment(dog), segment(SPEECH)]}


def _build_into(workspace, audioset, classes, rule=None, split="hash"):
    ontology = read_ontology(audioset)
    built = build(audioset, ontology, classes, rule or by_hash(0), any_lists=True)
    provenance = {
        "class_list": classes.name,
        "excluded_mids": list(classes.excluded_mids),
        "classes": [asdict(c) | {"label": ontology.labels[c.mid]} for c in classes],
        "split": split,
        "seed": 0,
        "lists": built.digests,
        "rows": built.funnel.rows,
    }
    write_manifest(built.manifest, workspace.manifest, provenance)
    write_table(built.drops, workspace.drops, DROPS_SCHEMA)
    return built


@pytest.fixture(scope="session")
def build_into():
    """What the stage build-manifest leaves in a workspace."""
    return _build_into


@pytest.fixture(scope="session")
def audioset(tmp_path_factory, write_audioset):
    names = {c.mid: f"Sound, {c.name}" for c in AUDIOSETZSL}
    names |= {BICYCLE_BELL: "Bicycle bell", SPEECH: "Speech"}
    return write_audioset(tmp_path_factory.mktemp("audioset"), rows_of(AUDIOSETZSL, 4), names)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory, audioset):
    """A build of all 33 classes."""
    made = Workspace(tmp_path_factory.mktemp("work"))
    _build_into(made, audioset, AUDIOSETZSL)
    return made


@pytest.fixture
def own_workspace(tmp_path, audioset):
    """A build of a class list of somebody's own."""
    made = Workspace(tmp_path / "own")
    _build_into(made, audioset, OWN)
    return made


@pytest.fixture(scope="session")
def published(tmp_path_factory, workspace):
    """A release that no test may change."""
    to = tmp_path_factory.mktemp("published") / "manifests"
    publish(workspace, to, date=DATE)
    return to


@pytest.fixture
def release(tmp_path, published):
    """A release of one's own."""
    return shutil.copytree(published, tmp_path / "manifests")
