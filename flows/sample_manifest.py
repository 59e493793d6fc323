"""Stage sample-manifest: some real rows of a manifest, for a trial or for the clips one has."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import load_manifest_table, provenance_of, published_path, write_manifest
from audiosetzsl.show import say
from audiosetzsl.workspace import Workspace
from flows.sources.clip_names import Named
from flows.sources.local import holdings


def sample_manifest(
    workspace: Path, manifest: Path | None = None, per_class: int | None = None, having: Path | None = None
) -> pa.Table:
    """Give a workspace some rows of a manifest.

    Args:
        workspace: folder that gets manifest.parquet.
        manifest: where the rows come from; None is the published manifest.
        per_class: this many segments of each class, split 60/20/20 as the whole is.
        having: only segments whose clip, or whole video, lies in this folder.

    Raises:
        SetupError: nothing is left to take, or the workspace has another manifest already.
    """
    table = load_manifest_table(manifest)
    frame = table.to_pandas()
    chosen = np.ones(len(frame), bool)
    if having is not None:
        chosen &= _held(frame, having)
    if per_class is not None:
        place = frame[chosen].groupby(["class_name", "split"]).cumcount().reindex(frame.index)
        quota = frame.split.map({"train": 0.6, "val": 0.2, "test": 0.2}) * per_class
        chosen &= (place < quota.round()).to_numpy()
    if not chosen.any():
        raise SetupError(
            f"no segment is left of {len(frame)} with per_class={per_class}, having={having}; "
            "clips are found by a name that ends in <ytid>_<start in ms> or in <ytid> before its extension"
        )
    taken = table.filter(pa.array(chosen))
    path = Workspace(workspace).manifest
    if path.is_file() and not load_manifest_table(path).equals(taken):
        raise SetupError(f"{path} is there and holds other segments; use a new workspace for another sample")
    write_manifest(taken, path, provenance_of(table) | {"sample_of": (manifest or published_path()).name})
    say(f"{len(taken)} of {len(table)} segments are in {path}")
    return taken


def _held(frame: pd.DataFrame, folder: Path) -> np.ndarray:
    """Which segments a folder has a file for."""
    held = holdings(str(folder.resolve())).files
    keys = zip(frame.ytid, np.rint(1000 * frame.start_s).astype(int), strict=True)
    found = [Named(ytid, start_ms) in held or Named(ytid, None) in held for ytid, start_ms in keys]
    return np.array(found, bool)
