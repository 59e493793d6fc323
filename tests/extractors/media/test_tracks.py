"""What a segment takes of its sources: near it only, by their own times, from a part of a file as well."""

import io

import av
import numpy as np
import pytest
import truth_media as truth
from held_cuts import cut, hold, part_of, sources_of

from extractors.media.inspection import inspect


class Watched(io.BytesIO):
    """A seekable file that notes what is read of it."""

    def __init__(self, content):
        super().__init__(content)
        self.n_read = 0

    def read(self, n=-1):
        content = super().read(n)
        self.n_read += len(content)
        return content


@pytest.mark.parametrize("form", ["one file", "two files"])
def test_of_a_file_object_only_the_segment_is_read(source, tmp_path, form):
    files = [Watched(path.read_bytes()) for path in sources_of(source, form)]
    cut(files, tmp_path / "clip.mp4", 10.2, 12.2)
    hold(tmp_path / "clip.mp4", source, 10.2, 12.2)
    for file in files:
        # The segment is 2.2 s of 30 from the key frame; libav reads 32 KiB at a time, also of the header.
        assert file.n_read < 0.2 * len(file.getbuffer()) + 5 * 32_768


def test_an_error_of_a_file_object_comes_through_as_it_is(source, tmp_path):
    class Broken(Watched):
        def read(self, n=-1):
            if self.n_read > 300_000:
                raise ConnectionResetError("the other side hung up")
            return super().read(n)

    with pytest.raises(ConnectionResetError, match="the other side hung up"):
        cut([Broken(source.both.read_bytes())], tmp_path / "clip.mp4", 1, 29)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("index", [True, False], ids=["with sidx", "without sidx"])
@pytest.mark.parametrize("start_s, end_s", [(12.34, 17.34), (10, 15), (16.2, 20)])
def test_fragments_of_a_file_are_enough(source, tmp_path, start_s, end_s, index):
    video, audio = tmp_path / "video.part", tmp_path / "audio.part"
    video.write_bytes(part_of(source.video, 2, 4, index=index))  # 10 to 20 s
    audio.write_bytes(part_of(source.audio, 1, 3, index=index))  # 7 to 21 s
    done = cut([video, audio], tmp_path / "clip.mp4", start_s, end_s)
    assert done.how == "copy" and done.shown_s == pytest.approx(end_s - start_s)
    hold(done.path, source, start_s, end_s, sound_off_s=0.001)


@pytest.mark.parametrize("start_s", [12.041, 13.481, 18.161])
def test_a_part_that_ends_where_the_segment_does_is_not_taken_for_cut_short(source, tmp_path, start_s):
    # The segment ends one millisecond after a picture begins, which rounds to where the picture begins.
    whole = part_of(source.video, 2, 4, index=True)
    video = tmp_path / "video.part"
    video.write_bytes(whole)
    done = cut([video], tmp_path / "clip.mp4", start_s, start_s + 1)
    assert done.how == "copy" and done.shown_s == pytest.approx(1, abs=0.0011)


def test_a_picture_that_stays_on_screen_is_shown_from_the_start(encode, tone, greys, tmp_path):
    """Slides: pictures at 0, 2 and 8 s; one is on screen all through the segment."""
    path = encode("slides.mp4", pictures=greys(4, step=40), times=[0, 2, 8, 14], sound=tone(16))
    assert cut([path], tmp_path / "clip.mp4", 3, 7).shown_s == pytest.approx(4)
    facts = inspect(tmp_path / "clip.mp4", 4.0)
    assert (facts.n_frames, facts.duration_s) == (1, pytest.approx(4, abs=0.05))
    cut([path], tmp_path / "clip.mp4", 7, 9)
    with av.open(tmp_path / "clip.mp4") as container:
        shown = [(f.time, int(f.to_ndarray(format="gray").mean())) for f in container.decode(video=0)]
    assert [time_s for time_s, _ in shown] == pytest.approx([0, 1], abs=0.01)
    assert shown[1][1] - shown[0][1] > 20


def test_a_variable_rate_keeps_its_times(encode, tone, greys, tmp_path):
    times = np.cumsum([0, *np.random.default_rng(0).uniform(0.02, 0.3, 59)])
    path = encode("phone.mp4", pictures=greys(60, step=3), times=times, sound=tone(10))
    cut([path], tmp_path / "clip.mp4", 2, 6)
    with av.open(tmp_path / "clip.mp4") as container:
        shown_s = [frame.time for frame in container.decode(video=0)]
    assert shown_s == pytest.approx([0, *(times[(times > 2) & (times < 6)] - 2)], abs=0.002)


def test_one_picture_a_second(encode, tone, greys, tmp_path):
    path = encode("slow.mp4", pictures=greys(8, step=20), fps=1, sound=tone(8))
    done = cut([path], tmp_path / "clip.mp4", 2.5, 6.5)
    assert done.how == "copy" and inspect(done.path, 4.0).n_frames == 5


def test_time_0_of_mp4_and_matroska_is_that_of_their_time_line(made, source, tmp_path):
    """The first picture comes after 3.5 s, as where a video begins with nothing to see."""
    for name in ("late.mp4", "late.mkv"):
        path = made(name, "-c", "copy", "-output_ts_offset", "3.5")
        cut([path], tmp_path / "clip.mp4", 12.34, 15.34)
        hold(tmp_path / "clip.mp4", source, 8.84, 11.84)


def test_time_0_of_a_transport_stream_is_its_first_time_stamp(made, source, tmp_path):
    for offset in ("0", "1000"):
        path = made("live.ts", "-c", "copy", "-output_ts_offset", offset)
        done = cut([path], tmp_path / "clip.mp4", 12.34, 15.34)
        assert done.how == "copy"
        # The silence with which AAC begins counts as time here: 23 ms.
        assert truth.sound_starts_at_s(done.path, source) == pytest.approx(12.34, abs=0.03)
        assert truth.frame_numbers(done.path)[0][1] / source.fps == pytest.approx(12.34, abs=0.07)
