"""Stage embed-audio: every clip gets its vector, and only what is stale is made anew."""

import shutil

import numpy as np
import pytest
import torch
from heard_workspace import tone_of, write_log_mels
from same_process import Here

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.features import load_vectors
from audiosetzsl.files import sha256_of
from audiosetzsl.manifest import class_list_of, load_manifest, read_manifest
from audiosetzsl.shards import Kind, read_shard, recipe_of
from flows import embed_audio as stage
from flows.embed_audio import embed_audio
from models.audio_cnn import AudioCnn, load_audio_cnn, save_audio_cnn


def segments(place, split, seen):
    return load_manifest(place.manifest, split=split, seen=seen).segment_id.tolist()


@pytest.fixture
def place(heard_place):
    return heard_place


@pytest.fixture(scope="module")
def networks(heard_built, tmp_path_factory):
    """Two networks of the seen classes; nobody has to have trained them."""
    names = tuple(c.name for c in class_list_of(read_manifest(heard_built.manifest)) if c.seen)
    folder, paths = tmp_path_factory.mktemp("networks"), []
    for seed in range(2):
        torch.manual_seed(seed)
        paths.append(save_audio_cnn(AudioCnn(names), folder / f"{seed}.safetensors"))
    return paths


@pytest.fixture(scope="module")
def checkpoint(networks):
    return networks[0]


def audio_rows(place):
    paths = sorted(place.features(Kind.AUDIO).glob("part-*.parquet"))
    return {row["segment_id"]: row for path in paths for row in read_shard(path, Kind.AUDIO).to_pylist()}


def test_every_clip_gets_the_vector_of_its_log_mel_and_keeps_what_is_known_of_it(place, checkpoint):
    lost = segments(place, "test", False)[:2]
    write_log_mels(place.root, without=lost)
    embed_audio(place.root, checkpoint, Here())
    rows, net = audio_rows(place), load_audio_cnn(checkpoint)
    assert len(rows) == 30
    for name in lost:
        assert (rows[name]["status"], rows[name]["reason"], rows[name]["vector"]) == (
            "unreadable",
            "broken",
            None,
        )
        assert rows[name]["duration_s"] == 0
    clips = load_vectors(place, [Kind.AUDIO], split="test", seen=None)
    assert len(clips) == 4
    for row, vector in zip(clips.rows.itertuples(), clips[Kind.AUDIO], strict=True):
        heard = np.round(tone_of(row.segment_id, row.class_name, row.split) * 256) / 256
        np.testing.assert_allclose(vector, net.embed(heard.astype(np.float16)), rtol=1e-5, atol=1e-6)
        assert rows[row.segment_id]["duration_s"] == 1.5


def stamps(place):
    return {path.name: path.stat().st_mtime_ns for path in place.features(Kind.AUDIO).iterdir()}


def test_only_what_is_stale_is_embedded_anew(place, networks):
    checkpoint, other = networks
    lost = segments(place, "test", True)[:1]
    write_log_mels(place.root, without=lost)
    embed_audio(place.root, checkpoint, Here())
    before = stamps(place)
    embed_audio(place.root, checkpoint, Here())
    assert stamps(place) == before
    write_log_mels(place.root)  # the same clips, and the one that failed is good by now
    embed_audio(place.root, checkpoint, Here())
    assert sum(before[name] != stamp for name, stamp in stamps(place).items()) == 1
    assert audio_rows(place)[lost[0]]["vector"] is not None
    before = stamps(place)
    embed_audio(place.root, other, Here())
    assert not before.items() & stamps(place).items()
    recipes = {recipe_of(path) for path in place.features(Kind.AUDIO).iterdir()}
    assert [(r.name, r.facts["checkpoint"]) for r in recipes] == [("AudioCnn", sha256_of(other))]
    assert recipes.pop().facts["taught"] == list(load_audio_cnn(other).class_names)


def test_a_reason_that_has_changed_is_taken_over_and_nothing_is_embedded_for_it(
    place, checkpoint, monkeypatch
):
    lost = segments(place, "test", True)[:1]
    write_log_mels(place.root, without=lost)
    embed_audio(place.root, checkpoint, Here())
    before = audio_rows(place)
    write_log_mels(place.root, without=lost, reason="broken otherwise")
    monkeypatch.delattr(stage, "_vectors")
    embed_audio(place.root, checkpoint, Here())
    before[lost[0]]["reason"] = "broken otherwise"
    assert audio_rows(place) == before


def test_log_mels_that_are_replaced_while_they_are_embedded_are_embedded_again(
    place, checkpoint, monkeypatch
):
    first, vectors_of = segments(place, "train", True)[0], stage._vectors

    def meanwhile(net, heard):
        found = list(vectors_of(net, heard))
        write_log_mels(place.root, lambda *clip: tone_of(*clip) + 1, of_clips="fetched anew")
        return found

    monkeypatch.setattr(stage, "_vectors", meanwhile)
    embed_audio(place.root, checkpoint, Here())
    monkeypatch.undo()
    embed_audio(place.root, checkpoint, Here())
    found = audio_rows(place)
    shutil.rmtree(place.features(Kind.AUDIO))
    embed_audio(place.root, checkpoint, Here())
    assert found[first] == audio_rows(place)[first]
    assert found == audio_rows(place)


def test_weights_of_the_original_release_embed_too(place, tmp_path):
    torch.manual_seed(1)
    net = AudioCnn(("a", "b", "c"))
    state = {f"module.{name}": t for name, t in net.state_dict().items() if not name.startswith("mel_")}
    torch.save({"state_dict": state}, tmp_path / "original.pth")
    embed_audio(place.root, tmp_path / "original.pth", Here())
    row = load_vectors(place, [Kind.AUDIO], split="test", seen=True)
    name = row.rows.segment_id[0]
    heard = np.round(tone_of(name, row.rows.class_name[0], "test") * 256) / 256
    np.testing.assert_allclose(row[Kind.AUDIO][0], net.embed(heard.astype(np.float32)), rtol=1e-5, atol=1e-6)
    part = sorted(place.features(Kind.AUDIO).iterdir())[0]
    assert recipe_of(part).facts["taught"] is None  # three outputs, of which nobody says what they are


def test_a_network_that_has_learnt_an_unseen_class_is_refused(place, tmp_path):
    unseen = next(c.name for c in class_list_of(read_manifest(place.manifest)) if not c.seen)
    net = save_audio_cnn(AudioCnn((unseen, "other")), tmp_path / "net.safetensors")
    with pytest.raises(
        SetupError, match=rf"has learnt {unseen}, which are unseen classes .*not be zero-shot"
    ):
        embed_audio(place.root, net, Here())


def test_what_cannot_be_embedded_says_why(place, checkpoint, tmp_path):
    part = sorted(place.features(Kind.LOG_MEL).iterdir())[1]
    part.rename(tmp_path / part.name)
    with pytest.raises(
        ShardError, match=r"1 of 3 blocks have no log-mels, the first is part-00001.parquet; run `python"
    ):
        embed_audio(place.root, checkpoint, Here())
    write_log_mels(place.root, lambda *clip: tone_of(*clip, n_mels=128), n_mels=128)
    with pytest.raises(
        SetupError, match=r"hears 64 mel bands, the log-mels have 128; train a network on them"
    ):
        embed_audio(place.root, checkpoint, Here())
