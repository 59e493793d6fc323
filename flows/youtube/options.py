"""Options of yt-dlp that the user sets: passed through as they are, and never written anywhere."""

import contextlib
import io
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from audiosetzsl.errors import SetupError

VARIABLE = "AZSL_YT_DLP"
# What the stage decides by itself; what would print, write, wait or pass over videos beside it.
_OURS = re.compile(
    r"outtmpl|paths|download_.*|postprocessors|simulate|skip_download|test|ignore.*|extract_flat|overwrites"
    r"|keepvideo|quiet|verbose|no_warnings|.*progress.*|logtostderr|consoletitle|color|warn_when_outdated"
    r"|debug_.*|dump_.*|load_pages|force.*|print_to_file|list.*|write.*|allsubtitles|getcomments"
    r"|wait_for_video|live_from_start|match.*|rejecttitle|daterange|age_limit|playlist.*|break_.*"
    r"|(min|max)_(views|filesize|downloads)|_.*"
)
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})  # of the environment, in either case
_LEAST_SECRET = 6
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class YtDlpOptions:
    """Parameters of yt-dlp that differ from its own, and words that must not be told to anybody."""

    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def plain(self, message: str) -> str:
        """A message fit for the ledger: one line, short, without addresses and secrets."""
        text = _ADDRESS.sub("<address>", message)
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())[:_LONGEST_MESSAGE]


def user_options(config: Path | None = None, environment: Mapping[str, str] = os.environ) -> YtDlpOptions:
    """Options from the variable AZSL_YT_DLP and a configuration file, both as yt-dlp itself takes them.

    Cookies, proxy, PO tokens, arguments of extractors, sleeps and rates all come this way, for example
    `AZSL_YT_DLP="--cookies /run/secrets/cookies.txt --sleep-requests 0.75"`.

    Raises:
        SetupError: a file is absent, yt-dlp does not understand an option, or a proxy is no address.
    """
    words = _words(environment.get(VARIABLE, ""))
    if config is not None:
        if not config.is_file():
            raise SetupError(f"{config} does not exist, expected a configuration file of yt-dlp")
        words = ["--config-locations", str(config), *words]
    params = _changed(words)
    cookies = Path(os.path.expandvars(params.get("cookiefile", os.devnull))).expanduser()
    if not os.access(cookies, os.R_OK):
        raise SetupError(
            "the file of cookies that yt-dlp is given cannot be read; without it, it would ask without cookies"
        )
    _check_proxies(params, environment)
    proxies = [value for name, value in environment.items() if name.lower().endswith("_proxy")]
    return YtDlpOptions(params, _secrets_in([*_texts(params), *proxies]))


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as problem:
        raise SetupError(f"{VARIABLE} is no line of options ({problem}); check its quotation marks") from None


def _changed(words: Sequence[str]) -> dict[str, Any]:
    """Parameters that these words change; yt-dlp parses them itself."""
    stock = _parsed([])
    return {
        name: value
        for name, value in _parsed(words).items()
        if not _OURS.fullmatch(name) and stock.get(name) != value
    }


def _parsed(words: Sequence[str]) -> dict[str, Any]:
    # Imported here: it takes a second, and clips of a folder do without.
    import yt_dlp

    said = io.StringIO()
    try:
        # Its complaint repeats the option, value and all.
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            params: dict[str, Any] = yt_dlp.parse_options(["--ignore-config", *words]).ydl_opts
    except (Exception, SystemExit):
        # Without its cause, which repeats it as well, for whoever prints how errors came about.
        raise SetupError(
            f"yt-dlp does not understand the options in {VARIABLE} or in the configuration file; "
            "try them with `yt-dlp --simulate`, which says which one"
        ) from None
    return params


def _check_proxies(params: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Look at the proxies that count; yt-dlp would stumble over a bad one at every question."""
    given = {name: value for name, value in environment.items() if name.lower() in _PROXIES}
    if "proxy" in params:
        given = {"--proxy": params["proxy"]}
    for name, proxy in given.items():
        if proxy and not _is_address(proxy):
            raise SetupError(
                f"{name} is no address of a proxy, expected one such as http://user:password@host:3128; check it, "
                "and write signs within user and password as in %40 for @"
            )


def _is_address(proxy: str) -> bool:
    """Whether a proxy has a host, and a port that can be one; without a scheme, it is of http."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy.removeprefix('//')}")
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _texts(value: Any) -> Iterator[str]:
    """Every text within the value of a parameter."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, Sequence | set | frozenset):
        for part in value:
            yield from _texts(part)


def _secrets_in(texts: Sequence[str]) -> tuple[str, ...]:
    """Every text and every longer part of one: the longest first, so that none is torn apart."""
    parts = {part for text in texts for part in (text, *re.split(r"[=;,:@/+]+", text))}
    parts |= {unquote(part) for part in parts}
    return tuple(sorted((p for p in parts if len(p) >= _LEAST_SECRET), key=len, reverse=True))
