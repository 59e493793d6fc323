"""Publishing: every file, every number in it, and what happens to what was there before."""

import json
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import yaml

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.errors import ManifestError
from audiosetzsl.files import read_table, sha256_of, write_table
from audiosetzsl.manifest import DROPS_SCHEMA, provenance_of, read_manifest, write_manifest
from audiosetzsl.release.checksums import SUMS, files_in
from audiosetzsl.release.contents import CHANGELOG, FILES, digest_of
from audiosetzsl.release.publish import publish
from audiosetzsl.release.verify import verify
from audiosetzsl.tables.paper import COUNTS
from audiosetzsl.workspace import Workspace

DATE = date(2026, 11, 23)


def bytes_of(directory):
    return {name: (directory / name).read_bytes() for name in [*files_in(directory), SUMS]}


def copy_of(workspace, to):
    shutil.copytree(workspace.root, to)
    return Workspace(to)


def write_rows(workspace, table):
    """Write a changed manifest into a workspace, its provenance as before."""
    write_manifest(table, workspace.manifest, provenance_of(read_manifest(workspace.manifest)))


def test_a_release_has_every_file_and_nothing_else(published):
    assert set(files_in(published)) == set(FILES)
    assert (published / SUMS).is_file()
    assert [path.name for path in published.parent.iterdir()] == ["manifests"], "the scratch folder is gone"


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_accepts_the_checksums(published):
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=published, check=True)


def test_the_same_tables_give_the_same_bytes_however_they_lie_in_memory(tmp_path, workspace, published):
    other = copy_of(workspace, tmp_path / "other")
    manifest = read_manifest(other.manifest)
    write_table(pa.concat_tables([manifest[:7], manifest[7:]]), other.manifest, manifest.schema)
    drops = read_table(other.drops, DROPS_SCHEMA)
    write_table(pa.concat_tables([drops[:1], drops[1:]]), other.drops, DROPS_SCHEMA)
    publish(other, tmp_path / "again", date=DATE)
    assert bytes_of(tmp_path / "again") == bytes_of(published)


def test_publishing_again_changes_nothing(workspace, release):
    before = bytes_of(release)
    done = publish(workspace, release, date=DATE)
    assert bytes_of(release) == before
    assert (done.deleted, done.foreign) == ([], [])
    assert done.files == {name: len(content) for name, content in before.items()}


def test_the_csv_holds_the_manifest(published):
    frame = pd.read_csv(published / "audiosetzsl.csv.gz")
    frame["mids"] = frame["mids"].str.split(";")
    table = pa.Table.from_pandas(frame, preserve_index=False)
    manifest = read_manifest(published / "audiosetzsl.parquet")
    assert table.cast(manifest.schema).to_pylist() == manifest.to_pylist()


def test_split_lists_hold_every_segment_once(published):
    manifest = read_manifest(published / "audiosetzsl.parquet").to_pandas()
    for split in ("train", "val", "test"):
        listed = (published / "splits" / f"{split}.txt").read_text().splitlines()
        assert listed == sorted(manifest.segment_id[manifest.split == split])


def test_the_class_map_counts_here_and_in_the_paper(published):
    rows = pd.read_csv(published / "class_map.csv").set_index("class")
    manifest = read_manifest(published / "audiosetzsl.parquet").to_pandas()
    assert list(rows.index) == AUDIOSETZSL.names
    assert rows.loc["cattle", "label"] == "Sound, cattle"
    for name, row in rows.iterrows():
        assert tuple(row[["paper_train", "paper_val", "paper_test"]]) == COUNTS[name]
        sizes = manifest[manifest.class_name == name].split.value_counts()
        assert {split: row[split] for split in sizes.index} == sizes.to_dict()
        assert row.total == sizes.sum() and row.paper_total == sum(COUNTS[name])
        assert row.mid == AUDIOSETZSL[name].mid and row.seen == AUDIOSETZSL[name].seen


def test_the_card_opens_in_the_form_of_hugging_face(published):
    card = (published / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["license"] == ["cc-by-4.0", "cc-by-sa-4.0"]
    assert front["size_categories"] == ["n<1K"]
    paths = [file["path"] for config in front["configs"] for file in config["data_files"]]
    assert paths and all((published / path).is_file() for path in paths)
    assert [config["config_name"] for config in front["configs"] if config.get("default")] == ["segments"]


def test_the_card_quotes_what_the_tables_hold(published):
    card = (published / "README.md").read_text()
    manifest = read_manifest(published / "audiosetzsl.parquet").to_pandas()
    assert f"lists {len(manifest)} segments" in card and "23 seen classes, 10 unseen ones" in card
    assert f"`-` ({manifest.ytid.str.startswith('-').sum()} do)" in card
    assert f"{(manifest.end_s - manifest.start_s < 10).sum()} segments are shorter than 10 seconds" in card
    assert "| car | Sound, car `/m/0k4j` | seen | 3 | 1 | 1 | 5 | 38,315 |" in card
    assert "156,416" in card and "1713 is right" in card
    for line in re.findall(r"^\| .* \|$", card, re.MULTILINE):
        assert "None" not in line


def test_the_funnel_in_the_card_adds_up(published, audioset):
    card = (published / "README.md").read_text()
    funnel = card.split("### Where all segments went")[1].split("##")[0]
    counts = [int(n.replace(",", "")) for n in re.findall(r"\| (-?[\d,]+) \|$", funnel, re.MULTILINE)]
    lines = sum(len(path.read_text().splitlines()) - 3 for path in audioset.glob("*_segments.csv"))
    assert counts[0] == lines and sum(counts[:-1]) == counts[-1]


def test_a_build_that_did_not_count_all_rows_has_a_shorter_funnel(tmp_path, workspace):
    other = copy_of(workspace, tmp_path / "other")
    manifest = read_manifest(other.manifest)
    noted = {key: value for key, value in provenance_of(manifest).items() if key != "rows"}
    write_manifest(manifest, other.manifest, noted)
    publish(other, tmp_path / "to", date=DATE)
    card = (tmp_path / "to" / "README.md").read_text()
    drops = read_table(other.drops, DROPS_SCHEMA)
    assert f"| carry one of the classes | {len(manifest) + len(drops)} |" in card
    assert "AudioSet's lists |" not in card


def test_documents_state_licences_and_how_to_be_left_out(published):
    licences = (published / "LICENSES.md").read_text()
    assert "CC BY 4.0" in licences and "CC BY-SA 4.0" in licences and "No sound and no picture" in licences
    assert "Gemmeke" in licences
    assert "left out of the manifest and of the drops" in (published / "REMOVAL.md").read_text()
    assert "## 1.0.0 (2026-11-23)" in (published / CHANGELOG).read_text()


def test_a_class_list_of_ones_own_is_not_called_the_papers(tmp_path, own_workspace, audioset):
    publish(own_workspace, tmp_path / "to", date=DATE, version="0.1.0")
    card = (tmp_path / "to" / "README.md").read_text()
    assert "# own, version 0.1.0" in card and "Beside the paper" not in card and "there are none" in card
    croissant = json.loads((tmp_path / "to" / "croissant.json").read_text())
    assert croissant["creator"] == [{"@type": "sc:Organization", "name": "Publishers of own"}]
    assert (tmp_path / "to" / "class_map.csv").read_text().splitlines()[1].endswith(",,,,")
    assert verify(tmp_path / "to", audioset=audioset) == []


def test_the_split_of_the_authors_is_described_as_theirs(tmp_path, workspace):
    other = copy_of(workspace, tmp_path / "other")
    manifest = read_manifest(other.manifest)
    write_manifest(manifest, other.manifest, provenance_of(manifest) | {"split": "release"})
    publish(other, tmp_path / "to", date=DATE)
    card = (tmp_path / "to" / "README.md").read_text()
    assert "those of the authors' own lists" in card and "`not_in_release`: 0 segments" in card
    assert "drawn anew" not in card


# What was there before


def test_files_of_an_older_release_go_and_foreign_ones_stay(workspace, release):
    for name in ("old.csv", "changed.csv", "foreign.txt"):
        (release / name).write_text(name)
    listed = [(sha256_of(release / name), name) for name in ("changed.csv", "old.csv")]
    sums = (release / SUMS).read_text().splitlines() + [f"{digest}  {name}" for digest, name in listed]
    (release / SUMS).write_text("".join(f"{line}\n" for line in sorted(sums, key=lambda line: line[66:])))
    (release / "changed.csv").write_text("changed by somebody")

    done = publish(workspace, release, date=DATE)
    assert done.deleted == ["old.csv"] and not (release / "old.csv").exists()
    assert done.foreign == ["changed.csv", "foreign.txt"]
    assert (release / "foreign.txt").read_text() == "foreign.txt"


def test_a_release_that_cannot_be_rendered_leaves_the_old_one(monkeypatch, workspace, release):
    before = bytes_of(release)
    monkeypatch.setattr("audiosetzsl.release.publish.pages", lambda *_: {"README.md": b"no licences"})
    with pytest.raises(FileNotFoundError):
        publish(workspace, release, date=DATE)
    assert bytes_of(release) == before
    assert [path.name for path in release.parent.iterdir()] == ["manifests"]


def test_a_release_that_does_not_verify_is_not_published(monkeypatch, workspace, release):
    before = bytes_of(release)
    monkeypatch.setattr("audiosetzsl.release.publish.croissant", lambda *_: b"{}")
    with pytest.raises(
        ManifestError, match=r"nothing is published, the release is wrong: croissant\.json: cannot"
    ):
        publish(workspace, release, date=DATE, version="1.0.1")
    assert bytes_of(release) == before


def test_an_interrupted_swap_is_found_and_the_next_attempt_repairs_it(
    monkeypatch, tmp_path, workspace, release
):
    other = copy_of(workspace, tmp_path / "other")
    write_rows(other, read_manifest(other.manifest)[1:])
    right = tmp_path / "right"
    shutil.copytree(release, right)
    publish(other, right, date=DATE, version="2.0.0")

    move, moved = Path.replace, []

    def dies(self, target):
        if self.name in FILES and Path(target).parent in (release, release / "splits"):
            moved.append(self.name)
            if len(moved) > 3:
                raise OSError("the power went")
        return move(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dies)
        with pytest.raises(OSError, match="the power went"):
            publish(other, release, date=DATE, version="2.0.0")
    assert verify(release)
    publish(other, release, date=DATE, version="2.0.0")
    assert bytes_of(release) == bytes_of(right)


def test_the_next_version_says_what_changed_and_keeps_the_history(tmp_path, workspace, release):
    other = copy_of(workspace, tmp_path / "other")
    manifest = read_manifest(other.manifest)
    write_rows(other, manifest[2:])
    publish(other, release, date=date(2027, 1, 2), version="2.0.0")
    text = (release / CHANGELOG).read_text()
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["2.0.0 (2027-01-02)", "1.0.0 (2026-11-23)"]
    newest, oldest = text.split("## ")[1:]
    assert f"- {len(manifest) - 2} segments in 33 classes.\n- 2 segments removed.\n" in newest
    assert f"First version: {len(manifest)} segments" in oldest

    publish(other, release, date=date(2027, 1, 3), version="2.0.1")
    newest = (release / CHANGELOG).read_text().split("## ")[1]
    assert (
        newest
        == f"2.0.1 (2027-01-03)\n\n- {len(manifest) - 2} segments in 33 classes.\n- No segment changed.\n\n"
    )


def test_a_published_version_never_changes(tmp_path, workspace, release):
    other = copy_of(workspace, tmp_path / "other")
    write_rows(other, read_manifest(other.manifest)[2:])
    before = bytes_of(release)
    with pytest.raises(
        ManifestError, match=r"holds version 1\.0\.0 with other segments \(2 differ\).*--version"
    ):
        publish(other, release, date=DATE)
    assert bytes_of(release) == before


def test_drops_of_a_published_version_never_change_either(workspace, release):
    gone = read_table(workspace.drops, DROPS_SCHEMA)["ytid"][0].as_py()
    with pytest.raises(
        ManifestError, match=r"holds version 1\.0\.0 with other drops, and a published version"
    ):
        publish(workspace, release, date=DATE, removed=[gone])


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "1.0.0-rc1", "01.0.0", ""])
def test_a_version_has_three_numbers(tmp_path, workspace, version):
    with pytest.raises(ManifestError, match=rf"version is '{version}', expected MAJOR\.MINOR\.PATCH"):
        publish(workspace, tmp_path / "to", date=DATE, version=version)
    assert not (tmp_path / "to").exists()


def test_a_sample_is_not_published(tmp_path, workspace):
    other = copy_of(workspace, tmp_path / "other")
    manifest = read_manifest(other.manifest)
    write_manifest(manifest[:5], other.manifest, provenance_of(manifest) | {"sample_of": "all.parquet"})
    with pytest.raises(ManifestError, match=r"is a sample of all\.parquet, expected a whole build"):
        publish(other, tmp_path / "to", date=DATE)


def test_a_workspace_without_drops_is_named(tmp_path, workspace):
    other = copy_of(workspace, tmp_path / "other")
    other.drops.unlink()
    with pytest.raises(ManifestError, match=r"drops\.parquet does not exist; make it first"):
        publish(other, tmp_path / "to", date=DATE)


def test_a_manifest_without_provenance_is_refused(tmp_path, workspace):
    other = copy_of(workspace, tmp_path / "other")
    write_manifest(read_manifest(other.manifest), other.manifest, {})
    with pytest.raises(ManifestError, match="does not say which classes"):
        publish(other, tmp_path / "to", date=DATE)


# Removal


def test_a_removed_video_is_gone_and_stays_away(tmp_path, workspace, release, audioset):
    manifest, drops = read_manifest(workspace.manifest), read_table(workspace.drops, DROPS_SCHEMA)
    gone = [manifest["ytid"][3].as_py(), drops["ytid"][0].as_py()]
    publish(workspace, release, date=DATE, version="2.0.0", removed=gone)
    publish(workspace, release, date=DATE, version="2.0.1")

    left = read_manifest(release / "audiosetzsl.parquet")
    assert provenance_of(left)["removed"] == sorted(digest_of(ytid) for ytid in gone)
    assert left.to_pylist() == [row for row in manifest.to_pylist() if row["ytid"] not in gone]
    assert len(read_table(release / "drops.parquet", DROPS_SCHEMA)) == len(drops) - 1
    for name, content in bytes_of(release).items():
        assert not any(ytid.encode() in content for ytid in gone), name
    assert "- 1 segment removed." in (release / CHANGELOG).read_text()
    assert "| left out on request (REMOVAL.md) | -2 |" in (release / "README.md").read_text()
    assert verify(release, audioset=audioset) == [], "re-derivation knows that it is not missing by mistake"


def test_an_id_to_remove_has_eleven_characters(tmp_path, workspace):
    with pytest.raises(ManifestError, match="to remove: 'watch' is no video id, expected its eleven"):
        publish(workspace, tmp_path / "to", date=DATE, removed=["watch"])


def test_a_damaged_older_release_is_not_replaced_since_it_knows_who_was_removed(workspace, release):
    manifest = release / "audiosetzsl.parquet"
    manifest.write_bytes(manifest.read_bytes()[:-20])
    with pytest.raises(
        ManifestError, match="says which videos were removed on request, so bring it back first"
    ):
        publish(workspace, release, date=DATE)
