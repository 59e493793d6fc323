"""The pages for people: dataset card, licences, removal; every number is counted from the tables."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from audiosetzsl.building.build import POOL
from audiosetzsl.building.funnel import funnel_of
from audiosetzsl.building.labels import Drop
from audiosetzsl.building.splits import Split
from audiosetzsl.release.columns import SEGMENTS
from audiosetzsl.release.contents import CARD, Release, counts_of, labels_of, paper_counts
from audiosetzsl.release.croissant import responsible_ai
from audiosetzsl.release.prose import AUDIOSET_URL, HOME, filled, text
from audiosetzsl.tables.paper import MISPRINTS

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def pages(release: Release, facts: dict[str, str]) -> dict[str, bytes]:
    """Render README.md, LICENSES.md and REMOVAL.md."""
    ai = responsible_ai(facts)
    facts = facts | {
        "description": filled("description.txt", facts).strip(),
        "columns": _table(["column", "what it holds"], [[f"`{c.name}`", c.meaning] for c in SEGMENTS]),
        "classes_table": _classes_table(release),
        "paper_section": _paper_section(release, facts),
        "funnel": _funnel(release),
        "limits": _bullets(ai["rai:dataLimitations"]),
        "biases": _bullets(ai["rai:dataBiases"]),
        "citation": text("citation.bib").strip(),
    }
    return {name: filled(name, facts).encode() for name in (CARD, "LICENSES.md", "REMOVAL.md")}


def facts_of(release: Release) -> dict[str, str]:
    """Count everything that the prose of a release quotes.

    Raises:
        ManifestError: the manifest does not say which class list it was made from.
    """
    classes, title = release.classes, release.classes.name
    names = {
        "title": "AudioSetZSL" if release.is_audiosetzsl else title,
        "name": title.lower(),
        "version": release.version,
        "home": HOME if release.is_audiosetzsl else AUDIOSET_URL,
        "paper_home": HOME,
        "audioset_url": AUDIOSET_URL,
        "pool": " and ".join(source.value for source in POOL),
        "excluded": ", ".join(f"`{mid}`" for mid in classes.excluded_mids) or "there are none",
        "split_rule": _split_rule(release),
    }
    counted = _segment_facts(release) | _class_facts(release)
    return names | {key: f"{value:,}" if isinstance(value, int) else value for key, value in counted.items()}


def _segment_facts(release: Release) -> dict[str, str | int]:
    manifest, reasons = release.manifest, Counter(release.drops["reason"].to_pylist())
    duration_s = (manifest["end_s"].to_numpy() - manifest["start_s"].to_numpy()).round(3)
    longest_s = float(duration_s.max(initial=0))
    return {
        "size_category": next((name for limit, name in _SIZES if len(manifest) < limit), "1M<n<10M"),
        "n_segments": len(manifest),
        "n_drops": len(release.drops),
        "n_dash_ids": sum(ytid.startswith("-") for ytid in manifest["ytid"].to_pylist()),
        "n_short": int(np.count_nonzero(duration_s < longest_s)),
        "longest_s": f"{longest_s:g}",
        "hours": round(float(duration_s.sum()) / 3600),
        **{f"n_{reason}": reasons[reason] for reason in Drop},
    }


def _class_facts(release: Release) -> dict[str, str | int]:
    classes, counts = release.classes, counts_of(release.manifest)
    sizes = {name: sum(per_split) for name, per_split in counts.items()}
    largest, smallest = max(sizes, key=lambda n: sizes[n]), min(sizes, key=lambda n: sizes[n])
    facts: dict[str, str | int] = {
        "n_classes": len(classes),
        "n_seen": sum(c.seen for c in classes),
        "n_unseen": sum(not c.seen for c in classes),
        "largest_class": largest,
        "largest_n": sizes[largest],
        "smallest_class": smallest,
        "smallest_n": sizes[smallest],
        "imbalance": round(sizes[largest] / max(sizes[smallest], 1)),
    }
    for prefix, seen in (("n", {True, False}), ("seen", {True}), ("unseen", {False})):
        chosen = [counts[c.name] for c in classes if c.seen in seen]
        for place, split in enumerate(Split):
            facts[f"{prefix}_{split}"] = sum(per_split[place] for per_split in chosen)
    return facts


def _split_rule(release: Release) -> str:
    provenance = release.provenance
    if provenance.get("split") == "hash":
        return (
            "Of each class of N segments, train takes 3/5 of N rounded up, test half of the rest rounded up, val "
            "what is left. Segments of AudioSet's eval list go to test; the others follow by the SHA-256 of "
            f"`{provenance.get('seed', 0)}:<ytid>`."
        )
    return "Splits are those of the authors' own lists, joined with AudioSet's by video id."


def _classes_table(release: Release) -> str:
    labels, paper = labels_of(release.manifest), paper_counts(release.classes)
    header = ["class", "AudioSet label", "seen", "train", "val", "test", "all", *(["paper"] if paper else [])]
    rows: list[list[str | int]] = []
    for name, per_split in counts_of(release.manifest).items():
        c = release.classes[name]
        label = f"{labels[name]} `{c.mid}`".strip()
        printed = [sum(paper[name])] if name in paper else []
        rows.append([name, label, "seen" if c.seen else "unseen", *per_split, sum(per_split), *printed])
    sums = [sum(int(row[at]) for row in rows) for at in range(3, len(header))]
    return _table(header, [*rows, ["**all**", "", "", *sums]])


def _paper_section(release: Release, facts: dict[str, str]) -> str:
    paper = paper_counts(release.classes)
    if not paper:
        return ""
    total = sum(sum(per_split) for per_split in paper.values())
    more = {"paper_n": f"{total:,}", "n_more": f"{len(release.manifest) - total:,}"}
    page = "paper_release.md" if release.provenance.get("split") == "release" else "paper.md"
    return filled(page, facts | more | {"misprints": _bullets(MISPRINTS)})


def _funnel(release: Release) -> str:
    """The funnel; how many rows AudioSet's lists have is known if the build has noted it."""
    kept, drops = len(release.manifest), release.drops
    carrying = kept + len(drops) + release.n_removed
    rows = release.provenance.get("rows")
    lines = funnel_of(int(rows or carrying) - release.n_removed, drops, kept, 0).lines()
    if rows is None:
        lines[:2] = [("carry one of the classes", carrying)]
    else:
        lines[0] = (lines[0][0], int(rows))
    if release.n_removed:
        lines.insert(-1, ("left out on request (REMOVAL.md)", -release.n_removed))
    return _table(["", "segments"], [[what, n] for what, n in lines if n])


def _table(header: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    """A Markdown table; columns of numbers stand to the right."""
    numeric = [any(isinstance(row[at], int) for row in rows) for at in range(len(header))]
    lines = [list(header), ["--:" if right else "---" for right in numeric]]
    lines += [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _bullets(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
