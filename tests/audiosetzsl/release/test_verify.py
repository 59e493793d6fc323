"""Verifying: a flipped byte anywhere is found, and so is a release that contradicts itself or AudioSet."""

import gzip
import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from audiosetzsl.building.official import by_release, read_release
from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.errors import AudioSetFileError, ManifestError
from audiosetzsl.files import read_table, sha256_of, write_table
from audiosetzsl.manifest import DROPS_SCHEMA, SCHEMA, provenance_of, read_manifest, write_manifest
from audiosetzsl.release.checksums import SUMS, check_sums, read_sums, sums_text
from audiosetzsl.release.contents import FILES
from audiosetzsl.release.finding import Finding
from audiosetzsl.release.verify import default_release, verify
from audiosetzsl.workspace import Workspace

MANIFEST = "audiosetzsl.parquet"
COMMITTED = Path(__file__).parents[3] / "manifests"


def sign(release, *names):
    """Make SHA256SUMS agree with changed files, as somebody would who wants to hide the change."""
    digests, _ = read_sums((release / SUMS).read_bytes())
    for name in names:
        digests[name] = sha256_of(release / name)
    (release / SUMS).write_bytes(sums_text(digests))


def problems(findings, file):
    return [finding.problem for finding in findings if finding.file == file]


def flipped(content, at, bit):
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def test_a_whole_release_has_no_findings(published):
    assert verify(published) == []


@pytest.mark.parametrize("name", [*FILES, SUMS])
def test_a_flipped_bit_anywhere_is_found(release, name):
    draw = random.Random(name)
    path = release / name
    content = path.read_bytes()
    for at in {0, len(content) - 1, *(draw.randrange(len(content)) for _ in range(10))}:
        bit = draw.randrange(8)
        path.write_bytes(flipped(content, at, bit))
        findings = verify(release)
        assert findings, f"byte {at}, bit {bit}"
        if name != SUMS:
            assert [finding.file for finding in findings] == [name], "what is damaged is named, and only that"
    path.write_bytes(content)
    assert verify(release) == []


def test_every_byte_of_the_checksums_matters(release):
    content = (release / SUMS).read_bytes()
    draw = random.Random(0)
    for at in range(len(content)):
        (release / SUMS).write_bytes(flipped(content, at, draw.randrange(8)))
        assert check_sums(release, FILES)[1], f"byte {at}"


@pytest.mark.parametrize("name", FILES)
def test_a_byte_more_or_less_and_an_absent_file_are_found(release, name):
    path = release / name
    content = path.read_bytes()
    for changed in (content + b"\n", content[:-1], b""):
        path.write_bytes(changed)
        assert "it is damaged, get it again" in problems(verify(release), name)[0]
    path.unlink()
    assert verify(release) == [Finding(name, "is listed in SHA256SUMS and absent; get it again")]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda s: s[:64].upper() + s[64:],
            r"line 1: found '[0-9A-F]{64}  CHANGELOG.md', expected 64 lower-case",
        ),
        (
            lambda s: s.replace("  CHANGELOG", " *CHANGELOG"),
            r"line 1: found .*expected .* two blanks, a name",
        ),
        (lambda s: s.replace("  CHANGELOG.md", "  ../CHANGELOG.md"), r"line 1: found .*\.\./CHANGELOG"),
        (lambda s: s + s.splitlines()[-1] + "\n", r"line 14: splits/val\.txt stands there twice"),
        (lambda s: s.removesuffix("\n"), r"does not end with a line end; it was cut or changed"),
        (
            lambda s: "".join(sorted(s.splitlines(keepends=True))),
            r"its names are not in order; it was edited",
        ),
        (lambda s: s.replace("\n", "\r\n"), r"line 1: found "),
        (lambda s: s + "\n", r"line 14: found ''"),
    ],
)
def test_checksums_have_one_form(release, change, problem):
    path = release / SUMS
    path.write_bytes(change(path.read_text()).encode())
    found = problems(verify(release), SUMS)
    assert re.search(problem, found[0])


def test_a_folder_without_checksums_is_no_release(tmp_path):
    assert verify(tmp_path) == [
        Finding(SUMS, "is absent, so nothing can be checked; get the whole release again")
    ]


def test_a_foreign_file_is_named(release):
    (release / "splits" / "extra.txt").write_text("foreign")
    (release / ".hidden").write_text("foreign")
    assert verify(release) == [
        Finding(".hidden", "is not listed in SHA256SUMS"),
        Finding("splits/extra.txt", "is not listed in SHA256SUMS"),
    ]


def test_a_file_that_every_release_has_is_missed_though_the_checksums_hide_it(release):
    digests, _ = read_sums((release / SUMS).read_bytes())
    del digests["LICENSES.md"]
    (release / "LICENSES.md").unlink()
    (release / SUMS).write_bytes(sums_text(digests))
    assert verify(release) == [Finding("LICENSES.md", "belongs to every release and is absent")]


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


def changed_manifest(published, to, change, **noted):
    manifest = read_manifest(published / MANIFEST)
    frame = manifest.to_pandas()
    change(frame)
    table = pa.Table.from_pandas(frame, SCHEMA, preserve_index=False)
    return write_manifest(table, to / MANIFEST, provenance_of(manifest) | noted)


def put(column, value, row=0):
    def change(frame):
        frame.at[row, column] = value

    return change


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


# Re-derivation


def test_every_row_is_derived_again(published, audioset):
    assert verify(published, audioset=audioset) == []


def test_a_row_that_the_lists_do_not_give_is_named_with_both_values(published, tmp_path, audioset):
    path = changed_manifest(published, tmp_path, put("end_s", 35.0, row=4))
    row = read_manifest(path).slice(4, 1).to_pylist()[0]
    original = read_manifest(published / MANIFEST)["end_s"][4].as_py()
    assert verify(path, audioset=audioset) == [
        Finding(MANIFEST, f"segment {row['segment_id']}: end_s is 35.0, AudioSet's lists give {original}")
    ]


def test_differences_are_named_five_times_and_counted(published, tmp_path, audioset):
    def change(frame):
        frame["line"] += 1

    path = changed_manifest(published, tmp_path, change)
    n = len(read_manifest(path))
    findings = verify(path, audioset=audioset)
    assert len(findings) == 6
    assert findings[-1].problem == f"{n} segments have another line; the first 5 are named"


def test_rows_too_many_and_too_few_are_named(published, tmp_path, audioset):
    manifest = read_manifest(published / MANIFEST)
    keep = np.arange(len(manifest)) >= 7
    frame = manifest.filter(pa.array(keep)).to_pandas()
    frame.loc[len(frame) - 1, ["ytid", "segment_id"]] = ["zzzzzzzzzzz", "zzzzzzzzzzz_30000"]
    frame.loc[len(frame) - 1, "start_s"] = 30.0
    frame.loc[len(frame) - 1, "end_s"] = 40.0
    table = pa.Table.from_pandas(frame, SCHEMA, preserve_index=False)
    noted = provenance_of(manifest) | {"sample_of": "all"}  # so that only the lists can tell
    path = write_manifest(table, tmp_path / MANIFEST, noted)
    found = problems(verify(path, audioset=audioset), MANIFEST)
    assert "segment zzzzzzzzzzz_30000: is published and not given by AudioSet's lists" in found
    missing = manifest["segment_id"][0].as_py()
    assert f"segment {missing}: is given by AudioSet's lists and not published" in found
    assert (
        "8 segments of which each is given by AudioSet's lists and not published; the first 5 are named"
        in found
    )


def test_drops_are_derived_again(release, audioset):
    drops = read_table(release / "drops.parquet", DROPS_SCHEMA)
    write_table(drops[1:], release / "drops.parquet", DROPS_SCHEMA)
    sign(release, "drops.parquet")
    first = drops["segment_id"][0].as_py()
    assert f"segment {first}: is given by AudioSet's lists and not published" in problems(
        verify(release, audioset=audioset), "drops.parquet"
    )


def test_other_lists_than_those_of_the_build_are_named(published, tmp_path, audioset):
    lists = provenance_of(read_manifest(published / MANIFEST))["lists"]
    noted = {key: value for key, value in lists.items() if key != "eval"} | {"balanced": "0" * 64}
    path = changed_manifest(published, tmp_path, lambda frame: None, lists=noted)
    found = problems(verify(path, audioset=audioset), MANIFEST)
    assert sorted(found) == [
        f"was made from another balanced list (sha256 {'0' * 64}) than this one, sha256 {lists['balanced']}",
        f"was made from another eval list (one it does not name) than this one, sha256 {lists['eval']}",
    ]


def test_lists_that_cannot_be_read_are_no_finding_about_the_release(published, tmp_path):
    with pytest.raises(AudioSetFileError, match=r"ontology\.json .*is not in"):
        verify(published, audioset=tmp_path)


def test_a_manifest_of_the_authors_lists_is_derived_from_them(tmp_path, workspace, audioset, build_into):
    manifest = read_manifest(workspace.manifest).to_pandas()
    theirs = tmp_path / "theirs"
    for row in manifest[~manifest.class_name.isin(["cat"])].itertuples():
        folder = {"train": "trn", "val": "val", "test": "tst"}[row.split]
        path = theirs / "youtube-id" / folder / f"{row.class_name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        line = f"{row.line}, {row.ytid}, {row.start_s:.3f}, {row.end_s:.3f}, {', '.join(row.mids)}\n"
        path.write_text((path.read_text() if path.is_file() else "") + line)
    made = Workspace(tmp_path / "made")
    rule = by_release(read_release(str(theirs), AUDIOSETZSL), AUDIOSETZSL, [])
    build_into(made, audioset, AUDIOSETZSL, rule, "release")
    assert verify(made.manifest, audioset=audioset, release=str(theirs)) == []
    with pytest.raises(ManifestError, match=r"made from the authors' lists; say where they are: --release"):
        verify(made.manifest, audioset=audioset)


def test_a_split_that_nobody_knows_cannot_be_derived(published, tmp_path, audioset):
    path = changed_manifest(published, tmp_path, lambda frame: None, split="by moon")
    with pytest.raises(
        ManifestError, match="the manifest's split is 'by moon', expected 'hash' or 'release'"
    ):
        verify(path, audioset=audioset)


@pytest.mark.real
def test_the_committed_release_is_whole_and_follows_from_audiosets_lists(real_data):
    if not (COMMITTED / SUMS).is_file():
        pytest.skip(f"no release is published in {COMMITTED}")
    assert verify(COMMITTED, audioset=real_data / "audioset") == []
