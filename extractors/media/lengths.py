"""Lengths that are refused: a stream that breaks off before its stated end, or lasts longer than any clip."""

from av.container import InputContainer

from audiosetzsl.errors import ClipError
from extractors.media.inspection import ADVICE
from extractors.media.packets import Stream, ends_early, name_of, origin_s

# Longer pictures hardly fit into memory (300 s are 1.1 GB), and one damaged time stamp makes a clip last for days.
LONGEST_S = 300.0
# What containers and packets state is rounded or estimated: only what lasts more than this longer is refused by it.
MARGIN_S = 15.0
WORD = {"video": "picture", "audio": "sound"}


def check_end(stream: Stream, ends_s: float) -> None:
    """Refuse a stream whose last frame ends at the time stamp `ends_s`, well before what its container states.

    FFmpeg does not always complain about a file that is cut short.

    Raises:
        ClipError: ("unreadable") the stream breaks off.
    """
    container = stream.container
    assert isinstance(container, InputContainer)
    ends_s -= origin_s(container)
    if ends_early(stream, ends_s):
        says = f"the {WORD[stream.type]} of {name_of(container)} breaks off at {ends_s:.2f} s"
        raise ClipError("unreadable", f"{says}, before the end that its container states; {ADVICE}")


def check_undecoded(stream: Stream, lasts_s: float) -> None:
    """Refuse a stream that lasts well more than LONGEST_S by its container or its packets, before it is decoded.

    Raises:
        ClipError: ("unreadable") it does.
    """
    check_length(stream, lasts_s - MARGIN_S)


def check_length(stream: Stream, lasts_s: float) -> None:
    """Refuse a stream that lasts longer than LONGEST_S.

    Raises:
        ClipError: ("unreadable") it does.
    """
    if lasts_s > LONGEST_S:
        says = f"the {WORD[stream.type]} of {name_of(stream.container)} lasts more than {LONGEST_S:g} s"
        raise ClipError("unreadable", f"{says}; cut a clip out of it, or {ADVICE} if it is one")
