"""Stage report-results: S, U, HM and mAP from the scores, as tables, as JSON and as a page."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from audiosetzsl.clips.ledger import read_ledger
from audiosetzsl.evaluation.protocol import Classification, choose_beta, classify
from audiosetzsl.evaluation.report import Table, page
from audiosetzsl.evaluation.retrieval import Direction, Retrieval, retrieve
from audiosetzsl.evaluation.scores import read_scores
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.features import load_vectors
from audiosetzsl.files import write_bytes
from audiosetzsl.show import Cell, say, show_table
from audiosetzsl.workspace import Workspace
from flows.presets import Preset
from flows.score_cjme import KINDS, class_vectors, features_of, scores_path
from models.cjme import load_cjme


def report_results(workspace: Path, checkpoint: Path, settings: Preset) -> Path:
    """Measure a model's scores and embeddings on test and write results.json and report.html.

    Args:
        workspace: folder with features, scores and the model.
        checkpoint: the CJME that made the scores.
        settings: what the features were made with.
    """
    place = Workspace(workspace)
    val, test = (read_scores(scores_path(place, checkpoint, split), split=split) for split in ("val", "test"))
    classes = test.classes
    classified = classify(test, choose_beta(val))
    clips = load_vectors(place, KINDS, split="test", seen=None)
    embeddings = load_cjme(checkpoint).embed(features_of(clips), class_vectors(place, classes))
    found = retrieve(embeddings, classes.indices_of(clips.rows.class_name.tolist()), classes)
    notes = what_to_know(place, settings)
    for note in notes:
        say(f"note: {note}")
    main = [_classification(classified, classes, len(clips)), _retrieval(found)]
    for table in main:
        show_table(table.title, table.columns, table.rows)
    results = {
        "checkpoint": checkpoint.name,
        "classification": asdict(classified),
        "retrieval": {str(direction): asdict(one) for direction, one in found.items()},
    }
    write_bytes(place.results / "results.json", (json.dumps(results, indent=1) + "\n").encode())
    path = place.results / "report.html"
    text = page("AudioSetZSL: CJME", notes, [*main, _by_class(classified, found, classes)])
    write_bytes(path, text.encode())
    say(f"the page: {path}")
    return path


def what_to_know(place: Workspace, settings: Preset) -> list[str]:
    """Sentences without which the numbers of a run would be misread."""
    sources = {name for path in place.clips.glob("part-*.parquet") for name in _sources(path)}
    notes = []
    if "synthetic" in sources:
        notes.append("The clips are rendered stand-ins, no videos. The numbers say that the pipeline works.")
    if settings.video.weights.startswith("random:"):
        notes.append(
            "The video network has random weights: it tells clips apart, but has learnt nothing. "
            "The numbers do not say how good the method is."
        )
    return notes


def _sources(ledger: Path) -> set[str]:
    names: set[str] = set(read_ledger(ledger)["source"].to_pylist())
    return names


def _classification(found: Classification, classes: ClassTable, n_clips: int) -> Table:
    n, n_unseen = len(classes.names), classes.seen.count(False)
    return Table(
        f"Classification of {n_clips} test clips, mean class accuracy in % (beta {found.beta:.3f}, chosen on val)",
        ["", "S", "U", "HM", "ZSL"],
        [
            ["CJME, attention, selected modality", *_percent(found), 100 * found.zero_shot],
            [f"by chance ({n} classes, {n_unseen} unseen)", 100 / n, 100 / n, 100 / n, 100 / n_unseen],
        ],
    )


def _retrieval(found: Mapping[Direction, Retrieval]) -> Table:
    rows: list[list[Cell]] = [[str(direction), *_percent(one)] for direction, one in found.items()]
    return Table("Retrieval on test, mean average precision in %", ["", "S", "U", "HM"], rows)


def _by_class(found: Classification, retrieved: Mapping[Direction, Retrieval], classes: ClassTable) -> Table:
    text_to_both = retrieved[Direction.TEXT_TO_BOTH].by_class
    rows: list[list[Cell]] = [
        [
            name,
            "seen" if seen else "unseen",
            *(_of(name, values) for values in (found.by_class, text_to_both)),
        ]
        for name, seen in zip(classes.names, classes.seen, strict=True)
    ]
    return Table("Each class, in %", ["class", "", "accuracy", "T->AV average precision"], rows)


def _of(name: str, values: Mapping[str, float]) -> float | None:
    return 100 * values[name] if name in values else None


def _percent(found: Classification | Retrieval) -> list[float]:
    return [100 * found.seen, 100 * found.unseen, 100 * found.harmonic]
