"""The manifest: its rules, its filters, and the published one."""

import json
from collections import Counter
from dataclasses import asdict
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audiosetzsl.classes import AUDIOSETZSL, Class, ClassList
from audiosetzsl.errors import ManifestError
from audiosetzsl.manifest import (
    SCHEMA,
    Segment,
    check_manifest,
    class_list_of,
    load_manifest,
    load_manifest_table,
    provenance_of,
    published_path,
    read_manifest,
    segment_ids,
    write_manifest,
)

CLASSES = ClassList(
    "own",
    (
        Class("dog", "/m/d", seen=True, excluded_mids=("/m/z",)),
        Class("cat", "/m/c", seen=True),
        Class("pig", "/m/p", seen=False, phrase="guinea pig"),
    ),
    excluded_mids=("/m/x",),
)
PROVENANCE = {
    "class_list": "own",
    "seed": 3,
    "excluded_mids": ["/m/x"],
    "classes": [asdict(c) | {"excluded_mids": list(c.excluded_mids)} for c in CLASSES],
}
SPLITS = ("train", "val", "test")


def row(number, **changes):
    ytid = f"{'-_'[number % 2]}id{number:08d}"
    c = CLASSES.classes[number % 3]
    good = {
        "segment_id": f"{ytid}_{number * 1000 + 500}",
        "ytid": ytid,
        "start_s": number + 0.5,
        "end_s": number + 10.5,
        "class_name": c.name,
        "seen": c.seen,
        "split": SPLITS[number // 3 % 3],
        "source": "eval" if number % 5 == 0 else "unbalanced",
        "line": number + 4,
        "mids": [c.mid, "/m/y"],
    }
    return good | changes


ROWS = sorted((row(number) for number in range(18)), key=lambda r: r["segment_id"])


def table_of(rows):
    return pa.Table.from_pylist(rows, SCHEMA)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_manifest(table_of(ROWS), tmp_path_factory.mktemp("manifest") / "m.parquet", PROVENANCE)


def test_a_manifest_comes_back_with_what_it_was_made_from(written):
    table = read_manifest(written)
    assert table.to_pylist() == ROWS
    assert provenance_of(table) == PROVENANCE
    assert class_list_of(table) == CLASSES


def test_an_empty_manifest_is_one(tmp_path):
    path = write_manifest(SCHEMA.empty_table(), tmp_path / "m.parquet", {})
    assert len(read_manifest(path)) == 0 == len(load_manifest(path))


FIRST = ROWS[0]["segment_id"]
BROKEN = {
    "a ytid of ten": ({"ytid": "short_ytid"}, "its ytid is malformed"),
    "a ytid of twelve": ({"ytid": "aaaaaaaaaaaa"}, "its ytid is malformed"),
    "a ytid of a foreign letter": ({"ytid": "aaaaaaaaaaä"}, "its ytid is malformed"),
    "a ytid and a line break": ({"ytid": "aaaaaaaaaaa\n"}, "its ytid is malformed"),
    "no length": ({"end_s": ROWS[0]["start_s"]}, "it ends before it starts"),
    "less than no length": ({"end_s": 0.0}, "it ends before it starts"),
    "no end": ({"end_s": float("nan")}, "it ends before it starts"),
    "no start": ({"start_s": float("nan")}, "it ends before it starts"),
    "no split": ({"split": "dev"}, "its split is none of train, val, test"),
    "no source": ({"source": "radio"}, "its source is none of unbalanced, balanced, eval"),
    "another start": ({"start_s": 0.25}, "its id is not <ytid>_<start in ms>"),
    "another ytid": ({"ytid": "aaaaaaaaaaa"}, "its id is not <ytid>_<start in ms>"),
}


@pytest.mark.parametrize(("changes", "rule"), BROKEN.values(), ids=list(BROKEN))
@pytest.mark.parametrize("at", [0, 7])
def test_a_broken_rule_is_named_with_the_segment_that_breaks_it(tmp_path, changes, rule, at):
    rows = list(ROWS)
    if "end_s" in changes and changes["end_s"] == ROWS[0]["start_s"]:
        changes = {"end_s": rows[at]["start_s"]}
    rows[at] = rows[at] | changes
    path = tmp_path / "m.parquet"
    with pytest.raises(ManifestError) as error:
        write_manifest(table_of(rows), path, {})
    expected = f"{path}: segment {rows[at]['segment_id']}: {rule}; build the manifest again"
    assert str(error.value) == expected
    assert not path.exists()
    pq.write_table(table_of(rows), path)  # the same rules hold for a file of somebody else's making
    with pytest.raises(ManifestError) as error:
        read_manifest(path)
    assert str(error.value) == expected


def test_segments_out_of_order_are_refused(tmp_path):
    rows = [*ROWS[:4], ROWS[5], ROWS[4], *ROWS[6:]]
    with pytest.raises(
        ManifestError, match=f"segment {ROWS[4]['segment_id']}: ids are not ascending, each once"
    ):
        check_manifest(table_of(rows), tmp_path)


def test_a_segment_that_comes_twice_is_refused(tmp_path):
    rows = [*ROWS[:5], *ROWS[4:]]
    with pytest.raises(
        ManifestError, match=f"segment {ROWS[4]['segment_id']}: ids are not ascending, each once"
    ):
        check_manifest(table_of(rows), tmp_path)
    in_chunks = pa.concat_tables([table_of(rows[:5]), table_of(rows[5:])])
    with pytest.raises(
        ManifestError, match=f"segment {ROWS[4]['segment_id']}: ids are not ascending, each once"
    ):
        check_manifest(in_chunks, tmp_path)


def test_a_video_in_two_splits_is_refused(tmp_path):
    ytid = "zzzzzzzzzzz"
    pair = [
        row(
            1,
            segment_id=f"{ytid}_{start * 1000}",
            ytid=ytid,
            start_s=float(start),
            end_s=start + 10.0,
            split=split,
        )
        for start, split in ((0, "train"), (30, "test"))
    ]
    expected = "ytid zzzzzzzzzzz has split test and train, expected one; build the splits again"
    with pytest.raises(ManifestError, match=expected):
        check_manifest(table_of([*ROWS, *pair]), tmp_path)
    check_manifest(table_of([*ROWS, *(one | {"split": "val"} for one in pair)]), tmp_path)


def test_a_class_that_is_seen_and_unseen_is_refused(tmp_path):
    rows = [*ROWS[:4], ROWS[4] | {"seen": not ROWS[4]["seen"]}, *ROWS[5:]]
    name = ROWS[4]["class_name"]
    expected = f"class_name {name} has seen False and True, expected one; build the splits again"
    with pytest.raises(ManifestError, match=expected):
        check_manifest(table_of(rows), tmp_path)


def test_the_rules_hold_however_a_table_is_cut_into_chunks(tmp_path):
    table = table_of(ROWS)
    check_manifest(pa.concat_tables([table[:1], table[1:1], table[1:7], table[7:]]), tmp_path)


def test_an_absent_manifest_and_a_damaged_one_are_named(tmp_path, written):
    with pytest.raises(ManifestError, match=r"own\.parquet does not exist"):
        load_manifest(tmp_path / "own.parquet")
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(written.read_bytes()[:-100])
    with pytest.raises(ManifestError, match=r"cut\.parquet is damaged"):
        load_manifest(cut)


def test_a_flipped_bit_in_the_pages_never_changes_a_manifest(tmp_path, written):
    content, path = bytearray(written.read_bytes()), tmp_path / "flipped.parquet"
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    detected = 0
    for offset, bit in np.random.default_rng(0).integers((0, 0), (footer, 8), size=(100, 2)):
        content[offset] ^= 1 << bit
        path.write_bytes(content)
        content[offset] ^= 1 << bit
        try:
            assert read_manifest(path).to_pylist() == ROWS, f"bit {bit} of byte {offset}"
        except ManifestError as error:
            detected += 1
            assert "flipped.parquet is damaged" in str(error)
    assert detected > 50


def test_a_manifest_that_does_not_say_its_classes(tmp_path):
    noted = {key: value for key, value in PROVENANCE.items() if key != "classes"}
    for provenance, missing in (
        ({}, "'classes'"),
        (noted, "'classes'"),
        (PROVENANCE | {"classes": [{"name": "dog"}]}, "'mid'"),
    ):
        table = read_manifest(write_manifest(table_of(ROWS), tmp_path / "m.parquet", provenance))
        expected = (
            rf"the manifest does not say which classes it was built with \({missing} is missing\); "
            "build it with `python -m flows build-manifest`"
        )
        with pytest.raises(ManifestError, match=expected):
            class_list_of(table)
    with pytest.raises(ManifestError, match="does not say which classes"):
        class_list_of(table_of(ROWS))  # no metadata at all


@pytest.mark.parametrize("noted", [b"\xff", b'{"seed": ', b""])
def test_damaged_provenance_is_an_error_of_ours(noted):
    table = table_of(ROWS).replace_schema_metadata({b"audiosetzsl": noted})
    for read in (provenance_of, class_list_of):
        with pytest.raises(
            ManifestError, match=r"the manifest's provenance is damaged \(.+\); build it again"
        ):
            read(table)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    split=st.none() | st.sampled_from(SPLITS),
    seen=st.none() | st.booleans(),
    classes=st.none() | st.sets(st.sampled_from(CLASSES.names)),
)
def test_filters_keep_what_all_of_them_keep_in_order(written, split, seen, classes):
    # Classes that a filter before has left without segments are no longer known, and refused by name.
    rows = [r for r in ROWS if split in (None, r["split"]) and seen in (None, r["seen"])]
    gone = sorted((classes or set()) - {r["class_name"] for r in rows})
    if gone:
        with pytest.raises(ManifestError, match=f"no segments of {', '.join(gone)}, expected some of"):
            load_manifest_table(written, split=split, seen=seen, classes=classes)
        return
    rows = [r for r in rows if classes is None or r["class_name"] in classes]
    table = load_manifest_table(written, split=split, seen=seen, classes=classes)
    assert table.to_pylist() == rows
    frame = load_manifest(written, split=split, seen=seen, classes=classes)
    assert frame.segment_id.tolist() == [r["segment_id"] for r in rows]
    assert frame.index.tolist() == list(range(len(rows)))


def test_an_unknown_split_lists_the_known(written):
    with pytest.raises(ManifestError, match="there is no split 'trn', expected one of train, val, test"):
        load_manifest(written, split="trn")


def test_an_unknown_class_lists_the_known(written):
    with pytest.raises(ManifestError, match="no segments of emu, owl, expected some of cat, dog, pig"):
        load_manifest(written, classes=["dog", "owl", "emu"])


@example(ms=[1_001, 4_019])  # 1.001 * 1000 is 1000.9999999999999
@given(ms=st.lists(st.integers(0, 10**8), max_size=5))
def test_ids_carry_the_start_in_whole_milliseconds(ms):
    starts = [float(Decimal(start) / 1000) for start in ms]
    assert segment_ids(["aaaaaaaaaaa"] * len(ms), np.array(starts)) == [
        f"aaaaaaaaaaa_{start}" for start in ms
    ]


def test_the_duration_of_a_segment():
    assert Segment("aaaaaaaaaaa_30000", "aaaaaaaaaaa", 30.0, 38.5, "dog").duration_s == 8.5


def test_a_package_without_the_published_manifest_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("audiosetzsl.manifest.files", lambda package: tmp_path / package)
    with pytest.raises(
        ManifestError, match=r"the published manifest is not in .*; install audiosetzsl again"
    ):
        published_path()
    for place in (tmp_path / "manifests", tmp_path / "audiosetzsl" / "data"):  # a checkout, then a wheel
        place.mkdir(parents=True)
        (place / "audiosetzsl.parquet").touch()
        assert published_path() == place / "audiosetzsl.parquet"


@pytest.fixture(scope="module")
def published():
    return load_manifest_table()


def test_the_published_manifest_is_the_dataset(published):
    assert len(published) == 163_183
    assert Counter(published["split"].to_pylist()) == {"train": 97_921, "val": 32_624, "test": 32_638}
    assert class_list_of(published) == AUDIOSETZSL
    seen = dict(zip(published["class_name"].to_pylist(), published["seen"].to_pylist(), strict=True))
    assert seen == {c.name: c.seen for c in AUDIOSETZSL}
    assert (len(seen), sum(seen.values())) == (33, 23)
    ytids = published["ytid"].to_pylist()
    assert len(set(ytids)) == len(ytids)


def test_pandas_and_arrow_agree_on_the_published_manifest(published):
    frame = load_manifest()
    assert frame.columns.tolist() == SCHEMA.names
    for name in SCHEMA.names[:-1]:
        assert frame[name].tolist() == published[name].to_pylist()
    assert [mids.tolist() for mids in frame.mids[::1000]] == published["mids"].to_pylist()[::1000]
    of_val = load_manifest(split="val", seen=False, classes=["pig", "clock"])
    kept = frame[(frame.split == "val") & frame.class_name.isin(["pig", "clock"])]
    assert of_val.segment_id.tolist() == kept.segment_id.tolist()
    assert set(of_val.class_name) == {"pig", "clock"} and len(of_val) > 200


def test_every_published_segment_carries_its_class_and_no_other(published):
    mids = {c.mid: c.name for c in AUDIOSETZSL}
    for name, labels in zip(published["class_name"].to_pylist(), published["mids"].to_pylist(), strict=True):
        assert [mids[mid] for mid in labels if mid in mids] == [name]


def test_provenance_is_json_that_others_can_read(written):
    assert json.loads(pq.read_schema(written).metadata[b"audiosetzsl"]) == PROVENANCE
