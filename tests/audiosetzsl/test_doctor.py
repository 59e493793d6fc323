"""The doctor: every check tells what it found, and none of them raises."""

import pytest

from audiosetzsl import doctor
from audiosetzsl.doctor import examine, find_lists, find_manifest, find_space, find_weights
from audiosetzsl.downloads import DigestKind, Pin, git_blob_id_of
from audiosetzsl.manifest import SCHEMA, write_manifest


def test_a_bare_machine_is_examined_without_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = examine(None, tmp_path / "no" / "workspace")
    assert len({finding.name for finding in findings}) == len(findings) == 10
    assert all(finding.found and finding.advice for finding in findings)
    assert not (tmp_path / "no").exists()


def test_lists_that_nobody_named_are_not_looked_for():
    found = find_lists(None)
    assert (found.ready, found.found) == (False, "not looked for")
    assert "--audioset" in found.advice


def test_lists_are_told_apart_by_digest(tmp_path, write_audioset):
    write_audioset(tmp_path, {}, {"/m/a": "Dog"})
    (tmp_path / "eval_segments.csv").unlink()
    (tmp_path / "ontology.json").rename(tmp_path / "ontology.json.gz")  # no gzip stream
    found = find_lists(tmp_path)
    assert not found.ready
    assert found.found == (
        "0 of 6 as published; absent or unreadable: eval_segments.csv, ontology.json; not AudioSet's: "
        "unbalanced_train_segments.csv, balanced_train_segments.csv, class_labels_indices.csv, "
        f"qa_true_counts.csv, in {tmp_path}"
    )


@pytest.mark.real
def test_audiosets_own_files_are_ready(real_data):
    assert find_lists(real_data / "audioset").found.startswith("6 of 6 as published, in ")
    assert find_lists(real_data / "audioset").ready


def test_weights_are_found_where_they_are_fetched_to(tmp_path, monkeypatch):
    there = {"AZSL_WEIGHTS": str(tmp_path)}
    assert find_weights(there).found == f"no rgb_imagenet.pt; in {tmp_path}" and not find_weights(there).ready
    (tmp_path / "rgb_imagenet.pt.part").write_bytes(b"half of it")
    assert not find_weights(there).ready
    path = tmp_path / "rgb_imagenet.pt"
    path.write_bytes(bytes(2_000_000))
    found = find_weights(there)
    assert (found.ready, found.found) == (
        False,
        f"rgb_imagenet.pt (2.0 MB), not as published; in {tmp_path}",
    )
    monkeypatch.setattr(doctor, "I3D_PIN", Pin(git_blob_id_of(path), DigestKind.GIT_BLOB))
    found = find_weights(there)
    assert (found.ready, found.found) == (True, f"rgb_imagenet.pt (2.0 MB), as published; in {tmp_path}")


def test_other_weights_are_named_and_are_not_enough(tmp_path):
    for name in ("s3d-d76dad2f.pth", "mine.safetensors", "notes.txt"):
        (tmp_path / name).write_bytes(bytes(1_500_000))
    (tmp_path / "gone.pt").symlink_to(tmp_path / "nowhere")
    found = find_weights({"AZSL_WEIGHTS": str(tmp_path)})
    others = "mine.safetensors (1.5 MB), s3d-d76dad2f.pth (1.5 MB)"
    assert found.found == f"no rgb_imagenet.pt; others are there: {others}; in {tmp_path}"
    assert not found.ready


def test_space_is_that_of_the_nearest_folder_that_exists(tmp_path, monkeypatch):
    found = find_space(tmp_path / "not" / "yet")
    assert found.found.endswith(f"GB free at {tmp_path}")
    monkeypatch.setattr(doctor, "CLIPS_GB", 1e9)
    assert not find_space(tmp_path).ready
    monkeypatch.setattr(doctor, "CLIPS_GB", -doctor.SHARDS_GB)
    assert find_space(tmp_path).ready


def test_a_manifest_is_loaded_and_counted(tmp_path):
    path = write_manifest(SCHEMA.empty_table(), tmp_path / "manifest.parquet", {})
    found = find_manifest(path)
    assert (found.ready, found.found) == (True, "0 segments of 0 classes")


def test_a_damaged_manifest_is_a_finding(tmp_path):
    path = tmp_path / "manifest.parquet"
    path.write_bytes(b"PAR1 and no more")
    found = find_manifest(path)
    assert not found.ready
    assert "is damaged" in found.found
    assert "install audiosetzsl again" in found.advice
