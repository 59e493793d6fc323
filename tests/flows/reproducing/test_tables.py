"""Tables: means beside the paper's numbers, in every form the same."""

import csv
import io
import re

import pandas as pd
import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.metrics import harmonic_mean
from audiosetzsl.tables.paper_results import RESULT_TABLES
from flows.reproducing.methods import ABLATIONS
from flows.reproducing.rows import NUMBERS, STANDARD_SETS, rows_of
from flows.reproducing.tables import compare
from flows.reproducing.writing import as_csv, as_latex, as_markdown

TABLES = (*NUMBERS, STANDARD_SETS)


def outcomes(*rows):
    """Results: (method, measure, seed, S, U) each, of the set here and protocol `paper`."""
    return pd.DataFrame(
        [
            {
                "data_set": "here",
                "method": method,
                "protocol": "paper",
                "seed": seed,
                "measure": measure,
                "seen": s,
                "unseen": u,
                "harmonic": harmonic_mean(s, u),
            }
            for method, measure, seed, s, u in rows
        ]
    )


@pytest.mark.parametrize("number", TABLES)
def test_every_printed_row_is_measured_by_something(number):
    printed = {row.labels for row in RESULT_TABLES[number].rows}
    rows = rows_of(number)
    assert {row.labels for row in rows if row.paper} == printed
    assert all(row.paper is None or row.paper.labels == row.labels for row in rows)
    keys = [(row.data_set, row.method, row.measure) for row in rows]
    assert len(set(keys)) == len(keys)  # no two rows show the same number


NONE = "cjme-no-attention"
RIVALS = {name: f"{name.lower()}-video" for name in ("CONSE", "DeViSE", "SAE", "ESZSL", "ALE")}
DIRECTIONS = {
    "T -> A": "T->A",
    "T -> V": "T->V",
    "T -> AV": "T->AV",
    "T -> A or V": "T->A or V",
    "audio -> video": "A->V",
    "video -> audio": "V->A",
}


def meant(number, labels):
    """Method and measure of a printed row, by its words."""
    if number == 5:
        on = [loss for loss, cell in zip(("AV", "TA", "TV"), labels, strict=True) if cell == "yes"]
        return NONE if len(on) == 3 else "-".join(["cjme", *on]).lower(), "classification both"
    name = labels[1] if number == 6 else labels[0]
    if name in RIVALS:
        return RIVALS[name], "classification"
    if number == 6:
        return "video", "classification"
    if number in (3, 4):
        methods = {"both (concat)": "concat", "CJME": NONE, "CJME (no attn)": NONE, "CJME (w/ attn)": "cjme"}
        return methods.get(name, name.lower()), f"retrieval {DIRECTIONS[labels[1]]}"
    if number == 7:
        ways = {"video": ("video", ""), "both": (NONE, " video")}
        last = ("cjme", "classification selected")
        method, how = ways[labels[1]]
        return last if labels[2] == "both" else (method, f"classification{how}")
    if name == "CJME":
        return NONE, f"classification {labels[1]}"
    of_table_2 = {
        "audio": ("audio", "classification"),
        "video": ("video", "classification"),
        "both (concat)": ("concat", "classification"),
        "CJME (no attn)": (NONE, "classification eq7"),
        "CJME (w/ attn)": ("cjme", "classification selected"),
    }
    return of_table_2[name]


@pytest.mark.parametrize("number", TABLES)
def test_a_row_is_what_its_words_say(number):
    rows = [row for row in rows_of(number) if row.paper]
    found = {row.labels: (row.method, row.measure) for row in rows}
    assert found == {row.labels: meant(number, row.labels) for row in rows}


def test_the_names_of_ablations_say_which_losses_are_on():
    assert {name: tuple(name.upper().split("-")[1:]) for name in ABLATIONS} == ABLATIONS


def test_table_7_has_the_same_methods_on_sound():
    ours = [row for row in rows_of(7) if row.paper is None]
    assert {row.method for row in ours} == {
        f"{m}-audio" for m in ("conse", "devise", "sae", "eszsl", "ale")
    } | {"audio"}


def test_a_table_that_is_not_there_is_refused():
    with pytest.raises(
        SetupError, match=r"no table 9 of results, expected one of 2, 3, 4, 5, 7, or 6 with --xlsa17"
    ):
        rows_of(9)


@pytest.fixture
def compared():
    results = outcomes(
        ("audio", "classification", 0, 0.30, 0.20),
        ("audio", "classification", 1, 0.32, 0.18),
        ("audio", "classification", 2, 0.34, 0.22),
        ("gcca", "retrieval T->A", 0, 0.5, 0.02),
    )
    lacking = {("here", "video"): "no video features"}
    return compare(2, rows_of(2), "paper", results, lacking)


def test_ours_stand_beside_the_papers_with_interval_and_difference(compared):
    first = compared.rows[0]
    assert first.paper == (28.35, 18.35, 22.22)
    s, u, harmonic = first.ours
    assert (s.mean, u.mean, s.n) == (pytest.approx(32), pytest.approx(20), 3)
    assert s.high - s.mean == pytest.approx(2 * 4.302653 / 3**0.5, abs=1e-4)  # t of two degrees of freedom
    assert first.difference == pytest.approx(harmonic.mean - 22.22)


def test_what_is_not_there_says_why(compared):
    notes = {row.labels: row.note for row in compared.rows}
    assert notes["video", "video"] == "no video features"
    assert notes["CJME", "both"] == "not measured"
    assert notes["audio", "audio"] == ""


def test_results_of_another_protocol_or_data_set_do_not_enter():
    results = outcomes(("audio", "classification", 0, 0.3, 0.2))
    assert compare(2, rows_of(2), "strict", results, {}).rows[0].ours is None
    assert compare(2, rows_of(2), "paper", results.assign(data_set="SUN"), {}).rows[0].ours is None


def test_all_forms_say_the_same(compared):
    records = list(csv.DictReader(io.StringIO(as_csv([compared]))))
    of_first = {r["figure"]: r for r in records if r["row"] == "audio / audio"}
    told = f"{float(of_first['S']['mean']):.2f}"
    markdown = next(line for line in as_markdown(compared).splitlines() if line.startswith("| audio | audio"))
    latex = next(line for line in as_latex(compared).splitlines() if line.startswith("audio & audio"))
    for text in (markdown, latex):
        assert told in text and "22.22" in text
    assert len(records) == 3 * len(compared.rows)
    assert of_first["HM"]["paper"] == "22.22"
    assert {r["note"] for r in records if r["row"] == "video / video"} == {"no video features"}


def test_markdown_has_as_many_cells_in_every_line(compared):
    lines = [line for line in as_markdown(compared).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1


def test_latex_escapes_what_it_would_obey():
    found = outcomes(("gcca", "retrieval T->A", 0, 0.5, 0.02))
    table = as_latex(compare(3, rows_of(3), "paper", found, {}))
    body = [line for line in table.splitlines() if not line.startswith("%")]
    assert not re.search(r"(?<!\\)[%_#]", "\n".join(body))
    assert r"T $\to$ A" in table
    heads = as_latex(compare(5, rows_of(5), "paper", found, {}))
    assert r"L\_AV & L\_TA" in heads
