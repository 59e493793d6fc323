"""Clips of a training: which they are, and that others, or others of the same names, are told from them."""

import pytest
from heard_workspace import tone_of, write_log_mels

from audiosetzsl.errors import ShardError
from audiosetzsl.manifest import load_manifest, provenance_of, read_manifest, write_manifest
from audiosetzsl.shards import Recipe
from flows.training_clips import TrainingClips


def segments(root, split, seen, class_name=None):
    rows = load_manifest(root / "manifest.parquet", split=split, seen=seen)
    return rows.segment_id[(rows.class_name == class_name) | (class_name is None)].tolist()


def other_in(names):
    """Tones, but of some segments one number is the next one that the shard can hold."""

    def heard(segment_id, *what):
        tone = tone_of(segment_id, *what)
        tone[0, 0] = -2 if segment_id not in names else -2.002
        return tone

    return heard


def test_the_facts_are_of_what_is_learnt_from_or_judged_by_and_of_nothing_else(tiny_workspace):
    def facts(**how):
        return tuple(
            TrainingClips.of(
                write_log_mels(tiny_workspace, **{"log_mel_of": other_in([]), **how})
            ).facts.items()
        )

    first = facts()
    train, val = (segments(tiny_workspace, split, True)[:1] for split in ("train", "val"))
    others = [
        facts(log_mel_of=other_in(train)),
        facts(log_mel_of=other_in(val)),
        facts(without=train),
        facts(without=val),
    ]
    assert len({first, *others}) == 5
    elsewhere = segments(tiny_workspace, None, False) + segments(tiny_workspace, "test", None)
    # A clip that nobody hears comes, goes or is another: the digest of the clips of its whole block is too.
    assert facts(without=elsewhere, of_clips="without them") == first
    assert facts(log_mel_of=other_in(elsewhere), of_clips="with others") == first
    assert facts(recipe=Recipe("LogMelConfig", {"brought": "by hand"})) == first


def test_classes_in_another_order_are_another_network(tiny_workspace):
    """Its answers would stand in another order."""
    place = write_log_mels(tiny_workspace)
    first = TrainingClips.of(place)
    table = read_manifest(place.manifest)
    noted = provenance_of(table)
    write_manifest(table, place.manifest, {**noted, "classes": noted["classes"][::-1]})
    again = TrainingClips.of(place)
    assert again.taught == first.taught[::-1]
    assert again.facts != first.facts


def test_val_clips_of_a_class_without_train_clips_have_no_say(tiny_workspace):
    one, other = sorted(set(load_manifest(tiny_workspace / "manifest.parquet", seen=True).class_name))
    lost = segments(tiny_workspace, "train", True, one) + segments(tiny_workspace, "val", True, other)
    clips = TrainingClips.of(write_log_mels(tiny_workspace, without=lost))
    assert clips.taught == (other,)
    train = clips.laid_out("train", tiny_workspace / "train.arrow")
    assert sorted(train.segment_ids) == sorted(segments(tiny_workspace, "train", True, other))
    assert set(train.splits) == {"train"}
    assert clips.laid_out("val", tiny_workspace / "val.arrow") is None


def test_shards_that_are_made_again_while_they_are_read_are_not_taken_for_the_old_ones(tiny_workspace):
    clips = TrainingClips.of(write_log_mels(tiny_workspace))
    last = segments(tiny_workspace, "train", True)[-1:]
    write_log_mels(tiny_workspace, lambda name, *what: tone_of(name, *what) + (name in last))
    with pytest.raises(
        ShardError, match=r"log_mel were made again while they were read; wait for extract-feat"
    ):
        clips.laid_out("train", tiny_workspace / "train.arrow")
