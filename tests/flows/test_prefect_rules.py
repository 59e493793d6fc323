import importlib
import sys
import tomllib
from functools import partial
from inspect import signature
from pathlib import Path

import pluggy
import pyarrow as pa
import pytest
import yaml
from prefect.plugins import HookContext, HookSpec
from small_shards import OTHER, fill, number_of, planned

from audiosetzsl.shards import Kind, clips_of, read_shard, recipe_of, write_shard
from audiosetzsl.shards.planned import planned_blocks
from flows import __main__ as command_line
from flows import bare_names, build_dataset, train_cjme
from flows.sources.opening import EXPECTED

ROOT = Path(__file__).parents[2]
CLIENT = "prefect.client.orchestration._deployments.client"


@pytest.fixture
def place(tmp_path):
    """A workspace of two blocks, the first of which has its shards."""
    place, blocks = planned(tmp_path, 4, 2)
    for kind in (Kind.LOG_MEL, Kind.VIDEO):
        fill(place, kind, blocks[:1])
    return place


def test_a_bare_name_is_flow_and_deployment():
    assert bare_names.qualified("build-dataset") == "build-dataset/build-dataset"
    assert bare_names.qualified("build-dataset/nightly") == "build-dataset/nightly"


def test_the_hook_fits_prefects_specification():
    manager = pluggy.PluginManager("prefect-experimental")
    manager.add_hookspecs(HookSpec)
    manager.register(bare_names)
    assert manager.hook.setup_environment.get_hookimpls()


def context(told):
    class Logger:
        def debug(self, message, *arguments):
            told.append(message % arguments)

    return HookContext(prefect_version="3", api_url=None, logger_factory=lambda _: Logger())


def test_both_clients_take_bare_names(monkeypatch):
    client, asked, told = importlib.import_module(CLIENT), [], []
    for owner in (client.DeploymentClient, client.DeploymentAsyncClient):
        monkeypatch.setattr(owner, "read_deployment_by_name", lambda self, name: asked.append(name))
    bare_names.setup_environment(ctx=context(told))
    client.DeploymentClient.read_deployment_by_name(None, "build-dataset")
    client.DeploymentAsyncClient.read_deployment_by_name(None, name="train-cjme/train-cjme")
    assert asked == ["build-dataset/build-dataset", "train-cjme/train-cjme"] and not told


def test_another_prefect_keeps_its_own_behaviour(monkeypatch):
    client, told = importlib.import_module(CLIENT), []
    stock = client.DeploymentClient.read_deployment_by_name
    monkeypatch.delattr(client.DeploymentAsyncClient, "read_deployment_by_name")
    bare_names.setup_environment(ctx=context(told))
    assert client.DeploymentClient.read_deployment_by_name is stock
    monkeypatch.setitem(sys.modules, CLIENT, None)
    bare_names.setup_environment(ctx=context(told))
    assert len(told) == 2 and all(line.startswith("Deployments need their full name") for line in told)


def test_prefect_finds_the_hook_where_the_settings_allow_it():
    entry_points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    settings = tomllib.loads((ROOT / "prefect.toml").read_text())
    assert entry_points["prefect.plugins"] == {"audiosetzsl": "flows.bare_names"}
    assert settings["plugins"] == {"enabled": True, "allow": ["audiosetzsl"]}


def test_deployments_name_what_is_there(monkeypatch, place):
    deployments = {d["name"]: d for d in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    for name, module in (("build-dataset", build_dataset), ("train-cjme", train_cjme)):
        path, _, function = deployments[name]["entrypoint"].partition(":")
        assert (ROOT / path).samefile(module.__file__) and getattr(module, function).name == name
    (trigger,) = deployments["train-cjme"]["triggers"]
    sent = events_of(monkeypatch, lambda: build_dataset.announce({"workspace": "/w", "preset": "demo"}))[0]
    assert trigger["expect"] == [sent["event"]] and trigger["match"] == sent["resource"]
    taken = {name: "{{ event.payload." + name + " }}" for name in sent["payload"]}
    assert trigger["parameters"] == taken
    assert set(taken) <= set(signature(train_cjme.train_cjme.fn).parameters)


def events_of(monkeypatch, call):
    """What `call` posts to the server."""
    sent = []

    class Client:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def request(self, method, path, json):
            assert (method, path) == ("POST", "/events")
            sent.extend(json)

    monkeypatch.setattr(build_dataset, "get_client", lambda sync_client: Client())
    call()
    return sent


def test_the_digest_is_that_of_all_that_decides_the_features(place):
    """Sound vectors are made by train-cjme itself, and reasons put otherwise are no other dataset."""
    blocks = planned_blocks(place)
    these = {"of_clips": {blocks[0].segment_ids[0]: "this one"}}
    others = {"of_clips": {blocks[0].segment_ids[0]: "another"}}
    fill(place, Kind.VIDEO, blocks[:1], without=[number_of(blocks[0].segment_ids[1])], **these)
    digests = [build_dataset.dataset_digest(place)]
    fill(place, Kind.AUDIO, blocks, **these)
    told_otherwise(place.features(Kind.VIDEO) / blocks[0].file_name)
    assert build_dataset.dataset_digest(place) == digests[0]
    changes = [
        partial(fill, place, Kind.VIDEO, blocks[:1], **these),  # another status
        partial(fill, place, Kind.VIDEO, blocks[:1], **others),
        partial(fill, place, Kind.VIDEO, blocks[:1], **others, recipe=OTHER),
        partial(fill, place, Kind.LOG_MEL, blocks[1:], **these),  # one more
        partial(place.manifest.write_bytes, b"other"),
    ]
    for change in changes:
        change()
        digests.append(build_dataset.dataset_digest(place))
    assert len(set(digests)) == 1 + len(changes)


def told_otherwise(path):
    """Other words for the reasons of a shard, as extract-features writes those of the ledger anew."""
    table = read_shard(path, Kind.VIDEO)
    reasons = pa.array([reason and "HTTP Error 429" for reason in table["reason"].to_pylist()], pa.string())
    number = table.schema.get_field_index("reason")
    told = table.set_column(number, table.schema.field(number), reasons)
    assert not told.equals(table)
    write_shard(told, path, Kind.VIDEO, recipe_of(path), clips_of(path))


def test_a_digest_is_news_once(tmp_path):
    note = tmp_path / "announced.sha256"
    assert build_dataset.is_news("abc", note)
    note.write_text("abc")
    assert not build_dataset.is_news("abc", note)
    assert build_dataset.is_news("abd", note)


def test_only_a_changed_dataset_is_announced(monkeypatch, place):
    monkeypatch.setattr(build_dataset, "make_dataset", lambda *_: {("video", "ok"): 3})
    monkeypatch.setattr(build_dataset, "create_table_artifact", lambda *_, **__: None)

    def build():
        build_dataset.build_dataset.fn(str(place.root), preset="demo")

    (first,) = events_of(monkeypatch, build)
    payload = {"workspace": str(place.root), "preset": "demo", "digest": build_dataset.dataset_digest(place)}
    assert first["payload"] == payload
    assert events_of(monkeypatch, build) == []
    fill(place, Kind.VIDEO, planned_blocks(place)[1:])
    assert len(events_of(monkeypatch, build)) == 1


def test_what_the_server_did_not_take_is_announced_again(monkeypatch, place):
    monkeypatch.setattr(build_dataset, "make_dataset", lambda *_: {})
    monkeypatch.setattr(build_dataset, "create_table_artifact", lambda *_, **__: None)

    def refuse(payload):
        raise ConnectionError("no server")

    monkeypatch.setattr(build_dataset, "announce", refuse)
    for _ in range(2):
        with pytest.raises(ConnectionError, match="no server"):
            build_dataset.build_dataset.fn(str(place.root), preset="demo")


def test_result_rows_are_percents_of_every_measure():
    measure = {"seen": 0.5, "unseen": 0.25, "harmonic": 1 / 3, "beta": 0.1}
    rows = train_cjme.result_rows({"classification": measure, "retrieval": {"T->AV": measure}})
    assert [row["measure"] for row in rows] == ["classification, mean class accuracy", "retrieval T->AV, mAP"]
    assert rows[1] == {"measure": "retrieval T->AV, mAP", "S": "50.00", "U": "25.00", "HM": "33.33"}


@pytest.mark.parametrize("stage", ["build-dataset", "train-cjme"])
def test_an_unknown_preset_is_one_line_for_the_user(monkeypatch, stage, tmp_path):
    line = refusal(monkeypatch, stage, "--workspace", str(tmp_path), "--preset", "nope")
    assert line == "error: there is no preset 'nope', expected one of paper, demo"


def test_an_unknown_source_is_one_line_for_the_user(monkeypatch, tiny_workspace):
    line = refusal(monkeypatch, "fetch-clips", "--workspace", str(tiny_workspace), "--source", "nope")
    assert line == f"error: there is no source 'nope', expected {EXPECTED}"


def refusal(monkeypatch, *arguments):
    """What `python -m flows ...` exits with: a string is printed on stderr, and the exit code is 1."""
    monkeypatch.setattr(sys, "argv", ["flows", *arguments])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    return end.value.code
