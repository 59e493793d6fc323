"""Segments of one video, and clips of the film that the loopback server offers as it."""

import pytest

from audiosetzsl.manifest import Segment
from extractors.media.cutting import cut


@pytest.fixture
def segment():
    """segment(start_s, end_s): one of a video."""

    def segment(start_s=30.0, end_s=40.0, ytid="-id_of_11ch", class_name="dog"):
        return Segment(f"{ytid}_{round(1000 * start_s)}", ytid, start_s, end_s, class_name)

    return segment


@pytest.fixture
def clip(truth):
    """clip(path, start_s, end_s): write a clip of the film."""

    def clip(path, start_s=30.0, end_s=40.0):
        path.parent.mkdir(parents=True, exist_ok=True)
        return cut([truth.both], path, float(start_s), float(end_s)).path

    return clip
