"""Verify: everything that can go wrong with the shards of a workspace is found, and nothing else."""

import json
import os
import resource
import shutil

import numpy as np
import pyarrow as pa
import pytest
from small_manifests import manifest_of
from small_shards import OTHER, RECIPE, feature_of, fill, ledger_of, number_of, planned, shard_of

from audiosetzsl.clips.fetched import fetched
from audiosetzsl.errors import ManifestError, SetupError, ShardError
from audiosetzsl.manifest import write_manifest
from audiosetzsl.shards import Kind, Recipe, clips_of, read_shard, write_shard
from audiosetzsl.shards.look import Look, look_at
from audiosetzsl.shards.planned import planned_blocks
from audiosetzsl.shards.verify import kinds_of, verify
from flows.planning import plan_workspace

OF_LOG_MELS = Recipe("AudioCnn", {"code": 1, "log_mel": RECIPE.fingerprint})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place, blocks = planned(tmp_path_factory.mktemp("whole") / "work")
    for kind in (Kind.LOG_MEL, Kind.VIDEO):
        fill(place, kind, blocks, without=[3, 7], of_clips="these")
    fill(place, Kind.AUDIO, blocks, without=[3, 7], recipe=OF_LOG_MELS, of_clips="these")
    copy_heads(place, blocks)
    return place, blocks


def copy_heads(place, blocks):
    """Sound vectors have what their log-mels say of the clips."""
    for block in blocks:
        heard = read_shard(place.features(Kind.LOG_MEL) / block.file_name, Kind.LOG_MEL)
        path = place.features(Kind.AUDIO) / block.file_name
        vectors = read_shard(path, Kind.AUDIO)["vector"]
        table = heard.select(["segment_id", "status", "reason", "flags", "duration_s"])
        table = table.append_column("vector", vectors)
        schema = read_shard(path, Kind.AUDIO).schema.remove_metadata()
        write_shard(table.cast(schema), path, Kind.AUDIO, OF_LOG_MELS, clips_of(path))


@pytest.fixture
def place(whole, tmp_path):
    """A workspace in which all is well, to spoil."""
    shutil.copytree(whole[0].root, tmp_path / "work")
    return type(whole[0])(tmp_path / "work")


@pytest.fixture
def blocks(whole):
    return whole[1]


def found(place, kinds=tuple(Kind)):
    return [(str(f.kind), f.path.name, str(f.problem), f.is_wrong) for f in verify(place, list(kinds))]


def test_all_is_well(place, blocks):
    seen = []
    assert verify(place, list(Kind), lambda: seen.append(1)) == []
    assert len(seen) == len(blocks) * 3


@pytest.mark.parametrize("kind", list(Kind))
def test_a_block_that_is_missing(place, kind):
    (place.features(kind) / "part-00002.parquet").unlink()
    (finding,) = verify(place, list(Kind))
    assert (finding.kind, finding.path.name, finding.problem) == (kind, "part-00002.parquet", "missing")
    assert finding.detail == "9 segments"


def test_a_kind_that_is_missing_altogether(place, blocks):
    shutil.rmtree(place.features(Kind.VIDEO))
    assert found(place) == [("video", block.file_name, "missing", True) for block in blocks]


@pytest.mark.parametrize(
    ("kind", "damage"),
    [*((kind, "flip") for kind in Kind), *((Kind.VIDEO, d) for d in ("cut", "empty", "junk"))],
)
def test_a_block_that_is_damaged(place, kind, damage):
    path = place.features(kind) / "part-00001.parquet"
    content = bytearray(path.read_bytes())
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")  # of which Parquet has no checksum
    content[footer // 2] ^= 1
    made = {"flip": content, "cut": content[:-5], "empty": b"", "junk": b"no parquet at all" * 9}
    path.write_bytes(made[damage])
    (finding,) = verify(place, list(Kind))
    assert (finding.kind, finding.path, finding.problem) == (kind, path, "damaged")
    # What the table says beside it already, and what is for people without the table, is left out.
    assert not finding.detail.startswith(("is damaged", str(path))) and "make it again" not in finding.detail


def test_a_block_whose_rows_break_their_contract(place, blocks):
    """Such a file was not written by us; its checksums are right."""
    path = place.features(Kind.VIDEO) / "part-00000.parquet"
    names = list(blocks[0].segment_ids)
    table = shard_of(Kind.VIDEO, [None] * 9, width=8, segment_id=names, reason=[""] * 9)
    pa.parquet.write_table(table, path, write_page_checksum=True)
    (finding,) = verify(place, [Kind.VIDEO])
    assert finding.problem == "damaged" and "a reason stands where the status is ok" in finding.detail


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda ids, other: ids[::-1], "the order"),
        (lambda ids, other: ids[:-2], "2 segments are missing, 0 are not of its block"),
        (lambda ids, other: other, "9 segments are missing, 9 are not of its block"),
        (lambda ids, other: [*ids, other[0]], "0 segments are missing, 1 are not of its block"),
        (lambda ids, other: ["stranger_0", *ids[1:]], "1 segments are missing, 1 are not of its block"),
    ],
)
def test_a_block_with_other_segments_than_its_own(place, blocks, change, detail):
    ids = change(list(blocks[0].segment_ids), list(blocks[1].segment_ids))
    features = [feature_of(Kind.VIDEO, 1)] * len(ids)
    path = place.features(Kind.VIDEO) / blocks[0].file_name
    table = shard_of(Kind.VIDEO, features, width=8, segment_id=ids)
    write_shard(table, path, Kind.VIDEO, RECIPE, clips_of(path))
    (finding,) = verify(place, list(Kind))
    assert (finding.path, finding.problem, finding.detail) == (path, "other segments", detail)


def test_a_block_of_another_recipe_than_most(place, blocks):
    fill(place, Kind.VIDEO, blocks[3:], recipe=OTHER, of_clips="these")
    (finding,) = verify(place, list(Kind))
    assert (finding.path.name, finding.problem) == ("part-00003.parquet", "other recipe")
    assert finding.detail == f"{OTHER.fingerprint}, and 3 shards are of {RECIPE.fingerprint}"


def test_a_block_of_another_recipe_than_was_begun(place, blocks):
    """Not most of them count, but what the stage will make: else it made again what is found wrong, for ever."""
    note_begun(place, VIDEO=RECIPE, LOG_MEL=RECIPE)
    fill(place, Kind.VIDEO, blocks[1:], recipe=OTHER, of_clips="these")
    findings = verify(place, list(Kind))
    assert [(f.path.name, f.problem) for f in findings] == [
        (f"part-0000{n}.parquet", "other recipe") for n in (1, 2, 3)
    ]
    assert (
        findings[0].detail == f"{OTHER.fingerprint}, and this workspace was begun with {RECIPE.fingerprint}"
    )
    place.extractors.write_text("{}")  # an older note: what most are counts
    assert [f.path.name for f in verify(place, list(Kind))] == ["part-00000.parquet"]


def note_begun(place, **recipes):
    made_by = {Kind[name]: recipe.fingerprint for name, recipe in recipes.items()}
    place.extractors.write_text(json.dumps({"made_by": made_by}))


def test_a_block_that_does_not_say_what_made_it(place, blocks):
    path = place.features(Kind.VIDEO) / blocks[0].file_name
    table = read_shard(path, Kind.VIDEO).replace_schema_metadata({})
    pa.parquet.write_table(table, path, write_page_checksum=True)
    (finding,) = verify(place, [Kind.VIDEO])
    assert finding.problem == "damaged" and finding.detail == "does not say what made it"


def test_a_block_of_another_width_than_most(place, blocks):
    fill(place, Kind.VIDEO, blocks[:1], width=5, of_clips="these")
    (finding,) = verify(place, list(Kind))
    assert (finding.path.name, finding.problem) == ("part-00000.parquet", "other width")
    assert finding.detail == "5, and 3 shards are 8 wide"


def test_sound_vectors_of_other_log_mels(place, blocks):
    """Clips came, a failure was made good, or the front-end changed: the vectors have to follow."""
    fill(place, Kind.LOG_MEL, blocks[:1], without=[3, 7], of_clips="others")
    fill(
        place,
        Kind.LOG_MEL,
        blocks[1:2],
        of_clips="these",
        without=[3, 7, number_of(blocks[1].segment_ids[0])],
    )
    path = place.features(Kind.AUDIO) / blocks[2].file_name
    late = Recipe("AudioCnn", {"code": 1, "log_mel": "0123456789ab"})
    write_shard(read_shard(path, Kind.AUDIO), path, Kind.AUDIO, late, clips_of(path))
    findings = [f for f in verify(place, list(Kind)) if f.problem == "other log-mels"]
    assert [(f.path.name, f.detail) for f in findings] == [
        ("part-00000.parquet", "of clips that have changed since"),
        ("part-00001.parquet", "its rows are not those of the log-mels"),
        ("part-00002.parquet", f"of recipe 0123456789ab, and the log-mels are of {RECIPE.fingerprint}"),
    ]


def test_a_block_that_is_older_than_its_clips(place, blocks):
    """Clips came, others were fetched anew; what was lost since changes nothing, nor does a block never asked for."""
    (come, other), same = blocks[:2], blocks[2]
    without_clip = [name for name in come.segment_ids if number_of(name) in (3, 7)]
    assert without_clip
    ledger_of(place, come, dict.fromkeys(come.segment_ids, "a"))
    ledger_of(place, other, {other.segment_ids[0]: "a"})
    ledger_of(place, same, {same.segment_ids[0]: "a", same.segment_ids[1]: "b"}, lost=same.segment_ids[1:2])
    there = fetched(place, same.file_name).there
    assert there == {same.segment_ids[0]: "a"}
    for kind, lost in ((Kind.LOG_MEL, {same.segment_ids[1]: "of another clip"}), (Kind.VIDEO, {})):
        fill(place, kind, [same], without=[3, 7], of_clips=there | lost)
    findings = [(f.kind, f.path.name, f.problem, f.detail) for f in verify(place, [Kind.LOG_MEL, Kind.VIDEO])]
    assert findings == [
        (kind, block.file_name, "stale", detail)
        for kind in (Kind.LOG_MEL, Kind.VIDEO)
        for block, detail in (
            (come, f"{len(without_clip)} clips have come since"),
            (other, "its clips have changed since"),
        )
    ]


def test_two_kinds_of_different_clips(place, blocks):
    """Without the ledger nobody can tell which of them is stale."""
    fill(place, Kind.VIDEO, blocks[:1], without=[3, 7], of_clips="others")
    (finding,) = verify(place, list(Kind))
    assert (finding.kind, finding.path.name, finding.problem) == (
        "video",
        "part-00000.parquet",
        "other clips",
    )
    assert finding.detail.endswith("bring clips/part-00000.parquet back, which knows which")


def test_sound_vectors_are_not_wrong_for_the_words_of_a_reason(place, blocks):
    path = place.features(Kind.AUDIO) / blocks[0].file_name
    table = read_shard(path, Kind.AUDIO)
    reasons = [reason and "HTTP Error 429" for reason in table["reason"].to_pylist()]
    assert any(reasons)
    number = table.schema.get_field_index("reason")
    told = table.set_column(number, table.schema.field(number), pa.array(reasons, pa.string()))
    write_shard(told, path, Kind.AUDIO, OF_LOG_MELS, clips_of(path))
    assert verify(place, list(Kind)) == []


def test_a_shard_that_the_disk_does_not_give_is_not_called_damaged(place):
    """Repair would set aside what is whole: the error ends the command."""
    shard = place.features(Kind.VIDEO) / "part-00000.parquet"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    block = planned_blocks(place)[0]
    in_use = os.open(shard, os.O_RDONLY)  # the lowest number that was free
    os.close(in_use)
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use, hard))
    try:
        with pytest.raises(
            SetupError, match=r"part-00000\.parquet cannot be read just now \(.+\), and may be whole"
        ):
            look_at(place, Kind.VIDEO, block)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert isinstance(look_at(place, Kind.VIDEO, block), Look)


def test_files_beside_the_shards(place):
    folder = place.features(Kind.AUDIO)
    (folder / ".part-00001.parquet.99999.0a1b2c3d").write_bytes(b"half")
    (folder / "part-00004.parquet").write_bytes(b"")
    (folder / "notes.txt").write_bytes(b"")
    (folder / ".DS_Store").write_bytes(b"")
    assert found(place) == [
        ("audio", ".part-00001.parquet.99999.0a1b2c3d", "leftover", False),
        ("audio", "notes.txt", "not of the plan", True),
        ("audio", "part-00004.parquet", "not of the plan", True),
    ]


def test_everything_at_once_is_found_one_by_one(place, blocks):
    (place.features(Kind.LOG_MEL) / "part-00000.parquet").unlink()
    (place.features(Kind.VIDEO) / "part-00001.parquet").write_bytes(b"")
    fill(place, Kind.AUDIO, blocks[2:3], recipe=OTHER)
    assert [(kind, name, problem) for kind, name, problem, _ in found(place)] == [
        ("log_mel", "part-00000.parquet", "missing"),
        ("video", "part-00001.parquet", "damaged"),
        ("audio", "part-00002.parquet", "other recipe"),
        ("audio", "part-00002.parquet", "other log-mels"),
    ]


def test_log_mel_and_video_come_of_one_stage(place):
    assert kinds_of(place) == list(Kind)
    shutil.rmtree(place.features(Kind.AUDIO))
    shutil.rmtree(place.features(Kind.VIDEO))
    assert kinds_of(place) == [Kind.LOG_MEL, Kind.VIDEO]
    shutil.rmtree(place.features(Kind.LOG_MEL))
    with pytest.raises(
        ShardError, match="features holds no shards; run `python -m flows extract-features` on"
    ):
        kinds_of(place)


def test_blocks_are_those_of_the_factorys_plan(tmp_path):
    place, blocks = planned(tmp_path, 50, 7)
    assert planned_blocks(place) == blocks == plan_workspace(place)


def test_a_workspace_without_a_plan(place):
    note = place.root / "plan.json"
    for content in (b"{", b"[]", b"{}", b'{"block_size": 9}'):
        note.write_bytes(content)
        with pytest.raises(
            SetupError, match=r"plan\.json does not say which blocks there are \(.+\); run a stage"
        ):
            verify(place, list(Kind))
    note.unlink()
    with pytest.raises(SetupError, match=r"plan\.json does not say which blocks there are \(.+No such file"):
        verify(place, list(Kind))


def test_a_workspace_with_another_manifest_than_was_planned(place):
    write_manifest(manifest_of([("00000000000", "dog", True, "train")]), place.manifest, {})
    with pytest.raises(
        SetupError, match=r"is not the manifest that .*plan\.json was made for, so nothing can"
    ):
        verify(place, list(Kind))
    place.manifest.unlink()
    with pytest.raises(ManifestError, match=r"manifest\.parquet does not exist"):
        verify(place, list(Kind))


def test_the_plan_is_left_alone(place):
    before = (place.root / "plan.json").read_bytes()
    verify(place, list(Kind))
    assert (place.root / "plan.json").read_bytes() == before
    assert json.loads(before)["block_size"] == 9


def test_flips_all_over_a_workspace_are_found(place):
    """Of many damaged files none is passed over, and no sound one is blamed."""
    rng = np.random.default_rng(0)
    damaged = set()
    for kind in Kind:
        for path in sorted(place.features(kind).iterdir()):
            if rng.random() < 0.5:
                content = bytearray(path.read_bytes())
                content[4 + int(rng.integers(200))] ^= 1 << int(rng.integers(8))
                path.write_bytes(content)
                damaged.add(path)
    findings = {f.path for f in verify(place, list(Kind)) if f.problem == "damaged"}
    assert findings <= damaged and len(findings) >= len(damaged) - 2  # a flip may stand where nobody reads
