"""Lengths that are refused: a stream that breaks off before its stated end, or lasts longer than any clip."""

from av.container import InputContainer

from audiosetzsl.errors import ClipError
from extractors.media.packets import Packet, Stream, ends_early, name_of, origin_s, stated_length_s, tick_s_of

ADVICE = "fetch the clip again"

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


def check_stated(stream: Stream) -> None:
    """Refuse a stream that lasts well more than LONGEST_S by what its container states.

    Raises:
        ClipError: ("unreadable") it does.
    """
    _check_undecoded(stream, stated_length_s(stream))


class PacketLength:
    """Adds up how long the packets of a stream last."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._lasts_s = 0.0
        self._stamp: int | None = None  # of the last packet that has one

    def add(self, packet: Packet) -> None:
        """Count one more.

        Raises:
            ClipError: ("unreadable") together they last well more than LONGEST_S.
        """
        stamp = self._stamp if packet.dts is None else packet.dts
        gap = 0 if stamp is None or self._stamp is None else max(stamp - self._stamp, 0)
        self._stamp = stamp
        # Lengths, not stamps, where there are lengths: a stamp may be damaged, or begin anew.
        self._lasts_s += (packet.duration or gap) * tick_s_of(self._stream)
        _check_undecoded(self._stream, self._lasts_s)


def _check_undecoded(stream: Stream, lasts_s: float) -> None:
    check_length(stream, lasts_s - MARGIN_S)


def check_length(stream: Stream, lasts_s: float) -> None:
    """Refuse a stream that lasts longer than LONGEST_S.

    Raises:
        ClipError: ("unreadable") it does.
    """
    if lasts_s > LONGEST_S:
        says = f"the {WORD[stream.type]} of {name_of(stream.container)} lasts more than {LONGEST_S:g} s"
        raise ClipError("unreadable", f"{says}; cut a clip out of it, or {ADVICE} if it is one")
