"""Stage make-class-vectors: what is looked up for each class, what the file says of it, and what people see."""

import numpy as np
import pytest
import word_table_files as files
from command_line import cells
from typer.testing import CliRunner

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.files import sha256_of
from audiosetzsl.manifest import class_list_of, provenance_of, read_manifest, write_manifest
from audiosetzsl.shards import recipe_of
from audiosetzsl.word_tables.named import NamedVectors, read_class_vectors, write_class_vectors
from audiosetzsl.word_tables.neighbours import neighbours, odd_vectors
from audiosetzsl.workspace import Workspace
from extractors.words.class_vectors import load_ontology_vectors
from flows.__main__ import app
from flows.choose_vectors import Wording, choose, wording_of
from flows.make_class_vectors import make_class_vectors

CORPUS = [
    ("dog", [1.0, 0.0, 0.0]),
    ("cat", [0.9, 0.1, 0.0]),
    ("big_cat", [0.0, 2.0, 0.0]),
    ("pig", [0.0, 0.0, 3.0]),
    ("wild", [0.0, 0.0, 5.0]),
]


@pytest.fixture
def corpus(tmp_path):
    return files.write(tmp_path / "corpus.bin", files.binary(CORPUS))


def vectors_in(path):
    return dict(zip(*read_class_vectors(path), strict=True))


def test_without_a_table_classes_have_audiosets_own_words(tiny_workspace, capsys):
    path = make_class_vectors(tiny_workspace)
    assert path == Workspace(tiny_workspace).text
    found = vectors_in(path)
    assert list(found) == ["dog", "cat", "pig"]
    np.testing.assert_array_equal(found["pig"], load_ontology_vectors()[AUDIOSETZSL["pig"].mid])
    assert recipe_of(path).facts == {
        "source": "AudioSet's names and descriptions, TF-IDF + SVD",
        "wording": {"dog": "Dog", "cat": "Cat", "pig": "Pig"},
        "classes": {
            c.name: {"mid": c.mid, "phrase": c.phrase} for c in AUDIOSETZSL if c.name in ("dog", "cat", "pig")
        },
    }
    rows = {row[0]: row[1:] for row in cells(capsys.readouterr().out)}
    assert rows["dog"][0] == "Dog"
    assert rows["dog"][1].startswith("cat 0.47, pig ")
    assert rows["dog"][2] == ""
    assert rows["pig*"][2] == "cat 0.20, dog 0.18"  # the nearest of those that are learnt from


def test_a_corpus_gives_each_class_the_words_of_its_own_phrase(tiny_workspace, corpus, capsys):
    path = make_class_vectors(tiny_workspace, corpus)
    assert {name: vector.tolist() for name, vector in vectors_in(path).items()} == {
        "dog": [1.0, 0.0, 0.0],
        "cat": [pytest.approx(0.9), pytest.approx(0.1), 0.0],
        "pig": [0.0, 0.0, 3.0],
    }
    assert recipe_of(path).facts["source"] == f"corpus.bin sha256:{sha256_of(corpus)}"
    said = capsys.readouterr().out
    assert "warning: dog and cat have nearly the same vector (cosine 0.9939)" in said


def test_phrases_of_a_file_go_before_all_else(tiny_workspace, corpus, tmp_path):
    (tmp_path / "p.toml").write_text('cat = "Big cat"\npig = ["the wild pig", "pig"]\n')
    wording = Wording(tmp_path / "p.toml", stop_words=("the",))
    path = make_class_vectors(tiny_workspace, corpus, wording)
    assert vectors_in(path)["cat"].tolist() == [0.0, 2.0, 0.0]
    assert vectors_in(path)["pig"].tolist() == [0.0, 0.0, 3.5]
    facts = recipe_of(path).facts
    assert facts["wording"] == {"dog": "dog", "cat": "big_cat", "pig": "wild + pig | pig"}
    assert facts["phrases"] == {"dog": ["dog"], "cat": ["Big cat"], "pig": ["the wild pig", "pig"]}
    assert facts["stop_words"] == ["the"]


def test_rows_that_are_named_after_classes_go_before_their_phrases_and_a_corpus_does_not(tmp_path):
    # A fan is an admirer in a corpus, so the class has a phrase; in a file of class vectors it is the class.
    fan = next(c for c in AUDIOSETZSL if c.name == "fan")
    assert fan.phrase == "mechanical fan"
    rows = [
        ("fan", [9.0, 9.0]),
        ("mechanical", [1.0, 0.0]),
        *((name, [0.0, 1.0]) for name in AUDIOSETZSL.names),
    ]
    rows += [(word, [0.0, 1.0]) for c in AUDIOSETZSL for word in c.words.split()]
    by_name = dict(rows[::-1])
    named = choose(AUDIOSETZSL, str(files.npz(tmp_path / "t.npz", list(by_name.items()))), Wording())
    at = AUDIOSETZSL.names.index("fan")
    assert named.matrix[at].tolist() == [9.0, 9.0]
    corpus = choose(AUDIOSETZSL, str(files.write(tmp_path / "t.txt", files.text(rows))), Wording())
    assert corpus.matrix[at].tolist() == [5.0, 4.5]
    assert corpus.wording[at] == "mechanical + fan"


def test_class_vectors_of_one_workspace_serve_another(tiny_workspace, corpus, tmp_path):
    made = make_class_vectors(tiny_workspace, corpus)
    kept = tmp_path / "kept.parquet"
    kept.write_bytes(made.read_bytes())
    before = vectors_in(made)
    after = vectors_in(make_class_vectors(tiny_workspace, kept))
    for name, vector in before.items():
        np.testing.assert_array_equal(after[name], vector)


def test_what_is_made_is_kept_until_something_else_is_asked_for(tiny_workspace, corpus, capsys):
    path = make_class_vectors(tiny_workspace, corpus)
    made = path.read_bytes()
    capsys.readouterr()
    make_class_vectors(tiny_workspace)
    assert path.read_bytes() == made
    said = capsys.readouterr().out
    assert "is made already, of corpus.bin sha256:" in said
    assert "--vectors audioset or FILE makes it anew" in said
    make_class_vectors(tiny_workspace, "audioset")
    assert len(vectors_in(path)["dog"]) == 300


def change_pig(workspace, **other):
    """Let the class list say something else of the pig, under the same name."""
    path = Workspace(workspace).manifest
    manifest = read_manifest(path)
    noted = provenance_of(manifest)
    classes = [c | (other if c["name"] == "pig" else {}) for c in noted["classes"]]
    write_manifest(manifest, path, noted | {"classes": classes})


@pytest.mark.parametrize("other", [{"phrase": "wild"}, {"mid": "/m/07yv9"}], ids=["phrase", "label"])
def test_vectors_for_another_phrase_or_label_of_a_class_are_not_kept(tiny_workspace, corpus, capsys, other):
    path = make_class_vectors(tiny_workspace)
    before = path.read_bytes()
    change_pig(tiny_workspace, **other)
    assert make_class_vectors(tiny_workspace).read_bytes() != before
    assert "is of other classes, labels or phrases, and is made anew" in capsys.readouterr().out
    made = make_class_vectors(tiny_workspace)
    assert "is made already" in capsys.readouterr().out
    mid = class_list_of(read_manifest(Workspace(tiny_workspace).manifest))["pig"].mid
    np.testing.assert_array_equal(vectors_in(made)["pig"], load_ontology_vectors()[mid])


def test_vectors_of_a_table_for_other_classes_are_neither_kept_nor_replaced_by_audiosets(
    tiny_workspace, corpus
):
    path = make_class_vectors(tiny_workspace, corpus)
    change_pig(tiny_workspace, phrase="wild")
    before = path.read_bytes()
    message = (
        r"is of other classes, labels or phrases than the manifest, and was made of corpus\.bin sha\S+; name"
    )
    with pytest.raises(ShardError, match=message):
        make_class_vectors(tiny_workspace)
    assert path.read_bytes() == before
    assert vectors_in(make_class_vectors(tiny_workspace, corpus))["pig"].tolist() == [0.0, 0.0, 5.0]
    emu = NamedVectors(("emu",), np.ones((1, 3), np.float32), ("emu",), {"source": "x"})
    write_class_vectors(emu, path)
    with pytest.raises(ShardError, match=r"than the manifest, and was made of x; name"):
        make_class_vectors(tiny_workspace)


def test_what_is_damaged_is_not_replaced_by_something_else_without_a_word(tiny_workspace, corpus):
    path = make_class_vectors(tiny_workspace, corpus)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ShardError, match=r"is damaged .*name what they are made of with --vectors"):
        make_class_vectors(tiny_workspace)
    make_class_vectors(tiny_workspace, corpus)


def test_a_word_that_is_not_there_is_named_and_nothing_is_written(tiny_workspace, tmp_path):
    path = files.write(tmp_path / "t.txt", files.text(CORPUS[:2]))
    with pytest.raises(SetupError, match=r"\npig: the phrase 'pig' needs 'pig', not in the table"):
        make_class_vectors(tiny_workspace, path)
    assert not Workspace(tiny_workspace).text.exists()


@pytest.mark.parametrize(
    ("vectors", "wording", "message"),
    [
        ("audioset", Wording(stop_words=("of",)), r"AudioSet's own vectors go by label, so that phrases and stop"),
        ("audioset", Wording(prompts=("a {}",)), r"--prompt is for text towers, and audioset is none"),
        ("corpus.bin", Wording(prompts=("a {}",)), r"--prompt is for text towers, and corpus\.bin is none"),
        ("sentence-transformers:x", Wording(stop_words=("of",)), r"--stop-words is for tables of single words"),
    ],
)  # fmt: skip
def test_options_that_have_no_use_are_refused(tiny_workspace, vectors, wording, message):
    with pytest.raises(SetupError, match=message):
        make_class_vectors(tiny_workspace, vectors, wording)


@pytest.mark.parametrize(
    ("name", "hint"), [("dogs", r"no class 'dogs' in tiny; write dog"), ("xylophone", r"take it out")]
)
def test_phrases_of_classes_that_are_none_are_refused(tiny_workspace, corpus, tmp_path, name, hint):
    (tmp_path / "p.csv").write_text(f"name,phrase\n{name},dog\n")
    with pytest.raises(SetupError, match=hint):
        make_class_vectors(tiny_workspace, corpus, Wording(tmp_path / "p.csv"))


def test_a_file_that_has_the_name_of_audiosets_own_words(tiny_workspace, corpus, monkeypatch, capsys):
    """`audioset` is the words, and it is said that there is a file too; `./audioset` is the file."""
    monkeypatch.chdir(corpus.parent)
    arguments = ["make-class-vectors", "--workspace", str(tiny_workspace), "--vectors"]
    gone = CliRunner().invoke(app, [*arguments, "./audioset"])
    where = corpus.parent / "audioset"
    assert str(gone.exception).startswith(
        f"--vectors ./audioset: {where} does not exist; give the file of a table"
    )
    with pytest.raises(SetupError, match=r"--vectors \.: .* is a folder; give the file of a table"):
        make_class_vectors(tiny_workspace, ".")
    corpus.rename("audioset")
    by_name = CliRunner().invoke(app, [*arguments, "audioset"])
    assert (
        "--vectors audioset is AudioSet's own words; for the file of that name here write ./audioset"
        in by_name.output
    )
    assert len(vectors_in(Workspace(tiny_workspace).text)["dog"]) == 300
    assert CliRunner().invoke(app, [*arguments, "./audioset"]).exit_code == 0
    assert len(vectors_in(Workspace(tiny_workspace).text)["dog"]) == 3
    assert choose(AUDIOSETZSL, "audioset", Wording()).matrix.shape[1] == 300
    with pytest.raises(SetupError, match=r"not all classes have a vector in the table"):
        choose(
            AUDIOSETZSL, corpus.with_name("audioset").relative_to(corpus.parent), Wording()
        )  # a Path is a path


def test_the_command_line(tiny_workspace, corpus, tmp_path):
    (tmp_path / "p.csv").write_text("name,phrase\ncat,The big cat\n")
    arguments = ["make-class-vectors", "--workspace", tiny_workspace, "--vectors", corpus]
    arguments += ["--phrases", tmp_path / "p.csv", "--stop-words", "the, big"]
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    assert vectors_in(Workspace(tiny_workspace).text)["cat"].tolist() == pytest.approx([0.9, 0.1, 0.0])
    assert wording_of(None, "", None) == Wording()
    assert wording_of(None, " Of,,and ", ["a {}"]) == Wording(None, ("of", "and"), ("a {}",))


@pytest.mark.real
def test_real_word_vectors_make_sense(tmp_path, real_data):
    path = real_data / "word_vectors" / "audiosetzsl33_w2v_300d_best.npz"
    made = choose(AUDIOSETZSL, str(path), Wording())
    assert made.matrix.shape == (33, 300)
    near = neighbours(made.names, made.matrix, np.array([c.seen for c in AUDIOSETZSL]), k=1)
    nearest = {row.class_name: row.neighbour for row in near[near["among"] == "all"].itertuples()}
    assert (nearest["dog"], nearest["truck"], nearest["thunderstorm"]) == ("cat", "car", "rain")
    assert odd_vectors(made.names, made.matrix) == []
