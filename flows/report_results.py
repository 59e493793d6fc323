"""Stage report-results: S, U, HM and mAP from the scores, as tables, as JSON and as a page."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from audiosetzsl.clips.sources import read_sources
from audiosetzsl.errors import ShardError
from audiosetzsl.evaluation.embedding_file import read_embeddings
from audiosetzsl.evaluation.protocol import Classification, Scores, choose_beta, classify
from audiosetzsl.evaluation.report import Table, page
from audiosetzsl.evaluation.retrieval import Direction, Retrieval, retrieve
from audiosetzsl.evaluation.scores import read_scores
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.files import write_bytes
from audiosetzsl.shards import Recipe, recipe_of
from audiosetzsl.show import Cell, say, show_table
from audiosetzsl.workspace import Workspace
from flows.report_notes import what_to_know
from flows.score_cjme import embeddings_path, results_of, scores_path, sources_path


def report_results(workspace: Path, checkpoint: Path) -> Path:
    """Measure what score-cjme wrote of a model and write results.json and report.html, of the model reported last.

    Neither features nor clips are looked at: scores, embeddings and what they were made of stem from one run, and
    stay what they are when the workspace changes.

    Args:
        workspace: folder with the scores.
        checkpoint: the CJME that made them.

    Raises:
        ShardError: there are no scores of this model, or they are damaged.
        SetupError: val or test holds no clip of seen or of unseen classes.
    """
    place = Workspace(workspace)
    recipe, val, test = _scores_of(place, checkpoint)
    classes = test.classes
    classified = classify(test, choose_beta(val))
    found = retrieve(*read_embeddings(embeddings_path(place, checkpoint)))
    notes = what_to_know(recipe, read_sources(sources_path(place, checkpoint)), classes)
    for note in notes:
        say(f"note: {note}")
    main = [_classification(classified, classes, len(test.actual)), _retrieval(found)]
    for table in main:
        show_table(table.title, table.columns, table.rows)
    results = {
        "checkpoint": checkpoint.name,
        "classification": asdict(classified),
        "retrieval": {str(direction): asdict(one) for direction, one in found.items()},
        "made_of": dict(recipe.facts),
    }
    write_bytes(place.results / "results.json", (json.dumps(results, indent=1) + "\n").encode())
    path = place.results / "report.html"
    of = f"The model is {checkpoint.stem}, seed {recipe.facts.get('seed')}."
    text = page("AudioSetZSL: CJME", [of, *notes], [*main, _by_class(classified, found, classes)])
    write_bytes(path, text.encode())
    say(f"the page: {path}")
    return path


def _scores_of(place: Workspace, checkpoint: Path) -> tuple[Recipe, Scores, Scores]:
    """What made the scores of a model, and those of val and test."""
    val, test = (scores_path(place, checkpoint, split) for split in ("val", "test"))
    if absent := [str(path) for path in results_of(place, checkpoint) if not path.is_file()]:
        raise ShardError(
            f"{absent[0]} does not exist, so there is nothing to report of {checkpoint}; run "
            "`python -m flows score-cjme`, which names the model that it scored, or check the path"
        )
    return recipe_of(test), read_scores(val, split="val"), read_scores(test, split="test")


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
