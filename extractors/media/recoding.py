"""Packets into a file: as they are, or encoded anew by FFmpeg where an MP4 cannot hold them."""

import math
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from fractions import Fraction
from operator import itemgetter
from pathlib import Path

import av
import ffmpeg
import imageio_ffmpeg

from audiosetzsl.errors import ClipError
from audiosetzsl.files import DISK_FULL
from extractors.media.packets import Piece, name_of
from extractors.media.tracks import Track

COARSEST_S = Fraction(1, 10_000)
# Ten seconds of 360p take half a second, and of 1080p five.
TIMEOUT_S = 120.0
# Between them, these hold whatever FFmpeg decodes; Windows Media goes into ASF only.
HOLDERS = ("matroska", "asf", "nut")
# One thread, no version and no date: the same packets give the same bytes.
H264 = {"c:v": "libx264", "crf": 18, "preset": "veryfast", "pix_fmt": "yuv420p", "threads": 1}
AAC = {"c:a": "aac", "b:a": "128k"}
BITEXACT = {"fflags": "+bitexact", "flags:v": "+bitexact", "flags:a": "+bitexact", "map_metadata": -1}
# Time stamps as they come, not rounded to those of an even frame rate.
TIMES = {"fps_mode": "passthrough", "enc_time_base:v": "1:90000"}


def mux(
    tracks: Sequence[Track],
    path: Path,
    form: str,
    options: Mapping[str, str],
    *,
    note: str = "",
    later_s: float = 0.0,
) -> None:
    """Write the packets of tracks into one file, all of them `later_s` later.

    Raises:
        ValueError: the container cannot hold one of the codecs.
        av.FFmpegError: it cannot hold one of the packets.
        OSError: the disk is full.
    """
    try:
        _mux(tracks, path, form, options, note, later_s)
    except av.FFmpegError as problem:
        if problem.errno in DISK_FULL:
            raise OSError(problem.errno, problem.strerror, str(path)) from problem
        raise


def _mux(
    tracks: Sequence[Track], path: Path, form: str, options: Mapping[str, str], note: str, later_s: float
) -> None:
    with av.open(path, "w", format=form, options=dict(options)) as container:
        if note:
            container.metadata["comment"] = note
        packets = []
        for track in tracks:
            # Opaque: by what the packets are, not by the encoder that would make such ones.
            stream = container.add_stream_from_template(track.stream, opaque=True)
            stream.time_base = _fine(track.stream.time_base or COARSEST_S)
            per_s = float(1 / stream.time_base)
            for decoded_s, piece in zip(_decoded_s(track.pieces), track.pieces, strict=True):
                packet = piece.packet
                packet.stream, packet.time_base = stream, stream.time_base
                packet.pts = round((piece.begins_s + later_s) * per_s)
                packet.dts = min(round((decoded_s + later_s) * per_s), packet.pts)
                packet.duration = round(piece.lasts_s * per_s)
                packets.append((decoded_s, packet))
        for _, packet in sorted(packets, key=itemgetter(0)):
            container.mux(packet)


def _fine(time_base: Fraction) -> Fraction:
    """A time base so fine that a start between two ticks of the given one can be told."""
    return time_base / math.ceil(time_base / COARSEST_S)


def _decoded_s(pieces: Sequence[Piece]) -> list[float]:
    """Times of decoding: they rise, and none lies after that of showing."""
    rising = sorted(piece.begins_s for piece in pieces)
    delay_s = max(time_s - piece.begins_s for time_s, piece in zip(rising, pieces, strict=True))
    return [time_s - delay_s for time_s in rising]


def recode(
    tracks: Sequence[Track], path: Path, length_s: float, note: str, *, timeout_s: float = TIMEOUT_S
) -> None:
    """Encode what tracks show, up to `length_s`, into an MP4 of H.264 and AAC.

    Raises:
        ClipError: ("unreadable") FFmpeg cannot decode it, or takes longer than `timeout_s`.
    """
    name = name_of(tracks[0].stream.container)
    # The first time stamp becomes 0, so that no container moves them.
    lead_s = -min(piece.begins_s for track in tracks for piece in track.pieces)
    raw = path.with_name(f"{path.name}.raw")
    try:
        _hold(tracks, raw, name, lead_s)
        says = _encode(raw, path, lead_s, length_s, note, timeout_s)
    finally:
        raw.unlink(missing_ok=True)
    if says:
        raise ClipError(
            "unreadable", f"{name} cannot be encoded anew ({says}); choose another format of the video"
        )


def _hold(tracks: Sequence[Track], path: Path, name: str, later_s: float) -> None:
    """Write the packets into the first kind of container that takes them."""
    for form in HOLDERS:
        try:
            return mux(tracks, path, form, {}, later_s=later_s)
        except (ValueError, av.FFmpegError) as problem:
            last = problem
    says = f"no container holds the packets of {name}; choose another format of the video"
    raise ClipError("unreadable", says) from last


def _encode(raw: Path, path: Path, lead_s: float, length_s: float, note: str, timeout_s: float) -> str:
    """Run FFmpeg; what it says if it fails, or nothing."""
    # Half a millisecond early: containers round time stamps, and the first picture is not to be lost.
    part = {"ss": f"{max(lead_s - 0.0005, 0):.6f}", "t": f"{length_s:.6f}"}
    comment = {"metadata": f"comment={note}"} if note else {}
    command = (
        ffmpeg.input(str(raw))
        .output(
            str(path), f="mp4", movflags="faststart", **part, **H264, **AAC, **TIMES, **BITEXACT, **comment
        )
        .global_args("-v", "error", "-nostdin", "-y")
        .compile(imageio_ffmpeg.get_ffmpeg_exe())
    )
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return f"it takes longer than {timeout_s:g} s"
    if not done.returncode:
        return ""
    # The first complaint is the cause; without addresses and folders, reasons read alike everywhere.
    says = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
    for number in DISK_FULL:
        if (full := os.strerror(number)) in says:
            raise OSError(number, full, str(path))
    first = says.splitlines()[0]
    return re.sub(r"\[[^]]*\] *", "", first).replace(str(raw), raw.name)
