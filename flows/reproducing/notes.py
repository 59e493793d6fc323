"""Notes: sentences that stand over the tables, without which their numbers would be misread."""

from audiosetzsl.clips.sources import ClipSources
from audiosetzsl.feature_sets import FeatureSet
from audiosetzsl.feature_sets.named import Form, Name
from audiosetzsl.feature_sets.of_workspace import recipes_in, sources_in
from audiosetzsl.shards import Kind
from audiosetzsl.workspace import Workspace
from flows.report_notes import of_clips, of_networks, of_words
from flows.reproducing.asked import Asked
from flows.reproducing.rows import HERE


def notes_on(clips: FeatureSet, data_set: str, source: str, digest: str) -> list[str]:
    """What to know of the features of a data set, which were opened by the name `source`."""
    name = Name.of(source)
    there = {Kind.AUDIO: clips.features.audio, Kind.VIDEO: clips.features.video}
    kinds = [kind for kind, rows in there.items() if rows.shape[1]]
    made_by = recipes_in(clips.made_of)
    notes = [*of_networks(made_by, kinds, clips.classes), *of_words(made_by)]
    is_workspace = name.form is Form.WORKSPACE
    sources = ClipSources.of(Workspace(name.path)) if is_workspace else sources_in(clips.made_of)
    notes = [*(of_clips(sources) if sources else []), *notes]
    notes = [f"The features are {len(clips)} clips of {name.path.name}, digest {digest[:12]}.", *notes]
    return notes if data_set == HERE else [f"{data_set}: {note}" for note in notes]


def notes_on_asked(asked: Asked) -> list[str]:
    """What to know of what was asked for."""
    if asked.cjme == "paper":
        return []
    return [
        f"CJME and its variants were trained by preset {asked.cjme}; single views and other methods have none."
    ]
