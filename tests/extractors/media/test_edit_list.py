"""Edit lists: written into an MP4 of ours, and into nothing else."""

import pytest
from held_cuts import cut

from extractors.media.edit_list import show_only


def test_an_edit_list_is_written_into_nothing_but_an_mp4_of_ours(source, tmp_path):
    clip = cut([source.both], tmp_path / "clip.mp4", 1, 2).path
    with pytest.raises(ValueError, match=r"clip\.mp4 has 2 tracks and 2 edit lists, expected 1 of both"):
        show_only(clip, [1.0])
    content = bytearray(clip.read_bytes())
    content[content.index(b"tkhd") + 4] = 1
    clip.write_bytes(content)
    with pytest.raises(ValueError, match=r"clip\.mp4 has boxes of version 1, expected version 0"):
        show_only(clip, [1.0, 1.0])
