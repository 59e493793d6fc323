"""The commands import-availability, survivors and publish-availability: what they print, and how they end."""

import pytest
from command_line import cells, run

from audiosetzsl.availability import published
from audiosetzsl.availability.layer import read_availability, write_availability
from audiosetzsl.errors import ManifestError, SetupError
from audiosetzsl.release.contents import digest_of

A, B, C, D, E = "-aaaaaaaaaa", "bbbbbbbbbbb", "ccccccccccc", "ddddddddddd", "eeeeeeeeeee"


@pytest.fixture
def a_list(tmp_path):
    """A third party's list: two of our videos and one that is not ours."""
    path = tmp_path / "list.csv"
    path.write_text(
        f"ytid,status,date\n{A},alive,2024-11-03\n{B},dead,2024-11-03\nzzzzzzzzzzz,dead,2024-11-03\n"
    )
    return path


def test_import_twice(workspace, a_list):
    arguments = ("import-availability", a_list, "--name", "a-list", "--workspace", workspace.root)
    assert run(*arguments).splitlines() == [
        f"{a_list}: 3 observations, 2 of videos of the manifest (1 alive, 1 gone)",
        f"{workspace.availability}: 2 new, 0 were there already",
    ]
    assert run(*arguments).splitlines()[1] == f"{workspace.availability}: 0 new, 2 were there already"
    assert read_availability(workspace.availability)["ytid"].to_pylist() == [A, B]


def test_import_without_a_manifest_goes_by_the_published_one(tmp_path, a_list):
    output = run("import-availability", a_list, "--name", "a-list", "--workspace", tmp_path / "w")
    assert f"{a_list}: 3 observations, 0 of videos of the manifest (none)\n" in output
    assert not (tmp_path / "w").exists()


def test_import_of_a_faulty_list_leaves_everything_as_it_was(workspace, a_list):
    a_list.write_text(a_list.read_text() + f"{C},perhaps,2024-11-03\n")
    with pytest.raises(
        ManifestError, match=r"nothing was imported, 1 lines are faulty:\n  line 5: 'perhaps' is no"
    ):
        run("import-availability", a_list, "--name", "a-list", "--workspace", workspace.root)
    assert not workspace.availability.exists()


@pytest.fixture
def observed(workspace, row, table):
    """A is gone since the 3rd, B lives, D is closed."""
    rows = [row(A, "alive", "01"), row(A, "gone", "03"), row(B, "alive", "02"), row(D, "closed", "02")]
    return write_availability(table(*rows), workspace.availability)


def test_survivors_of_a_workspace(workspace, observed):
    output = run("survivors", "--workspace", workspace.root, "--thin", 2)
    assert cells(output) == [
        ["bus*", "val", "1", "0", "1", "0", "0", "1", "100.0%"],
        ["bus*", "test", "1", "0", "0", "0", "1", "1", "100.0%"],
        ["dog", "train", "2", "1", "0", "1", "0", "1", "50.0%"],
        ["dog", "test", "1", "0", "0", "0", "1", "1", "100.0%"],
        ["all", "train", "2", "1", "0", "1", "0", "1", "50.0%"],
        ["all", "val", "1", "0", "1", "0", "0", "1", "100.0%"],
        ["all", "test", "2", "0", "0", "0", "2", "2", "100.0%"],
        ["all", "all", "5", "1", "1", "1", "2", "4", "80.0%"],
        ["seen", "train", "2", "1", "0", "1", "0", "1", "50.0%"],
        ["seen", "test", "1", "0", "0", "0", "1", "1", "100.0%"],
        ["seen", "all", "3", "1", "0", "1", "1", "2", "66.7%"],
        ["unseen", "val", "1", "0", "1", "0", "0", "1", "100.0%"],
        ["unseen", "test", "1", "0", "0", "0", "1", "1", "100.0%"],
        ["unseen", "all", "2", "0", "1", "0", "1", "2", "100.0%"],
    ]
    assert "Unseen classes bear a *. Left: all that are not known to be gone." in output
    assert [line for line in output.splitlines() if line.startswith("thin")] == [
        "thin: bus* (unseen), val: 1 left of 1, under 2",
        "thin: bus* (unseen), test: 1 left of 1, under 2",
        "thin: dog (seen), train: 1 left of 2, under 2",
        "thin: dog (seen), test: 1 left of 1, under 2",
    ]


def test_survivors_at_a_date_and_the_default_limit(workspace, observed):
    output = run("survivors", "--workspace", workspace.root, "--on", "2026-11-02")
    assert output.startswith("Survivors on 2026-11-02")
    assert ["dog", "train", "2", "2", "0", "0", "0", "2", "100.0%"] in cells(output)
    assert "thin: bus* (unseen), all: 2 left of 2, under 50\n" in output
    with pytest.raises(ManifestError, match=r"no video was observed on or before 2026-10 \(there are observ"):
        run("survivors", "--workspace", workspace.root, "--on", "2026-10")


def test_survivors_of_the_published_manifest_by_a_file(observed, workspace):
    output = run("survivors", "--availability", observed)
    totals = next(row for row in cells(output) if row[:2] == ["all", "all"])
    assert totals == ["all", "all", "163,183", "0", "0", "0", "163,183", "163,183", "100.0%"]
    assert "thin" not in output
    with pytest.raises(
        SetupError, match=r"^--workspace and --availability both say where the observations are"
    ):
        run("survivors", "--availability", observed, "--workspace", workspace.root)


def test_survivors_by_the_published_snapshots(monkeypatch, tmp_path):
    monkeypatch.setattr(published, "published_path", lambda: tmp_path / "audiosetzsl.parquet")
    with pytest.raises(
        ManifestError, match=r"^no video was observed yet \(there are no observations at all\); check"
    ):
        run("survivors")


def test_publish_availability(workspace, observed, tmp_path, write_small_manifest, row, table):
    to = tmp_path / "manifests"
    write_small_manifest(to / "audiosetzsl.parquet")
    arguments = ("publish-availability", "--workspace", workspace.root, "--to", to)
    assert run(*arguments) == f"{to}/availability/2026-11-03.parquet: 1 alive, 1 closed, 1 gone\n"
    assert run(*arguments, "--date", "2026-11-02").endswith("2026-11-02.parquet: 2 alive, 1 closed\n")
    more = [row(C, "gone", "04", "a-list"), row("zzzzzzzzzzz", "gone", "04")]
    write_availability(table(*more), workspace.availability)
    assert run(*arguments, "--also", "a-list").splitlines() == [
        f"{to}/availability/2026-11-04.parquet: 1 gone",
        "1 videos that were observed are not in the release, and were left out",
    ]
    with pytest.raises(SetupError, match=r"^--date is 'today', expected a day as YYYY-MM-DD$"):
        run(*arguments, "--date", "today")


def test_publish_availability_without_a_workspace_takes_out_removed_videos(
    workspace, observed, tmp_path, write_small_manifest
):
    to = tmp_path / "manifests"
    write_small_manifest(to / "audiosetzsl.parquet")
    run("publish-availability", "--workspace", workspace.root, "--to", to)
    write_small_manifest(to / "audiosetzsl.parquet", removed=[digest_of(B)])
    assert run("publish-availability", "--to", to).splitlines() == [
        f"{to}/availability/2026-11-03.parquet: videos that were removed on request were taken out",
        "no snapshot was added; give --workspace FOLDER for that",
    ]
    assert B not in read_availability(to / "availability" / "2026-11-03.parquet")["ytid"].to_pylist()
