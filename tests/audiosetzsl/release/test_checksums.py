"""Checksums: a flipped bit anywhere is found, and so is a file too many or too few."""

import random
import re

import pytest
from tampering import problems

from audiosetzsl.release.checksums import SUMS, check_sums, read_sums, sums_text
from audiosetzsl.release.contents import FILES
from audiosetzsl.release.finding import Finding
from audiosetzsl.release.verify import verify


def flipped(content, at, bit):
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


@pytest.mark.parametrize("name", [*FILES, SUMS])
def test_a_flipped_bit_anywhere_is_found(release, name):
    draw = random.Random(name)
    path = release / name
    content = path.read_bytes()
    for at in {0, len(content) - 1, *(draw.randrange(len(content)) for _ in range(10))}:
        bit = draw.randrange(8)
        path.write_bytes(flipped(content, at, bit))
        findings = verify(release)
        assert findings, f"byte {at}, bit {bit}"
        if name != SUMS:
            assert [finding.file for finding in findings] == [name], "what is damaged is named, and only that"
    path.write_bytes(content)
    assert verify(release) == []


def test_every_byte_of_the_checksums_matters(release):
    content = (release / SUMS).read_bytes()
    draw = random.Random(0)
    for at in range(len(content)):
        (release / SUMS).write_bytes(flipped(content, at, draw.randrange(8)))
        assert check_sums(release, FILES)[1], f"byte {at}"


@pytest.mark.parametrize("name", FILES)
def test_a_byte_more_or_less_and_an_absent_file_are_found(release, name):
    path = release / name
    content = path.read_bytes()
    for changed in (content + b"\n", content[:-1], b""):
        path.write_bytes(changed)
        assert "it is damaged, get it again" in problems(verify(release), name)[0]
    path.unlink()
    assert verify(release) == [Finding(name, "is listed in SHA256SUMS and absent; get it again")]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda s: s[:64].upper() + s[64:],
            r"line 1: found '[0-9A-F]{64}  CHANGELOG.md', expected 64 lower-case",
        ),
        (
            lambda s: s.replace("  CHANGELOG", " *CHANGELOG"),
            r"line 1: found .*expected .* two blanks, a name",
        ),
        (lambda s: s.replace("  CHANGELOG.md", "  ../CHANGELOG.md"), r"line 1: found .*\.\./CHANGELOG"),
        (lambda s: s + s.splitlines()[-1] + "\n", r"line 14: splits/val\.txt stands there twice"),
        (lambda s: s.removesuffix("\n"), r"does not end with a line end; it was cut or changed"),
        (
            lambda s: "".join(sorted(s.splitlines(keepends=True))),
            r"its names are not in order; it was edited",
        ),
        (lambda s: s.replace("\n", "\r\n"), r"line 1: found "),
        (lambda s: s + "\n", r"line 14: found ''"),
    ],
)
def test_checksums_have_one_form(release, change, problem):
    path = release / SUMS
    path.write_bytes(change(path.read_text()).encode())
    found = problems(verify(release), SUMS)
    assert re.search(problem, found[0])


def test_a_folder_without_checksums_is_no_release(tmp_path):
    assert verify(tmp_path) == [
        Finding(SUMS, "is absent, so nothing can be checked; get the whole release again")
    ]


def test_a_foreign_file_is_named(release):
    (release / "splits" / "extra.txt").write_text("foreign")
    (release / ".hidden").write_text("foreign")
    assert verify(release) == [
        Finding(".hidden", "is not listed in SHA256SUMS"),
        Finding("splits/extra.txt", "is not listed in SHA256SUMS"),
    ]


def test_a_file_that_every_release_has_is_missed_though_the_checksums_hide_it(release):
    digests, _ = read_sums((release / SUMS).read_bytes())
    del digests["LICENSES.md"]
    (release / "LICENSES.md").unlink()
    (release / SUMS).write_bytes(sums_text(digests))
    assert verify(release) == [Finding("LICENSES.md", "belongs to every release and is absent")]
