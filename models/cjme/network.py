"""CJME: the paper's network that puts sound, picture and class names into one space."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.retrieval import Embeddings
from audiosetzsl.evaluation.selection import AUDIO_BELOW, VIDEO_ABOVE, selected_weight
from audiosetzsl.evaluation.training_set import ClipFeatures, SeenClips
from models.cjme.inference import Inference, score_by
from models.cjme.layers import Attention, Formed, projection
from models.inputs import InputForm

CLIPS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class CjmeConfig:
    """Shape of the network, its inputs and its inference; defaults are preset `paper`, see docs/paper.md."""

    audio_width: int = 1024
    video_width: int = 1024
    text_width: int = 300
    hidden: int = 256
    width: int = 64
    dropout: float = 0.5
    attention: bool = True  # without it alpha is one half for every clip, and both modalities count
    attention_hidden: int = 64
    inputs: InputForm = InputForm.UNIT
    words: InputForm = InputForm.UNIT  # STANDARD is by vectors of seen classes
    unit_embeddings: bool = (
        False  # distances between embeddings of length 1; they end at 2, so take a margin below 1
    )
    video_above: float = VIDEO_ABOVE  # of alpha, in selective inference
    audio_below: float = AUDIO_BELOW

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before hours are spent on it.

        Raises:
            SetupError: dropout leaves nothing, a width is none, or thresholds of alpha cross.
        """
        check_dropout(self.dropout)
        check_some(self, "audio_width", "video_width", "text_width", "hidden", "width", "attention_hidden")
        selected_weight(np.zeros(0), self.video_above, self.audio_below)


class Cjme(nn.Module):
    """Coordinated joint multimodal embeddings (Parida et al., WACV 2020, section 3), fitted or not.

    The paper's g_a, g_v, g_t and f_attn are `audio`, `video`, `text` and `attention`.
    """

    def __init__(self, config: CjmeConfig) -> None:
        super().__init__()
        self.config = config
        self.audio_form = Formed(config.inputs, config.audio_width)
        self.video_form = Formed(config.inputs, config.video_width)
        self.text_form = Formed(config.words, config.text_width)
        self.audio = projection(config.audio_width, config.hidden, config.width, config.dropout)
        self.video = projection(config.video_width, config.hidden, config.width, config.dropout)
        self.text = nn.Linear(config.text_width, config.width)
        self.attention = (
            Attention(config.audio_width, config.video_width, config.attention_hidden)
            if config.attention
            else None
        )
        self.eval()  # asked more often than taught: only training switches dropout on

    def learn_forms(self, seen: SeenClips, class_vectors: Float[np.ndarray, "n_classes text_width"]) -> None:
        """Take from seen clips, and from vectors of seen classes, what the forms of the inputs need."""
        self.audio_form.learn(seen.clips.audio)
        self.video_form.learn(seen.clips.video)
        self.text_form.learn(class_vectors[seen.labels.classes.seen_mask])

    def prepared(
        self, audio: Float[np.ndarray, "n audio_width"], video: Float[np.ndarray, "n video_width"]
    ) -> tuple[Float[Tensor, "n audio_width"], Float[Tensor, "n video_width"]]:
        """Features in the form that `forward` takes, on the device of the network."""
        return in_form(self, self.audio_form, audio), in_form(self, self.video_form, video)

    def forward(
        self, audio: Float[Tensor, "n audio_width"], video: Float[Tensor, "n video_width"]
    ) -> tuple[Float[Tensor, "n width"], Float[Tensor, "n width"], Float[Tensor, " n"]]:
        """Audio and video embeddings of prepared features, and alpha, the weight of video, before its sigmoid."""
        logits = self.attention(audio, video) if self.attention else audio.new_zeros(len(audio))
        return self._embedded(self.audio(audio)), self._embedded(self.video(video)), logits

    def embed_text(
        self, class_vectors: Float[Tensor, "n_classes text_width"]
    ) -> Float[Tensor, "n_classes width"]:
        """Embed class vectors."""
        return self._embedded(self.text(self.text_form(class_vectors)))

    def _embedded(self, projected: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        return normalize(projected) if self.config.unit_embeddings else projected

    @torch.inference_mode()
    def embed(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Embeddings:
        """Embed clips and classes, and say per clip how much the picture counts (alpha).

        Raises:
            SetupError: features or class vectors have another width than the network was made for.
        """
        check_widths(self.config, clips, class_vectors)
        parts = [self(*self.prepared(clips.audio[rows], clips.video[rows])) for rows in parts_of(len(clips))]
        audio, video, logits = (torch.cat(part).cpu() for part in zip(*parts, strict=True))
        return Embeddings(
            audio=audio.numpy(),
            video=video.numpy(),
            text=self.embed_text(on_device(self, class_vectors)).cpu().numpy(),
            alpha=torch.sigmoid(logits).numpy(),
        )

    def scores(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Float[np.ndarray, "n_clips n_classes"]:
        """Score every class for every clip by modality selective inference; without attention by both."""
        return self.decided(self.embed(clips, class_vectors))

    def decided(self, embeddings: Embeddings) -> Float[np.ndarray, "n_clips n_classes"]:
        """The scores of clips that are embedded already."""
        config = self.config
        return score_by(
            embeddings,
            Inference.SELECTED,
            video_above=config.video_above,
            audio_below=config.audio_below,
        )


def in_form(model: nn.Module, form: Formed, rows: Float[np.ndarray, "n width"]) -> Float[Tensor, "n width"]:
    """Rows in the form that a network takes, on its device; beside them never more than a part is made."""
    weight = next(model.parameters())
    formed = torch.empty(rows.shape, dtype=weight.dtype, device=weight.device)
    for part in parts_of(len(rows)):
        formed[part] = form(on_device(model, rows[part]))
    return formed


def on_device(model: nn.Module, rows: Float[np.ndarray, "n width"]) -> Float[Tensor, "n width"]:
    """Rows as the weights of a network are: of their kind, on their device."""
    weight = next(model.parameters())
    # torch takes no memory that is only mapped for reading, nor one that is walked backwards.
    own = np.require(rows, requirements=("C", "W"))
    return torch.as_tensor(own, dtype=weight.dtype, device=weight.device)


def parts_of(n: int) -> Iterator[slice]:
    """Clips in parts that a network takes at once; one part, an empty one, where there are none."""
    return (slice(start, start + CLIPS_AT_ONCE) for start in range(0, max(n, 1), CLIPS_AT_ONCE))


def check_dropout(share: float) -> None:
    """Refuse a share of dropout that leaves nothing.

    Raises:
        SetupError: it is not a share.
    """
    if not 0 <= share < 1:
        raise SetupError(f"dropout is {share}, expected from 0 to below 1, such as 0.5")


def check_some(config: object, *names: str) -> None:
    """Refuse a layer without a single number.

    Raises:
        SetupError: one of these widths is below 1.
    """
    for name in names:
        if getattr(config, name) < 1:
            raise SetupError(f"{name} is {getattr(config, name)}, expected 1 or more")


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
