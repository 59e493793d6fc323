import pickle

import av
import numpy as np
import pytest
import truth_media
from PIL import Image

from audiosetzsl.errors import ClipError
from extractors.media import ffmpeg_route, reading
from extractors.media.lengths import LONGEST_S
from extractors.media.pictures import CHUNK_BYTES, ROUNDING_S
from extractors.media.reading import CentreCrop, PictureConfig, read_frames

TINY = CentreCrop(32, 32)
SMALL = PictureConfig(25.0, TINY)
ROUTES = pytest.mark.parametrize(
    "read", [reading.read_media, ffmpeg_route.read_media], ids=["pyav", "ffmpeg"]
)


def number_of(frames, step=8):
    """Which of the fixture's greys each decoded picture is."""
    return np.round((frames[:, 16, 16].mean(axis=1) - 16) / step).astype(int).tolist()


@ROUTES
def test_pictures_of_the_same_rate_come_one_by_one(encode, greys, read):
    frames = read(encode("same.mp4", pictures=greys(25)), SMALL).frames
    assert frames.shape == (25, 32, 32, 3) and frames.dtype == np.uint8
    assert number_of(frames) == list(range(25))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_more_pictures_than_one_chunk_keep_their_order(encode, greys, suffix):
    """An MKV does not state how many there will be."""
    n = 2 * (CHUNK_BYTES // (96 * 320 * 3)) + 3  # of the 320 columns, 96 are looked at, and a few
    frames = read_frames(encode(f"long.{suffix}", pictures=greys(n, step=1, height=96, width=320)), SMALL)
    assert len(frames) == n > CHUNK_BYTES // (96 * 320 * 3)
    assert np.diff(number_of(frames, step=1)[:200]).min() >= 0


def test_few_pictures_are_held_at_once(encode, greys):
    """A scaling is given as many as a cache holds, and at least one."""
    held = []

    def corner(pictures):
        held.append(pictures.shape)
        return pictures[:, :32, :32]

    frames = read_frames(
        encode("hd.mp4", pictures=greys(7, height=720, width=1280)), PictureConfig(25.0, corner)
    )
    assert held == [(1, 720, 1280, 3)] * 7 and number_of(frames) == list(range(7))


@ROUTES
def test_one_picture_a_second_stays_on_screen_for_a_second(encode, greys, read):
    frames = read(encode("slow.mp4", pictures=greys(3), fps=1), PictureConfig(4.0, TINY)).frames
    assert number_of(frames) == [0] * 4 + [1] * 4 + [2] * 4


@ROUTES
def test_fewer_pictures_are_those_on_screen_at_each_time(encode, greys, read):
    frames = read(encode("fast.mp4", pictures=greys(25)), PictureConfig(10.0, TINY)).frames
    assert number_of(frames) == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22]


@ROUTES
def test_variable_rate_is_sampled_by_time_and_not_by_count(encode, greys, read):
    path = encode("vfr.mp4", pictures=greys(5), times=[0.0, 0.1, 0.9, 1.0, 1.1])
    frames = read(path, PictureConfig(10.0, TINY)).frames
    assert number_of(frames)[:11] == [0] + [1] * 8 + [2, 3]


@ROUTES
def test_time_stamps_rounded_to_milliseconds_drop_no_picture(encode, greys, read):
    path = encode("rounded.mkv", pictures=greys(24), fps=30)
    assert number_of(read(path, PictureConfig(30.0, TINY)).frames) == list(range(24))


@ROUTES
def test_time_counts_from_the_first_picture(encode, greys, read):
    """Which is shown half a second after the start of this file."""
    path = encode("late.mkv", pictures=greys(10), fps=10, times=0.5 + np.arange(10) / 10)
    assert number_of(read(path, PictureConfig(10.0, TINY)).frames) == list(range(10))


def test_frames_are_what_pil_makes_of_the_picture_on_screen(encode):
    """240 x 426 goes to 64 x 113 (113.6), which decides where the centre lies."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (2, 12, 20, 3), dtype=np.uint8)
    pictures = np.stack([np.asarray(Image.fromarray(p).resize((426, 240), 2)) for p in coarse])
    path = encode("odd.mp4", pictures=pictures)
    with av.open(str(path)) as container:
        decoded = next(container.decode(video=0)).to_image()
    scaled = np.asarray(decoded.resize((113, 64), Image.Resampling.BILINEAR)).astype(int)
    found = read_frames(path, PictureConfig(scaling=CentreCrop(56, 64)))[0]
    assert np.abs(found - scaled[4:60, 28:84]).max() <= 1


COLOURS = {(4, 4): (200, 30, 30), (4, 27): (30, 200, 30), (27, 27): (30, 30, 200)}


def coloured(height, width):
    """Red on the left, green above blue on the right."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = (200, 30, 30)
    picture[: height // 2, width // 2 :] = (30, 200, 30)
    picture[height // 2 :, width // 2 :] = (30, 30, 200)
    return np.stack([picture] * 5)


@ROUTES
@pytest.mark.parametrize("height, width", [(64, 48), (48, 64)])
def test_colours_and_sides_are_where_they_were(encode, height, width, read):
    found = read(encode("colours.mp4", pictures=coloured(height, width)), SMALL).frames[0].astype(int)
    for (y, x), colour in COLOURS.items():
        assert np.abs(found[y, x] - colour).max() < 12


BT709 = [
    "-vf",
    "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p",
    "-colorspace",
    "bt709",
    "-c:v",
    "libx264",
]


@ROUTES
@pytest.mark.parametrize(
    "options",
    [
        [*BT709, "-color_range", "tv"],
        ["-c:v", "libx264", "-vf", "scale=out_range=pc", "-pix_fmt", "yuvj420p"],
        ["-c:v", "libx264", "-pix_fmt", "yuv420p10le"],
        ["-c:v", "libx264", "-pix_fmt", "yuv444p"],
        ["-c:v", "libx264rgb"],
        ["-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le"],
        ["-c:v", "rawvideo", "-pix_fmt", "bgr24"],
        ["-c:v", "ffv1", "-pix_fmt", "gbrp"],
        ["-c:v", "mjpeg", "-q:v", "1"],
    ],
    ids=["bt709", "full range", "10 bit", "444", "rgb", "hevc 10 bit", "raw", "ffv1", "mjpeg"],
)
def test_colours_are_the_same_in_every_kind_of_pixels(encode, tmp_path, options, read):
    path = tmp_path / "kind.nut"
    truth_media.ffmpeg("-i", encode("rgb.mp4", pictures=coloured(48, 64), crf="1"), *options, path)
    found = read(path, SMALL).frames[0].astype(int)
    for (y, x), colour in COLOURS.items():
        assert np.abs(found[y, x] - colour).max() < 16


@ROUTES
def test_grey_pictures_are_read_as_grey_in_colour(encode, greys, tmp_path, read):
    path = tmp_path / "grey.mkv"
    truth_media.ffmpeg("-i", encode("grey.mp4", pictures=greys(5)), "-c:v", "ffv1", "-pix_fmt", "gray", path)
    frames = read(path, SMALL).frames.astype(int)
    assert np.abs(frames - frames[..., :1]).max() == 0
    assert number_of(frames) == list(range(5))


@ROUTES
@pytest.mark.parametrize("height, width", [(181, 321), (16, 16), (96, 20), (9, 300)])
def test_odd_tiny_and_narrow_pictures_are_scaled_as_by_pil(tmp_path, height, width, read):
    path = tmp_path / "odd.mkv"
    shapes = f"testsrc2=size={width}x{height}:rate=25:duration=0.2,format=gbrp"
    truth_media.ffmpeg("-f", "lavfi", "-i", shapes, "-c:v", "ffv1", path)
    with av.open(path) as container:
        picture = next(container.decode(video=0)).to_image()
    short = min(height, width)
    to = (64 * width // short, 64 * height // short)
    scaled = np.asarray(picture.resize(to, Image.Resampling.BILINEAR)).astype(int)
    top, left = (to[1] - 56) // 2, (to[0] - 56) // 2
    found = read(path, PictureConfig(25.0, CentreCrop(56, 64))).frames
    assert len(found) == 5
    # The weights of swscale are coarse where a picture is enlarged a lot.
    levels = 2 if read is ffmpeg_route.read_media and short < 50 else 1
    assert np.abs(found[0] - scaled[top : top + 56, left : left + 56]).max() <= levels


@ROUTES
def test_pixels_are_taken_as_square_whatever_is_said(encode, greys, tmp_path, read):
    """As all do who feed I3D; the container here says that a pixel is twice as wide as high."""
    pictures = greys(5)
    pictures[:, :, :16] = 235  # a quarter of the width
    plain, wide = encode("plain.mp4", pictures=pictures), tmp_path / "wide.mp4"
    truth_media.ffmpeg("-i", plain, "-vf", "setsar=2", "-crf", 1, wide)
    with av.open(wide) as container:
        assert container.streams.video[0].sample_aspect_ratio == 2
    assert np.abs(read(wide, SMALL).frames.astype(int) - read(plain, SMALL).frames).max() <= 4


@ROUTES
def test_a_phone_held_upright_gives_upright_pictures(encode, read):
    """The container says: turn by 90 degrees clockwise to show. The red left edge ends up on top."""
    picture = np.full((32, 64, 3), 128, np.uint8)
    picture[:, :32] = (200, 30, 30)
    path = encode("turned.mp4", pictures=np.stack([picture] * 5))
    content = bytearray(path.read_bytes())
    # The matrix of the track header: 40 bytes after its type and version, as ISO/IEC 14496-12 has it.
    at = content.index(b"tkhd") + 4 + 40
    one, w = 0x10000, 0x40000000
    matrix = [0, one, 0, -one, 0, 0, 0, 0, w]
    content[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(content)
    found = read(path, SMALL).frames[0].astype(int)
    assert found[2, 16, 0] - found[2, 16, 2] > 100
    assert abs(found[29, 16, 0] - found[29, 16, 2]) < 20


def test_pictures_that_change_their_size_are_all_scaled(encode, greys, tmp_path):
    """Two MPEG transport streams one behind the other, as broadcasts are recorded."""
    path = tmp_path / "both.ts"
    parts = []
    for number, (height, width) in enumerate([(48, 64), (96, 64)]):
        part = encode(f"{number}.mkv", pictures=greys(25, height=height, width=width))
        truth_media.ffmpeg(
            "-i", part, "-c", "copy", "-output_ts_offset", number, "-bsf:v", "h264_mp4toannexb", path
        )
        parts.append(path.read_bytes())
    path.write_bytes(b"".join(parts))
    assert number_of(read_frames(path, SMALL)) == [*range(25), *range(25)]


@ROUTES
def test_a_picture_that_stays_for_hours_is_refused_before_memory_is_full(encode, greys, read):
    path = encode("slides.mkv", pictures=greys(3), times=[0.0, 1.0, 9 * LONGEST_S])
    with pytest.raises(
        ClipError, match=r"the picture of slides\.mkv lasts more than 300 s; cut a clip out of it, or fetch"
    ):
        raise read(path, SMALL).frames


@ROUTES
def test_one_second_and_less_are_read(encode, greys, tone, read):
    for n in (25, 5, 1):
        media = read(encode("short.mkv", pictures=greys(n), sound=tone(n / 25)), SMALL)
        assert number_of(media.frames) == list(range(n))
        assert len(media.sound) == pytest.approx(16_000 * n / 25, abs=1100)


def test_no_picture_stream_is_said(encode, tone):
    path = encode("radio.mp4", sound=tone(1))
    with pytest.raises(ClipError, match=r"radio\.mp4 has no picture stream") as caught:
        read_frames(path, SMALL)
    assert caught.value.reason == "no_video"


def test_a_rate_that_makes_no_frame_is_refused():
    with pytest.raises(ValueError, match=r"fps is 0.0, expected more than 0"):
        PictureConfig(fps=0.0)


@pytest.mark.real
def test_real_clips_are_what_pil_makes_of_the_picture_on_screen(real_data):
    """One clip of each size; eight times of it."""
    for path in one_of_each_size(real_data / "clips"):
        frames = read_frames(path, PictureConfig())
        wanted = np.linspace(0, min(len(frames) - 1, 120), 8).astype(int).tolist()
        for number, picture in on_screen(path, wanted):
            width, height = picture.size
            short = min(width, height)
            to = (256 * width // short, 256 * height // short)
            scaled = np.asarray(picture.resize(to, Image.Resampling.BILINEAR)).astype(int)
            top, left = (to[1] - 224) // 2, (to[0] - 224) // 2
            expected = scaled[top : top + 224, left : left + 224]
            assert np.abs(frames[number] - expected).max() <= 1, (path.name, number)


def one_of_each_size(folder):
    """Clips whose pictures differ in height or width."""
    found = {}
    for path in sorted(folder.glob("*_*.mp4")):
        if not path.name.startswith("full_"):
            with av.open(path) as container:
                stream = container.streams.video[0]
                found.setdefault((stream.height, stream.width), path)
    return found.values()


def on_screen(path, numbers):
    """The last picture that began by each of the times number / 25, rounding allowed."""
    with av.open(path) as container:
        before = None
        for frame in container.decode(video=0):
            while before and numbers and frame.time > numbers[0] / 25 + ROUNDING_S:
                yield numbers.pop(0), before.to_image()
            if not numbers:
                return
            before = frame
        yield from ((number, before.to_image()) for number in numbers)


def test_a_configuration_goes_to_other_processes():
    config = PictureConfig(12.5, CentreCrop(112, 128))
    assert pickle.loads(pickle.dumps(config)) == config
