"""Build: AudioSet's lists and a class list become a manifest, its drops and a funnel."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.audioset.ontology import Ontology
from audiosetzsl.audioset.remotes import Source
from audiosetzsl.building.candidates import Candidates, find_candidates, read_list
from audiosetzsl.building.funnel import Funnel, funnel_of
from audiosetzsl.building.labels import Drop
from audiosetzsl.building.splits import SplitRule
from audiosetzsl.classes import ClassList
from audiosetzsl.manifest import DROPS_SCHEMA, SCHEMA, segment_ids

POOL = (Source.UNBALANCED, Source.EVAL)  # the authors took no segment of the balanced list


@dataclass(frozen=True, slots=True)
class Build:
    """What a build gives: both tables in the order of their segment ids, and the account of all rows."""

    manifest: pa.Table
    drops: pa.Table
    funnel: Funnel
    digests: dict[str, str]  # of AudioSet's lists


def build(
    directory: Path,
    ontology: Ontology,
    classes: ClassList,
    split_rule: SplitRule,
    *,
    any_lists: bool = False,
) -> Build:
    """Build a dataset from the folder that holds AudioSet's lists.

    Raises:
        AudioSetFileError: a list is absent, wrong, truncated or re-ordered.
    """
    labels = ontology.labels
    lists = {source: read_list(directory, source, labels, any_lists=any_lists) for source in Source}
    return assemble(find_candidates(lists, classes), classes, split_rule)


def assemble(candidates: Candidates, classes: ClassList, split_rule: SplitRule) -> Build:
    """Decide what becomes of each candidate: a row of the manifest, or a drop with its reason."""
    reason = _reasons(candidates)
    kept = np.flatnonzero(reason == "")
    splits = np.full(len(candidates), None, object)
    splits[kept] = split_rule(candidates, kept)
    reason[(reason == "") & (splits == None)] = Drop.NOT_IN_RELEASE.value  # noqa: E711 - element-wise
    rows, left_out = np.flatnonzero(reason == ""), np.flatnonzero(reason != "")
    manifest = _manifest(candidates, rows, splits[rows], classes)
    drops = _drops(candidates, left_out, reason[left_out], classes)
    fits_but_unused = (reason == Drop.UNUSED_LIST) & (candidates.n_classes == 1) & ~candidates.excluded
    funnel = funnel_of(candidates.n_rows, drops, len(rows), int(fits_but_unused.sum()))
    return Build(manifest, drops, funnel, candidates.digests)


def _reasons(candidates: Candidates) -> np.ndarray:
    """The first reason to leave a candidate out, in the order of `Drop`; empty for one that stays."""
    unused = ~np.isin(candidates.source.astype(str), [source.value for source in POOL])
    conditions = [unused, candidates.n_classes > 1, candidates.excluded]
    reasons = [Drop.UNUSED_LIST.value, Drop.SEVERAL_CLASSES.value, Drop.EXCLUDED_LABEL.value]
    return np.select(conditions, reasons, default="").astype(object)


def _columns(candidates: Candidates, rows: np.ndarray) -> dict[str, object]:
    ytids = [ytid.decode() for ytid in candidates.ytid[rows].tolist()]
    return {
        "segment_id": segment_ids(ytids, candidates.start_s[rows]),
        "ytid": ytids,
        "start_s": candidates.start_s[rows],
        "end_s": candidates.end_s[rows],
        "source": candidates.source[rows],
        "line": candidates.line[rows],
        "mids": pc.split_pattern(candidates.mids.take(pa.array(rows)), ","),
    }


def _manifest(candidates: Candidates, rows: np.ndarray, splits: np.ndarray, classes: ClassList) -> pa.Table:
    index = candidates.class_index[rows]
    named = {
        "class_name": np.array(classes.names, object)[index],
        "seen": np.array([c.seen for c in classes])[index],
        "split": splits,
    }
    columns = _columns(candidates, rows) | named
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _drops(candidates: Candidates, rows: np.ndarray, reasons: np.ndarray, classes: ClassList) -> pa.Table:
    names = {c.mid: c.name for c in classes}
    columns = _columns(candidates, rows)
    columns["classes"] = [
        [names[mid] for mid in text.split(",") if mid in names]
        for text in candidates.mids.take(pa.array(rows)).to_pylist()
    ]
    columns["reason"] = reasons
    return pa.table([columns[name] for name in DROPS_SCHEMA.names], schema=DROPS_SCHEMA)
