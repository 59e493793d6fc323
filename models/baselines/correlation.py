"""Correlation: axes on which several views of the same clips agree most, from their covariance."""

from collections.abc import Sequence

import numpy as np
import scipy.linalg
from jaxtyping import Float

from audiosetzsl.errors import SetupError


def canonical_axes(
    covariance: Float[np.ndarray, "total total"],
    widths: Sequence[int],
    *,
    ridge: float,
    components: int | None,
) -> tuple[Float[np.ndarray, "total n_components"], Float[np.ndarray, " n_components"]]:
    """Solve the generalised eigenproblem of all views' covariance C, one view's width after another's.

    Component by component, axes w = (w_1, ..., w_m) maximise the sum of covariances over pairs of views,
    sum_{i != j} w_i' C_ij w_j, where the variances add up to m: sum_i w_i' (C_ii + r_i I) w_i = m. r_i is `ridge`
    times the mean variance of the view's dimensions, so that the scale of a view is of no account. It follows that
    (C - D) w = (m - 1) rho D_r w, with D the blocks C_ii alone, D_r those with r_i.

    This is SUMCOR with its condition relaxed from each view's variance to their sum; SUMCOR proper has no solution
    in closed form. With r_i = 0 its axes are those of Kettenring's MAXVAR, where one variable common to all views
    maximises the sum of its squared multiple correlations with them, which is 1 + (m - 1) rho. With r_i > 0 they
    differ, as MAXVAR would have C_ii without r_i on its left. With two views and r_i = 0 it is Hotelling's CCA, rho
    its correlation.

    Returns:
        Axes, a column a component, and rho, which falls: the mean over pairs of views of their correlation, where
        the views' variances are alike. `components` None keeps all with rho above 0, and no number keeps more: the
        others say how views disagree, and with every one of them kept, products between views would all be 0.

    Raises:
        SetupError: a view has fewer independent dimensions than dimensions, and ridge is 0.
    """
    total = len(covariance)
    wanted = min(components or total, total)
    ends = np.cumsum(widths)
    parts = [slice(end - width, end) for end, width in zip(ends.tolist(), widths, strict=True)]
    roots = [_root(covariance[part, part], ridge) for part in parts]
    # In coordinates in which every D_r block is the identity the problem is an ordinary symmetric one.
    whitened = np.zeros_like(covariance)
    for i, left in enumerate(parts):
        for j, right in enumerate(parts[:i]):
            half = scipy.linalg.solve_triangular(roots[i], covariance[left, right], lower=True)
            block = scipy.linalg.solve_triangular(roots[j], half.T, lower=True).T
            whitened[left, right], whitened[right, left] = block, block.T
    values, vectors = scipy.linalg.eigh(
        whitened, subset_by_index=(total - wanted, total - 1), overwrite_a=True, check_finite=False
    )
    agree = values > total * np.finfo(np.float64).eps
    values, vectors = values[agree][::-1], vectors[:, agree][:, ::-1] * np.sqrt(len(widths))
    axes = np.concatenate(
        [
            scipy.linalg.solve_triangular(root, vectors[part], lower=True, trans="T")
            for root, part in zip(roots, parts, strict=True)
        ]
    )
    return axes, values / (len(widths) - 1)


def _root(block: Float[np.ndarray, "width width"], ridge: float) -> Float[np.ndarray, "width width"]:
    """Lower L with L L' the block and its ridge."""
    width = len(block)
    shrunk = block + ridge * np.trace(block) / width * np.eye(width)
    try:
        root: np.ndarray = np.linalg.cholesky(shrunk)
    except np.linalg.LinAlgError:
        root = np.zeros_like(block)
    # Rounding may leave a little where there is nothing.
    if np.square(np.diag(root)).min() <= width * np.finfo(np.float64).eps * np.diag(shrunk).max():
        raise SetupError(
            f"a view of width {width} has fewer independent dimensions than that; set ridge above {ridge}"
        )
    return root
