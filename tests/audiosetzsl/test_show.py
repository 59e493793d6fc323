"""Tables and lines on the terminal say what they were given, to the letter."""

import pytest

from audiosetzsl.show import progress_bar, say, show_table, text_of

HOSTILE = [
    "[x]",
    "[bold]b[/bold]",
    "[/]",
    "[/red]",
    ":dog:",
    "list.csv:100: bad",
    "C:\\",
    r"\[x]",
    "[link=a]b",
]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        ("", ""),
        ("dog", "dog"),
        ("1234", "1234"),
        (0, "0"),
        (999, "999"),
        (163_183, "163,183"),
        (-1_914_413, "-1,914,413"),
        (0.0, "0.00"),
        (4739.876, "4,739.88"),
        (-0.125, "-0.12"),
        (float("nan"), "nan"),
    ],
)
def test_a_cell_as_people_read_it(cell, text):
    assert text_of(cell) == text


def cells_of(output):
    """Cells of a table as they were printed, head first."""
    bar = str.maketrans("┃", "│")
    lines = [line.translate(bar) for line in output.splitlines() if line[:1] in "│┃"]
    return [line[1:-1].split("│") for line in lines]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_is_printed_and_not_obeyed(capsys, text):
    show_table(f"title {text}", [f"head {text}", "n"], [[text, 1]])
    output = capsys.readouterr().out
    assert output.splitlines()[0].rstrip() == f"title {text}"
    head, body = cells_of(output)
    assert (head[0].strip(), body[0].strip()) == (f"head {text}", text)
    say(f"a line {text}")
    assert capsys.readouterr().out == f"a line {text}\n"


def test_numbers_stand_to_the_right_and_words_to_the_left(capsys):
    rows = [["dog", 7_588, None, 1.5], ["cat", 12, 3, None], ["church-bell", None, 4_000, 20.25]]
    show_table("counts", ["class", "train", "val", "share"], rows)
    assert cells_of(capsys.readouterr().out) == [
        [" class       ", " train ", "   val ", " share "],
        [" dog         ", " 7,588 ", "       ", "  1.50 "],
        [" cat         ", "    12 ", "     3 ", "       "],
        [" church-bell ", "       ", " 4,000 ", " 20.25 "],
    ]


def test_a_table_without_rows_has_its_head(capsys):
    show_table("nothing", ["class", "n"], iter([]))
    assert [[cell.strip() for cell in row] for row in cells_of(capsys.readouterr().out)] == [["class", "n"]]


def test_long_names_are_not_cut_where_output_goes_to_a_file(capsys):
    name = "segment-" + "x" * 100
    show_table("wide", ["name", "n"], [[name, 1]])
    assert name in capsys.readouterr().out
    say(name * 5)
    assert capsys.readouterr().out == name * 5 + "\n"


def test_progress_leaves_stdout_to_the_result(capsys):
    with progress_bar() as bar:
        bar.update(bar.add_task("fetch-clips", total=2), advance=2)
        say("the result")
    captured = capsys.readouterr()
    assert captured.out == "the result\n"
    assert "fetch-clips" in captured.err and "2/2" in captured.err
