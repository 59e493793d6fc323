"""Flow train-cjme: the stages from the shards to the tables."""

import json
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_table_artifact

from flows import presets
from flows.choose_vectors import wording_of
from flows.pipelines import make_results
from flows.task_runs import PrefectTasks


@flow(name="train-cjme", persist_result=False)
def train_cjme(
    workspace: str = "work",
    preset: str = "demo",
    vectors: str | None = None,
    phrases: str | None = None,
    stop_words: str = "",
    prompts: list[str] | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> None:
    """Train the sound network and CJME, and report S, U, HM and mAP on test.

    Args:
        workspace: folder that build-dataset filled.
        preset: settings of every stage, `demo` (small, for a trial) or `paper`.
        vectors: class vectors, as make-class-vectors takes them; none are those that are there, or AudioSet's own.
        phrases: file with the words that stand for classes (.toml or .csv), if they are not the classes' own.
        stop_words: words left out of phrases, with commas.
        prompts: texts around a phrase, with {} where it goes, for text towers.
        seed: of everything that is drawn.
        device: that the networks run on: `cpu`, `cuda` (all GPUs), or some of them; training takes the first.
    """
    folder = Path(workspace).resolve()
    wording = wording_of(Path(phrases) if phrases else None, stop_words, prompts)
    page = make_results(folder, presets.preset(preset), vectors, wording, seed, device, PrefectTasks())
    results = json.loads((page.parent / "results.json").read_text())
    create_table_artifact(result_rows(results), key="results", description=f"In %, on test; the page: {page}")


def result_rows(results: dict[str, Any]) -> list[dict[str, str]]:
    """Rows for people: mean class accuracy, then mAP of each direction of retrieval."""
    measured = {"classification, mean class accuracy": results["classification"]}
    measured |= {f"retrieval {direction}, mAP": found for direction, found in results["retrieval"].items()}
    columns = {"S": "seen", "U": "unseen", "HM": "harmonic"}
    return [
        {"measure": what, **{column: f"{100 * found[key]:.2f}" for column, key in columns.items()}}
        for what, found in measured.items()
    ]
