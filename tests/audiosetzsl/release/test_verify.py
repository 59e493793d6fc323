"""Verifying: a release that contradicts itself is found out, and so is a manifest that breaks a rule."""

import gzip
import json
import shutil

import pyarrow as pa
import pytest
from tampering import MANIFEST, changed_manifest, problems, put, sign

from audiosetzsl.files import read_table, write_table
from audiosetzsl.manifest import DROPS_SCHEMA, SCHEMA, provenance_of, read_manifest, write_manifest
from audiosetzsl.release.checksums import SUMS
from audiosetzsl.release.finding import Finding
from audiosetzsl.release.verify import default_release, verify


def test_a_whole_release_has_no_findings(published):
    assert verify(published) == []


# Files that are whole and contradict one another


def test_lists_that_contradict_the_manifest_are_named_with_the_line(release):
    train = release / "splits" / "train.txt"
    lines = train.read_text().splitlines(keepends=True)
    train.write_text("".join([*lines[:4], *lines[5:]]))
    val = release / "splits" / "val.txt"
    val.write_text(val.read_text() + "-id00000001_30000\n")
    class_map = release / "class_map.csv"
    class_map.write_text(class_map.read_text().replace("7588", "7589"))
    table = release / "audiosetzsl.csv.gz"
    table.write_bytes(gzip.compress(gzip.decompress(table.read_bytes()).replace(b",val,", b",test,", 1)))
    sign(release, "splits/train.txt", "splits/val.txt", "class_map.csv", "audiosetzsl.csv.gz")
    findings = verify(release)
    assert f"line 5: found {lines[5].strip()!r}, the manifest says {lines[4].strip()!r}" in problems(
        findings, "splits/train.txt"
    )
    assert "'-id00000001_30000', the manifest says ''" in problems(findings, "splits/val.txt")[0]
    assert "line 2: found 'dog," in problems(findings, "class_map.csv")[0]
    assert ",test," in problems(findings, "audiosetzsl.csv.gz")[0]
    # The documents state the digests of these files too.
    assert f"gives another sha256 for {val.parent.name}/val.txt than the file has" in problems(
        findings, "croissant.json"
    )
    assert len(problems(findings, "datapackage.json")) == 4


def test_a_list_that_is_no_gzip_is_named(release):
    (release / "audiosetzsl.csv.gz").write_bytes(b"not gzip")
    sign(release, "audiosetzsl.csv.gz")
    assert "cannot be unpacked" in problems(verify(release), "audiosetzsl.csv.gz")[0]


def test_documents_of_another_release_are_named(release):
    for name in ("croissant.json", "datapackage.json"):
        document = json.loads((release / name).read_text())
        (release / name).write_text(json.dumps(document | {"version": "1.2.3"}))
    sign(release, "croissant.json", "datapackage.json")
    expected = "is of version 1.2.3, the manifest of 1.0.0; they are of two releases"
    assert verify(release) == [Finding("croissant.json", expected), Finding("datapackage.json", expected)]


def test_a_document_that_describes_what_is_not_there_is_named(release):
    document = json.loads((release / "croissant.json").read_text())
    document["distribution"].append({"contentUrl": "more.csv", "sha256": "0" * 64})
    (release / "croissant.json").write_text(json.dumps(document))
    (release / "datapackage.json").write_text("[]")
    sign(release, "croissant.json", "datapackage.json")
    first, second = verify(release)
    assert first == Finding("croissant.json", "describes more.csv, which is no file of a release")
    assert second.file == "datapackage.json" and "cannot be read (TypeError" in second.problem


def test_drops_that_break_a_rule_are_named(release):
    drops = read_table(release / "drops.parquet", DROPS_SCHEMA)
    manifest = read_manifest(release / MANIFEST)
    frame = drops.to_pandas()
    frame.loc[0, "reason"] = "not_in_release"
    frame.at[1, "classes"] = ["cat"]
    frame.at[2, "mids"] = ["/m/09x0r"]
    frame.loc[3, ["segment_id", "ytid"]] = ["zzz", manifest["ytid"][0].as_py()]
    frame = frame.iloc[[1, 0, 2, 3]]
    write_table(
        pa.Table.from_pandas(frame, DROPS_SCHEMA, preserve_index=False),
        release / "drops.parquet",
        DROPS_SCHEMA,
    )
    sign(release, "drops.parquet")
    found = " | ".join(problems(verify(release), "drops.parquet"))
    for rule in (
        "segment zzz: its id is not <ytid>_<start in ms>",
        "ids are not ascending, each once",
        "segment zzz: its video is in the manifest too",
        "carries none of the classes",
        "its reason is not what its labels and its list say",
        "its classes are not those of its labels",
    ):
        assert rule in found


def test_drops_of_another_schema_are_named(release):
    shutil.copy(release / MANIFEST, release / "drops.parquet")
    sign(release, "drops.parquet")
    assert "columns are" in problems(verify(release), "drops.parquet")[0]


# A manifest alone


def test_a_manifest_alone_is_held_to_its_schema_and_rules(published):
    assert verify(published / MANIFEST) == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (put("mids", ["/m/09x0r"]), "carries none of the classes or several, expected exactly one"),
        (
            put("mids", ["/m/0bt9lr", "/m/01bjv"]),
            "carries none of the classes or several, expected exactly one",
        ),
        (put("mids", ["/m/0bt9lr", "/m/0gy1t2s"]), "carries a label that the class list excludes"),
        (put("mids", ["/m/01bjv"]), "is not in the class that its labels say"),
        (put("source", "balanced"), "is in a list that is not used"),
        (put("split", "test"), "is not in the split that its digest says"),
    ],
)
def test_a_row_that_breaks_a_rule_is_named(published, tmp_path, change, rule):
    path = changed_manifest(published, tmp_path, change)
    first = read_manifest(path)["segment_id"][0].as_py()
    assert f"segment {first}: {rule}" in " | ".join(problems(verify(path), MANIFEST))


def test_a_class_with_another_seen_is_named_once_with_its_count(published, tmp_path):
    def change(frame):
        frame.loc[frame.class_name == "dog", "seen"] = False

    findings = verify(changed_manifest(published, tmp_path, change))
    assert len(findings) == 1
    assert findings[0].problem.endswith("has another `seen` than the class list (and 4 more)")


def test_a_sample_keeps_the_splits_of_the_whole(published, tmp_path):
    manifest = read_manifest(published / MANIFEST)
    path = write_manifest(manifest[::3], tmp_path / MANIFEST, provenance_of(manifest) | {"sample_of": "all"})
    assert verify(path) == []


def test_a_manifest_that_is_absent_cut_or_without_provenance_is_a_finding(published, tmp_path):
    assert "does not exist" in verify(tmp_path / "none.parquet")[0].problem
    (tmp_path / "cut.parquet").write_bytes((published / MANIFEST).read_bytes()[:-9])
    assert "is damaged" in verify(tmp_path / "cut.parquet")[0].problem
    path = write_manifest(read_manifest(published / MANIFEST), tmp_path / "bare.parquet", {})
    assert "does not say which classes it was built with" in verify(path)[0].problem
    table = read_manifest(published / MANIFEST).replace_schema_metadata({b"audiosetzsl": b"{"})
    write_table(table, tmp_path / "garbled.parquet", SCHEMA)
    assert verify(tmp_path / "garbled.parquet")[0].file == "garbled.parquet"


def test_without_a_path_the_checkout_or_the_installed_manifest_is_meant(monkeypatch, tmp_path, release):
    package = tmp_path / "audiosetzsl"
    package.mkdir()
    monkeypatch.setattr("audiosetzsl.release.verify.files", lambda _: package)
    assert default_release() == release, "the fixture lies beside the package, as in a checkout"
    (release / SUMS).unlink()
    monkeypatch.setattr("audiosetzsl.release.verify.published_path", lambda: package / "data" / MANIFEST)
    assert default_release() == package / "data" / MANIFEST
