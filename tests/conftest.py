"""Real data where it is at hand, and small AudioSets written for a test."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Before torch is imported: its threads wait by spinning, which makes small networks slow on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items):
    """Files with slow tests come first, so that at the end no process is left alone with one of them."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path_factory, monkeypatch):
    """What a test asks counts for nobody else, and what others ask does not hold it up."""
    monkeypatch.setenv("AZSL_STATE", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real lists and clips; tests that need it are skipped where it is absent."""
    path = Path(os.environ.get("AZSL_REAL_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if not (path / "audioset").is_dir():
        pytest.skip(f"no real data at {path}; set AZSL_REAL_DATA")
    return path


def segment_list(rows):
    """Bytes of a segment list as AudioSet writes them; rows are (ytid, start_s, end_s, mids)."""
    labels = {mid for *_, mids in rows for mid in mids}
    positives = sum(len(mids) for *_, mids in rows)
    lines = [
        "# Segments csv created Sun Mar  5 10:54:31 2017",
        f"# num_ytids={len(rows)}, num_segs={len(rows)}, "
        f"num_unique_labels={len(labels)}, num_positive_labels={positives}",
        "# YTID, start_seconds, end_seconds, positive_labels",
    ]
    lines += [
        f'{ytid}, {start:.3f}, {end:.3f}, "{",".join(mids)}"' for ytid, start, end, mids in sorted(rows)
    ]
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture(scope="session")
def write_audioset():
    """Write a small AudioSet: lists (rows by source), ontology of `names` (mid -> name), QA counts."""

    def write(directory, lists, names, parents=None):
        directory.mkdir(parents=True, exist_ok=True)
        for source, file in (
            ("unbalanced", "unbalanced_train_segments.csv"),
            ("balanced", "balanced_train_segments.csv"),
            ("eval", "eval_segments.csv"),
        ):
            (directory / file).write_bytes(segment_list(lists.get(source, [])))
        children = {}
        for child, parent in (parents or {}).items():
            children.setdefault(parent, []).append(child)
        nodes = [
            {
                "id": mid,
                "name": name,
                "description": f"The sound of {name}.",
                "child_ids": children.get(mid, []),
            }
            for mid, name in names.items()
        ]
        (directory / "ontology.json").write_text(json.dumps(nodes))
        labels = [f'{number},{mid},"{name}"' for number, (mid, name) in enumerate(names.items())]
        (directory / "class_labels_indices.csv").write_text(
            "index,mid,display_name\n" + "\n".join(labels) + "\n"
        )
        counts = [f"{mid},10,9" for mid in names]
        (directory / "qa_true_counts.csv").write_text(
            "label_id,num_rated,num_true\n" + "\n".join(counts) + "\n"
        )
        return directory

    return write
