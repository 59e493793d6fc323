"""Commands stats, classes and doctor, run as a user runs them."""

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from audiosetzsl.audioset.ontology import read_ontology
from audiosetzsl.classes import AUDIOSETZSL, Class, ClassList
from audiosetzsl.cli import app
from audiosetzsl.errors import AudioSetZSLError, SetupError
from audiosetzsl.manifest import SCHEMA, write_manifest
from audiosetzsl.selection.class_file import read_class_file, to_toml
from audiosetzsl.tables import paper

NAMES = {"/m/a": "Animal", "/m/d": "Dog", "/m/c": "Cat", "/m/v": "Vehicle", "/m/k": "Car"}
PARENTS = {"/m/d": "/m/a", "/m/c": "/m/a", "/m/k": "/m/v"}
OWN = ClassList("own", (Class("dog", "/m/d", seen=True), Class("cat", "/m/c", seen=False, phrase="tom cat")))
ROWS = [("/m/d",)] * 4 + [("/m/d", "/m/c")] + [("/m/c",)] * 2 + [("/m/k", "/m/d")]


def run(*arguments):
    """Output of a command; an error of ours is raised as it is."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, AudioSetZSLError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def line_of(output, start):
    """Cells of the table row that begins with a text."""
    rows = [[cell.strip() for cell in line[1:-1].split("│")] for line in output.splitlines() if "│" in line]
    return next(row for row in rows if row[0] == start)


@pytest.fixture
def audioset(tmp_path, write_audioset):
    rows = [(f"{number:011}", 0.0, 10.0, mids) for number, mids in enumerate(ROWS)]
    return write_audioset(tmp_path / "audioset", {"unbalanced": rows}, NAMES, PARENTS)


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(to_toml(OWN))
    return path


@pytest.fixture
def manifest(tmp_path):
    segments = [("dog", True, "train"), ("dog", True, "val"), ("owl", False, "test"), ("dog", True, "train")]
    records = [
        {
            "segment_id": f"{number:011}_0",
            "ytid": f"{number:011}",
            "start_s": 0.0,
            "end_s": 10.0,
            "class_name": name,
            "seen": seen,
            "split": split,
            "source": "unbalanced",
            "line": number + 4,
            "mids": ["/m/x"],
        }
        for number, (name, seen, split) in enumerate(segments)
    ]
    return write_manifest(pa.Table.from_pylist(records, schema=SCHEMA), tmp_path / "manifest.parquet", {})


def test_stats_stand_beside_the_papers(manifest):
    output = run("stats", "--manifest", manifest)
    assert line_of(output, "all") == [
        "all",
        "1",
        "3",
        "2.00",
        "1.41",
        "292",
        "38,315",
        "4,739.88",
        "7,693.10",
    ]
    assert line_of(output, "val") == ["val", "0", "1", "0.50", "0.71", "58", "7,663", "947.61", "1,538.65"]
    assert line_of(output, "unseen classes")[1:] == ["0", "0", "1", "1", "14,070", "4,684", "4,687", "23,441"]
    assert line_of(output, "dog") == ["dog", "2", "1", "0", "3", "7,588", "2,529", "2,529", "12,646"]
    assert line_of(output, "owl*") == ["owl*", "0", "0", "1", "1", "", "", "", ""]
    assert "1 of the manifest's 2 classes are among the paper's 33" in output
    for misprint in paper.MISPRINTS:
        assert f"Misprint: {misprint}" in output


def test_stats_draw_the_figure(manifest, tmp_path):
    output = run("stats", "--manifest", manifest, "--figure", tmp_path / "figure_3.png")
    assert f"Figure 3: {tmp_path / 'figure_3.png'}" in output
    assert (tmp_path / "figure_3.png").read_bytes().startswith(b"\x89PNG")


def test_classes_are_listed_without_any_file():
    output = run("classes")
    assert "23 seen and 10 unseen classes" in output
    assert line_of(output, "panther") == ["panther", "/m/0cdnk", "unseen", "roaring cats lions tigers"]
    assert "A segment that carries /m/0gy1t2s is left out." in output


def test_classes_get_audiosets_words_where_its_files_are(audioset, own):
    output = run("classes", "--audioset", audioset, "--classes", own)
    assert line_of(output, "cat") == ["cat", "/m/c", "unseen", "tom cat", "Cat", "Animal"]


def test_the_printed_toml_reads_back(audioset, own, tmp_path):
    printed = tmp_path / "printed.toml"
    printed.write_text(run("classes", "--toml", "--audioset", audioset, "--classes", own))
    assert read_class_file(printed, read_ontology(audioset)) == (OWN, [])
    assert run("classes", "--toml") == to_toml(AUDIOSETZSL)


def test_the_audit_shows_criteria_and_marks(audioset, own):
    (audioset / "qa_true_counts.csv").write_text("label_id,num_rated,num_true\n/m/d,10,7\n/m/c,0,0\n")
    output = run("classes", "--audit", "--audioset", audioset, "--classes", own, "--any-lists")
    assert line_of(output, "dog") == ["dog", "Animal", "7/10 ✓", "6", "5", "cat 16.7%", ""]
    assert line_of(output, "cat*") == ["cat*", "Animal", "not rated ✗", "3", "2", "dog 33.3%", ""]
    assert "1 of 2 classes pass (0.7 or more), not cat." in output
    assert "Kinetics" not in output


def audit_with(tmp_path, audioset, own, **vectors):
    table, names = tmp_path / "words.npz", tmp_path / "kinetics.txt"
    np.savez(table, names=np.array(list(vectors)), vectors=np.array(list(vectors.values()), float))
    names.write_text("petting cat\npetting horse\n")
    options = ("--classes", own, "--any-lists", "--vectors", table, "--kinetics", names)
    return run("classes", "--audit", "--audioset", audioset, *options)


def test_the_audit_compares_unseen_classes_with_kinetics(tmp_path, audioset, own):
    output = audit_with(tmp_path, audioset, own, cat=[1, 0], petting=[0, 3], horse=[1, 1])
    assert line_of(output, "cat*")[-1] == "petting cat 0.32 ✓"
    assert line_of(output, "dog")[-1] == ""
    assert "Kinetics: 2 of 2 names have a word with a vector, 2 have all." in output
    assert "Unseen classes: 1 no nearer than 0.8, 0 nearer, 0 not to be judged." in output


def test_the_audit_marks_a_class_that_is_too_near(tmp_path, audioset, own):
    output = audit_with(tmp_path, audioset, own, cat=[1, 0], petting=[0.2, 0])
    assert line_of(output, "cat*")[-1] == "petting cat 1.00 ✗"


def test_the_audit_says_when_the_vectors_know_too_few_words(tmp_path, audioset, own):
    output = audit_with(tmp_path, audioset, own, cat=[1, 0], tom=[0, 1])
    assert line_of(output, "cat*")[-1] == "petting cat 0.71 ?"
    assert "1 of 2 names have a word with a vector, 0 have all" in output
    assert "1 not to be judged. These vectors know too few Kinetics names (90% are needed)" in output


def test_a_class_without_a_vector_is_not_judged(tmp_path, audioset, own):
    output = audit_with(tmp_path, audioset, own, petting=[1, 0.5], horse=[0, 1])
    assert line_of(output, "cat*")[-1] == "no vector ?"


def test_suggestions_come_by_group(audioset):
    output = run("classes", "--suggest", "--audioset", audioset, "--any-lists")
    assert line_of(output, "Dog") == ["Dog", "/m/d", "9/10", "6", "Cat 16.7%", ""]
    assert line_of(output, "Car") == ["Car", "/m/k", "9/10", "1", "none", "Dog 100.0%"]
    assert "Labels with QA of 0.7 or more: 5." in output
    narrow = run(
        "classes", "--suggest", "--audioset", audioset, "--any-lists", "--group", "Animal", "--min-size", 4
    )
    assert "Labels with QA of 0.7 or more: 1." in narrow
    assert "/m/k" not in narrow


def test_a_list_that_is_not_audiosets_has_to_be_asked_for(audioset):
    with pytest.raises(AudioSetZSLError, match="pass --any-lists"):
        run("classes", "--suggest", "--audioset", audioset)


def test_a_warning_of_a_class_list_is_shown(audioset, tmp_path):
    path = tmp_path / "nested.toml"
    nested = ClassList("nested", (Class("dog", "/m/d", seen=True), Class("animal", "/m/a", seen=False)))
    path.write_text(to_toml(nested))
    assert "warning: animal (Animal) lies above dog (Dog)" in run(
        "classes", "--audioset", audioset, "--classes", path
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--audit", "--suggest"], "--audit, --suggest and --toml exclude one another"),
        (["--audit"], "need --audioset, the folder of AudioSet's files"),
        (["--suggest"], "need --audioset"),
        (["--classes", "own.toml"], "need --audioset"),
        (["--vectors", "t.npz"], "--vectors and --kinetics are compared by --audit"),
        (["--audit", "--audioset", ".", "--vectors", "t.npz"], "give all three or none of the two"),
        (["--group", "Animal"], "--group and --min-size narrow what --suggest lists"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(arguments, message):
    with pytest.raises(SetupError, match=message):
        run("classes", *arguments)


def test_doctor_informs_and_never_fails(tmp_path, monkeypatch):
    monkeypatch.setenv("AZSL_WEIGHTS", str(tmp_path / "weights"))
    output = run("doctor", "--audioset", tmp_path / "absent", "--workspace", tmp_path)
    lines = output.splitlines()
    assert lines[0].startswith("✓ Python")
    at = next(number for number, line in enumerate(lines) if line.startswith("✗ weights"))
    assert lines[at].endswith(f"no rgb_imagenet.pt; in {tmp_path / 'weights'}")
    assert lines[at + 1].strip().startswith("→ python -m flows fetch-weights")
    assert "0 of 6 as published; absent" in output
    assert lines[-1].endswith("of 10 ready")
