"""Checks of the machine, made with real programs on a search path of the test's own."""

import os
import sys
from datetime import date

import pytest

from audiosetzsl import machine
from audiosetzsl.machine import (
    answer_of,
    find_ffmpeg,
    find_gpu,
    find_js_runtime,
    find_packages,
    find_python,
    find_ytdlp,
    search_path,
    usable_cores,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in programs are shell scripts")


@pytest.fixture
def program(tmp_path):
    """Put a program on the search path that prints a text and ends with a code."""

    def put(name, prints, code=0):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ncat <<'END'\n{prints}\nEND\nexit {code}\n")
        path.chmod(0o755)
        return str(path.parent)

    return put


def test_cores_are_counted_where_no_system_call_tells_which_are_mine(monkeypatch):
    assert usable_cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    assert usable_cores() == os.cpu_count()


def test_python_is_held_to_the_least_version():
    assert find_python().ready
    old = find_python((3, 10, 14))
    assert not old.ready
    assert (old.found, old.advice) == ("3.10.14", "install Python 3.11 or newer")


def test_absent_packages_are_named():
    assert find_packages(["json", "numpy"]).found == "all 2"
    found = find_packages(["json", "no_such_package", "nor_this"])
    assert not found.ready
    assert found.found == "absent: no_such_package, nor_this"
    assert "pip install -e '.[factory]'" in found.advice


def test_ffmpeg_on_the_path_tells_its_version(program):
    path = program("ffmpeg", "ffmpeg version 7.1-static Copyright (c) 2000-2024")
    found = find_ffmpeg(path)
    assert found.ready
    assert found.found == f"7.1-static at {path}/ffmpeg"


def test_ffmpeg_of_imageio_serves_where_the_path_has_none(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    found = find_ffmpeg(str(tmp_path))
    assert found.ready
    assert "imageio_ffmpeg" in found.found


def test_without_any_ffmpeg_one_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_bundled_ffmpeg", lambda: None)
    found = find_ffmpeg(str(tmp_path))
    assert not found.ready
    assert found.found == "none on PATH, none of imageio-ffmpeg"
    assert "pip install imageio-ffmpeg" in found.advice


def test_an_ffmpeg_that_does_not_run_is_not_ready(program):
    assert not find_ffmpeg(program("ffmpeg", "Illegal instruction", 132)).ready


@pytest.mark.parametrize(
    ("name", "prints", "code", "ready", "found"),
    [
        ("node", "v20.20.2", 0, False, "node 20.20.2, older than 22"),
        ("node", "v22.0.0", 0, True, "node 22.0.0"),
        ("node", "v9.1.0", 0, False, "node 9.1.0, older than 22"),  # by number, not by letter
        ("deno", "deno 2.3.0 (stable, release, x86_64)\nv8 13", 0, True, "deno 2.3.0"),
        ("deno", "deno 2.2.12 (stable)", 0, False, "deno 2.2.12, older than 2.3"),
        ("qjs", "QuickJS version 2024-01-13\nusage: qjs", 1, True, "qjs 2024-01-13"),
        ("qjs", "QuickJS version 2021-03-27\nusage: qjs", 1, False, "qjs 2021-03-27, older than 2023.12.9"),
        ("qjs", "QuickJS-ng version 0.11.0\nusage: qjs", 1, True, "qjs 0.11.0"),
        ("node", "cannot execute", 126, False, "none"),
    ],
)
def test_a_javascript_runtime_has_to_be_new_enough(program, name, prints, code, ready, found):
    finding = find_js_runtime(program(name, prints, code))
    assert (finding.ready, finding.found) == (ready, found)
    assert "pip install 'deno>=2.3'" in finding.advice


def test_one_runtime_that_is_new_enough_serves(program):
    program("node", "v20.20.2")
    finding = find_js_runtime(program("deno", "deno 2.9.8 (stable)"))
    assert finding.ready
    assert finding.found == "deno 2.9.8; node 20.20.2, older than 22"


def test_programs_are_looked_for_beside_this_python_and_on_the_path(monkeypatch):
    monkeypatch.setenv("PATH", "/some/where")
    assert search_path().split(":")[1:] == ["/some/where"]


@pytest.mark.parametrize(
    ("version", "ready", "found"),
    [
        ("2026.10.26", True, "2026.10.26, 28 days old"),
        ("2026.8.19", False, "2026.8.19, 96 days old"),
        ("2026.08.25.232805.dev0", True, "2026.08.25.232805.dev0, 90 days old"),
        ("0.1", False, "0.1, which tells no date"),
        ("2026.13.40", False, "2026.13.40, which tells no date"),
    ],
)
def test_ytdlp_has_to_be_young(version, ready, found):
    finding = find_ytdlp(date(2026, 11, 23), version)
    assert (finding.ready, finding.found) == (ready, found)
    assert finding.advice == "run pip install -U yt-dlp"


def test_ytdlp_may_be_absent(monkeypatch):
    monkeypatch.setattr(machine, "_version_of", lambda package: None)
    assert find_ytdlp(date(2026, 11, 23)).found == "not installed"


def test_no_gpu_is_no_hindrance_but_is_said(tmp_path, program):
    assert not find_gpu(str(tmp_path)).ready
    assert "CPU" in find_gpu(str(tmp_path)).advice
    broken = program("nvidia-smi", "NVIDIA-SMI has failed because it couldn't communicate with the driver", 9)
    assert find_gpu(broken).found == "none that nvidia-smi knows"


@pytest.mark.parametrize(("answer", "ready", "verb"), [("True", True, "can"), ("False", False, "cannot")])
def test_a_gpu_counts_if_torch_can_use_it(program, monkeypatch, answer, ready, verb):
    path = program("nvidia-smi", "NVIDIA H200, 143771 MiB")
    python = f"{program('python', f'usable {answer}')}/python"
    monkeypatch.setattr(machine.sys, "executable", python)
    monkeypatch.setattr(machine, "_version_of", lambda package: "2.15.0")
    finding = find_gpu(path)
    assert (finding.ready, finding.found) == (ready, f"NVIDIA H200, 143771 MiB; torch 2.15.0 {verb} use it")


def test_a_gpu_without_torch_is_not_ready(program, monkeypatch):
    monkeypatch.setattr(machine, "_version_of", lambda package: None)
    finding = find_gpu(program("nvidia-smi", "NVIDIA H200, 143771 MiB"))
    assert (finding.ready, finding.found) == (False, "NVIDIA H200, 143771 MiB; torch is not installed")


def test_a_program_that_hangs_or_is_no_program_has_no_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_TIMEOUT_S", 0.2)
    assert answer_of(["sleep", "20"]) is None
    assert answer_of([str(tmp_path)]) is None
