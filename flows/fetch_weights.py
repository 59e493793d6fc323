"""Stage fetch-weights: the published weights of a video network, with where they come from and on which terms."""

from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.show import progress_bar, say
from extractors.video.weights import KINETICS, Weights


def fetch_weights(net: str = "i3d") -> Path:
    """Fetch the weights of a network into this user's cache, or go on with it, and say what they are.

    Raises:
        SetupError: there is no such network; the file cannot be fetched, or is not the published one.
    """
    if net not in KINETICS:
        raise SetupError(f"there are no weights of {net!r}, expected one of {', '.join(KINETICS)}")
    weights = KINETICS[net]
    for line in terms_of(net, weights):
        say(line)
    with progress_bar() as bar:
        task = bar.add_task(weights.name, total=weights.pin.bytes)
        path = weights.fetch(lambda done, total: bar.update(task, completed=done, total=total))
    say(f"there: {path} ({path.stat().st_size:,} bytes, {weights.pin.kind} as published)")
    return path


def terms_of(net: str, weights: Weights) -> list[str]:
    """What a user has to know of a file before using it."""
    return [
        f"{net}, trained on Kinetics-400: {weights.url}",
        f"licence: {weights.licence}",
        f"cite: {weights.cite}",
        f"digest: {weights.pin.kind} {weights.pin.digest}",
    ]
