"""Curve: calibrated stacking for every beta at once, exactly; its optimum, and the area under S against U."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from audiosetzsl.evaluation.metrics import classes_measured

ROUNDING = 1e-12  # harmonic means nearer than this differ by the order of a sum, not by a clip


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best harmonic mean that any beta reaches, and a beta that reaches it."""

    beta: float
    harmonic: float


@dataclass(frozen=True, slots=True)
class Curve:
    """S and U (mean class accuracies from 0 to 1) for every beta of eq. 8, as steps.

    Step i holds from `betas[i]`, which belongs to it, up to `betas[i + 1]`, which does not. The first step has no
    beginning, so `betas[0]` is minus infinity: all clips are called seen there, so U is 0. The last has no end: all
    are called unseen there, so S is 0. With beta S never rises and U never falls.
    """

    betas: Float[np.ndarray, " n_steps"]
    seen: Float[np.ndarray, " n_steps"]
    unseen: Float[np.ndarray, " n_steps"]

    def steps_at(self, betas: Float[np.ndarray, " n_betas"]) -> Int[np.ndarray, " n_betas"]:
        """Which step each beta falls into."""
        steps: np.ndarray = np.searchsorted(self.betas, betas, side="right") - 1
        return steps

    @property
    def harmonic(self) -> Float[np.ndarray, " n_steps"]:
        """HM of each step; 0 where S and U are."""
        total = self.seen + self.unseen
        means: np.ndarray = np.divide(
            2 * self.seen * self.unseen, total, out=np.zeros_like(total), where=total > 0
        )
        return means

    @property
    def seen_alone(self) -> float:
        """S where beta goes to minus infinity: clips of seen classes among seen classes."""
        return float(self.seen[0])

    @property
    def unseen_alone(self) -> float:
        """U where beta goes to infinity: clips of unseen classes among unseen classes, that is ZSL."""
        return float(self.unseen[-1])

    @property
    def optimum(self) -> Optimum:
        """The best step, the first of equals, and the beta in its middle.

        Every beta of the step is as good here. On other clips the gaps lie elsewhere, and the middle is farthest from
        both ends. Beta is 0, no calibration, where HM is 0 everywhere.
        """
        harmonics = self.harmonic
        best = first_best(harmonics)
        if harmonics[best] == 0:
            return Optimum(0.0, 0.0)
        # HM is 0 on the first and on the last step, so this one has both ends.
        start, end = self.betas[best], self.betas[best + 1]
        middle = start + (end - start) / 2
        # Between two neighbours among the floats the middle may be rounded to the end, which is another step.
        return Optimum(float(middle if middle < end else start), float(harmonics[best]))

    @property
    def ausuc(self) -> float:
        """Area under the curve of S (up) against U (right): Chao et al., ECCV 2016, arXiv 1605.04253.

        By trapezoids. Where one clip changes sides, a step of the curve is level or upright and all rules agree. Only
        where clips of seen and of unseen classes have equal gaps is there a slope: one in the middle of the orders
        in which they might change, as ties count in the area under a ROC.
        """
        heights = (self.seen[1:] + self.seen[:-1]) / 2
        return float(np.sum(np.diff(self.unseen) * heights))


def curve_of_gaps(
    gap: Float[np.ndarray, " n_clips"],
    right: Bool[np.ndarray, " n_clips"],
    actual: Int[np.ndarray, " n_clips"],
    seen: Bool[np.ndarray, " n_classes"],
) -> Curve:
    """Follow S and U over all beta, with one sort of the gaps.

    Args:
        gap: by how much a clip's best seen class leads its best unseen one. It is called seen where beta < gap.
        right: whether the best class of the side that the clip is of is the clip's own class.
        actual: column of each clip's class.
        seen: which classes are seen.

    Raises:
        SetupError: no seen class has a clip, or no unseen one.
    """
    counts = np.bincount(actual, minlength=len(seen))
    # A clip that its own side gets wrong is wrong for every beta.
    betas, turns = np.unique(gap[right], return_inverse=True)
    labels = actual[right]

    def mean_of(side: Bool[np.ndarray, " n_classes"], *, at_first: bool) -> Float[np.ndarray, " n_steps"]:
        columns = classes_measured(side, counts > 0)
        total = np.zeros(len(betas) + 1)
        for column in columns:
            turned = np.cumsum(np.bincount(turns[labels == column] + 1, minlength=len(betas) + 1))
            total += (turned[-1] - turned if at_first else turned) / counts[column]
        return total / len(columns)

    return Curve(
        np.concatenate([[-np.inf], betas]), mean_of(seen, at_first=True), mean_of(~seen, at_first=False)
    )


def first_best(harmonics: Float[np.ndarray, " n"]) -> int:
    """Index of the largest harmonic mean, the first of those that are equal but for rounding."""
    return int(np.argmax(harmonics >= harmonics.max() - ROUNDING))
