"""A YouTube on the loopback interface for the extractor of yt-dlp: player, media, faults, a log.

In a test: `with LoopbackYouTube(Media.in_folder(folder)) as server: YoutubeDL(server.ydl_params())`.
As a process: `python tests/support/loopback_youtube.py --media DIR --port-file FILE`; then `ydl_params(port)`.
"""

import argparse
import json
import re
import threading
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from loopback_faults import Fault, refusal
from loopback_http import Handler, Hit, Server, self_signed
from loopback_media import (
    BOTH,
    HLS_ITAGS,
    PICTURE,
    SOUND,
    Media,
    fragments,
    master_playlist,
    offer,
    segment,
    stream_playlist,
)

EVERY = "*"  # every video that has no entry of its own
THROTTLED_BYTES_PER_S = 32 * 1024


class LoopbackYouTube:
    """Both servers; a test sets `faults`, `media`, `hls`, `rate_limited` and `down` at any time.

    Faults are planned by video id, or by name for plain files; EVERY stands for those without a plan.
    """

    def __init__(
        self,
        media: Media,
        *,
        files: Path | None = None,
        throttle_over: int | None = None,
        log_file: Path | None = None,
        ports: tuple[int, int] = (0, 0),
    ):
        """Serve `media` for every id, and the folder `files` as `/files/<name>`.

        `throttle_over` slows requests for more bytes, or without an end, to 32 KiB/s, as YouTube does.
        """
        self.files, self.throttle_over = files, throttle_over
        self.media: dict[str, Media] = {EVERY: media}
        self.faults: dict[str, Fault | Sequence[Fault]] = {}
        self.hls: set[str] = set()  # ids whose player offers an HLS manifest too
        self.rate_limited = self.down = False
        self.stopped = threading.Event()
        self.hits: list[Hit] = []
        self._lock = threading.Lock()
        self._log = log_file.open("a", buffering=1) if log_file else None
        player = Server(("127.0.0.1", ports[0]), partial(_PlayerHandler, self))
        tls = self_signed()  # handshakes are left to the threads of the requests
        player.socket = tls.wrap_socket(player.socket, server_side=True, do_handshake_on_connect=False)
        self._servers = [player, Server(("127.0.0.1", ports[1]), partial(_MediaHandler, self))]
        self.player_port, self.media_port = (server.server_port for server in self._servers)
        self.media_url = f"http://127.0.0.1:{self.media_port}"

    def __enter__(self) -> "LoopbackYouTube":
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        with self._lock:
            if self._log:
                self._log.close()
                self._log = None

    def ydl_params(self, *, hls: bool = False) -> dict[str, Any]:
        """Give the settings that point yt-dlp at this server."""
        return ydl_params(self.player_port, hls=hls)

    def requests(self, ytid: str | None = None, *, server: str | None = None) -> list[Hit]:
        """List requests in order of arrival, of one video or of one server ("player" or "media")."""
        with self._lock:
            return [h for h in self.hits if ytid in (None, h.ytid) and server in (None, h.server)]

    def bytes_sent(self, ytid: str | None = None, *, server: str = "media") -> int:
        """Add up the bodies sent."""
        return sum(hit.sent for hit in self.requests(ytid, server=server))

    def arrived(self, hit: Hit) -> Fault | None:
        """Log a request and find what is to go wrong with it."""
        with self._lock:
            self.hits.append(hit)
            if self.down:
                return Fault(hit.server, "reset")
            if self.rate_limited and hit.server == "player":
                return Fault("player", "message", message="rate_limited")
            plan = self.faults.get(hit.ytid, self.faults.get(EVERY, ()))
            plan = [plan] if isinstance(plan, Fault) else plan
            return next((fault for fault in plan if fault.spoils(hit.server, hit.itag)), None)

    def answered(self, hit: Hit) -> None:
        """Write a request that is over to the log file."""
        with self._lock:
            if self._log:
                self._log.write(json.dumps(asdict(hit)) + "\n")

    def media_of(self, ytid: str) -> Media:
        """Say which files a video has."""
        return self.media.get(ytid, self.media[EVERY])

    def offered(self, ytid: str, itags: Sequence[int] = (PICTURE, SOUND, BOTH)) -> dict[str, Any]:
        """Write the player's answer about a video that can be played."""
        return offer(ytid, self.media_of(ytid), self.media_url, itags, hls=bool(self.hls & {ytid, EVERY}))


class _PlayerHandler(Handler):
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if not asked:
            return  # whoever asked was killed meanwhile
        question = json.loads(asked)
        ytid = question.get("videoId", "")
        self.serve("player", ytid, None, partial(self._answer, ytid))

    def _answer(self, ytid, hit, fault):
        kind = fault.kind if fault else ""
        if urlsplit(self.path).path != "/youtubei/v1/player":
            return self.reply(hit, b"", status=404, fault=fault)
        if kind == "message":
            answer = refusal(fault.message)
        elif kind == "formats":
            answer = self.tube.offered(ytid, fault.itags)
        else:
            answer = self.tube.offered("otherVideo0" if kind == "other_video" else ytid)
            if kind == "edited":
                fault.edit(answer)
        return self.reply(hit, json.dumps(answer).encode(), "application/json", fault=fault)


class _MediaHandler(Handler):
    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/videoplayback":
            query = parse_qs(url.query)
            ytid, itag = query["id"][0], int(query["itag"][0])
            self.serve("media", ytid, itag, partial(self._file, self.tube.media_of(ytid).path(itag)))
        elif hls := re.fullmatch(r"/hls/([\w-]+)/(?:itag/(\d+)/)?(\w+)\.\w+", url.path):
            itag = HLS_ITAGS[int(hls[2])] if hls[2] else None
            self.serve("media", hls[1], itag, partial(self._hls, hls[3]))
        else:
            name = Path(unquote(url.path)).name
            path = self.tube.files / name if self.tube.files and url.path.startswith("/files/") else None
            self.serve("media", name, None, partial(self._file, path))

    do_HEAD = do_GET

    def _hls(self, name, hit, fault):
        media = self.tube.media_of(hit.ytid)
        if name.isdigit():
            return self.reply(hit, segment(media.path(hit.itag), int(name)), "video/mp4", fault=fault)
        text = stream_playlist(media.path(hit.itag)) if hit.itag else master_playlist(hit.ytid, media)
        return self.reply(hit, text.encode(), "application/vnd.apple.mpegurl", fault=fault)

    def _file(self, path, hit, fault):
        if path is None or not path.is_file():
            return self.reply(hit, b"", status=404, fault=fault)
        kind = fault.kind if fault else ""
        size = path.stat().st_size
        if kind == "empty":
            path = self.tube.media[EVERY].path(SOUND if hit.itag == SOUND else PICTURE)
            size, _ = fragments(path)
        elif kind == "cut":
            size = fault.part_of(size)
        wanted = None if kind == "ignore_range" else re.fullmatch(r"bytes=(\d*)-(\d*)", hit.range or "")
        start, stop = _bounds(*wanted.groups(), size) if wanted else (0, size)
        headers = {} if kind == "ignore_range" else {"Accept-Ranges": "bytes"}
        if wanted and start >= stop:
            headers["Content-Range"] = f"bytes */{size}"
            return self.reply(hit, b"", headers=headers, status=416, fault=fault)
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        limit = self.tube.throttle_over
        if limit is not None and not fault and (not wanted or not wanted[2] or stop - start > limit):
            fault = Fault("media", "drip", bytes_per_s=THROTTLED_BYTES_PER_S)
        with path.open("rb") as file:
            file.seek(start)
            body = file.read(stop - start)
        mime = "audio/mp4" if hit.itag == SOUND else "video/mp4"
        return self.reply(hit, body, mime, headers, status=206 if wanted else 200, fault=fault)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Turn `first-last` of a Range header into a start and a stop; `-last` means the last so many bytes."""
    if not first:
        return max(0, size - int(last or 0)), size
    return int(first), min(size, int(last) + 1) if last else size


def ydl_params(player_port: int, *, hls: bool = False) -> dict[str, Any]:
    """Give the settings that point yt-dlp at a player's port; with `hls` it reads HLS manifests too."""
    from yt_dlp.extractor.youtube._base import INNERTUBE_CLIENTS, StreamingProtocol

    # Which clients need neither JavaScript nor a token changes with yt-dlp.
    client = next(
        name
        for name, facts in INNERTUBE_CLIENTS.items()
        if not facts["REQUIRE_JS_PLAYER"]
        and not facts["GVS_PO_TOKEN_POLICY"][StreamingProtocol.HTTPS].required
    )
    youtube = {
        "innertube_host": [f"127.0.0.1:{player_port}"],
        "player_client": [client],
        "player_skip": ["webpage", "configs", "js", "initial_data"],
        "skip": ["dash", "translated_subs", *([] if hls else ["hls"])],
    }
    # An empty proxy keeps a proxy of the environment out.
    common = {"nocheckcertificate": True, "cachedir": False, "proxy": ""}
    return {**common, "extractor_args": {"youtube": youtube}}


def config_text(player_port: int, *, hls: bool = False) -> str:
    """Write the same settings as a configuration file of yt-dlp."""
    youtube = ydl_params(player_port, hls=hls)["extractor_args"]["youtube"]
    arguments = ";".join(f"{name}={','.join(values)}" for name, values in youtube.items())
    return f'--no-check-certificates\n--no-cache-dir\n--proxy ""\n--extractor-args "youtube:{arguments}"\n'


def main() -> None:
    """Serve as a process of its own, until killed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--media", type=Path, required=True, help="folder of video.mp4, audio.m4a, both.mp4")
    parser.add_argument("--port-file", type=Path, required=True, help="gets both ports once they answer")
    parser.add_argument("--faults", type=json.loads, default={}, help='JSON: {"<ytid>": [{"where": ...}]}')
    parser.add_argument("--log", type=Path, help="gets a line of JSON for each answer once it is over")
    parser.add_argument("--files", type=Path, help="folder served as /files/<name>")
    parser.add_argument("--throttle-over", type=int, help="bytes over which a request is slowed")
    opts = parser.parse_args()
    media = Media.in_folder(opts.media)
    server = LoopbackYouTube(media, files=opts.files, throttle_over=opts.throttle_over, log_file=opts.log)
    server.faults = {ytid: [Fault(**f) for f in faults] for ytid, faults in opts.faults.items()}
    with server:
        ports = json.dumps({"player": server.player_port, "media": server.media_port})
        scratch = opts.port_file.with_suffix(".part")
        scratch.write_text(ports)
        scratch.replace(opts.port_file)
        print(ports, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
