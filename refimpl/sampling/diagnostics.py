"""What draws are worth: integrated autocorrelation time, effective sample size, split R-hat.

Draws are arrays (chains, draws) on the host.

* τ = 1 + 2 Σ_k ρ_k, the integrated autocorrelation time, with the sum cut at the smallest K ≥ 5 τ_K
  (A. Sokal, "Monte Carlo methods in statistical mechanics", 1997); the autocorrelations are pooled
  over chains around one mean.
* bulk and tail effective sample size and R-hat of split chains with normalized ranks: A. Vehtari,
  A. Gelman, D. Simpson, B. Carpenter and P.-C. Bürkner, "Rank-normalization, folding, and
  localization: an improved R-hat for assessing convergence of MCMC", Bayesian Analysis 16 (2021).

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> x = np.zeros((50, 2000))
>>> for t in range(1, 2000):
...     x[:, t] = 0.8 * x[:, t - 1] + 0.6 * rng.standard_normal(50)
>>> abs(integrated_time(x[:, 100:]) - 9.0) < 0.5  # (1 + 0.8) / (1 - 0.8)
True
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from refimpl.errors import SettingError

Kind = Literal["bulk", "tail", "mean"]


def integrated_time(draws: np.ndarray, window: float = 5.0) -> float:
    """The integrated autocorrelation time in draws, 1 for independent ones.

    Parameters
    ----------
    draws : array, shape (chains, draws)
    window : float
        The sum runs to the smallest K with K ≥ window · τ_K.

    Returns
    -------
    float
        NaN where nothing varies, or where the window does not close within the draws.

    Examples
    --------
    >>> integrated_time(np.tile([1.0, -1.0], (2, 50)))
    0.0
    """
    values = _checked(draws)
    values = values - values.mean()
    rho = _autocovariance(values).mean(axis=0)
    if rho[0] == 0.0:
        return math.nan
    times = 2.0 * np.cumsum(rho / rho[0]) - 1.0
    closed = np.flatnonzero(np.arange(times.size) >= window * times)
    return max(float(times[closed[0]]), 0.0) if closed.size else math.nan


def ess(draws: np.ndarray, kind: Kind = "bulk") -> float:
    """The effective sample size.

    Parameters
    ----------
    draws : array, shape (chains, draws)
        Six draws a chain or more: chains are split, and a half needs two autocorrelations.
    kind : {"bulk", "tail", "mean"}
        Of normalized ranks, of the 5 % and 95 % quantiles (the smaller), or of the values.

    Raises
    ------
    SettingError
        For fewer draws, or another shape.

    Examples
    --------
    >>> 3500 < ess(np.random.default_rng(1).standard_normal((4, 1000)), "mean") < 4500
    True
    """
    values = _checked(draws, least=6)
    if kind == "mean":
        return _ess(_split(values))
    if kind == "bulk":
        return _ess(_normal_scores(_split(values)))
    below = [1.0 * (values <= end) for end in np.quantile(values, [0.05, 0.95])]
    return min(_ess(_split(part)) for part in below)


def rhat(draws: np.ndarray) -> float:
    """R-hat of split chains: the larger of normalized ranks and of those of |x − median|.

    Parameters
    ----------
    draws : array, shape (chains, draws)

    Examples
    --------
    >>> x = np.random.default_rng(2).standard_normal((4, 500))
    >>> rhat(x) < 1.01 < 1.5 < rhat(x + np.arange(4)[:, None])
    True
    """
    values = _split(_checked(draws))
    folded = np.abs(values - np.median(values))
    return max(_rhat(_normal_scores(values)), _rhat(_normal_scores(folded)))


def _checked(draws: np.ndarray, least: int = 4) -> np.ndarray:
    values = np.asarray(draws, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < least:
        raise SettingError(f"draws have the shape (chains, draws >= {least}), not {values.shape}")
    return values


def _split(values: np.ndarray) -> np.ndarray:
    half = values.shape[1] // 2
    return np.concatenate([values[:, :half], values[:, -half:]])


def _normal_scores(values: np.ndarray) -> np.ndarray:
    from scipy import special, stats

    ranks = stats.rankdata(values, method="average").reshape(values.shape)
    return special.ndtri((ranks - 0.375) / (values.size + 0.25))


def _autocovariance(values: np.ndarray) -> np.ndarray:
    """Of each row around zero, divided by the number of draws at every lag."""
    count = values.shape[1]
    padded = np.fft.rfft(values, n=2 * count, axis=1)
    return np.fft.irfft(np.abs(padded) ** 2, n=2 * count, axis=1)[:, :count] / count


def _rhat(values: np.ndarray) -> float:
    count = values.shape[1]
    within = values.var(axis=1, ddof=1).mean()
    if within == 0.0:
        return math.nan
    between = values.mean(axis=1).var(ddof=1)
    return math.sqrt((count - 1) / count + between / within)


def _ess(values: np.ndarray) -> float:
    """By Geyer's initial monotone sequence of sums of two autocorrelations."""
    chains, count = values.shape
    centered = values - values.mean(axis=1, keepdims=True)
    covariance = _autocovariance(centered)
    within = covariance[:, 0].mean() * count / (count - 1)
    if within == 0.0:
        return math.nan
    total = within * (count - 1) / count
    if chains > 1:
        total += values.mean(axis=1).var(ddof=1)
    rho = 1.0 - (within - covariance.mean(axis=0)) / total
    rho[0] = 1.0
    pairs = rho[: 2 * ((count - 1) // 2)].reshape(-1, 2)
    sums = pairs.sum(axis=1)
    ends = np.flatnonzero(sums[1:] < 0.0)
    last = int(ends[0]) + 1 if ends.size else len(pairs) - 1
    kept = np.minimum.accumulate(sums[:last])
    time = 2.0 * kept.sum() - 1.0 + max(pairs[last, 0], 0.0)
    time = max(time, 1.0 / math.log10(chains * count))
    return float(chains * count / time)
