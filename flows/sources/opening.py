"""Opening a source by its name: `youtube`, `local:FOLDER`, an http(s) template, or `synthetic`."""

from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.errors import SetupError
from flows.sources.source import Source, told

EXPECTED = "'youtube', 'local:FOLDER', an address such as 'https://host/{ytid}.mp4', or 'synthetic'"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a source may be told besides its name."""

    threads: int | None = None  # that may ask at once, in each process; None is the source's own number
    config: Path | None = None  # configuration file of yt-dlp
    clip_s: float = 120.0  # after which a clip counts as stalled


def open_source(source: str, scratch: Path, options: SourceOptions | None = None) -> Source:
    """Turn the name of a source into the source; what it needs is only imported for it.

    Raises:
        SetupError: there is no such source, or it is not what its name says.
    """
    options = options or SourceOptions()
    kind, _, where = source.partition(":")
    if source == "synthetic":
        from flows.sources.synthetic import Synthetic

        return Synthetic()
    if kind == "local" and where:
        from flows.sources.local import Local, holdings

        place = where if "://" in where else str(Path(where).expanduser().resolve())
        holdings(place)  # says at once if there is no such folder
        return Local(place)
    if kind in ("http", "https"):
        return _http(source, options)
    if source == "youtube":
        return _youtube(scratch, options)
    raise SetupError(f"there is no source {told(source)!r}, expected {EXPECTED}")


def _http(template: str, options: SourceOptions) -> Source:
    from flows.sources.http import Http
    from flows.youtube.byte_ranges import Persistence
    from flows.youtube.options import user_options

    persistence = Persistence(clip_s=options.clip_s)
    return Http(template, user_options(options.config), options.threads or 4, persistence)


def _youtube(scratch: Path, options: SourceOptions) -> Source:
    from flows.sources.youtube import YouTube
    from flows.youtube.byte_ranges import Persistence
    from flows.youtube.options import user_options

    persistence = Persistence(clip_s=options.clip_s)
    return YouTube(user_options(options.config), scratch, options.threads or 2, persistence)
