"""Opening: a feature set of any form by its name, and the same written into a form of others, whole or not at all."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets.avca import fit_avca, read_avca, write_avca
from audiosetzsl.feature_sets.feature_set import FeatureSet
from audiosetzsl.feature_sets.named import Form, Name
from audiosetzsl.feature_sets.npz import fit_npz, read_npz, write_npz
from audiosetzsl.feature_sets.of_workspace import read_workspace, recipes_in
from audiosetzsl.feature_sets.official import fit_official, read_official, write_official
from audiosetzsl.feature_sets.whole_folder import whole_folder
from audiosetzsl.feature_sets.xlsa17 import fit_xlsa17, read_xlsa17, write_xlsa17
from audiosetzsl.files import atomic_path
from audiosetzsl.shards import Kind
from audiosetzsl.zero_shot import refuse_unseen, taught_by


@dataclass(frozen=True, slots=True)
class _Writer:
    fit: Callable[[Name, FeatureSet, bool], FeatureSet]  # what of a set the form holds
    write: Callable[[Name, FeatureSet, Path], None]
    scratch: Callable[[Path], AbstractContextManager[Path]] = whole_folder


_READERS: Mapping[Form, Callable[[Name], FeatureSet]] = {
    Form.WORKSPACE: read_workspace,
    Form.NPZ: read_npz,
    Form.OFFICIAL: read_official,
    Form.AVCA: read_avca,
    Form.XLSA17: read_xlsa17,
}
_WRITERS: Mapping[Form, _Writer] = {
    Form.NPZ: _Writer(fit_npz, write_npz, atomic_path),
    Form.OFFICIAL: _Writer(fit_official, write_official),
    Form.AVCA: _Writer(fit_avca, write_avca),
    Form.XLSA17: _Writer(fit_xlsa17, write_xlsa17),
}


def open_set(name: str | Name) -> FeatureSet:
    """Read a feature set: `npz:FILE`, `official:FOLDER`, `avca:FOLDER`, `xlsa17:FOLDER`, or a workspace folder.

    Its clips stand by class and id. What a form has to be told besides follows a question mark, such as
    `avca:UCF?features=cls_features`; `named.OPTIONS` lists it.

    Raises:
        SetupError: the name is wrong, a file is absent, damaged or contradicts another (the message says which file
            and which clip), or the network behind the sound features was taught a class that is unseen here.
        ShardError, ManifestError: those of a workspace are.
    """
    parsed = name if isinstance(name, Name) else Name.of(name)
    if not parsed.path.exists():
        raise SetupError(f"{parsed.path} does not exist; check the name of these features")
    try:
        clips = _READERS[parsed.form](parsed)
    except SetupError as problem:
        if str(parsed.path) in str(problem):
            raise
        raise SetupError(f"{parsed.path}: {problem}") from problem
    sound = recipes_in(clips.made_of).get(Kind.AUDIO)
    unseen = [one for one, seen in zip(clips.classes.names, clips.classes.seen, strict=True) if not seen]
    refuse_unseen(
        f"the network behind the sound of {parsed.path}", taught_by(sound) if sound else None, unseen
    )
    return clips


def save_set(name: str, clips: FeatureSet, *, leave_out: bool = False) -> FeatureSet:
    """Write a feature set under a name that `open_set` reads, bit by bit the same; returns what was written.

    Args:
        name: of a form other than a workspace, at a place where nothing is yet.
        clips: the set.
        leave_out: leave out what the form has no place for, instead of refusing the set.

    Raises:
        SetupError: something is at that place, the form has no place for some clips (the message counts and names
            them), or no clips are left; nothing is written.
    """
    parsed = check_target(name)
    writer = _WRITERS[parsed.form]
    fitting = writer.fit(parsed, clips, leave_out).in_order()
    if not len(fitting):
        raise SetupError(f"{name}: there are no clips to write, of {len(clips)} that were given")
    with writer.scratch(parsed.path) as scratch:
        writer.write(parsed, fitting, scratch)
    return fitting


def check_target(name: str) -> Name:
    """Take the name of a set to write apart.

    Raises:
        SetupError: it names a workspace, or something is at that place.
    """
    parsed = Name.of(name)
    if parsed.form not in _WRITERS:
        raise SetupError(f"{name}: features are not written into a workspace; take {', '.join(_WRITERS)}")
    if parsed.path.exists():
        raise SetupError(f"{parsed.path} is there already; name another place, or delete it first")
    return parsed
