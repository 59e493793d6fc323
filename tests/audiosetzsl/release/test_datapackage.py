"""datapackage.json, judged by frictionless, which holds every row of the tables to it."""

import gzip
import json
from pathlib import Path

import pytest

from audiosetzsl.release.contents import DATA

frictionless = pytest.importorskip("frictionless")
COMMITTED = Path(__file__).parents[3] / "manifests"

# frictionless 5.21 leaves the file under a gzip stream to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")


def report_of(directory):
    report = frictionless.validate(directory / "datapackage.json")
    errors = [
        (task.name, getattr(error, "field_name", None), error.type)
        for task in report.tasks
        for error in task.errors
    ]
    return report, errors


def change(release, old, new):
    """Change the CSV and what the package says of its bytes, so that only its rows can be wrong."""
    path = release / "audiosetzsl.csv.gz"
    content = gzip.decompress(path.read_bytes())
    assert old in content
    path.write_bytes(gzip.compress(content.replace(old, new, 1)))
    package = json.loads((release / "datapackage.json").read_text())
    for resource in package["resources"]:
        if resource["name"] == "segments":
            del resource["hash"], resource["bytes"]
    (release / "datapackage.json").write_text(json.dumps(package))


def test_a_release_is_valid(published):
    report, errors = report_of(published)
    assert report.valid, errors
    assert {task.name for task in report.tasks if task.type == "table"} == {"segments", "classes"}
    assert len(report.tasks) == len(DATA)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (b"-id00000002,", b"-id0000000,", ("ytid", "constraint-error")),
        (b",val,", b",valid,", ("split", "constraint-error")),
        (b",unbalanced,", b",balanced,", ("source", "constraint-error")),
        (b",True,", b",yes,", ("seen", "type-error")),
        (b",30.0,", b",,", ("start_s", "constraint-error")),
        (b";/m/09x0r", b";;/m/09x0r", ("mids", "constraint-error")),
        (b"-id00000004_30000", b"-id00000002_30000", (None, "primary-key")),
    ],
)
def test_a_row_that_breaks_the_schema_is_found(release, old, new, error):
    change(release, old, new)
    report, errors = report_of(release)
    assert not report.valid
    assert ("segments", *error) in errors


def test_a_changed_file_is_found_by_its_digest(release):
    path = release / "splits" / "val.txt"
    path.write_text(path.read_text().replace("0", "1"))
    _, errors = report_of(release)
    assert ("splits-val-txt", None, "hash-count") in errors


@pytest.mark.real
def test_the_committed_release_is_valid():
    if not (COMMITTED / "datapackage.json").is_file():
        pytest.skip(f"no release is published in {COMMITTED}")
    report, errors = report_of(COMMITTED)
    assert report.valid, errors[:5]
