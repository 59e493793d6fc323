"""Where the pace of this machine's addresses is noted, and what is read of it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audiosetzsl.egresses import egress_folder, paused_until


def test_the_folder_is_named_by_the_environment_or_is_the_users_own():
    assert egress_folder({"AZSL_STATE": "/s", "XDG_STATE_HOME": "/x"}) == Path("/s/egresses")
    assert egress_folder({"XDG_STATE_HOME": "/x"}) == Path("/x/audiosetzsl/egresses")
    assert egress_folder({}) == Path.home() / ".local/state/audiosetzsl/egresses"


def test_a_pause_is_read_as_a_time(tmp_path):
    (tmp_path / "here.json").write_text(json.dumps({"full_at_s": 0.0, "paused_until_s": 1_790_000_000.0}))
    assert paused_until(tmp_path, "here") == datetime.fromtimestamp(1_790_000_000, UTC)


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", '{"paused_until_s": 0}', '{"paused_until_s": NaN}']
)
def test_no_note_no_pause(tmp_path, content):
    if content is not None:
        (tmp_path / "here.json").write_text(content)
    assert paused_until(tmp_path, "here") is None
