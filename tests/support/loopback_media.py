"""The files of a video as YouTube offers them: formats for the player, playlists for HLS."""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import av

PICTURE, SOUND, BOTH = 134, 140, 18
# YouTube numbers the same streams differently in HLS.
HLS_ITAGS = {230: PICTURE, 234: SOUND}
MIME = {
    PICTURE: 'video/mp4; codecs="avc1.4d401e"',
    SOUND: 'audio/mp4; codecs="mp4a.40.2"',
    BOTH: 'video/mp4; codecs="avc1.42001E, mp4a.40.2"',
}


@dataclass(frozen=True)
class Media:
    """Files of a video: picture and sound alone, fragmented with one sidx each, and both in one file."""

    video: Path
    audio: Path
    both: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "Media":
        """Take `video.mp4`, `audio.m4a` and `both.mp4` of a folder."""
        return cls(folder / "video.mp4", folder / "audio.m4a", folder / "both.mp4")

    def path(self, itag: int) -> Path:
        """Say which file a stream is."""
        return {PICTURE: self.video, SOUND: self.audio, BOTH: self.both}[itag]

    @cached_property
    def facts(self) -> tuple[float, dict[str, Any]]:
        """Length in s; size and rate of the picture in the player's words."""
        with av.open(str(self.both)) as container:
            stream = container.streams.video[0]
            size = {"width": stream.width, "height": stream.height, "qualityLabel": f"{stream.height}p"}
            rate = round(stream.average_rate)
            return container.duration / av.time_base, {**size, "fps": rate, "quality": "medium"}

    def format(self, itag: int, url: str) -> dict[str, Any]:
        """Describe a stream as the player does."""
        duration_s, picture = self.facts
        size = self.path(itag).stat().st_size
        return {
            "itag": itag,
            "url": url,
            "mimeType": MIME[itag],
            "contentLength": str(size),
            "averageBitrate": round(size * 8 / duration_s),
            "approxDurationMs": str(round(duration_s * 1000)),
            **(picture if itag != SOUND else {}),
            **({"audioQuality": "AUDIO_QUALITY_MEDIUM", "audioChannels": 2} if itag != PICTURE else {}),
        }


def offer(ytid: str, media: Media, server: str, itags: Sequence[int], *, hls: bool) -> dict[str, Any]:
    """Write the player's answer about a video that can be played: where the streams lie, and of what kind."""
    streams = [media.format(itag, f"{server}/videoplayback?id={ytid}&itag={itag}") for itag in itags]
    return {
        "playabilityStatus": {"status": "OK", "playableInEmbed": True},
        "streamingData": {
            "formats": [stream for stream in streams if stream["itag"] == BOTH],
            "adaptiveFormats": [stream for stream in streams if stream["itag"] != BOTH],
            **({"hlsManifestUrl": f"{server}/hls/{ytid}/master.m3u8"} if hls else {}),
        },
        "videoDetails": {
            "videoId": ytid,
            "title": f"Video {ytid}",
            "lengthSeconds": str(round(media.facts[0])),
            "channelId": "UC0123456789abcdefghijkl",
            "shortDescription": "",
            "isLiveContent": False,
        },
        "microformat": {"playerMicroformatRenderer": {"category": "Music", "isFamilySafe": True}},
    }


@lru_cache(maxsize=256)
def fragments(path: Path) -> tuple[int, list[tuple[int, int, float]]]:
    """Read an mp4's first sidx: where it starts, and each fragment as (first byte, length, seconds).

    Raises:
        ValueError: the file has none.
    """
    data = path.read_bytes()
    for kind, start, stop in _boxes(data):
        if kind == b"sidx":
            return start, list(_references(data[start:stop], stop))
    raise ValueError(f"{path} has no sidx, expected a fragmented mp4 with a global one")


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    start = 0
    while start + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8:  # a 64-bit size, or the rest of the file: such boxes come after the sidx
            return
        yield kind, start, start + size
        start += size


def _references(sidx: bytes, anchor: int) -> Iterator[tuple[int, int, float]]:
    """Walk a sidx box that ends at byte `anchor` of its file (ISO/IEC 14496-12, 8.16.3)."""
    layout = ">8xIQQ2xH" if sidx[8] else ">8xIII2xH"
    body = sidx[8:]
    timescale, _, offset, count = struct.unpack_from(layout, body)
    start, table = anchor + offset, body[struct.calcsize(layout) :]
    for size, duration, _ in struct.iter_unpack(">III", table[: 12 * count]):
        yield start, size, duration / timescale
        start += size


def master_playlist(ytid: str, media: Media) -> str:
    """Write the list of HLS streams of a video: one picture, one sound."""
    duration_s, picture = media.facts
    rate = round(media.both.stat().st_size * 8 / duration_s)
    return (
        "#EXTM3U\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="234",NAME="Default",DEFAULT=YES,AUTOSELECT=YES,'
        f'URI="/hls/{ytid}/itag/234/index.m3u8"\n'
        f"#EXT-X-STREAM-INF:BANDWIDTH={rate},RESOLUTION={picture['width']}x{picture['height']},"
        f'FRAME-RATE={picture["fps"]},CODECS="avc1.4d401e,mp4a.40.2",AUDIO="234"\n'
        f"/hls/{ytid}/itag/230/index.m3u8\n"
    )


def stream_playlist(path: Path) -> str:
    """Write the HLS playlist of a fragmented file: its head is segment 0, its fragments those after it."""
    _, listed = fragments(path)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{math.ceil(max(seconds for _, _, seconds in listed))}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        '#EXT-X-MAP:URI="0.mp4"',
    ]
    for number, (_, _, seconds) in enumerate(listed, start=1):
        lines += [f"#EXTINF:{seconds:.6f},", f"{number}.mp4"]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def segment(path: Path, number: int) -> bytes:
    """Read a segment that `stream_playlist` lists."""
    head, listed = fragments(path)
    start, size, _ = listed[number - 1] if number else (0, head, 0.0)
    return path.read_bytes()[start : start + size]
