"""Sources that are empty, junk, cut short or damaged: a reason, and no clip in their place."""

import io
import random

import pytest
from held_cuts import cut, part_of

from audiosetzsl.errors import ClipError


def test_sound_without_pictures_is_empty(source, tmp_path):
    with pytest.raises(
        ClipError, match=r"audio\.m4a has no picture that can be read; choose another"
    ) as caught:
        cut([source.audio], tmp_path / "clip.mp4", 1, 2)
    assert caught.value.reason == "empty"


def test_a_file_without_packets_is_empty(source, made, tmp_path):
    """What yt-dlp makes of a segment after the end, and a header whose fragments did not come."""
    nothing = made("nothing.mp4", "-c", "copy", "-ss", "70")
    (tmp_path / "head.mp4").write_bytes(part_of(source.video, 0, 0, index=True))
    for path, says in (
        (nothing, r"nothing\.mp4 has no picture that can be read; choose another format of the video"),
        (tmp_path / "head.mp4", r"head\.mp4 holds not one picture; fetch the segment again"),
    ):
        with pytest.raises(ClipError, match=says) as caught:
            cut([path], tmp_path / "clip.mp4", 0, 1)
        assert caught.value.reason == "empty"


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"<html>Sorry</html>" * 50], ids=["empty", "zero", "html"]
)
def test_junk_is_unreadable_and_the_message_names_no_folder(tmp_path, content):
    (tmp_path / "junk.mp4").write_bytes(content)
    with pytest.raises(
        ClipError, match=r"^junk\.mp4 cannot be read: Invalid data .*; fetch the segment"
    ) as caught:
        cut([tmp_path / "junk.mp4"], tmp_path / "clip.mp4", 1, 2)
    assert caught.value.reason == "unreadable"
    with pytest.raises(ClipError, match=r"^the source cannot be read: Invalid data"):
        cut([io.BytesIO(content)], tmp_path / "clip.mp4", 1, 2)
    with pytest.raises(ClipError, match=r"^gone\.mp4 cannot be read: No such file"):
        cut([tmp_path / "gone.mp4"], tmp_path / "clip.mp4", 1, 2)


@pytest.mark.parametrize("start_s", [10, 20])
def test_a_source_that_breaks_off_is_not_taken_for_a_short_video(source, tmp_path, start_s):
    whole = source.both.read_bytes()
    (tmp_path / "broken.mp4").write_bytes(whole[: len(whole) // 2])
    says = r"the picture of broken\.mp4 breaks off at \d+\.\d\d s, before the end .*; fetch the segment again"
    with pytest.raises(ClipError, match=says) as caught:
        cut([tmp_path / "broken.mp4"], tmp_path / "clip.mp4", start_s, start_s + 10)
    assert caught.value.reason == "unreadable"


def test_flipped_bits_give_a_clip_or_a_reason(source, tmp_path):
    rng = random.Random(0)
    whole = source.both.read_bytes()
    for n_head in (0, 0, 0, 30, 30, 30, 30, 30):
        content = bytearray(whole)
        for at in [rng.randrange(4000) for _ in range(n_head)] or [
            rng.randrange(len(whole)) for _ in range(300)
        ]:
            content[at] ^= 1 << rng.randrange(8)
        (tmp_path / "flipped.mp4").write_bytes(content)
        try:
            cut([tmp_path / "flipped.mp4"], tmp_path / "clip.mp4", 5.5, 9.5)
        except ClipError as problem:
            assert problem.reason in ("unreadable", "empty", "past_end") and str(tmp_path) not in str(problem)
