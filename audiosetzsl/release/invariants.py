"""Rules that a manifest and its drops obey by themselves, checked without AudioSet's lists."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.audioset.remotes import Source
from audiosetzsl.building.build import POOL
from audiosetzsl.building.labels import Drop, Verdicts, judge
from audiosetzsl.building.splits import hash_split
from audiosetzsl.classes import ClassList
from audiosetzsl.manifest import class_list_of, provenance_of, segment_ids
from audiosetzsl.release.contents import DROPS, MANIFEST, joined
from audiosetzsl.release.finding import Finding

_POOL = [source.value for source in POOL]


def check_release(manifest: pa.Table) -> Iterator[Finding]:
    """Hold every row of the manifest to the class list and the split that its provenance names.

    Raises:
        ManifestError: the provenance names no class list.
    """
    classes, provenance = class_list_of(manifest), provenance_of(manifest)
    verdicts = _verdicts(manifest, classes)
    names = np.array([*classes.names, ""], object)  # -1, no class, is the last
    seen = np.array([*(c.seen for c in classes), False])
    index = verdicts.class_index
    one = verdicts.n_classes == 1
    # The split is drawn over whole classes; after a removal, or in a sample, they are not at hand.
    whole = not provenance.get("removed") and not provenance.get("sample_of") and bool(one.all())
    rules = [
        (~one, "carries none of the classes or several, expected exactly one"),
        (one & (_column(manifest, "class_name") != names[index]), "is not in the class that its labels say"),
        (one & verdicts.excluded, "carries a label that the class list excludes"),
        (
            one & (_column(manifest, "seen").astype(bool) != seen[index]),
            "has another `seen` than the class list",
        ),
        (~np.isin(_column(manifest, "source").astype(str), _POOL), "is in a list that is not used"),
    ]
    if whole and provenance.get("split") == "hash":
        is_eval = _column(manifest, "source") == Source.EVAL.value
        ytids = [ytid.encode() for ytid in manifest["ytid"].to_pylist()]
        drawn = hash_split(ytids, index, is_eval, int(provenance.get("seed", 0)))
        rules.append((_column(manifest, "split") != drawn, "is not in the split that its digest says"))
    for broken, rule in rules:
        yield from _report(MANIFEST, manifest, broken, rule)


def check_drops(drops: pa.Table, manifest: pa.Table) -> Iterator[Finding]:
    """Hold every drop to its form and to the reason that its labels and its list give."""
    classes, provenance = class_list_of(manifest), provenance_of(manifest)
    ids = _column(drops, "segment_id")
    expected = np.array(segment_ids(drops["ytid"].to_pylist(), drops["start_s"].to_numpy()), object)
    yield from _report(DROPS, drops, ids != expected, "its id is not <ytid>_<start in ms>")
    if len(ids) > 1:
        unordered = np.append(False, ids[1:] <= ids[:-1])
        yield from _report(DROPS, drops, unordered, "ids are not ascending, each once")
    both = pc.is_in(drops["ytid"], value_set=manifest["ytid"].combine_chunks()).to_numpy()
    yield from _report(DROPS, drops, both, "its video is in the manifest too")

    verdicts = _verdicts(drops, classes)
    yield from _report(DROPS, drops, verdicts.n_classes == 0, "carries none of the classes")
    reasons = np.select(
        [
            ~np.isin(_column(drops, "source").astype(str), _POOL),
            verdicts.n_classes > 1,
            verdicts.excluded,
        ],
        [Drop.UNUSED_LIST.value, Drop.SEVERAL_CLASSES.value, Drop.EXCLUDED_LABEL.value],
        default="" if provenance.get("split") == "hash" else Drop.NOT_IN_RELEASE.value,
    )
    wrong = _column(drops, "reason") != reasons.astype(object)
    yield from _report(DROPS, drops, wrong, "its reason is not what its labels and its list say")
    names = {c.mid: c.name for c in classes}
    codes, sets = _label_sets(drops)
    carried = np.array(
        [";".join(names[mid] for mid in text.split(",") if mid in names) for text in sets], object
    )
    stated = joined(drops, "classes", ";").to_numpy(zero_copy_only=False)
    yield from _report(DROPS, drops, stated != carried[codes], "its classes are not those of its labels")


def _label_sets(table: pa.Table) -> tuple[np.ndarray, list[str]]:
    coded = joined(table, "mids", ",").dictionary_encode()
    return coded.indices.to_numpy(zero_copy_only=False), coded.dictionary.to_pylist()


def _verdicts(table: pa.Table, classes: ClassList) -> Verdicts:
    """What the labels of each row say."""
    codes, sets = _label_sets(table)
    of_sets = judge(sets, classes)
    return Verdicts(of_sets.n_classes[codes], of_sets.class_index[codes], of_sets.excluded[codes])


def _column(table: pa.Table, name: str) -> np.ndarray:
    values: np.ndarray = table[name].to_numpy(zero_copy_only=False)
    return values


def _report(file: str, table: pa.Table, broken: np.ndarray, rule: str) -> Iterator[Finding]:
    at = np.flatnonzero(broken)
    if len(at):
        others = f" (and {len(at) - 1:,} more)" if len(at) > 1 else ""
        yield Finding(file, f"segment {table['segment_id'][int(at[0])].as_py()}: {rule}{others}")
