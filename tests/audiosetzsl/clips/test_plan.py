"""The plan: what is left, how many days it takes, whether the disk holds it."""

import shutil

import pytest

from audiosetzsl.clips import plan as plan_module
from audiosetzsl.clips.funnel import Agenda
from audiosetzsl.clips.plan import MOST_BYTES, plan_of
from audiosetzsl.errors import ManifestError
from audiosetzsl.manifest import published_path
from audiosetzsl.workspace import Workspace


def test_without_a_manifest_the_published_one_is_planned(tmp_path, now):
    told = plan_of(Workspace(tmp_path / "nowhere" / "w"), now)
    assert told.is_published and told.manifest == published_path()
    assert told.agenda == Agenda(163_183, 0, 0, None)
    assert told.days == pytest.approx(163_183 / 300 / 24)
    assert (told.mean_bytes, told.n_measured) == (MOST_BYTES, 0)
    assert told.needed_bytes == pytest.approx(244.8e9, rel=1e-3)
    assert told.free_at == tmp_path
    assert told.free_bytes == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)


def test_egresses_and_rate_divide_the_days(workspace, now):
    assert plan_of(workspace, now, egresses=4, rate=5.0).days == pytest.approx(40 / 20 / 24)


@pytest.mark.parametrize(("n_clips", "mean", "measured"), [(19, MOST_BYTES, 0), (20, 1009.5, 20)])
def test_the_mean_of_20_clips_is_believed(workspace, now, note, attempt, n_clips, mean, measured):
    note(
        workspace, *(attempt(n, "ok", 10, bytes=1000 + n) for n in range(n_clips)), attempt(39, "stalled", 5)
    )
    told = plan_of(workspace, now)
    assert not told.is_published and told.manifest == workspace.manifest
    assert (told.mean_bytes, told.n_measured) == (mean, measured)
    assert told.agenda.settled == n_clips and told.agenda.later == 1
    assert told.needed_bytes == (40 - n_clips) * mean


def test_a_damaged_manifest_is_named(tmp_path, now, monkeypatch):
    place = Workspace(tmp_path)
    place.manifest.write_bytes(b"damaged")
    with pytest.raises(ManifestError, match=r"manifest\.parquet is damaged"):
        plan_of(place, now)
    monkeypatch.setattr(plan_module, "published_path", lambda: tmp_path / "gone.parquet")
    with pytest.raises(ManifestError, match=r"gone\.parquet does not exist"):
        plan_of(Workspace(tmp_path / "w"), now)
