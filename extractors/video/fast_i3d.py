"""I3D for inference: the plain network's numbers, with channels last in memory and batch norm folded away."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Float64, UInt8
from torch import Tensor

from extractors.video.convolutions import Direct, Pointwise, Spatial, convolve
from extractors.video.i3d import I3D, MIXED, WIDTH, Mixed, Unit
from extractors.video.pooling import max_pool, same_padding
from extractors.video.precision import AT_ONCE, computing
from extractors.video.winograd import TimeWinograd

# Frames that the stem works on at once, on a CPU: their maps stay in memory that is used again.
CHUNK = 4
# Max pools between the blocks: kernel and stride.
POOL_BEFORE = {"Mixed_4b": ((3, 3, 3), (2, 2, 2)), "Mixed_5b": ((2, 2, 2), (2, 2, 2))}


@dataclass(frozen=True, slots=True)
class Block:
    """A Mixed block: the 1x1x1 convolutions b0, b1a and b2a as one, b1b, b2b, and b3b after the pool."""

    heads: Pointwise
    head_widths: list[int]
    b1b: Spatial
    b2b: Spatial
    b3b: Pointwise


class FastI3D:
    """Features of an I3D from frames as they are decoded; nothing in it can be trained."""

    width = WIDTH

    def __init__(self, net: I3D, device: str = "cpu", precision: str = "fp32") -> None:
        """Build from the plain network, which is left as it is; its batch norms count as in evaluation."""
        self.device = torch.device(device)
        self.at_once = AT_ONCE.get(self.device.type, 1)
        self.precision = precision
        self.dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        weight, bias = folded(net.Conv3d_1a_7x7)
        # The network takes [-1, 1]. Here it is given grey levels less 127.5, which bf16 holds exactly, too.
        self.first = self._placed(weight * (2 / 255), torch.channels_last_3d), self._placed(bias)
        self.second = self._pointwise(*folded(net.Conv3d_2b_1x1))
        self.third = self._spatial(*folded(net.Conv3d_2c_3x3))
        self.blocks = {name: self._block(net.get_submodule(name)) for name in MIXED}

    def vectors(self, frames: UInt8[Tensor, "b t h w 3"]) -> Float32[Tensor, "b 1024"]:
        """Features of windows of frames, which go to the device as bytes."""
        with computing(self.precision, self.device):
            if self.device.type == "cpu":  # several windows at a time would only need more memory
                return torch.cat([self._features(window[None]) for window in frames])
            if not frames.is_cuda:
                frames = frames.pin_memory()  # its copy does not hold up who decodes the next ones
            return self._features(frames.to(self.device, non_blocking=True))

    def _features(self, frames: UInt8[Tensor, "b t h w 3"]) -> Float32[Tensor, "b 1024"]:
        x = self._stem(self._padded(frames))
        for name, block in self.blocks.items():
            if name in POOL_BEFORE:
                x = max_pool(x, *POOL_BEFORE[name])
            x = _mixed(x, block)
        return _pooled(x)

    def _padded(self, frames: UInt8[Tensor, "b t h w 3"]) -> Float[Tensor, "b t2 h2 w2 3"]:
        """Grey levels less 127.5 amid the zeros that the first convolution wants: the only copy of frames."""
        b, t, h, w, _ = frames.shape
        left, right, top, bottom, before, after = same_padding((t, h, w), (7, 7, 7), (2, 2, 2))
        shape = b, before + t + after, top + h + bottom, left + w + right, 3
        padded = torch.zeros(shape, dtype=self.dtype, device=self.device)
        torch.sub(frames, 127.5, out=padded[:, before : before + t, top : top + h, left : left + w])
        return padded

    def _stem(self, x: Float[Tensor, "b t h w 3"]) -> Float[Tensor, "b t2 h2 w2 192"]:
        """All before the first Mixed block, a few frames at a time; pools come before ReLUs: a quarter is left."""
        within, halve = (1, 3, 3), (1, 2, 2)
        n_frames = (x.shape[1] - 5) // 2
        chunk = CHUNK if self.device.type == "cpu" else n_frames
        parts = []
        for first in range(0, n_frames, chunk):
            end = min(first + chunk, n_frames)
            maps = convolve(x[:, 2 * first : 2 * end + 5], *self.first, stride=2)
            parts.append(self.second(max_pool(maps, within, halve).relu_()))
        x = torch.cat(parts, dim=1)
        b, t, h, w, _ = x.shape
        out = x.new_empty(b, t, -(-h // 2), -(-w // 2), self.third.width)
        for times, maps in self.third(x):
            torch.clamp_min(max_pool(maps, within, halve), 0, out=out[:, times])
        return out

    def _block(self, block: torch.nn.Module) -> Block:
        assert isinstance(block, Mixed)
        heads = [folded(unit) for unit in (block.b0, block.b1a, block.b2a)]
        return Block(
            self._pointwise(
                torch.cat([weight for weight, _ in heads]), torch.cat([bias for _, bias in heads])
            ),
            [len(bias) for _, bias in heads],
            self._spatial(*folded(block.b1b)),
            self._spatial(*folded(block.b2b)),
            self._pointwise(*folded(block.b3b)),
        )

    def _spatial(self, weight: Float64[Tensor, "c2 c 3 3 3"], bias: Float64[Tensor, " c2"]) -> Spatial:
        # Winograd's way is for machines that multiply in float32; a GPU has faster means, and bf16 too few bits.
        if self.device.type == "cpu" and self.dtype == torch.float32:
            return TimeWinograd(weight, bias)
        return Direct(self._placed(weight, torch.channels_last_3d), self._placed(bias))

    def _pointwise(self, weight: Float64[Tensor, "c2 c 1 1 1"], bias: Float64[Tensor, " c2"]) -> Pointwise:
        return Pointwise(self._placed(weight[:, :, 0], torch.channels_last), self._placed(bias))

    def _placed(
        self, x: Float64[Tensor, "..."], layout: torch.memory_format = torch.contiguous_format
    ) -> Float[Tensor, "..."]:
        return x.to(self.device, self.dtype).contiguous(memory_format=layout)


def folded(unit: Unit) -> tuple[Float64[Tensor, "c2 c kt kh kw"], Float64[Tensor, " c2"]]:
    """Weight and bias of the convolution that does what a unit's convolution and batch norm do in evaluation."""
    norm = unit.bn
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    weight = unit.conv3d.weight.double() * scale.view(-1, 1, 1, 1, 1)
    return weight.detach(), (norm.bias.double() - norm.running_mean.double() * scale).detach()


def _mixed(x: Float[Tensor, "b t h w c"], block: Block) -> Float[Tensor, "b t h w c2"]:
    """Branches write where their channels belong; their ReLU is done on the way."""
    b0, b1a, b2a = block.heads(x).split_with_sizes(block.head_widths, dim=-1)
    last = block.b3b(max_pool(x, (3, 3, 3), (1, 1, 1)))
    widths = [b0.shape[-1], block.b1b.width, block.b2b.width, last.shape[-1]]
    joined = x.new_empty(*x.shape[:-1], sum(widths))
    first, second, third, fourth = joined.split_with_sizes(widths, dim=-1)
    torch.clamp_min(b0, 0, out=first)
    torch.clamp_min(last, 0, out=fourth)
    for convolution, entering, leaving in ((block.b1b, b1a, second), (block.b2b, b2a, third)):
        for times, maps in convolution(entering):
            torch.clamp_min(maps, 0, out=leaving[:, times])
    return joined


def _pooled(x: Float[Tensor, "b t h w c"]) -> Float32[Tensor, "b c"]:
    """The mean of the plain network's 2x7x7 average pool, as one weighted mean of the map.

    Positions near the ends of an axis lie in fewer windows of the pool, so they count less: at 7x7 all the
    same, and in time the first and the last half as much as the others.
    """
    counts = []
    for n, most in zip(x.shape[1:4], (2, 7, 7), strict=True):
        k = min(most, n)
        position = torch.arange(n, device=x.device)
        counts.append((position + 1).clamp(max=min(k, n - k + 1)).minimum(n - position).float())
    weights = torch.einsum("t,h,w->thw", *counts)
    mean: Tensor = (x.float() * (weights / weights.sum())[..., None]).sum(dim=(1, 2, 3))
    return mean
