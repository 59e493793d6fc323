"""Repair: which stages make again what is broken, and which files a stage is to replace."""

import os
import subprocess
import sys
import time

import pytest
from small_shards import RECIPE, feature_of, fill, planned, shard_of

from audiosetzsl.files import sha256_of
from audiosetzsl.shards import Kind, Recipe, Status, write_shard
from audiosetzsl.shards.redo import IDLE_S, is_abandoned, redos_of, with_statuses
from audiosetzsl.shards.repair import is_complete, stages_for
from audiosetzsl.shards.verify import verify


@pytest.fixture
def made(tmp_path):
    place, blocks = planned(tmp_path / "work")
    for kind in (Kind.LOG_MEL, Kind.VIDEO):
        fill(place, kind, blocks)
    return place, blocks


def redos(place, kinds=(Kind.LOG_MEL, Kind.VIDEO)):
    return redos_of(verify(place, kinds))


def failed_part(place, kind, block, statuses):
    """A shard in which some rows, the last ones, have a status."""
    n = len(block.segment_ids)
    features = [feature_of(kind, k) if k < n - len(statuses) else None for k in range(n)]
    words = ["ok"] * (n - len(statuses)) + [str(status) for status in statuses]
    table = shard_of(kind, features, width=8, segment_id=list(block.segment_ids), status=words)
    return write_shard(table, place.features(kind) / block.file_name, kind, RECIPE)


def test_nothing_is_to_be_done_where_all_is_well(made):
    place, _ = made
    assert redos(place) == []
    assert list(with_statuses(place, list(Kind), [Status.FAILED])) == []
    assert stages_for(place, []) == []


def test_what_is_broken_is_listed_with_its_reason(made):
    place, _ = made
    (place.features(Kind.LOG_MEL) / "part-00001.parquet").unlink()
    (place.features(Kind.VIDEO) / "part-00002.parquet").write_bytes(b"")
    (place.features(Kind.VIDEO) / "part-00009.parquet").write_bytes(b"")
    found = redos(place)
    assert [(redo.kind, redo.path.name, redo.way, redo.is_of_plan) for redo in found] == [
        (Kind.LOG_MEL, "part-00001.parquet", "none", True),
        (Kind.VIDEO, "part-00002.parquet", "aside", True),
        (Kind.VIDEO, "part-00009.parquet", "aside", False),
    ]
    assert found[0].why == "missing: 9 segments"
    assert found[1].why.startswith("damaged: Parquet file size is 0 bytes")
    assert found[2].why == "not of the plan: no block has this name"


def test_what_is_no_shard_is_left_alone(made):
    place, _ = made
    folder = place.features(Kind.VIDEO)
    (folder / "NOTES.txt").write_text("mine")
    (folder / "old").mkdir()
    (folder / "part-00009.parquet").mkdir()
    assert redos(place) == []


def test_rows_of_a_status_are_tried_again(made):
    place, blocks = made
    video = failed_part(place, Kind.VIDEO, blocks[0], [Status.FAILED, Status.UNREADABLE, Status.FAILED])
    failed_part(place, Kind.LOG_MEL, blocks[1], [Status.NO_CLIP])
    asked = list(with_statuses(place, list(Kind), [Status.FAILED, Status.UNREADABLE]))
    assert [(redo.path, redo.why) for redo in asked] == [(video, "2 failed, 1 unreadable")]
    (redo,) = with_statuses(place, list(Kind), [Status.UNREADABLE])
    assert redo.why == "1 unreadable" and redo.is_of_plan and redo.way == "in place"
    assert len(list(with_statuses(place, [Kind.LOG_MEL], [Status.FAILED]))) == 0


def test_sound_vectors_are_not_tried_again_by_themselves(made):
    """They have failed where their log-mel did."""
    place, blocks = made
    failed_part(place, Kind.AUDIO, blocks[0], [Status.FAILED])
    assert list(with_statuses(place, list(Kind), [Status.FAILED])) == []


def test_a_damaged_shard_is_no_shard_of_a_status(made):
    place, blocks = made
    failed_part(place, Kind.VIDEO, blocks[0], [Status.FAILED]).write_bytes(b"")
    assert list(with_statuses(place, list(Kind), [Status.FAILED])) == []


def test_the_stages_that_make_what_is_missing(made):
    place, blocks = made
    where = ["--workspace", str(place.root.resolve())]
    (place.features(Kind.VIDEO) / "part-00001.parquet").unlink()
    assert stages_for(place, redos(place)) == [["extract-features", *where]]
    (place.features(Kind.VIDEO) / "part-00009.parquet").write_bytes(b"")
    strays = [redo for redo in redos(place) if not redo.is_of_plan]
    assert stages_for(place, strays) == []
    # Sound vectors follow their log-mels, with the network that made them.
    place.models.mkdir()
    network = place.models / "audio_cnn-0a.safetensors"
    network.write_bytes(b"a network")
    (place.models / "audio_cnn-0b.safetensors").write_bytes(b"another")
    recipe = Recipe("AudioCnn", {"checkpoint": sha256_of(network), "code": 1})
    fill(place, Kind.AUDIO, blocks, recipe=recipe)
    assert stages_for(place, redos(place)) == [["extract-features", *where]]  # video alone
    (place.features(Kind.LOG_MEL) / "part-00001.parquet").unlink()
    embed = ["embed-audio", *where, "--checkpoint", str(network.resolve())]
    assert stages_for(place, redos(place)) == [["extract-features", *where], embed]
    assert is_complete(embed)
    (place.features(Kind.AUDIO) / "part-00000.parquet").write_bytes(b"")
    assert stages_for(place, redos(place, [Kind.AUDIO])) == [embed]


def test_of_two_networks_that_of_most_sound_vectors_goes_on(made):
    """It is what `verify` holds the others to: they become alike, whichever came last."""
    place, blocks = made
    place.models.mkdir()
    networks = [place.models / f"audio_cnn-0{n}.safetensors" for n in range(2)]
    for network, of in zip(networks, (blocks[:1], blocks[1:]), strict=True):
        network.write_bytes(network.name.encode())
        fill(place, Kind.AUDIO, of, recipe=Recipe("AudioCnn", {"checkpoint": sha256_of(network)}))
    (redo,) = [redo for redo in redos(place, [Kind.AUDIO]) if redo.why.startswith("other recipe")]
    assert redo.path.name == blocks[0].file_name
    (stage,) = stages_for(place, [redo])
    assert stage[-1] == str(networks[1].resolve())


def test_a_network_that_is_gone_has_to_be_named(made):
    place, blocks = made
    fill(place, Kind.AUDIO, blocks[1:], recipe=Recipe("AudioCnn", {"checkpoint": "00" * 32}))
    (stage,) = stages_for(place, redos(place, [Kind.AUDIO]))
    assert stage[-2:] == ["--checkpoint", "CHECKPOINT"]
    assert not is_complete(stage)


@pytest.fixture
def ended():
    """Id of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def scratch(place, pid, idle_s):
    path = place.features(Kind.VIDEO) / f".part-00000.parquet.{pid}.0a1b2c3d"
    path.write_bytes(b"half")
    at = time.time() - idle_s
    os.utime(path, (at, at))
    return path


def test_what_a_killed_process_left_is_removed_and_what_a_live_one_writes_is_not(made, ended):
    place, _ = made
    old = scratch(place, ended, IDLE_S + 1)
    assert is_abandoned(old)
    assert [(redo.path, redo.is_of_plan) for redo in redos(place)] == [(old, False)]
    assert is_abandoned(scratch(place, ended, 5)) is False  # perhaps of another machine
    assert redos(place) == []
    assert is_abandoned(scratch(place, os.getpid(), IDLE_S + 1)) is False
    assert is_abandoned(scratch(place, 1, IDLE_S + 1)) is False  # of somebody else
    assert is_abandoned(place.features(Kind.VIDEO) / ".part-00000.parquet.5.0a") is False  # has just ended
    other = place.features(Kind.VIDEO) / ".part-notes"
    other.write_bytes(b"")
    os.utime(other, (0, 0))
    assert is_abandoned(other) is False
