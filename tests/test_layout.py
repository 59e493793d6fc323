"""The house: rooms and their arrows, the README's map and commands, the wheel."""

import ast
import importlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audiosetzsl.cli import app as dataset_app
from flows.__main__ import app as factory_app

ROOT = Path(__file__).parent.parent
ROOMS = ("audiosetzsl", "extractors", "models", "flows")
README = (ROOT / "README.md").read_text()
MODULES = [
    path
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
    if path != ROOT / room / "__init__.py" and path.read_text().strip()
]


def purpose_of(path):
    return (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_readmes_map_says_what_each_file_is(path):
    room = path.relative_to(ROOT).parts[0]
    line = f"| `{path.relative_to(ROOT / room).as_posix()}` | {purpose_of(path)} |"
    section = README.split(f"**`{room}/`**")[1].split("**`")[0]
    assert line in section.splitlines(), f"put this line into the README's map, under {room}/:\n{line}"


def test_the_readmes_map_names_no_file_that_is_gone():
    named = re.findall(r"^\| `([\w/]+\.py)` \|", README, re.M)
    there = {path.relative_to(ROOT / path.relative_to(ROOT).parts[0]).as_posix() for path in MODULES}
    assert set(named) <= there
    assert len(named) == len(MODULES)


def test_rooms_import_only_downwards():
    # In a process of its own: it would turn off the loggers of this one.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_is_this_checkouts(room):
    assert Path(importlib.import_module(room).__file__).parent == ROOT / room


def commands_of(app):
    """Commands by name; those of a group with its name before theirs."""
    commands = {
        command.name or command.callback.__name__.replace("_", "-"): command
        for command in app.registered_commands
    }
    for group in app.registered_groups:
        commands |= {f"{group.name} {name}": c for name, c in commands_of(group.typer_instance).items()}
    return commands


@pytest.mark.parametrize("program", ["audiosetzsl", "python -m flows"])
def test_the_readme_and_the_help_name_the_same_commands(program):
    app = dataset_app if program == "audiosetzsl" else factory_app
    documents = README + "".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))
    told = set(re.findall(rf"^[ |`]*{program} ((?:shards )?[a-z][a-z-]+)", documents, re.M))
    there = set(commands_of(app))
    assert told <= there, f"documents name commands that are not there: {told - there}"
    missing = there - told
    assert not missing, f"README and docs do not show {program} {', '.join(missing)}"


OPTIONS = re.findall(
    r"(audiosetzsl|python -m flows) ((?:shards )?[a-z-]+)((?: +(?:--[a-z-]+|[A-Za-z0-9_:./\[\]-]+))*)", README
)


@pytest.mark.parametrize(("program", "command", "rest"), OPTIONS)
def test_options_that_the_readme_shows_exist(program, command, rest):
    app = dataset_app if program == "audiosetzsl" else factory_app
    text = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"}, color=False).output
    for option in re.findall(r"--[a-z-]+", rest):
        assert option in re.sub(r"\x1b\[[0-9;]*m", "", text), f"{program} {command} has no {option}"


@pytest.mark.parametrize("app", [dataset_app, factory_app], ids=["audiosetzsl", "flows"])
def test_every_command_has_help(app):
    for name, command in commands_of(app).items():
        assert (command.help or command.callback.__doc__ or "").strip(), f"{name} says nothing of itself"


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"^    make ([a-z]+)", README, re.M)) | {"check", "bench"})
)
def test_make_targets_exist(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_links_of_the_readme_lead_somewhere(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("module", ["audiosetzsl.cli", "flows.__main__"])
def test_a_command_line_starts_without_what_is_heavy(module):
    code = f"import sys, {module}; print(*{{m.partition('.')[0] for m in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    heavy = {"torch", "prefect", "pandas", "pyarrow", "matplotlib", "yt_dlp", "sklearn", "librosa"}
    assert not heavy & set(loaded.split())


def test_only_the_factory_starts_prefect():
    code = (
        "import sys, flows.pipelines, flows.build_manifest; "
        "print('prefect' in {m.partition('.')[0] for m in sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == "False", "a plain run imports Prefect, which costs it seconds"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout, built for real."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_the_dataset_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"audiosetzsl"}
    assert "audiosetzsl/data/audiosetzsl.parquet" in names
    assert not [name for name in names if name.endswith((".mp4", ".gz"))]


@pytest.mark.slow
def test_the_wheel_gives_the_manifest_offline(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "import audiosetzsl; print(audiosetzsl.__file__, len(audiosetzsl.load_manifest(split='train', seen=True)))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    path, n = ran.stdout.split()
    assert Path(path).is_relative_to(tmp_path)
    assert int(n) == 83_218
