"""Deriving a release again: every row has to follow from AudioSet's lists."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tampering import MANIFEST, changed_manifest, problems, put, sign

from audiosetzsl.building.official import by_release, read_release
from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.errors import AudioSetFileError, ManifestError
from audiosetzsl.files import read_table, write_table
from audiosetzsl.manifest import DROPS_SCHEMA, SCHEMA, provenance_of, read_manifest, write_manifest
from audiosetzsl.release.checksums import SUMS
from audiosetzsl.release.finding import Finding
from audiosetzsl.release.verify import verify
from audiosetzsl.workspace import Workspace

COMMITTED = Path(__file__).parents[3] / "manifests"


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
