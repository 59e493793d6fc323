"""Commands `audiosetzsl stats` and `audiosetzsl classes`: the paper's tables, and the classes behind them."""

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from audiosetzsl.show import Cell
    from audiosetzsl.tables.stats import Tables


def stats(
    manifest: Annotated[
        Path | None, typer.Option(help="Manifest to count; without it the published one.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw figure 3 into this .png.")] = None,
) -> None:
    """Print the paper's tables 1, 8, 9 and 10 of a manifest, beside the paper's own numbers."""
    from audiosetzsl.manifest import load_manifest_table
    from audiosetzsl.show import say
    from audiosetzsl.tables.paper import COUNTS, MISPRINTS
    from audiosetzsl.tables.stats import tables_of

    tables = tables_of(load_manifest_table(manifest))
    _show_tables(tables)
    say("Unseen classes bear a *. The paper counts the segments that its authors could still download.")
    common = sum(c.name in COUNTS for c in tables.table_10)
    if not common == len(COUNTS) == len(tables.table_10):
        say(
            f"{common} of the manifest's {len(tables.table_10)} classes are among the paper's {len(COUNTS)}, "
            "so the two sides of tables 1, 8 and 9 are about different classes."
        )
    for misprint in MISPRINTS if common else ():
        say(f"Misprint: {misprint}")
    if figure is not None:
        from audiosetzsl.tables.figures import draw_figure_3

        say(f"Figure 3: {draw_figure_3(tables.table_10, figure)}")


def classes(
    audioset: Annotated[Path | None, typer.Option(help="Folder that holds AudioSet's six files.")] = None,
    class_file: Annotated[
        Path | None, typer.Option("--classes", help="A class list of your own, in TOML.")
    ] = None,
    audit: Annotated[bool, typer.Option("--audit", help="Hold each class to the paper's criteria.")] = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="List labels that could be classes.")] = False,
    toml: Annotated[bool, typer.Option("--toml", help="Print the list as TOML, to start from.")] = False,
    vectors: Annotated[
        Path | None, typer.Option(help="Audit: word vectors of word2vec, fastText or GloVe, .npz or Parquet.")
    ] = None,
    kinetics: Annotated[
        Path | None, typer.Option(help="Audit: names of the Kinetics classes, one a line.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="Suggest: only labels of this group.")] = None,
    min_size: Annotated[int, typer.Option(min=0, help="Suggest: only labels with so many segments.")] = 0,
    any_lists: Annotated[
        bool, typer.Option("--any-lists", help="Take lists that are not byte for byte AudioSet's.")
    ] = False,
) -> None:
    """List the classes; with --audit check them, with --suggest list labels that could be classes."""
    from audiosetzsl.audioset.ontology import read_ontology
    from audiosetzsl.classes import AUDIOSETZSL
    from audiosetzsl.cli import class_tables
    from audiosetzsl.errors import SetupError
    from audiosetzsl.selection.co_occurrence import pool_label_sets

    if audit + suggest + toml > 1:
        raise SetupError("--audit, --suggest and --toml exclude one another; give one of them")
    if (vectors or kinetics) and not (audit and vectors and kinetics):
        raise SetupError(
            "--vectors and --kinetics are compared by --audit; give all three or none of the two"
        )
    if (group or min_size) and not suggest:
        raise SetupError("--group and --min-size narrow what --suggest lists; give --suggest with them")
    if audioset is None:
        if audit or suggest or class_file:
            raise SetupError(
                "--audit, --suggest and --classes need --audioset, the folder of AudioSet's files"
            )
        class_tables.show_toml(AUDIOSETZSL) if toml else class_tables.show_classes(AUDIOSETZSL, None)
        return
    ontology = read_ontology(audioset)
    chosen = class_tables.read_list(class_file, ontology) if class_file else AUDIOSETZSL
    if audit:
        lists = pool_label_sets(audioset, ontology.labels, any_lists=any_lists)
        class_tables.show_audit(chosen, ontology, lists, vectors, kinetics)
    elif suggest:
        lists = pool_label_sets(audioset, ontology.labels, any_lists=any_lists)
        class_tables.show_suggestions(ontology, lists, group, min_size)
    elif toml:
        class_tables.show_toml(chosen)
    else:
        class_tables.show_classes(chosen, ontology)


def _show_tables(tables: "Tables") -> None:
    from audiosetzsl.show import show_table
    from audiosetzsl.tables import paper

    spread = ["min", "max", "mean", "s.d."]
    columns = ["", *spread, *(f"paper: {name}" for name in spread)]
    rows = [["all", *astuple(tables.table_1), *astuple(paper.TABLE_1)]]
    show_table("Table 1: segments per class", columns, rows)
    rows = [[split, *astuple(row), *astuple(paper.TABLE_8[split])] for split, row in tables.table_8.items()]
    show_table("Table 8: segments per class, by split", columns, rows)
    columns = ["", "train", "val", "test", "all", "paper: train", "val", "test", "all"]
    sums = [_counts(name, counts, paper.TABLE_9.get(name)) for name, counts in tables.table_9.items()]
    show_table("Table 9: segments of seen and unseen classes", columns, sums)
    classes = [_counts(c.marked, c.counts, paper.COUNTS.get(c.name)) for c in tables.table_10]
    show_table("Table 10: segments of each class", columns, classes)


def _counts(name: str, ours: Sequence[int], papers: Sequence[int] | None) -> list["Cell"]:
    beside: list[Cell] = [*papers, sum(papers)] if papers else [None] * 4
    return [name, *ours, sum(ours), *beside]
