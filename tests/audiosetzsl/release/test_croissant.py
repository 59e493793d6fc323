"""croissant.json, judged by the reference implementation, which reads the tables through it."""

import json
import logging
from itertools import islice

import pytest

from audiosetzsl.files import read_table
from audiosetzsl.manifest import DROPS_SCHEMA, SCHEMA, read_manifest
from audiosetzsl.release.checksums import SUMS, read_sums
from audiosetzsl.release.columns import CLASSES, DROPS, SEGMENTS
from audiosetzsl.release.contents import DATA
from audiosetzsl.release.listing import class_map

pytestmark = [
    # mlcroissant 1.1.1 reads JSON-LD through a class that rdflib has deprecated,
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    # and resets indices of frames in place, which pandas 3 has deprecated.
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index"),
]

# What the specification of Croissant 1.1 requires or recommends of a dataset, and its responsible-AI fields.
REQUIRED = (
    *("@context", "@type", "conformsTo", "description", "license", "name", "url", "creator", "datePublished"),
    *("distribution", "version", "keywords", "citeAs"),
)
RESPONSIBLE = (
    *("dataCollection", "dataBiases", "dataLimitations", "personalSensitiveInformation", "dataUseCases"),
    *(
        "dataReleaseMaintenancePlan",
        "dataSocialImpact",
        "dataAnnotationProtocol",
        "dataPreprocessingProtocol",
    ),
)


def document_of(published):
    return json.loads((published / "croissant.json").read_text())


def dataset_of(published):
    # Its import takes seconds and starts its own logging.
    mlcroissant = pytest.importorskip("mlcroissant")
    return mlcroissant.Dataset(jsonld=published / "croissant.json")


def text_of(value):
    """Text comes as bytes out of mlcroissant."""
    if isinstance(value, list):
        return [text_of(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def test_the_reference_implementation_has_nothing_to_say(published, caplog):
    with caplog.at_level(logging.WARNING):
        dataset = dataset_of(published)
    issues = dataset.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    assert [record.getMessage() for record in caplog.records] == []
    assert dataset.metadata.ctx.conforms_to.value == "http://mlcommons.org/croissant/1.1"
    assert str(dataset.metadata.version) == "1.0.0"


@pytest.mark.parametrize(("name", "file"), [("segments", "audiosetzsl.parquet"), ("drops", "drops.parquet")])
def test_its_records_are_the_rows_of_the_tables(published, name, file):
    expected = {
        "segments": lambda path: read_manifest(path),
        "drops": lambda path: read_table(path, DROPS_SCHEMA),
    }[name](published / file).to_pylist()[:5]
    records = [
        {key.removeprefix(f"{name}/"): text_of(value) for key, value in record.items()}
        for record in islice(dataset_of(published).records(name), 5)
    ]
    assert records == expected


def test_classes_and_splits_are_records_too(published):
    dataset = dataset_of(published)
    manifest = read_manifest(published / "audiosetzsl.parquet")
    lines = class_map(manifest).decode().splitlines()[1:]
    names = [text_of(record["classes/class"]) for record in dataset.records("classes")]
    assert names == [line.split(",")[0] for line in lines]
    assert [record["splits/name"] for record in dataset.records("splits")] == ["train", "val", "test"]


def test_required_and_responsible_fields_are_there(published):
    document = document_of(published)
    assert not [field for field in REQUIRED if field not in document]
    for field in RESPONSIBLE:
        values = document[f"rai:{field}"]
        assert values and all("$" not in value for value in ([values] if isinstance(values, str) else values))
    assert document["isLiveDataset"] is False and document["datePublished"] == "2026-11-23"
    assert "Parida" in document["citeAs"] and "Gemmeke" in document["citeAs"]
    assert document["license"] == [
        "https://creativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org/licenses/by-sa/4.0/",
    ]


def test_every_data_file_is_described_with_its_digest_and_size(published):
    digests, _ = read_sums((published / SUMS).read_bytes())
    described = {file["contentUrl"]: file for file in document_of(published)["distribution"]}
    assert set(described) == set(DATA)
    for name, file in described.items():
        assert file["sha256"] == digests[name]
        assert file["contentSize"] == f"{(published / name).stat().st_size} B"


def test_columns_are_described_in_the_order_of_the_tables(published):
    assert [column.name for column in SEGMENTS] == SCHEMA.names
    assert [column.name for column in DROPS] == DROPS_SCHEMA.names
    header = (published / "class_map.csv").read_text().splitlines()[0]
    assert [column.name for column in CLASSES] == header.split(",")
    for records in document_of(published)["recordSet"][:3]:
        assert all(field["description"] for field in records["field"])
