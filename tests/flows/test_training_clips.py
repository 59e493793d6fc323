"""Clips of a training: which they are, and that others, or others of the same names, are told from them."""

import pytest
from heard_workspace import tone_of, write_log_mels

from audiosetzsl.errors import ShardError
from audiosetzsl.manifest import load_manifest
from audiosetzsl.shards import Recipe
from flows.training_clips import TrainingClips


def segments(root, split, seen, class_name=None):
    rows = load_manifest(root / "manifest.parquet", split=split, seen=seen)
    return rows.segment_id[(rows.class_name == class_name) | (class_name is None)].tolist()


def test_whatever_a_network_learns_from_makes_other_facts(tiny_workspace):
    """Names, labels and settings do not tell a clip from one that was fetched anew."""

    def facts(**how):
        return tuple(TrainingClips.of(write_log_mels(tiny_workspace, **how)).facts.items())

    first, again = facts(), facts()
    assert first == again
    train, val = (segments(tiny_workspace, split, True)[:1] for split in ("train", "val"))
    others = {
        first,
        facts(of_clips="fetched anew"),
        facts(recipe=Recipe("LogMelConfig", {"floor": 0.02})),
        facts(without=train),
        facts(without=val),
    }
    assert len(others) == 5
    unseen = segments(tiny_workspace, "train", False) + segments(tiny_workspace, "test", None)
    assert facts(without=unseen) == first


def test_val_clips_of_a_class_without_train_clips_have_no_say(tiny_workspace):
    one, other = sorted(set(load_manifest(tiny_workspace / "manifest.parquet", seen=True).class_name))
    lost = segments(tiny_workspace, "train", True, one) + segments(tiny_workspace, "val", True, other)
    clips = TrainingClips.of(write_log_mels(tiny_workspace, without=lost))
    assert clips.split_of == dict.fromkeys(segments(tiny_workspace, "train", True, other), "train")
    assert clips.laid_out("val", tiny_workspace / "val.arrow") is None


def test_shards_that_are_made_again_while_they_are_read_are_not_taken_for_the_old_ones(tiny_workspace):
    clips = TrainingClips.of(write_log_mels(tiny_workspace))
    write_log_mels(tiny_workspace, lambda *clip: tone_of(*clip) + 1, of_clips="fetched anew")
    with pytest.raises(
        ShardError, match=r"log_mel were made again while they were read; wait for extract-feat"
    ):
        clips.laid_out("train", tiny_workspace / "train.arrow")
