"""Plain CJME: a pass over drawn pairs, the equations written down one by one; twin and yardstick of the fast one."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, normalize


class PlainCjme(nn.Module):
    """The layers of preset `paper`."""

    def __init__(self, audio_width: int = 1024, video_width: int = 1024) -> None:
        super().__init__()
        self.g_a, self.g_v = (
            nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 64))
            for width in (audio_width, video_width)
        )
        self.g_t = nn.Linear(300, 64)
        self.f_attn = nn.Sequential(
            nn.Linear(audio_width + video_width, 64), nn.ReLU(), nn.Linear(64, 1), nn.Sigmoid()
        )


def plain_pass(
    model: PlainCjme,
    clips: tuple[Tensor, Tensor],
    labels: Tensor,
    words: Tensor,
    batches: Iterator[tuple[Tensor, Tensor]],
) -> None:
    """Train on every batch of pairs p, q by Adam at 1e-3."""
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    for p, q in batches:
        x_p, x_q = ([normalize(rows[of]) for rows in clips] for of in (p, q))
        t = model.g_t(normalize(words))
        t_p = t[labels[p]]
        (a_p, v_p), (a_q, v_q) = ((model.g_a(a), model.g_v(v)) for a, v in (x_p, x_q))
        alpha = model.f_attn(torch.cat(x_p, 1)).squeeze(1)
        l_ta = torch.relu((a_p - t_p).norm(dim=1) - (a_q - t_p).norm(dim=1) + 1)
        l_tv = torch.relu((v_p - t_p).norm(dim=1) - (v_q - t_p).norm(dim=1) + 1)
        l_av = ((a_p - v_p) ** 2).mean()
        with torch.no_grad():
            e_a, e_v = (_entropy((x[:, None] - t).norm(dim=2)) for x in (a_p, v_p))
            target = torch.where(e_v < e_a - 0.1, 1.0, torch.where(e_a < e_v - 0.1, 0.0, 0.5))
        loss = l_av + (alpha * l_tv + (1 - alpha) * l_ta).mean() + binary_cross_entropy(alpha, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def _entropy(distances: Tensor) -> Tensor:
    probabilities = (1 / distances) / (1 / distances).sum(1, keepdim=True)
    return -(probabilities * probabilities.log()).sum(1)
