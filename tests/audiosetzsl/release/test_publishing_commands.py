"""The commands publish, verify and diff: what they print and how they exit."""

import re

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from audiosetzsl.cli import publishing
from audiosetzsl.errors import ManifestError, SetupError
from audiosetzsl.manifest import SCHEMA, provenance_of, read_manifest, write_manifest
from audiosetzsl.release.checksums import SUMS

app = typer.Typer()
for command in (publishing.publish, publishing.verify, publishing.diff):
    app.command()(command)


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_publish_verify_and_diff_in_a_row(tmp_path, workspace, audioset):
    old, new = tmp_path / "old", tmp_path / "new"
    done = run("publish", "--workspace", workspace.root, "--to", old, "--date", "2026-11-23")
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())  # a long path breaks lines
    assert "version 1.0.0" in said and "audiosetzsl.csv.gz" in said
    assert f"{len(read_manifest(workspace.manifest))} segments, 4 drops" in done.output

    (tmp_path / "removed.txt").write_text(f"{read_manifest(workspace.manifest)['ytid'][0].as_py()}\n\n")
    options = ("--version", "2.0.0", "--removed", tmp_path / "removed.txt")
    assert run("publish", "--workspace", workspace.root, "--to", new, *options).exit_code == 0

    checked = run("verify", new)
    assert checked.exit_code == 0
    assert checked.output.splitlines() == [
        "rows were not derived again; give --audioset FOLDER for that",
        f"{new}: everything fits",
    ]
    checked = run("verify", new, "--audioset", audioset)
    assert (checked.exit_code, checked.output) == (0, f"{new}: everything fits\n")

    compared = run("diff", old, new, "--ids", "3")
    assert compared.exit_code == 0
    assert re.search(r"removed\s+│\s+1 │", compared.output)
    row = read_manifest(workspace.manifest).slice(0, 1).to_pylist()[0]
    assert f"removed {row['segment_id']} {row['class_name']}/{row['split']}\n" in compared.output
    assert row["segment_id"] not in run("diff", old, new).output, "ids come on request only"
    assert "no difference" in run("diff", old, old).output


def test_verify_prints_every_finding_and_exits_with_1(release):
    (release / "README.md").unlink()
    (release / "extra.txt").write_text("extra")
    checked = run("verify", release)
    assert checked.exit_code == 1
    assert "✗ README.md: is listed in SHA256SUMS and absent; get it again\n" in checked.output
    assert "✗ extra.txt: is not listed in SHA256SUMS\n" in checked.output
    assert checked.output.endswith(f"{release}: 2 findings\n")


def test_verify_of_a_manifest_says_that_there_are_no_checksums(published):
    checked = run("verify", published / "audiosetzsl.parquet")
    assert checked.exit_code == 0
    assert "is a manifest alone: there are no checksums, only its schema and its rules" in checked.output


def test_verify_without_a_path_takes_the_release_at_hand(monkeypatch, published):
    monkeypatch.setattr("audiosetzsl.release.verify.default_release", lambda: published)
    assert f"{published}: everything fits" in run("verify").output


def test_publish_says_what_it_deleted_and_what_it_left(workspace, release):
    (release / "foreign.txt").write_text("foreign")
    (release / "old.csv").write_text("")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    lines = [*(release / SUMS).read_text().splitlines(), f"{empty}  old.csv"]
    (release / SUMS).write_text("".join(f"{line}\n" for line in sorted(lines, key=lambda line: line[66:])))
    done = run("publish", "--workspace", workspace.root, "--to", release)
    assert "deleted old.csv: the older release had it, this one has not\n" in done.output
    assert "left foreign.txt: it is no file of a release" in done.output


def test_diff_shows_moves_per_class_and_split(tmp_path, published):
    manifest = read_manifest(published / "audiosetzsl.parquet")
    frame = manifest.to_pandas()
    row = frame.index[(frame.class_name == "dog") & (frame.split == "train")][0]
    frame.loc[row, "split"] = "test"
    table = pa.Table.from_pandas(frame, SCHEMA, preserve_index=False)
    path = write_manifest(table, tmp_path / "moved.parquet", provenance_of(manifest))
    compared = run("diff", published, path, "--ids", "1").output
    assert re.search(r"│ dog\s+│ test\s+│\s+1 │\s+0 │\s+0 │\s+1 │", compared)
    assert f"moved {frame.segment_id[row]} dog/train -> dog/test" in compared
    assert "cat" not in compared, "classes that nothing touches are not shown"


def test_a_date_is_a_day(workspace, tmp_path):
    done = run("publish", "--workspace", workspace.root, "--to", tmp_path / "to", "--date", "tomorrow")
    assert isinstance(done.exception, SetupError)
    assert str(done.exception) == "--date is 'tomorrow', expected a day as YYYY-MM-DD"


def test_a_file_of_removed_ids_that_is_absent_is_named(workspace, tmp_path):
    done = run("publish", "--workspace", workspace.root, "--to", tmp_path / "to", "--removed", "none.txt")
    assert isinstance(done.exception, SetupError)
    assert str(done.exception) == "none.txt does not exist, expected a text file of video ids, one a line"


def test_an_empty_workspace_is_named(tmp_path):
    done = run("publish", "--workspace", tmp_path / "nothing", "--to", tmp_path / "to")
    assert isinstance(done.exception, ManifestError)
    assert "manifest.parquet does not exist; make it first" in str(done.exception)


@pytest.mark.parametrize("command", ["publish", "verify", "diff"])
def test_every_option_is_explained(command):
    shown = run(command, "--help")
    assert shown.exit_code == 0
    lines = re.findall(r"│[* ]*(--\w+.*?)│", shown.output)
    assert len(lines) > 1
    for line in lines:
        assert len(line.split()) > 2, f"{line} says nothing"
