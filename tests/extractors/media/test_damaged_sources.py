"""Sources that are empty, junk, cut short or damaged: a reason, and no clip in their place."""

import io
import random

import av
import pytest
import truth_media as truth
from held_cuts import cut, part_of

from audiosetzsl.errors import ClipError
from extractors.media.inspection import inspect
from extractors.media.packets import ends_early

# Eight minutes: of such a file, 1 % are 5 s.
LOOPS = 16


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


@pytest.fixture(scope="module")
def long(source, tmp_path_factory):
    """long(name, options...): eight minutes of the video, as a file of that name."""
    folder = tmp_path_factory.mktemp("long")

    def long(name, *options):
        if not (folder / name).exists():
            truth.ffmpeg("-stream_loop", LOOPS - 1, "-i", source.both, "-c", "copy", *options, folder / name)
        return folder / name

    return long


@pytest.fixture
def cut_short(tmp_path):
    """cut_short(path, share): the beginning of a file."""

    def cut_short(path, share):
        content = path.read_bytes()
        (tmp_path / path.name).write_bytes(content[: int(share * len(content))])
        return tmp_path / path.name

    return cut_short


FORMS = {
    "film.mp4": ["-movflags", "faststart"],
    "dash.mp4": ["-movflags", "frag_keyframe+delay_moov+default_base_moof+global_sidx"],
    "live.mp4": ["-movflags", "frag_keyframe+empty_moov+default_base_moof"],  # states no length in all
    "film.mkv": [],
    "film.ts": [],
}


@pytest.mark.parametrize("name", FORMS)
def test_a_long_film_that_is_whole_ends_where_it_ends(long, tmp_path, name):
    film, into = long(name, *FORMS[name]), tmp_path / "clip.mp4"
    assert cut([film], into, 460, 470).shown_s == pytest.approx(10)
    assert cut([film], into, 475, 485).shown_s == pytest.approx(5, abs=0.5)
    with pytest.raises(
        ClipError, match=rf"the picture of {name} ends at 480\.\d\d s, and the segment"
    ) as caught:
        cut([film], into, 481, 491)
    assert caught.value.reason == "past_end"


@pytest.mark.parametrize("share", [0.9, 0.96, 0.99])
@pytest.mark.parametrize("name", ["film.mp4", "dash.mp4", "film.mkv"])
def test_a_long_film_that_lacks_a_little_is_not_taken_for_a_shorter_one(
    long, cut_short, tmp_path, name, share
):
    film, into, breaks_s = cut_short(long(name, *FORMS[name]), share), tmp_path / "clip.mp4", 480 * share
    assert cut([film], into, breaks_s - 25, breaks_s - 15).shown_s == pytest.approx(10)
    says = rf"^the (picture|sound) of {name} breaks off at \d+\.\d\d s, before the end .*; fetch the segment again$"
    for start_s in {breaks_s - 5, (breaks_s + 480) / 2, 478, 479.6}:
        with pytest.raises(ClipError, match=says) as caught:
            cut([film], into, start_s, start_s + 10)
        assert caught.value.reason == "unreadable"


def test_a_fragment_that_breaks_off_is_seen_where_nothing_states_the_length(long, cut_short, tmp_path):
    film = cut_short(long("live.mp4", *FORMS["live.mp4"]), 0.96)
    with pytest.raises(ClipError, match="breaks off") as caught:
        cut([film], tmp_path / "clip.mp4", 470, 480)
    assert caught.value.reason == "unreadable"


def test_only_a_length_that_is_an_estimate_may_be_off_by_a_share(long):
    for name, within_s, beyond_s in [
        ("film.ts", 457.0, 455.0),
        ("film.mkv", 480.0, 479.0),
        ("film.mp4", 480.0, 479.0),
    ]:
        with av.open(long(name, *FORMS[name])) as container:
            picture = container.streams.video[0]
            assert not ends_early(picture, within_s) and ends_early(picture, beyond_s)


def test_sound_that_breaks_off_is_seen_where_the_picture_goes_on(source, tmp_path):
    audio = tmp_path / "audio.part"
    audio.write_bytes(part_of(source.audio, 0, 3, index=True))  # 0 to 21 s
    assert cut([source.video, audio], tmp_path / "clip.mp4", 11, 20.9).heard_s == pytest.approx(9.9, abs=0.02)
    says = r"^the sound of audio\.part breaks off at 21\.\d\d s, before the end that its container states"
    for start_s in (18, 25):
        with pytest.raises(ClipError, match=says) as caught:
            cut([source.video, audio], tmp_path / "clip.mp4", start_s, start_s + 5)
        assert caught.value.reason == "unreadable"


def test_sound_that_lies_far_behind_the_picture_is_not_taken_for_broken_off(source, tmp_path):
    """First both up to 12 s, then all other pictures, then all other sound."""
    path = tmp_path / "blocks.mkv"
    # As they come, however far apart they are.
    with av.open(source.both) as there, av.open(path, "w", options={"max_interleave_delta": "1"}) as here:
        streams = {stream.type: here.add_stream_from_template(stream) for stream in there.streams}
        packets = [p for p in there.demux() if p.dts is not None]
        late = {id(p): float(p.dts * p.time_base) >= 12 for p in packets}
        for packet in sorted(packets, key=lambda p: (late[id(p)], p.stream.type == "audio")):
            packet.stream = streams[packet.stream.type]
            here.mux(packet)
    done = cut([path], tmp_path / "clip.mp4", 5, 15)
    assert done.shown_s == pytest.approx(10) and done.heard_s == pytest.approx(7, abs=0.1)


def test_a_picture_in_matroska_is_held_to_its_own_end(encode, tone, greys, tmp_path):
    """Slides of which the last goes before the sound does: libav may give them the length of the file."""
    path = encode("slides.mkv", pictures=greys(3, step=40), times=[0, 2, 8], sound=tone(16))
    with av.open(path) as container:
        picture = container.streams.video[0]
        assert picture.duration is None or picture.duration * picture.time_base > 15
    assert cut([path], tmp_path / "clip.mp4", 6, 12).shown_s < 5


def test_a_file_of_one_stream_is_held_to_the_length_of_the_file(long, cut_short, tmp_path):
    film = cut_short(long("picture.mkv", "-an"), 0.96)
    film.write_bytes(film.read_bytes().replace(b"DURATION", b"DURATIOM"))
    with pytest.raises(ClipError, match="breaks off") as caught:
        cut([film], tmp_path / "clip.mp4", 470, 480)
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize("junk", [b"", b"xx:08:00.000000000", b"1"])
def test_a_length_that_is_no_length_is_passed_over(made, tmp_path, junk):
    path = made("junk.mkv", "-c", "copy")
    content = path.read_bytes()
    at = content.index(b"00:00:30.0")
    path.write_bytes(content[:at] + junk.ljust(18, b"\0") + content[at + 18 :])
    assert cut([path], tmp_path / "clip.mp4", 25, 35).shown_s == pytest.approx(5, abs=0.1)


def test_flipped_bits_give_a_clip_or_a_reason(source, tmp_path):
    rng = random.Random(0)
    whole = source.both.read_bytes()
    clips = 0
    for n_head in (0, 0, 0, 30, 30, 30, 30, 30):
        content = bytearray(whole)
        for at in [rng.randrange(4000) for _ in range(n_head)] or [
            rng.randrange(len(whole)) for _ in range(300)
        ]:
            content[at] ^= 1 << rng.randrange(8)
        (tmp_path / "flipped.mp4").write_bytes(content)
        try:
            done = cut([tmp_path / "flipped.mp4"], tmp_path / "clip.mp4", 5.5, 9.5)
            facts = inspect(done.path, 4.0)
        except ClipError as problem:
            assert problem.reason in ("unreadable", "empty", "past_end") and str(tmp_path) not in str(problem)
        else:
            clips += 1
            assert facts.duration_s == pytest.approx(done.shown_s, abs=0.05)
            assert done.shown_s <= 4.001 and (facts.width, facts.height) == (320, 180)
    assert clips, "damage within the pictures leaves a clip"
