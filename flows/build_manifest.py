"""Stage build-manifest: AudioSet's lists become the manifest, its drops and the funnel."""

import csv
import io
from dataclasses import asdict
from pathlib import Path

from audiosetzsl.audioset.fetch import fetch_audioset
from audiosetzsl.audioset.ontology import Ontology, read_ontology
from audiosetzsl.audioset.remotes import REMOTES
from audiosetzsl.building.build import Build, build
from audiosetzsl.building.funnel import class_counts
from audiosetzsl.building.official import Misfit, by_release, read_release
from audiosetzsl.building.splits import SplitRule, by_hash
from audiosetzsl.classes import AUDIOSETZSL, ClassList
from audiosetzsl.errors import SetupError
from audiosetzsl.files import write_bytes, write_table
from audiosetzsl.manifest import DROPS_SCHEMA, write_manifest
from audiosetzsl.selection.class_file import check_sizes, read_class_file
from audiosetzsl.show import progress_bar, say, show_table
from audiosetzsl.workspace import Workspace


def build_manifest(
    workspace: Path,
    audioset: str,
    class_file: Path | None = None,
    split: str = "hash",
    seed: int = 0,
    any_lists: bool = False,
) -> Build:
    """Build a workspace's manifest and drops, and print the funnel.

    Args:
        workspace: folder that gets manifest.parquet and drops.parquet.
        audioset: folder with AudioSet's six files, or `download` to fetch them into the workspace.
        class_file: TOML with a class list of your own; None is AudioSetZSL.
        split: `hash`, or `release:PATH_OR_URL` for the authors' own lists.
        seed: of the hash split.
        any_lists: take lists that are not byte for byte AudioSet's.
    """
    place = Workspace(workspace)
    directory = download(workspace / "audioset") if audioset == "download" else Path(audioset)
    ontology = read_ontology(directory)
    classes = AUDIOSETZSL
    if class_file:
        classes, warnings = read_class_file(class_file, ontology)
        for warning in warnings:
            say(f"warning: {warning}")
    misfits: list[Misfit] = []
    built = build(directory, ontology, classes, _rule(split, seed, classes, misfits), any_lists=any_lists)
    if misfits:
        write_bytes(place.root / "release_misfits.csv", _csv(misfits))
        say(f"{len(misfits)} rows of the release do not fit; see {place.root / 'release_misfits.csv'}")
    counts = {name: sum(by_split.values()) for name, by_split in class_counts(built.manifest).items()}
    if split == "hash":
        check_sizes(classes, counts)
    elif empty := [name for name in classes.names if name not in counts]:
        say(f"warning: the release lists no segment of {', '.join(empty)}")
    write_table(built.drops, place.drops, DROPS_SCHEMA)
    # The manifest comes last: where it stands, everything beside it is there too.
    write_manifest(built.manifest, place.manifest, _provenance(built, classes, ontology, split, seed))
    show_table("From AudioSet to the dataset", ["", "segments"], built.funnel.lines())
    show_table("If a rule were off", ["", "segments"], built.funnel.what_ifs())
    return built


def download(directory: Path) -> Path:
    """Fetch AudioSet's six files with a bar for each."""
    with progress_bar() as bar:
        tasks = {remote.name: bar.add_task(remote.name, total=remote.bytes) for remote in REMOTES}
        fetch_audioset(
            directory, REMOTES, progress=lambda remote, n: bar.update(tasks[remote.name], completed=n)
        )
    return directory


def _rule(split: str, seed: int, classes: ClassList, misfits: list[Misfit]) -> SplitRule:
    if split == "hash":
        return by_hash(seed)
    kind, _, location = split.partition(":")
    if kind != "release" or not location:
        raise SetupError(f"there is no split {split!r}, expected 'hash' or 'release:PATH_OR_URL'")
    return by_release(read_release(location, classes), classes, misfits)


def _provenance(
    built: Build, classes: ClassList, ontology: Ontology, split: str, seed: int
) -> dict[str, object]:
    """What verify needs to derive the manifest again; nothing that differs between two equal builds."""
    return {
        "class_list": classes.name,
        "excluded_mids": list(classes.excluded_mids),
        "classes": [asdict(c) | {"label": ontology.labels[c.mid]} for c in classes],
        "split": split.partition(":")[0],
        "seed": seed,
        "rows": built.funnel.rows,
        "lists": built.digests,
    }


def _csv(misfits: list[Misfit]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["file", "line", "row", "problem"])
    writer.writerows([m.row.file, m.row.line, m.row.text, m.problem] for m in misfits)
    return text.getvalue().encode()
