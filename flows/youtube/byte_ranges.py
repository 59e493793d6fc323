"""Byte ranges of one file at one address: bounded requests, counted, retried, and given up in time."""

import contextlib
import http.client
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from yt_dlp.networking.exceptions import HTTPError, IncompleteRead, RequestError

from audiosetzsl.clips.verdicts import Verdict
from flows.sources.source import Refusal

# YouTube slows down whoever asks for more than some 10 MiB at once.
LARGEST_REQUEST = 8 << 20
_PIECE = 1 << 16
# Of the beginning of a file, which several ways read, so much is kept.
_LARGEST_HEAD = 1 << 20
_TRANSIENT = frozenset({408, 500, 502, 503, 504})
_BROKEN: tuple[type[Exception], ...] = (RequestError, OSError, http.client.HTTPException)
with contextlib.suppress(ImportError):
    # What yt-dlp sends requests with, where it is installed; its errors are none of the above.
    import urllib3

    _BROKEN += (urllib3.exceptions.HTTPError,)
_CURL_SILENT = 28  # `code` of an error of curl_cffi, which yt-dlp may send requests with as well
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
Open = Callable[[str, Mapping[str, str]], Any]


class NotThisWay(Exception):
    """The file cannot be had like this; another way may do. `status` is what HTTP says, if it says something."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class NoRanges(NotThisWay):
    """The server sends the whole file whatever it is asked for."""


class BeyondEnd(Exception):
    """The file ends before the range that was asked for."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """How often one request is repeated, and how long a clip may take; seconds."""

    tries: int = 4
    first_wait_s: float = 0.5  # doubled each time, with half of it left to chance
    longest_wait_s: float = 30.0  # a server that asks for more is left alone, and the clip tried another day
    clip_s: float = 120.0


class ByteRanges:
    """A file that is read piece by piece; no request is open-ended or larger than `LARGEST_REQUEST`."""

    def __init__(
        self, open_: Open, url: str, headers: Mapping[str, str], deadline_s: float, persistence: Persistence
    ) -> None:
        self._open, self._url = open_, url
        # Compressed, the bytes would not be those of the file.
        self._headers = {**headers, "Accept-Encoding": "identity"}
        self._deadline_s, self._persistence = deadline_s, persistence
        self._head = b""
        self._answered = False  # whether the last request got an answer, however little of one
        self.size: int | None = None  # known after the first request
        self.pulled_bytes = 0

    def get(self, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop` (exclusive), fewer only where the file ends; its beginning is pulled once.

        Raises:
            NotThisWay: the server sends other ranges than it is asked for, or refuses this address.
            NoRanges: it sends none.
            BeyondEnd: the file has no such bytes.
            Refusal: it does not send them, or not in time.
        """
        got = bytearray(self._head[start:stop])

        def go_on() -> None:
            while start + len(got) < stop and (self.size is None or start + len(got) < self.size):
                at = start + len(got)
                self._request(at, min(stop, at + LARGEST_REQUEST), got)

        self._persist(go_on, got)
        if start <= len(self._head) < start + len(got) <= _LARGEST_HEAD:
            self._head = self._head[:start] + got
        return bytes(got)

    def whole(self, at_most: int) -> bytes:
        """All bytes of a file of no more than `at_most`, without ranges.

        Raises:
            NotThisWay: it is larger, or does not say how large it is, or is refused.
            Refusal: it does not come, or not in time.
        """
        got = bytearray()

        def begin_anew() -> None:
            got.clear()
            with self._answer(self._headers) as response:
                size = _stated_size(response)
                _refuse_compressed(response)
                if size is None or size > at_most:
                    raise NotThisWay(f"the whole file has {size or 'an unknown number of'} bytes")
                self._read(response, size, got)

        self._persist(begin_anew, got)
        return bytes(got)

    def _persist(self, attempt: Callable[[], None], got: bytearray) -> None:
        """Repeat what fails in ways that pass, until it is done or there is no more time for it."""
        failures, most = 0, len(got)
        while True:
            try:
                return attempt()
            except HTTPError as problem:
                asked_s = retry_after_s(problem.response.headers.get("Retry-After"))
                problem.close()
                self._judge(problem, asked_s)
                failures += 1
                self._wait(failures, asked_s, f"HTTP {problem.status}", Verdict.MEDIA_HTTP)
            except _BROKEN as problem:
                # Whoever sends something new, however little, is not down: it starts anew with its tries.
                failures = 1 if len(got) > most else failures + 1
                most = max(most, len(got))
                self._wait(failures, None, *_broken(problem, self._answered))

    def _request(self, start: int, stop: int, got: bytearray) -> None:
        headers = {**self._headers, "Range": f"bytes={start}-{stop - 1}"}
        with self._answer(headers) as response:
            self._read(response, self._sent(response, start, stop), got)
            if _stated_size(response) is None and _some(response, 1):
                raise NotThisWay("the server sends more than the range that it states")

    def _answer(self, headers: Mapping[str, str]) -> Any:
        """The answer to a request, once it has begun to come."""
        self._answered = False
        response = self._open(self._url, headers)
        self._answered = True
        return response

    def _sent(self, response: Any, start: int, stop: int) -> int:
        """How many bytes an answer holds, once it is sure that they are those from `start` on."""
        told = _RANGE.fullmatch(response.headers.get("Content-Range") or "")
        if response.status != 206 or told is None:
            raise NoRanges("the server sends no ranges")
        _refuse_compressed(response)
        first, last, size = map(int, told.groups())
        if first != start or not start <= last < min(stop, size):
            raise NotThisWay("the server sends other ranges than it is asked for")
        if self.size not in (None, size):
            raise NotThisWay("the file changed while it was read")
        if _stated_size(response) not in (None, last + 1 - first):
            raise NotThisWay("the server states a range and another length")
        self.size = size
        return last + 1 - first

    def _read(self, response: Any, missing: int, got: bytearray) -> None:
        """Add what is missing to what was got, as it arrives."""
        while missing > 0:
            piece = _some(response, min(_PIECE, missing))
            if not piece:
                raise IncompleteRead(partial=len(got), expected=missing)
            got += piece
            self.pulled_bytes += len(piece)
            missing -= len(piece)
            self._check_time()

    def _judge(self, problem: HTTPError, asked_s: float | None) -> None:
        """Tell answers that will not change from those that may."""
        if problem.status == 416:
            raise BeyondEnd(f"HTTP {problem.status}") from problem
        if problem.status == 429:
            raise Refusal(Verdict.RATE_LIMITED, "HTTP 429 for media", asked_s) from problem
        if problem.status not in _TRANSIENT:
            raise NotThisWay(f"HTTP {problem.status}", problem.status) from problem

    def _wait(self, failures: int, asked_s: float | None, what: str, verdict: Verdict) -> None:
        patience = self._persistence
        if failures >= patience.tries:
            raise Refusal(verdict, f"{what}, {failures} times in a row", asked_s)
        wait_s = patience.first_wait_s * 2 ** (failures - 1) * random.uniform(0.5, 1)
        wait_s = max(wait_s, asked_s or 0.0)
        if wait_s > patience.longest_wait_s:
            raise Refusal(verdict, f"{what}; asks for {wait_s:.0f} s of rest", asked_s)
        if time.monotonic() + wait_s > self._deadline_s:
            raise Refusal(verdict, f"{what}; out of time")
        time.sleep(wait_s)

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline_s:
            raise Refusal(
                Verdict.STALLED,
                f"{self.pulled_bytes} bytes within {self._persistence.clip_s:.0f} s, and not whole",
            )


def retry_after_s(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which may also be a date; None if it says nothing useful."""
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])  # longer than anybody lives
    try:
        at = parsedate_to_datetime(text)
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _some(response: Any, at_most: int) -> bytes:
    """What has arrived, so that a server which sends a byte a second cannot hold us for hours."""
    read = getattr(response.fp, "read1", None)
    piece: bytes = read(at_most) if read else response.read(min(at_most, 4096))
    return piece


def _refuse_compressed(response: Any) -> None:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise NotThisWay("the server compresses, though it is asked not to")


def _stated_size(response: Any) -> int | None:
    """Bytes of the body, if the answer states how many."""
    stated = response.headers.get("Content-Length") or ""
    return int(stated) if stated.isdecimal() else None


def _broken(problem: Exception, answered: bool) -> tuple[str, Verdict]:
    """What became of a request in words, and as a verdict: silence is a stall, an end before the end a truncation."""
    kind = type(getattr(problem, "cause", None) or problem).__name__
    if any(isinstance(e, TimeoutError) or getattr(e, "code", None) == _CURL_SILENT for e in _chain(problem)):
        return f"the connection broke ({kind})", Verdict.STALLED
    if answered:
        return f"the connection broke ({kind})", Verdict.TRUNCATED
    return f"no answer ({kind})", Verdict.MEDIA_HTTP


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came of; yt-dlp names some of them in `cause` alone."""
    while isinstance(problem, BaseException):
        yield problem
        problem = getattr(problem, "cause", None) or problem.__cause__ or problem.__context__
