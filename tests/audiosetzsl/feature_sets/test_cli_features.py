"""Commands show-features and convert-features."""

import re

import pytest
from feature_set_files import assert_same, drawn, without
from small_shards import ledger_of
from typer.testing import CliRunner
from vector_workspace import with_vectors

from audiosetzsl.cli import app
from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets.opening import open_set, save_set
from flows.planning import plan_workspace

MADE_OF = {"features": {"audio": {"name": "AudioNet", "facts": {"code": 1}}}}


def run(*arguments):
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "140"}, color=False)
    if isinstance(result.exception, Exception):
        raise result.exception
    return re.sub(r"\x1b\[[0-9;]*m", "", result.output)


def test_what_features_are(tmp_path):
    name = f"npz:{tmp_path / 'a.npz'}"
    save_set(name, drawn(held_out=("cat",), made_of=MADE_OF).rows(drawn().labels != 4))
    said = run("show-features", name)
    assert re.search(r"seen +│ +3 │ +12 │ +12 │ +12 │ +36 ", said)
    assert re.search(r"unseen +│ +2 │ +4 │ +4 │ +4 │ +12 ", said)
    assert "Widths: audio 4 (float32), video 6 (float32), class vectors 3 (float32)." in said
    assert "Held out to choose on: cat." in said
    assert "Without clips: church-bell." in said
    assert re.search(r"Made of: audio by AudioNet [0-9a-f]{12}\.", said)


def test_a_set_of_one_kind_that_nobody_knows_the_makers_of(tmp_path):
    name = f"npz:{tmp_path / 'a.npz'}"
    save_set(name, drawn(widths=(0, 6)))
    said = run("show-features", name)
    assert "Widths: no audio, video 6" in said
    assert "Held out to choose on: no classes of its own." in said
    assert "Made of: the files do not say." in said


def test_from_one_form_into_another(tmp_path):
    source, target = f"npz:{tmp_path / 'a.npz'}", f"avca:{tmp_path / 'b'}"
    save_set(source, drawn(held_out=("cat",)))
    with pytest.raises(
        SetupError, match=r"8 train clips of unseen classes, .*; 4 val clips of held-out classes"
    ):
        run("convert-features", source, target)
    said = run("convert-features", source, target, "--leave-out")
    assert "48 clips of 5 classes; 12 clips left out, for which it has no place" in said
    assert_same(open_set(target), without(open_set(source), val_of=("cat",)))
    official = f"official:{tmp_path / 'c'}"
    assert "it does not say that cat are held out" in run("convert-features", source, official, "--leave-out")
    with pytest.raises(SetupError, match="is there already"):
        run("convert-features", "npz:nowhere", target)  # told before anything is read


def test_where_clips_came_from_goes_along_out_of_a_workspace(tmp_path):
    """The ledger stays behind; that clips were stand-ins may not."""
    place = with_vectors(tmp_path / "work")
    npz, avca, alone = f"npz:{tmp_path / 'a.npz'}", f"avca:{tmp_path / 'b'}", f"npz:{tmp_path / 'c.npz'}"
    (block, *_) = plan_workspace(place)
    ledger_of(place, block, {block.segment_ids[0]: "0" * 64})
    run("convert-features", str(place.root), npz)
    run("convert-features", npz, avca, "--leave-out")
    for name in (npz, avca):
        assert "Made of: clips of local, audio by " in run("show-features", name)
    for part in place.clips.iterdir():
        part.unlink()
    run("convert-features", str(place.root), alone)
    assert "Made of: clips of unknown sources, audio by " in run("show-features", alone)
