"""Flags: what was seen when a clip was looked at; noted, never a reason to drop it."""

from enum import StrEnum


class Flag(StrEnum):
    """Something to know about a clip; a closed list."""

    SILENT = "silent"  # its sound never exceeds -60 dB of full scale
    STILL = "still"  # its pictures are all the same
    NO_AUDIO = "no_audio"  # it has no sound track
    SHORT = "short"  # sound or picture is shorter than the segment by more than 0.5 s
    LONG = "long"  # sound or picture is longer than the segment by more than 0.5 s
    DUPLICATE = "duplicate"  # it shows what a clip fetched earlier shows
