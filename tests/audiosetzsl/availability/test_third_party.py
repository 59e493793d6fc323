"""Lists of third parties: read whole or not at all, whatever order their columns have."""

import re
from datetime import UTC, datetime

import pytest

from audiosetzsl.availability.layer import add_observations
from audiosetzsl.availability.third_party import WORDS, read_list
from audiosetzsl.clips.standing import Life
from audiosetzsl.errors import ManifestError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
A, B = "-aaaaaaaaaa", "bbbbbbbbbbb"


@pytest.fixture
def read(tmp_path):
    """Read a list of these lines."""

    def made(*lines, name="a-list"):
        path = tmp_path / "list.csv"
        path.write_bytes("".join(f"{line}\n" for line in lines).encode())
        return read_list(path, name, NOW)

    return made


def test_columns_may_stand_in_any_order_among_others(read):
    found = read(
        "\ufeffrow, Date ,Title,STATUS,ytid",
        f'1,2024-11-03,"a, title",Downloaded,{A}',
        "",
        f"2,2024-11-03T12:30:00+02:00,,0 , {B}",
        f"3,2024-11-04 01:02:03.456789,x,private,{B}",
    )
    short = [(r["ytid"], r["status"], r["reason"], r["checked_at"]) for r in found.to_pylist()]
    assert short == [
        (A, "alive", "downloaded", datetime(2024, 11, 3, tzinfo=UTC)),
        (B, "gone", "0", datetime(2024, 11, 3, 10, 30, tzinfo=UTC)),
        (B, "gone", "private", datetime(2024, 11, 4, 1, 2, 3, 456000, tzinfo=UTC)),
    ]
    assert {(r["source"], r["n_attempts"], r["tool"]) for r in found.to_pylist()} == {("a-list", None, None)}


@pytest.mark.parametrize(("life", "word"), [(life, word) for life, words in WORDS.items() for word in words])
def test_every_word_is_taken(read, life, word):
    assert read("ytid,status,date", f"{A},{word.upper()},2024-11-03")["status"].to_pylist() == [life]


def test_words_mean_one_thing():
    assert list(WORDS) == [Life.ALIVE, Life.CLOSED, Life.GONE, Life.UNKNOWN]
    words = [word for of_life in WORDS.values() for word in of_life]
    assert len(words) == len(set(words)) and all(word == word.lower() for word in words)


def test_a_line_twice_is_one_observation_and_another_day_another(read):
    line = f"{A},alive,2024-11-03"
    found = read("ytid,status,date", line, line, f"{A},ok,2024-11-03", f"{A},dead,2024-11-04")
    assert found["status"].to_pylist() == ["alive", "gone"]


def test_all_faults_are_told_and_the_first_are_listed(read):
    faulty = [
        "aaaaaaaaaa,alive,2024-11-03",
        f"{A},perhaps,2024-11-03",
        f"{A},alive,3.11.2024",
        f"{A},alive,2005-01-01",
        f"{A},alive",
        f"{A},dead,2024-11-05",
        f"{A},alive,2026-11-26",
        ",,",
    ]
    lines = ["ytid,status,date", f"{A},alive,2024-11-05", *faulty]
    with pytest.raises(ManifestError) as refused:
        read(*lines)
    first, *rest = str(refused.value).splitlines()
    assert re.search(r"list\.csv: nothing was imported, 7 lines are faulty:$", first)
    assert rest[0] == "  line 3: 'aaaaaaaaaa' is no video id, expected its eleven characters"
    assert rest[1].startswith(
        "  line 4: 'perhaps' is no known status, expected one of alive, available, ok, "
    )
    assert rest[2] == "  line 5: '3.11.2024' is no date, expected YYYY-MM-DD or YYYY-MM-DDTHH:MM"
    assert rest[3] == "  line 6: 2005-01-01 is before there was YouTube or still to come"
    assert rest[4] == "  line 7: '' is no date, expected YYYY-MM-DD or YYYY-MM-DDTHH:MM"
    assert rest[5] == "  and 2 more"
    with pytest.raises(
        ManifestError, match=f"line 3: {A} is dead, and alive on a line before, at the same time"
    ):
        read("ytid,status,date", f"{A},alive,2024-11-05", f"{A},dead,2024-11-05")
    with pytest.raises(
        ManifestError, match="line 2: 2026-11-26 is before there was YouTube or still to come"
    ):
        read("ytid,status,date", f"{A},alive,2026-11-26")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (
            "ytid,status",
            r"is 'ytid,status', expected the columns ytid, status and date, each once; date not so",
        ),
        ("id,state,when", r"ytid and status and date not so"),
        ("ytid,status,date,date", r"date not so"),
        ("", r"the first line is '', expected"),
    ],
)
def test_a_table_without_the_three_columns_is_refused(read, header, told):
    with pytest.raises(ManifestError, match=told):
        read(header, f"{A},alive,2024-11-03")


def test_an_empty_file_is_refused_and_a_header_alone_is_a_list_of_nothing(read, tmp_path):
    with pytest.raises(ManifestError, match=r"the first line is '', expected"):
        read()
    assert len(read("ytid,status,date")) == 0
    with pytest.raises(
        ManifestError, match=r"none\.csv does not exist, expected a CSV with the columns ytid"
    ):
        read_list(tmp_path / "none.csv", "a-list")


def test_what_is_not_in_utf_8_is_refused(tmp_path):
    (tmp_path / "list.csv").write_bytes(b"ytid,status,date\n\xff\xfe,alive,2024-11-03\n")
    with pytest.raises(ManifestError, match=r"list\.csv is no CSV in UTF-8 \(.*\); save it as one"):
        read_list(tmp_path / "list.csv", "a-list")


GOOD = f"{A},alive,2024-11-03"


@pytest.mark.parametrize(
    ("lines", "begins", "told"),
    [
        (['"a" b,c,d', GOOD], 2, r"',' expected after '\"'"),
        ([GOOD, f'"{A},alive,2024-11-03', GOOD, GOOD], 3, "unexpected end of data"),
        ([GOOD, f'"{A},alive,2024-11-03', GOOD, f'"{B}",alive,2024-11-03'], 3, r"',' expected after '\"'"),
        ([f'"{A}\n",alive,2024-11-03', f'{B},alive,"2024'], 4, "unexpected end of data"),
        ([GOOD, '"' + "x" * 200_000], 3, r"field larger than field limit \(131072\)"),
    ],
)
def test_a_row_that_is_no_csv_is_named_by_the_line_on_which_it_begins(read, lines, begins, told):
    expected = rf"no CSV: the row that begins on line {begins} cannot be read \({told}\); mend its quotes$"
    with pytest.raises(ManifestError, match=expected):
        read("ytid,status,date", *lines)


def test_a_header_that_is_no_csv_is_line_1(read):
    with pytest.raises(ManifestError, match=r"the row that begins on line 1 cannot be read"):
        read('ytid,status,"date', GOOD)


def test_lines_with_nothing_in_them_are_passed_over(read):
    assert len(read("ytid,status,date", "", "   ", "\t", " , ,", '"  "', GOOD, "", " ")) == 1


def test_a_fault_in_a_row_of_several_lines_is_named_by_the_first(read):
    lines = '"a title', f'of two lines",{A},perhaps,2024-11-03', f"x,{B},perhaps,2024-11-03"
    with pytest.raises(ManifestError, match=r"line 2: 'perhaps' is no.*\n.*line 4: 'perhaps' is no"):
        read("title,ytid,status,date", *lines)


@pytest.mark.parametrize("at", ["0001-01-01T00:00+14:00", "9999-12-31T23:00-05:00", "9999-12-31"])
def test_a_date_at_the_end_of_the_calendar_is_a_fault_like_others(read, at):
    told = re.escape(f"line 2: {at} is before there was YouTube or still to come")
    with pytest.raises(ManifestError, match=told):
        read("ytid,status,date", f"{A},alive,{at}")


@pytest.mark.parametrize("name", ["", "audiosetzsl", "a list", "-x", "a/b"])
def test_a_name_is_a_word_and_not_ours(read, name):
    with pytest.raises(
        ManifestError, match=rf"^'{name}' cannot name a list, expected letters, digits, dots and"
    ):
        read("ytid,status,date", name=name)


def test_the_same_list_twice_is_as_good_as_once(read, tmp_path):
    rows = read("ytid,status,date", f"{A},alive,2024-11-03", f"{B},dead,2024-11-03")
    assert add_observations(tmp_path / "a.parquet", rows, NOW) == 2
    assert add_observations(tmp_path / "a.parquet", rows, NOW) == 0
    assert add_observations(tmp_path / "a.parquet", read("ytid,status,date", f"{A},1,2024-11-04"), NOW) == 1
