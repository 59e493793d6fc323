"""Choosing the video network: from a preset, from what was begun, and from single options of the command line."""

from dataclasses import replace
from pathlib import Path

from audiosetzsl.workspace import Workspace
from extractors.video.nets import VideoConfig, default_config
from flows.extracting.begun import as_begun
from flows.presets import preset


def choose_video(
    workspace: Path,
    preset_name: str | None = None,
    net: str | None = None,
    weights: str | None = None,
    precision: str | None = None,
) -> VideoConfig | None:
    """The network that is asked for; None where nothing is, so that a workspace goes on as it was begun.

    Options change the named network, or else the preset, or else what the workspace was begun with.

    Raises:
        SetupError: there is no such preset or network, or the options do not fit it.
    """
    if not (preset_name or net or weights or precision):
        return None
    begun = None if preset_name else as_begun(Workspace(workspace))
    base = begun.video if begun and begun.video else preset(preset_name or "paper").video
    return with_options(base, net, weights, precision)


def with_options(
    base: VideoConfig, net: str | None = None, weights: str | None = None, precision: str | None = None
) -> VideoConfig:
    """A network, with what is asked for changed; another network comes with its own settings and weights.

    Raises:
        SetupError: there is no such network, or the options do not fit it.
    """
    if net is not None and net != base.net:
        base = default_config(net)
    chosen = with_weights(weights) or base.weights
    return replace(base, weights=chosen, precision=precision or base.precision)


def with_weights(weights: str | None) -> str | None:
    """Weights as a configuration has them: `random` is `random:0`, and a file is known from every folder."""
    if weights == "random":
        return "random:0"
    return str(Path(weights).resolve()) if weights and Path(weights).is_file() else weights
