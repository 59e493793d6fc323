"""The build on random small worlds, and on AudioSet's own lists."""

import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiosetzsl.audioset.ontology import read_ontology
from audiosetzsl.audioset.remotes import Source
from audiosetzsl.building.build import assemble, build
from audiosetzsl.building.candidates import find_candidates, read_list
from audiosetzsl.building.funnel import class_counts
from audiosetzsl.building.splits import by_hash, split_sizes
from audiosetzsl.classes import AUDIOSETZSL, Class, ClassList
from audiosetzsl.errors import AudioSetFileError
from audiosetzsl.manifest import write_manifest

# The plain row loop that `make bench` measures against is the slow twin here too.
TWIN = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks" / "rows.py"))
NAMES = {"/m/a": "Dog", "/m/b": "Cat", "/m/c": "Bus", "/m/x": "Bell", "/m/y": "Speech", "/m/z": "Music"}
CLASSES = ClassList(
    "small",
    (
        Class("dog", "/m/a", seen=True),
        Class("cat", "/m/b", seen=True, excluded_mids=("/m/z",)),
        Class("bus", "/m/c", seen=False),
    ),
    excluded_mids=("/m/x",),
)
UNRELATED = [(f"~~~~~~~{n:04d}".replace("~", "_"), 0.0, 10.0, ("/m/y", "/m/z")) for n in range(7)]

ytids = st.text("ABab01-_", min_size=11, max_size=11)
mids = st.lists(st.sampled_from(sorted(NAMES)), min_size=1, max_size=4, unique=True).map(sorted).map(tuple)
rows = st.tuples(
    st.sampled_from([source.value for source in Source]), st.integers(0, 5000), st.integers(1, 10), mids
)
worlds = st.dictionaries(ytids, rows, max_size=60)


def lists_of(world):
    lists = {}
    for ytid, (source, start, length, labels) in world.items():
        lists.setdefault(source, []).append((ytid, float(start), float(start + length), labels))
    return lists


def slow_fate(source, labels):
    """What becomes of a segment, said the slow way: a class name, a reason, or None for no class."""
    hits = [c for c in CLASSES if c.mid in labels]
    if not hits:
        return None
    if source == "balanced":
        return "unused_list"
    if len(hits) > 1:
        return "several_classes"
    if set(labels) & {*CLASSES.excluded_mids, *hits[0].excluded_mids}:
        return "excluded_label"
    return hits[0].name


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds, seed=st.integers(0, 3))
def test_every_segment_of_a_random_world_has_one_fate(tmp_path_factory, write_audioset, world, seed):
    directory = write_audioset(tmp_path_factory.mktemp("world"), lists_of(world), NAMES)
    result = build(directory, read_ontology(directory), CLASSES, by_hash(seed), any_lists=True)

    fates = {ytid: slow_fate(source, labels) for ytid, (source, _, _, labels) in world.items()}
    kept = dict(
        zip(result.manifest["ytid"].to_pylist(), result.manifest["class_name"].to_pylist(), strict=True)
    )
    dropped = dict(zip(result.drops["ytid"].to_pylist(), result.drops["reason"].to_pylist(), strict=True))
    assert kept | dropped == {ytid: fate for ytid, fate in fates.items() if fate}
    assert not kept.keys() & dropped.keys()
    assert result.funnel.no_class == sum(fate is None for fate in fates.values())
    assert sum(count for _, count in result.funnel.lines()[:-1]) == result.funnel.kept == len(kept)

    for name, counts in class_counts(result.manifest).items():
        n = sum(fate == name for fate in fates.values())
        assert (counts.get("train", 0), counts.get("val", 0), counts.get("test", 0)) == split_sizes(n)
    sources = result.manifest.to_pandas().groupby("class_name")
    for _, members in sources:  # eval segments leave test only when it is full
        stray = (members.source == "eval") & (members.split != "test")
        assert not stray.any() or (members[members.split == "test"].source == "eval").all()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds, seed=st.integers(0, 3))
def test_the_build_agrees_with_its_twin_row_by_row(tmp_path_factory, write_audioset, world, seed):
    directory = write_audioset(tmp_path_factory.mktemp("world"), lists_of(world), NAMES)
    built = build(directory, read_ontology(directory), CLASSES, by_hash(seed), any_lists=True)
    manifest, drops = TWIN["build_by_rows"](directory, CLASSES, seed)
    assert built.manifest.equals(manifest)
    assert built.drops.equals(drops)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds)
def test_unrelated_rows_change_nothing_but_line_numbers(tmp_path_factory, write_audioset, world):
    lists = lists_of(world)
    more = {**lists, "unbalanced": lists.get("unbalanced", []) + UNRELATED}
    tables = []
    for rows_by_source in (lists, more):
        directory = write_audioset(tmp_path_factory.mktemp("world"), rows_by_source, NAMES)
        built = build(directory, read_ontology(directory), CLASSES, by_hash(), any_lists=True)
        tables.append((built.manifest.drop_columns("line"), built.drops.drop_columns("line")))
    assert tables[0][0].equals(tables[1][0])
    assert tables[0][1].equals(tables[1][1])


@pytest.fixture(scope="module")
def real_build(real_data):
    directory = real_data / "audioset"
    return build(directory, read_ontology(directory), AUDIOSETZSL, by_hash())


@pytest.mark.real
def test_the_funnel_of_audioset(real_build):
    funnel = real_build.funnel
    assert funnel.lines() == [
        ("segments in AudioSet's lists", 2_084_320),
        ("carry none of the classes", -1_914_413),
        ("in a list that is not used (balanced)", -2_999),
        ("carry several of the classes", -3_711),
        ("carry an excluded label", -14),
        ("not in the authors' release", 0),
        ("in the dataset", 163_183),
    ]
    assert dict(funnel.what_ifs()) == {
        "without the excluded labels": 163_197,
        "with the balanced list": 163_183 + 2_906,
    }


# Candidates per class: AudioSet's unbalanced and eval segments that carry exactly this one of the 33 labels.
CANDIDATES = {
    "dog": 13_148,
    "cat": 3_774,
    "horse": 3_216,
    "cattle": 756,
    "pig": 845,
    "goat": 1_938,
    "panther": 705,
    "bird": 26_532,
    "thunderstorm": 339,
    "rain": 2_285,
    "stream": 2_724,
    "ocean": 3_215,
    "car": 39_843,
    "truck": 9_525,
    "bus": 5_018,
    "ambulance": 4_425,
    "motorcycle": 6_918,
    "train": 8_836,
    "aircraft": 5_321,
    "bicycle": 2_823,
    "skateboard": 2_955,
    "clock": 669,
    "sewing": 1_806,
    "fan": 748,
    "cashbox": 301,
    "printer": 3_316,
    "camera": 362,
    "church-bell": 1_130,
    "hammer": 444,
    "sawing": 744,
    "gunshot": 4_024,
    "fireworks": 2_957,
    "boom": 1_541,
}


@pytest.mark.real
def test_candidates_per_class(real_build):
    counts = {name: sum(splits.values()) for name, splits in class_counts(real_build.manifest).items()}
    assert counts == CANDIDATES


@pytest.mark.real
def test_splits_of_audioset_follow_the_rounding_and_keep_eval_in_test(real_build):
    frame = real_build.manifest.to_pandas()
    for name, splits in class_counts(real_build.manifest).items():
        assert (splits["train"], splits["val"], splits["test"]) == split_sizes(CANDIDATES[name])
    assert set(frame[frame.source == "eval"].split) == {"test"}
    assert frame.ytid.is_unique


@pytest.mark.real
def test_two_builds_on_any_number_of_threads_are_the_same_bytes(real_data, real_build, tmp_path):
    directory = real_data / "audioset"
    threads = pa.cpu_count()
    written = []
    try:
        for count in (1, 4):
            pa.set_cpu_count(count)
            again = build(directory, read_ontology(directory), AUDIOSETZSL, by_hash())
            written.append(write_manifest(again.manifest, tmp_path / f"{count}.parquet", {}).read_bytes())
    finally:
        pa.set_cpu_count(threads)
    written.append(write_manifest(real_build.manifest, tmp_path / "m.parquet", {}).read_bytes())
    assert written[0] == written[1] == written[2]


@pytest.mark.real
def test_lines_point_at_the_rows_of_the_lists(real_data, real_build):
    lines = (real_data / "audioset" / "eval_segments.csv").read_text().splitlines()
    of_eval = real_build.manifest.to_pandas().query("source == 'eval'")
    for row in of_eval.sample(50, random_state=0).itertuples():
        quoted = ",".join(row.mids)
        assert lines[row.line - 1] == f'{row.ytid}, {row.start_s:.3f}, {row.end_s:.3f}, "{quoted}"'


def test_a_video_in_two_lists_is_refused(tmp_path, write_audioset):
    twice = ("aaaaaaaaaaa", 0.0, 10.0, ("/m/a",))
    again = ("aaaaaaaaaaa", 30.0, 40.0, ("/m/a",))
    others = [(f"bbbbbbbbbb{n}", 0.0, 10.0, ("/m/a",)) for n in range(8)]
    directory = write_audioset(tmp_path, {"unbalanced": [twice, *others], "eval": [again]}, NAMES)
    expected = (
        r"aaaaaaaaaaa stands in the lists eval \(line 4\) and unbalanced \(line 4\), expected each video once"
    )
    with pytest.raises(AudioSetFileError, match=expected):
        build(directory, read_ontology(directory), CLASSES, by_hash(), any_lists=True)


def test_the_seed_draws_another_split_and_the_same_seed_the_same(tmp_path, write_audioset):
    some = [(f"{n:011d}", 0.0, 10.0, ("/m/a",)) for n in range(50)]
    directory = write_audioset(tmp_path, {"unbalanced": some}, NAMES)
    ontology = read_ontology(directory)
    drawn = [
        build(directory, ontology, CLASSES, by_hash(seed), any_lists=True).manifest["split"].to_pylist()
        for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert np.unique(drawn[0], return_counts=True)[1].tolist() == [10, 30, 10]
    assert Counter(drawn[2]) == {"train": 30, "test": 10, "val": 10}


def test_the_order_in_which_lists_are_given_does_not_matter(tmp_path, write_audioset):
    rows = {
        source: [(f"{source[0]}{n:010d}", 0.0, 10.0, ("/m/a",)) for n in range(9)]
        for source in ("unbalanced", "balanced", "eval")
    }
    directory = write_audioset(tmp_path, rows, NAMES)
    lists = {source: read_list(directory, source, NAMES, any_lists=True) for source in Source}
    one, other = (
        assemble(find_candidates(given, CLASSES), CLASSES, by_hash())
        for given in (lists, dict(reversed(lists.items())))
    )
    assert one.manifest.equals(other.manifest)
    assert one.drops.equals(other.drops)
