"""Selection: which modality of a clip counts, by the weight that attention gives its video."""

import numpy as np
from jaxtyping import Float

from audiosetzsl.errors import DivergedError, SetupError

VIDEO_ABOVE = 0.75  # the level of {0, .5, 1} that is nearest to alpha
AUDIO_BELOW = 0.25


def selected_weight(
    alpha: Float[np.ndarray, " n_clips"], video_above: float = VIDEO_ABOVE, audio_below: float = AUDIO_BELOW
) -> Float[np.ndarray, " n_clips"]:
    """Weight of video by modality selective inference (the paper, section 3.4): 1, 0 or, undecided, .5.

    Alpha, the weight of video from 0 to 1, decides above the one threshold and below the other; on a threshold
    both modalities count.

    Raises:
        SetupError: the thresholds cross, so that one clip would be of both kinds.
        DivergedError: an alpha is NaN.
    """
    if not audio_below <= video_above:
        raise SetupError(
            f"audio is selected below {audio_below} and video above {video_above}; "
            "the first must not exceed the second"
        )
    if bad := int(np.isnan(alpha).sum()):
        raise DivergedError(f"{bad} of {len(alpha)} values of alpha are NaN; check the model")
    weight: np.ndarray = np.where(alpha > video_above, 1.0, np.where(alpha < audio_below, 0.0, 0.5))
    return weight
