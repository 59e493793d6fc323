"""Commands `build-dataset` and `train-cjme`: many stages in their order."""

from dataclasses import replace

from flows.cli.options import (
    ROOT,
    Config,
    Device,
    Egress,
    Feeders,
    Net,
    PerHour,
    Phrases,
    Precision,
    PresetName,
    Prompts,
    Recorded,
    Seed,
    Source,
    StopWords,
    Vectors,
    Weights,
    Work,
    run,
)


def build_dataset(
    workspace: Work = ROOT,
    source: Source = "synthetic",
    preset_name: PresetName = "demo",
    egress: Egress = "default",
    per_hour: PerHour = 300.0,
    config: Config = None,
    net: Net = None,
    weights: Weights = None,
    precision: Precision = None,
    device: Device = "cpu",
    feeders: Feeders = None,
    prefect: Recorded = False,
) -> None:
    """All stages from the manifest to the shards."""
    from flows.asking import asking_of
    from flows.extract_features import Machines
    from flows.extracting.choosing import with_options
    from flows.pipelines import make_dataset
    from flows.presets import preset

    base, asking = preset(preset_name), asking_of(egress, per_hour, config=config)
    settings = replace(base, video=with_options(base.video, net, weights, precision))
    machines = Machines(device, feeders)
    run(prefect, make_dataset, workspace, settings, source, asking=asking, machines=machines)


def train_cjme(
    workspace: Work = ROOT,
    preset_name: PresetName = "demo",
    vectors: Vectors = None,
    phrases: Phrases = None,
    stop_words: StopWords = "",
    prompts: Prompts = None,
    seed: Seed = 0,
    device: Device = "cpu",
    prefect: Recorded = False,
) -> None:
    """All stages from the shards to the tables; of several GPUs, training takes the first."""
    from flows.choose_vectors import wording_of
    from flows.pipelines import make_results
    from flows.presets import preset

    wording = wording_of(phrases, stop_words, prompts)
    run(prefect, make_results, workspace, preset(preset_name), vectors, wording, seed, device)
