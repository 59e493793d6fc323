"""A workspace of a few segments, and a loopback YouTube that has their videos."""

from types import SimpleNamespace

import fault_storm
import pytest
from patient_fetch import asking
from truth_media import render


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    """60 s of film whose pictures tell their number."""
    return render(tmp_path_factory.mktemp("film"), seconds=60).video.parent


@pytest.fixture
def youtube(film, tmp_path):
    """`server`, `asking` it, and `storm(n)`: a workspace of n segments without faults."""
    with fault_storm.serve(film) as server:
        config = fault_storm.write_config(server, tmp_path / "yt-dlp.conf")

        def storm(n, seed=0):
            return fault_storm.make_storm(tmp_path / "work", server, n, seed, share=0.0)

        yield SimpleNamespace(server=server, asking=asking(config), config=config, storm=storm)
