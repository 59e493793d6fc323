"""Session: one YoutubeDL of one thread, which answers with the formats of a video or with a verdict."""

import re
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from yt_dlp import YoutubeDL, cookies
from yt_dlp.networking import Request
from yt_dlp.networking.exceptions import HTTPError, NoSupportingHandlers
from yt_dlp.utils import DownloadError, GeoRestrictedError, YoutubeDLError

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from flows.sources.source import Refusal
from flows.youtube.answers import verdict_of
from flows.youtube.byte_ranges import retry_after_s
from flows.youtube.options import YtDlpOptions

# As many lines as I3D is fed from; H.264 and AAC can be cut without decoding.
LINES = 360
FORMATS = "bv[ext=mp4][vcodec^=avc1]+ba[ext=m4a]/b[ext=mp4]/bv+ba/b/bv"
_STEADY = {
    "quiet": True,
    "no_warnings": False,  # they say what an error does not
    "noprogress": True,
    "cachedir": False,
    "format": FORMATS,
    # The best of at most so many lines (columns, if the picture stands upright), or else the smallest.
    "format_sort": [f"res:{LINES}"],
    "noplaylist": True,  # of several cameras, the one that was asked for
    "socket_timeout": 20.0,
    "check_formats": False,
}
_LIVE = ("is_live", "post_live", "is_upcoming")
# Of several that write one file of cookies, one would read what another is just writing.
_STARTING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Format:
    """One stream of a video, or both in one."""

    format_id: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    protocol: str
    has_picture: bool
    has_sound: bool
    lines: int | None = None  # along the shorter side of the picture, if that is known
    is_damaged: bool = False  # much shorter than the others

    @property
    def is_plain(self) -> bool:
        """Whether it is one file at one address."""
        return self.protocol in ("http", "https")

    @property
    def is_streamed(self) -> bool:
        """Whether it comes in many small files, by HLS."""
        return self.protocol.startswith("m3u8")


@dataclass(frozen=True, slots=True)
class Video:
    """What the player says of a video: the formats that were chosen, and how long it is."""

    ytid: str
    chosen: tuple[Format, ...]
    streamed: tuple[Format, ...]  # of HLS, for when the others cannot be had; the best last
    duration_s: float | None
    ready_at: float  # by time.time(): before, YouTube refuses the media, as an advertisement is to be seen
    info: dict[str, Any] = field(repr=False)

    @property
    def format_id(self) -> str:
        """As yt-dlp names a pair: 134+140."""
        return "+".join(f.format_id for f in self.chosen)


class _Listener:
    """Keeps what yt-dlp warns of, and what it does not tell, and prints nothing."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.retry_after_s: float | None = None

    def forget(self) -> None:
        """Begin anew, with another question."""
        self.warnings.clear()
        self.retry_after_s = None

    def debug(self, message: str) -> None:
        """Leave out."""

    def warning(self, message: str) -> None:
        """Keep."""
        self.warnings.append(message)

    error = debug

    def urlopen(self, stock: Callable[[Any], Any], request: Any) -> Any:
        """Open an address; yt-dlp turns errors into words, and forgets how long a server wants to be left alone."""
        try:
            return stock(request)
        except HTTPError as problem:
            self.retry_after_s = retry_after_s(problem.response.headers.get("Retry-After"))
            raise


class Session:
    """Asks YouTube by yt-dlp; belongs to one thread."""

    def __init__(self, options: YtDlpOptions) -> None:
        self._heard = _Listener()
        self._options = options
        try:
            self._ydl = started({**self.params, "logger": self._heard})
        except (ValueError, OSError, YoutubeDLError) as problem:
            # Without its cause here and below: it may hold what must not be told.
            raise SetupError(
                f"yt-dlp does not start: {self.plain(str(problem))}; check its options"
            ) from None
        self._ydl.urlopen = partial(self._heard.urlopen, self._ydl.urlopen)
        # A thread ends and takes its session with it: the connections are not to wait for the collector.
        self._closed = weakref.finalize(self, self._ydl.close)
        self._closed.atexit = False

    @property
    def params(self) -> dict[str, Any]:
        """Parameters for another YoutubeDL that is to ask as this one does."""
        return {**_STEADY, **self._options.params}

    def plain(self, message: str) -> str:
        """A message fit for the ledger."""
        return self._options.plain(_bare(message))

    def close(self) -> None:
        """Close all connections."""
        self._closed()

    def open(self, url: str, headers: Mapping[str, str]) -> Any:
        """Open an address with the cookies, the proxy and the disguise of this session.

        Raises:
            SetupError: no proxy or address of this kind can be used.
        """
        try:
            return self._ydl.urlopen(Request(url, headers=dict(headers)))
        except NoSupportingHandlers as problem:
            raise self._unusable(problem) from None

    def look(self, ytid: str) -> None:
        """Ask whether a video is alive.

        Raises:
            Refusal: it is not, or the answer says nothing of it.
            SetupError: yt-dlp cannot ask as it is told to.
        """
        self._asked(ytid, lambda url: self._ydl.extract_info(url, download=False, process=False))

    def video(self, ytid: str) -> Video:
        """Ask for the formats of a video, the chosen ones first.

        Raises:
            Refusal: there are none; its verdict says why.
            SetupError: yt-dlp cannot ask as it is told to.
        """
        info = self._asked(ytid, lambda url: self._ydl.extract_info(url, download=False))
        chosen = info.get("requested_formats") or [info]
        offered = map(_format, info.get("formats") or ())
        return Video(
            ytid,
            tuple(map(_format, chosen)),
            tuple(format for format in offered if format.is_streamed),
            info.get("duration"),
            max(format.get("available_at") or 0.0 for format in chosen),
            info,
        )

    def _asked(self, ytid: str, ask: Callable[[str], Any]) -> dict[str, Any]:
        self._heard.forget()
        try:
            info = ask(f"https://www.youtube.com/watch?v={ytid}")
        except DownloadError as problem:
            raise self._refusal(problem) from None
        except NoSupportingHandlers as problem:
            raise self._unusable(problem) from None
        except Exception as problem:
            # What YouTube says has changed so much that yt-dlp stumbles over it.
            says = self.plain(f"{type(problem).__name__} within yt-dlp: {problem}")
            raise Refusal(Verdict.EXTRACTOR_BROKEN, says) from None
        if not info:
            raise Refusal(Verdict.EXTRACTOR_BROKEN, "yt-dlp gave nothing and said nothing")
        found: dict[str, Any] = info
        _check_asked_for(ytid, found)
        return found

    def _refusal(self, problem: DownloadError) -> Refusal:
        cause = problem.exc_info[1] if problem.exc_info else None
        message = str(getattr(cause, "orig_msg", None) or problem)
        geo = isinstance(cause, GeoRestrictedError)
        verdict = verdict_of(message, self._heard.warnings, geo=geo)
        told = "; ".join([_bare(message), *(_bare(w) for w in self._heard.warnings[-1:])])
        return Refusal(verdict, self._options.plain(told), self._heard.retry_after_s)

    def _unusable(self, problem: NoSupportingHandlers) -> SetupError:
        return SetupError(
            f"yt-dlp cannot ask as it is told to: {self.plain(str(problem))}; check its options"
        )


def started(params: dict[str, Any]) -> YoutubeDL:
    """A YoutubeDL that has read its cookies, and never writes any.

    It repeats what it does not understand of a file of cookies on standard error, past its logger. Standard error
    itself must not be turned away for that: it is everybody's, and this thread may outlive who has an error to tell.
    """
    with _STARTING:
        cookies.write_string = _unsaid
        ydl = YoutubeDL(params)
        _ = ydl.cookiejar
    ydl.params["cookiefile"] = None
    return ydl


def _unsaid(*_: object, **__: object) -> None:
    """Say nothing."""


def _format(info: Mapping[str, Any]) -> Format:
    return Format(
        str(info.get("format_id")),
        str(info.get("url")),
        info.get("http_headers") or {},
        str(info.get("protocol")),
        info.get("vcodec") != "none",
        info.get("acodec") != "none",
        _lines(info),
        "DAMAGED" in (info.get("format_note") or ""),
    )


def _lines(info: Mapping[str, Any]) -> int | None:
    sides = [side for side in (info.get("width"), info.get("height")) if side]
    return min(sides, default=None)


def _check_asked_for(ytid: str, info: Mapping[str, Any]) -> None:
    """Refuse what is not the video that was asked for, or not all of it yet."""
    if info.get("id") != ytid or info.get("_type", "video") != "video":
        raise Refusal(Verdict.PAID, "YouTube answers with another video, as with the trailer of a film")
    if (status := info.get("live_status")) in _LIVE:
        raise Refusal(Verdict.NOT_YET, f"it is no whole video yet ({status})")


def _bare(message: str) -> str:
    """Without colours, without yt-dlp's preamble, and without its call to report."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", message)
    return re.sub(r"^(ERROR|WARNING): |[;,.]? *please report this issue on .*", "", text, flags=re.I | re.S)
