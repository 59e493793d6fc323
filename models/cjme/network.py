"""CJME: the paper's network that puts sound, picture and class names into one space."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.metrics import closeness
from audiosetzsl.evaluation.retrieval import Embeddings
from audiosetzsl.evaluation.training_set import ClipFeatures
from models.checkpoint import fill, load_checkpoint, save_checkpoint

KIND = "cjme"
CLIPS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class CjmeConfig:
    """Shape of the network and of its inference; defaults are preset `paper`, see docs/paper.md."""

    audio_width: int = 1024
    video_width: int = 1024
    text_width: int = 300
    hidden: int = 256
    width: int = 64
    dropout: float = 0.5
    attention_hidden: int = 64
    video_above: float = 0.75  # selective inference: the level of {0, .5, 1} nearest to alpha
    audio_below: float = 0.25


class Inference(StrEnum):
    """Which modality's distance to a class counts."""

    AUDIO = "audio"
    VIDEO = "video"
    BOTH = "both"  # eq. 6, as the mean
    SELECTED = "selected"  # the dominant one where alpha is sure, else both


class Cjme(nn.Module):
    """Coordinated joint multimodal embeddings (Parida et al., WACV 2020, section 3), fitted or not.

    The paper's g_a, g_v, g_t and f_attn are `audio`, `video`, `text` and `attention`. Inputs are
    L2-normalised here and nowhere else.
    """

    def __init__(self, config: CjmeConfig) -> None:
        super().__init__()
        self.config = config
        self.audio = _two_layers(config.audio_width, config)
        self.video = _two_layers(config.video_width, config)
        self.text = nn.Linear(config.text_width, config.width)
        self.attention = nn.Sequential(
            nn.Linear(config.audio_width + config.video_width, config.attention_hidden),
            nn.ReLU(),
            nn.Linear(config.attention_hidden, 1),
        )
        self.eval()  # asked more often than taught: only training switches dropout on

    def forward(
        self, audio: Float[Tensor, "n audio_width"], video: Float[Tensor, "n video_width"]
    ) -> tuple[Float[Tensor, "n width"], Float[Tensor, "n width"], Float[Tensor, " n"]]:
        """Audio and video embeddings, and alpha, the weight of video, before its sigmoid."""
        audio, video = normalize(audio), normalize(video)
        logits = self.attention(torch.cat([audio, video], dim=1)).squeeze(1)
        return self.audio(audio), self.video(video), logits

    def embed_text(
        self, class_vectors: Float[Tensor, "n_classes text_width"]
    ) -> Float[Tensor, "n_classes width"]:
        """Embed class vectors."""
        embedded: Tensor = self.text(normalize(class_vectors))
        return embedded

    @torch.inference_mode()
    def embed(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Embeddings:
        """Embed clips and classes, and say per clip how much the picture counts (alpha).

        Raises:
            SetupError: features or class vectors have another width than the network was made for.
        """
        check_widths(self.config, clips, class_vectors)
        parts = []
        for start in range(0, len(clips), CLIPS_AT_ONCE):
            rows = slice(start, start + CLIPS_AT_ONCE)
            audio, video, logits = self(self._tensor(clips.audio[rows]), self._tensor(clips.video[rows]))
            parts.append((audio, video, torch.sigmoid(logits)))
        text = self.embed_text(self._tensor(class_vectors))
        empty = text.new_empty(0, self.config.width)
        audio, video, alpha = zip(*parts, strict=True) if parts else ((empty,), (empty,), (empty[:, 0],))
        return Embeddings(
            audio=torch.cat(audio).cpu().numpy(),
            video=torch.cat(video).cpu().numpy(),
            text=text.cpu().numpy(),
            alpha=torch.cat(alpha).cpu().numpy(),
        )

    def scores(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Float[np.ndarray, "n_clips n_classes"]:
        """Score every class for every clip by modality selective inference."""
        return score_by(self.embed(clips, class_vectors), Inference.SELECTED, self.config)

    def _tensor(self, rows: Float[np.ndarray, "n width"]) -> Float[Tensor, "n width"]:
        weight = self.text.weight
        return torch.as_tensor(rows, dtype=weight.dtype, device=weight.device)


def _two_layers(width: int, config: CjmeConfig) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, config.hidden),
        nn.ReLU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.hidden, config.width),
    )


def score_by(
    embeddings: Embeddings, inference: Inference, config: CjmeConfig
) -> Float[np.ndarray, "n_clips n_classes"]:
    """Score classes by minus the distance of audio, of video, or their mean (eq. 6), as `inference` says."""
    alpha = embeddings.alpha
    selected = np.where(alpha > config.video_above, 1.0, np.where(alpha < config.audio_below, 0.0, 0.5))
    of_video = {
        Inference.AUDIO: np.zeros_like(selected),
        Inference.VIDEO: np.ones_like(selected),
        Inference.BOTH: np.full_like(selected, 0.5),
        Inference.SELECTED: selected,
    }[inference][:, None]
    by_audio, by_video = (closeness(c, embeddings.text) for c in (embeddings.audio, embeddings.video))
    scores: np.ndarray = (1 - of_video) * by_audio + of_video * by_video
    return scores


def check_widths(
    config: CjmeConfig, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
) -> None:
    """Hold features and class vectors to the widths of the network.

    Raises:
        SetupError: one of them has another width.
    """
    found = (clips.audio.shape[1], clips.video.shape[1], class_vectors.shape[1])
    expected = (config.audio_width, config.video_width, config.text_width)
    if found != expected:
        raise SetupError(
            f"audio, video and class vectors are {found} wide, but this network takes {expected}; "
            "set the widths in CjmeConfig and train again, or use the features it was trained on"
        )


def save_cjme(model: Cjme, path: Path) -> Path:
    """Write a fitted model with its configuration."""
    return save_checkpoint(path, KIND, model.state_dict(), {"config": asdict(model.config)})


def load_cjme(path: Path) -> Cjme:
    """Read a fitted model.

    Raises:
        SetupError: the file is absent, damaged, of another version, or no CJME.
    """
    state, facts = load_checkpoint(path, KIND)
    try:
        model = Cjme(CjmeConfig(**facts["config"]))
    except TypeError as problem:
        raise SetupError(f"{path} is of another version ({problem}); train the model again") from problem
    fill(model, state, path)
    return model
