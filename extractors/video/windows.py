"""Windows: the stretches of a clip that go through a network, and the mean of what comes out."""

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from extractors.video.nets import VideoNet


def window_starts(n_frames: int, window: int, hop: int) -> list[int]:
    """First frames of the windows that cover a clip; the last window ends where the clip does."""
    if n_frames <= window:
        return [0]
    n_windows = -(-(n_frames - window) // hop) + 1
    return [min(i * hop, n_frames - window) for i in range(n_windows)]


def clip_vector(
    net: VideoNet, frames: UInt8[np.ndarray, "n h w 3"], *, window: int, hop: int
) -> tuple[Float32[np.ndarray, " width"], int]:
    """Mean of the network's vectors over the windows of a clip, and how many there were.

    A clip that is shorter than a window repeats its last frame.
    """
    missing = max(window - len(frames), 0)
    if missing:
        frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    starts = window_starts(len(frames), window, hop)
    vectors = []
    for first in range(0, len(starts), net.at_once):
        windows = [frames[start : start + window] for start in starts[first : first + net.at_once]]
        together = np.stack(windows) if len(windows) > 1 else windows[0][None]  # one alone is not copied
        vectors.append(net.vectors(torch.from_numpy(together)))
    # On the device until here: copying a vector waits for all that was begun there.
    mean: np.ndarray = torch.cat(vectors).mean(dim=0).cpu().numpy()
    return mean, len(starts)
