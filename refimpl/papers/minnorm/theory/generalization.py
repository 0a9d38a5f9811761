"""Generalization of linear students: gradient descent, early stopping, ridge, minimum norm.

Setting (that of M. Advani and A. Saxe, 2017; the formulas are derived here): x ~ N(0, I / N),
y = w_bar . x + noise, entries of w_bar of variance s_w2, noise of variance s_e2, P = a N examples,
a student whose weights start with variance s_02, error E = |w_bar - w|^2 / N + s_e2, the loss a
sum over examples, time in units of tau. As N grows, the eigenvalues l of X^T X follow Marchenko
and Pastur's law: density sqrt((l_+ - l)(l - l_-)) / (2 pi l) between l_+- = (1 +- sqrt(a))^2, and a
mass max(0, 1 - a) at zero.

1. Gradient descent: E(t) = s_e2 + < (s_w2 + s_02) e^{-2 l t} + (s_e2 / l) (1 - e^{-l t})^2 >_l.
2. Its end: (1 - a)(s_w2 + s_02) + s_e2 a / (1 - a) + s_e2 for a < 1 and s_e2 / (a - 1) + s_e2 for
   a > 1. Stopping early never goes below the frozen part (1 - a)(s_w2 + s_02) + s_e2.
3. Minimum norm, at any depth and from any start: the same end with s_02 = 0.
4. Ridge with coefficient g: E = s_e2 + < (g^2 s_w2 + l s_e2) / (l + g)^2 >_l. The best is
   g = s_e2 / s_w2, the posterior mean, with E = s_e2 (1 + m),
   m = [-(g + a - 1) + sqrt((g + a - 1)^2 + 4 g)] / (2 g).

Hence interpolation at minimum norm loses against the best ridge wherever there is noise. What it
gains over gradient descent is that the start is forgotten.

====================  ===========================================================
symbol                name
====================  ===========================================================
a                     ``load``
s_w2, s_e2, s_02      ``signal, noise, start`` (variances)
====================  ===========================================================

>>> round(descent_end_error(0.5, signal=1.0, noise=0.25, start=1.0), 12)
1.5
>>> round(minimum_norm_error(0.5, signal=1.0, noise=0.25), 12)
1.0
"""

from __future__ import annotations

import math
from collections.abc import Callable


def _check(load: float, **variances: float) -> None:
    if not load > 0:
        raise ValueError(f"the load P / N must be positive, not {load}")
    for name, value in variances.items():
        if not value >= 0:
            raise ValueError(f"the variance {name} must not be negative, not {value}")


def spectral_mean(function: Callable[[float], float], load: float, *, points: int = 2000) -> float:
    """< f(l) >_l over Marchenko and Pastur's law of X^T X, the mass at zero included.

    With l = 1 + a + 2 sqrt(a) cos(angle) the density is smooth and periodic in the angle, so that
    the midpoint rule converges faster than any power of ``points``.

    Parameters
    ----------
    function : callable
        Of one eigenvalue l >= 0; it must be defined at 0 if ``load`` < 1.
    load : float
        a > 0.
    points : int

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the load is not positive.

    Examples
    --------
    The mean of l is tr(X^T X) / N = a:

    >>> round(spectral_mean(lambda l: l, 0.5), 12)
    0.5
    """
    _check(load)
    root = math.sqrt(load)
    total = 0.0
    for index in range(points):
        angle = math.pi * (index + 0.5) / points
        eigenvalue = max(1.0 + load + 2.0 * root * math.cos(angle), 0.0)
        if eigenvalue == 0.0:
            continue
        density = 2.0 * load * math.sin(angle) ** 2 / (math.pi * eigenvalue)
        total += density * function(eigenvalue)
    mean = total * math.pi / points
    return mean + (1.0 - load) * function(0.0) if load < 1.0 else mean


def descent_error(
    time: float, load: float, *, signal: float, noise: float, start: float = 0.0
) -> float:
    """E(t) of gradient descent.

    Parameters
    ----------
    time : float
        In units of tau.
    load : float
        a = P / N.
    signal, noise, start : float
        Variances of the teacher, the noise and the student's start.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For a load that is not positive or a negative variance.

    Examples
    --------
    >>> round(descent_error(1.0, 0.5, signal=1.0, noise=0.25, start=1.0), 4)
    1.5579
    """
    _check(load, signal=signal, noise=noise, start=start)

    def mode(eigenvalue: float) -> float:
        if eigenvalue == 0.0:
            return signal + start
        gone = -math.expm1(-eigenvalue * time)
        return (signal + start) * (1.0 - gone) ** 2 + noise * gone * gone / eigenvalue

    return noise + spectral_mean(mode, load)


def descent_end_error(load: float, *, signal: float, noise: float, start: float = 0.0) -> float:
    """E(infinity) of gradient descent; infinite at load 1 where there is noise.

    Examples
    --------
    >>> descent_end_error(2.0, signal=1.0, noise=0.25, start=9.0)
    0.5
    """
    _check(load, signal=signal, noise=noise, start=start)
    if load == 1.0:
        return math.inf if noise > 0 else 0.0
    if load > 1.0:
        return noise / (load - 1.0) + noise
    return (1.0 - load) * (signal + start) + noise * load / (1.0 - load) + noise


def minimum_norm_error(load: float, *, signal: float, noise: float) -> float:
    """E of the minimum-norm solution, at any depth and from any start.

    Examples
    --------
    >>> round(minimum_norm_error(0.9, signal=1.0, noise=0.25), 12)
    2.6
    """
    return descent_end_error(load, signal=signal, noise=noise)


def finite_minimum_norm_error(examples: int, inputs: int, *, signal: float, noise: float) -> float:
    """The mean of E over data sets of ``examples`` < ``inputs`` - 1, exact at finite N.

    The noise enters through tr (X X^T)^{-1} / N, whose mean is P / (N - P - 1) by the inverse
    Wishart law.

    Parameters
    ----------
    examples, inputs : int
        P and N.
    signal, noise : float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If P > N - 2: the mean does not exist.

    Examples
    --------
    >>> finite_minimum_norm_error(4, 10, signal=1.0, noise=0.5)
    1.5
    """
    if not 0 < examples <= inputs - 2:
        raise ValueError(f"the mean needs 0 < P <= N - 2, not P={examples}, N={inputs}")
    spread = examples / (inputs - examples - 1)
    return (1.0 - examples / inputs) * signal + noise * (1.0 + spread)


def frozen_error(load: float, *, signal: float, noise: float, start: float = 0.0) -> float:
    """(1 - a)(s_w2 + s_02) + s_e2: what gradient descent keeps whenever it is stopped (a < 1).

    Examples
    --------
    >>> frozen_error(0.5, signal=1.0, noise=0.25, start=1.0)
    1.25
    """
    _check(load, signal=signal, noise=noise, start=start)
    return max(0.0, 1.0 - load) * (signal + start) + noise


def best_stopping(
    load: float, *, signal: float, noise: float, start: float = 0.0
) -> tuple[float, float]:
    """The time at which gradient descent generalizes best, and its error there.

    Returns
    -------
    time : float
        Infinite where there is no noise.
    error : float

    Examples
    --------
    >>> round(best_stopping(0.9, signal=1.0, noise=0.25)[1], 3)
    0.69
    """
    _check(load, signal=signal, noise=noise, start=start)
    if noise == 0.0:
        return math.inf, descent_end_error(load, signal=signal, noise=noise, start=start)
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log_time: descent_error(
            math.exp(log_time), load, signal=signal, noise=noise, start=start
        ),
        bounds=(-5.0, 10.0),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return math.exp(found.x), float(found.fun)


def ridge_error(load: float, decay: float, *, signal: float, noise: float) -> float:
    """E of ridge regression with coefficient ``decay`` > 0 (loss sum e^2 / 2 + decay |w|^2 / 2).

    Examples
    --------
    >>> round(ridge_error(0.9, 0.25, signal=1.0, noise=0.25), 3)
    0.681
    """
    _check(load, signal=signal, noise=noise)
    if not decay > 0:
        raise ValueError(f"decay must be positive, not {decay}")
    return noise + spectral_mean(
        lambda l: (decay**2 * signal + l * noise) / (l + decay) ** 2,  # noqa: E741
        load,
    )


def best_ridge(load: float, *, signal: float, noise: float) -> tuple[float, float]:
    """The best coefficient s_e2 / s_w2, and its error s_e2 (1 + m) in closed form.

    Raises
    ------
    ValueError
        Unless signal and noise are positive.

    Examples
    --------
    >>> decay, error = best_ridge(0.9, signal=1.0, noise=0.25)
    >>> decay, round(error, 3)
    (0.25, 0.681)
    """
    _check(load, signal=signal, noise=noise)
    if not (signal > 0 and noise > 0):
        raise ValueError(f"signal and noise must be positive, not {signal} and {noise}")
    decay = noise / signal
    shifted = decay + load - 1.0
    # the positive root of g m^2 + (g + a - 1) m - 1 = 0, in the form that does not cancel
    root = math.hypot(shifted, 2.0 * math.sqrt(decay))
    m = 2.0 / (root + shifted) if shifted > 0 else (root - shifted) / (2.0 * decay)
    return decay, noise * (1.0 + m)
