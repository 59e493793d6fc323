"""What `audiosetzsl classes` prints: the class list, the audit, the suggestions."""

from collections.abc import Mapping
from pathlib import Path

from audiosetzsl.audioset.ontology import Ontology, Quality
from audiosetzsl.classes import ClassList
from audiosetzsl.selection.audit import MIN_QUALITY, Audit, audit, passes_quality
from audiosetzsl.selection.class_file import read_class_file, to_toml
from audiosetzsl.selection.co_occurrence import Companion
from audiosetzsl.selection.kinetics import (
    ENOUGH,
    MAX_SIMILARITY,
    KineticsNames,
    embed_names,
    read_kinetics_names,
)
from audiosetzsl.selection.suggest import suggest
from audiosetzsl.show import Cell, say, show_table
from audiosetzsl.word_tables.reading import read_word_table

_MARKS = {True: "✓", False: "✗", None: "?"}


def read_list(path: Path, ontology: Ontology) -> ClassList:
    """Read a class list of the user's and say what to be warned of."""
    classes, warnings = read_class_file(path, ontology)
    for warning in warnings:
        say(f"warning: {warning}")
    return classes


def show_toml(classes: ClassList) -> None:
    """Print a class list as TOML."""
    say(to_toml(classes).rstrip("\n"))


def show_classes(classes: ClassList, ontology: Ontology | None) -> None:
    """Print a class list, with AudioSet's words for it where its files are at hand."""
    columns = ["class", "mid", "", "words"]
    rows: list[list[Cell]] = [
        [c.name, c.mid, "seen" if c.seen else "unseen", c.words if c.phrase else ""] for c in classes
    ]
    if ontology is not None:
        columns += ["AudioSet's label", "group"]
        rows = [
            [*row, ontology.labels[c.mid], ontology.group(c.mid)]
            for row, c in zip(rows, classes, strict=True)
        ]
    n_seen = sum(c.seen for c in classes)
    show_table(f"{classes.name}: {n_seen} seen and {len(classes) - n_seen} unseen classes", columns, rows)
    excluded = [
        mid if ontology is None else f"{mid} ({ontology.labels[mid]})" for mid in classes.excluded_mids
    ]
    if excluded:
        say(f"A segment that carries {' or '.join(excluded)} is left out.")


def show_audit(
    classes: ClassList,
    ontology: Ontology,
    label_sets: Mapping[str, int],
    vectors: Path | None,
    kinetics: Path | None,
) -> None:
    """Print what is known of each class, criterion by criterion, and whether it passes."""
    table = names = None
    if vectors is not None and kinetics is not None:
        all_names = read_kinetics_names(kinetics)
        table = read_word_table(vectors, [*all_names, *(c.words for c in classes), *classes.names])
        names = embed_names(all_names, table)
    audits = audit(classes, ontology, label_sets, table=table, kinetics=names)
    name_of = {c.mid: c.name for c in classes}
    columns = ["class", "group", "QA", "segments", "kept", "most often with, in its group", "of all classes"]
    rows = [_audit_row(a, name_of) for a in audits]
    if names is not None:
        columns.append("nearest in Kinetics")
        rows = [[*row, _nearest(a, names)] for row, a in zip(rows, audits, strict=True)]
    show_table(f"{classes.name}: the paper's criteria (section 4)", columns, rows)
    failed = [a.name for a in audits if not a.quality_passes]
    say(
        f"QA: share of rated segments that carry the label; {len(audits) - len(failed)} of {len(audits)} classes "
        f"pass ({MIN_QUALITY} or more)" + (f", not {', '.join(failed)}." if failed else ".")
    )
    say(
        "Kept: segments with no other class and no excluded label. Most often with: the class that stands on most "
        "of its segments, on which share; the paper dropped highly correlated classes of a group by hand."
    )
    if table is not None and names is not None:
        say(_kinetics_line(classes, audits, names))


def show_suggestions(
    ontology: Ontology, label_sets: Mapping[str, int], group: str | None, min_size: int
) -> None:
    """Print the labels that could become classes, one table a group."""
    suggestions = suggest(ontology, label_sets, group=group, min_size=min_size)
    columns = ["label", "mid", "QA", "segments", "most often with, in its group", "of all these labels"]
    for name in dict.fromkeys(s.group for s in suggestions):
        rows: list[list[Cell]] = [
            [
                s.label,
                s.mid,
                f"{s.quality.true}/{s.quality.rated}",
                s.segments,
                _companion(s.in_group, ontology.labels),
                _companion(s.anywhere, ontology.labels) if s.anywhere != s.in_group else "",
            ]
            for s in suggestions
            if s.group == name
        ]
        show_table(name, columns, rows)
    say(
        f"Labels with QA of {MIN_QUALITY} or more: {len(suggestions)}. Segments: those that carry the label in the "
        "unbalanced and eval lists. Labels above or below one in the ontology do not count as its company. "
        "`audiosetzsl classes --toml` prints a class list to start from."
    )


def _audit_row(a: Audit, name_of: Mapping[str, str]) -> list[Cell]:
    return [
        a.name if a.seen else f"{a.name}*",
        a.group,
        _quality(a.quality),
        a.segments,
        a.candidates,
        _companion(a.in_group, name_of),
        _companion(a.anywhere, name_of) if a.anywhere != a.in_group else "",
    ]


def _quality(quality: Quality) -> str:
    mark = _MARKS[passes_quality(quality)]
    return f"{quality.true}/{quality.rated} {mark}" if quality.rated else f"not rated {mark}"


def _companion(companion: Companion | None, names: Mapping[str, str]) -> str:
    if companion is None:
        return "none"
    share = f"{companion.share:.1%}" if companion.share >= 0.001 else "< 0.1%"
    return f"{names[companion.mid]} {share}"


def _nearest(a: Audit, names: KineticsNames) -> str:
    if a.seen:
        return ""
    mark = _MARKS[names.passes(a.nearest)]
    return f"{a.nearest.name} {a.nearest.cosine:.2f} {mark}" if a.nearest else f"no vector {mark}"


def _kinetics_line(classes: ClassList, audits: list[Audit], names: KineticsNames) -> str:
    verdicts = [names.passes(a.nearest) for a in audits if not a.seen]
    line = (
        f"Kinetics: {len(names.names)} of {names.n_all} names have a word with a vector, "
        f"{sum(names.whole)} have all. Unseen classes: {verdicts.count(True)} no nearer than {MAX_SIMILARITY}, "
        f"{verdicts.count(False)} nearer, {verdicts.count(None)} not to be judged"
    )
    if not names.enough:
        line += (
            f". These vectors know too few Kinetics names ({ENOUGH:.0%} are needed) to call a class far from all: "
            "give a table of more words, such as those of word2vec or GloVe"
        )
    return f"{line}."
