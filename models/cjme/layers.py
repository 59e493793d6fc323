"""Layers of CJME's networks: the form of the inputs, the projection of a modality, attention, dropout."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from models.inputs import InputForm, Inputs


class Formed(nn.Module):
    """Brings rows into the form that a network learns from; what it takes from train clips is saved with it."""

    def __init__(self, form: InputForm, width: int) -> None:
        super().__init__()
        self.form = form
        if form is InputForm.STANDARD:
            self.register_buffer("mean", torch.zeros(width))
            self.register_buffer("scale", torch.ones(width))

    def learn(self, rows: Float[np.ndarray, "n_train width"]) -> None:
        """Take mean and scale from rows that are learnt from, where the form asks for them."""
        if self.form is InputForm.STANDARD:
            taken = Inputs.of(self.form, rows)
            self.get_buffer("mean").copy_(torch.from_numpy(taken.mean))
            self.get_buffer("scale").copy_(torch.from_numpy(taken.scale))

    def forward(self, rows: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        """Bring rows into the form; a row of nothing but zeros stays one, unless it is standardised."""
        if self.form is InputForm.STANDARD:
            rows = (rows - self.get_buffer("mean")) / self.get_buffer("scale")
        return rows if self.form is InputForm.RAW else normalize(rows)


class Dropout(nn.Module):
    """Dropout as torch's, whose own draws on a CPU take as long as half of the products beside them."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, rows: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        """Put zeros in this share of places, and scale the others up, in training only."""
        if not self.training or not self.share:
            return rows
        kept = torch.rand(rows.shape, device=rows.device) >= self.share
        return rows * (kept / (1 - self.share))


class Attention(nn.Module):
    """f_attn: alpha, the weight of video in each clip, before its sigmoid."""

    def __init__(self, audio_width: int, video_width: int, hidden: int) -> None:
        super().__init__()
        self.audio_width = audio_width
        self.first = nn.Linear(audio_width + video_width, hidden)
        self.last = nn.Linear(hidden, 1)

    def forward(
        self, audio: Float[Tensor, "n audio_width"], video: Float[Tensor, "n video_width"]
    ) -> Float[Tensor, " n"]:
        """Weigh each clip by both its modalities, which are one vector here: only their copy is saved."""
        weight = self.first.weight
        of_audio, of_video = weight[:, : self.audio_width], weight[:, self.audio_width :]
        hidden = torch.relu(linear(audio, of_audio, self.first.bias) + linear(video, of_video))
        logits: Tensor = self.last(hidden).squeeze(1)
        return logits


def projection(in_width: int, hidden: int, width: int, dropout: float) -> nn.Sequential:
    """g_a or g_v of the paper: two layers."""
    return nn.Sequential(nn.Linear(in_width, hidden), nn.ReLU(), Dropout(dropout), nn.Linear(hidden, width))
