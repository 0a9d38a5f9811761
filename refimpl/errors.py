"""Typed failures. Each carries the numbers that explain it, as attributes and in its message.

>>> error = ConvergenceError("projection did not converge", residual=1e-3, iterations=50)
>>> error.residual
0.001
>>> print(error)
projection did not converge (residual=0.001, iterations=50)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_MOST_NAMES = 12


class RefimplError(Exception):
    """Base of every error of the package: a message and the numbers behind it.

    Parameters
    ----------
    message : str
        What went wrong and, where it is known, what to change.
    **numbers
        The quantities that explain the failure; each becomes an attribute.
    """

    def __init__(self, message: str, **numbers: Any) -> None:
        self.message = message
        self.numbers = numbers
        for name, value in numbers.items():
            setattr(self, name, value)
        details = ", ".join(f"{name}={_short(value)}" for name, value in numbers.items())
        super().__init__(f"{message} ({details})" if details else message)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.numbers))

    def __getattr__(self, name: str) -> Any:  # lets type checkers see the numbers
        raise AttributeError(f"{type(self).__name__} carries no number named {name!r}")


def _rebuild(kind: type[RefimplError], message: str, numbers: dict[str, Any]) -> RefimplError:
    """Unpickle: errors cross process borders when sweeps run in parallel."""
    return kind(message, **numbers)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class ConvergenceError(RefimplError):
    """An iteration stopped before it met its tolerance."""


class CollapseError(ConvergenceError):
    """The weights decayed to a point from which no gradient leads back."""


class StepSizeError(RefimplError, ValueError):
    """A step size or gain lies outside its known limit; carries the value and the limit."""


class InfeasibleError(RefimplError):
    """No point satisfies the constraints (or no step onto them exists)."""


class DivergenceError(RefimplError):
    """A quantity became non-finite or left every bound; carries the step and the last value."""


class ConstraintError(RefimplError):
    """A constraint is ill-posed at this point, such as a rank-deficient Jacobian."""


class GradientCheckError(RefimplError):
    """A derivative disagrees with its finite-difference check."""


class DataError(RefimplError):
    """A data file is missing, truncated, mislabelled or corrupt."""


class MissingDataError(DataError):
    """Files of a data set are not here; the message names the command that gets them."""


class TargetError(DataError, ValueError):
    """Labels or targets do not fit the outputs or what is asked of them."""


class SettingError(RefimplError, ValueError):
    """A setting does not fit the data, the model or another setting."""


class ForeignError(SettingError):
    """The answer of somebody else's function or the names of their parameters do not fit."""


class MissingPartError(SettingError, AttributeError):
    """A method looks at a part that this objective does not have."""


class SecondDerivativeError(RefimplError, NotImplementedError):
    """A gradient that was computed elsewhere would have to be differentiated."""


class BackendError(RefimplError):
    """An array backend is unknown or cannot run on this machine."""


class CheckpointError(RefimplError):
    """A checkpoint is unreadable or belongs to another run."""


def unknown_name(kind: str, name: str, known: Iterable[str], listing: str = "") -> str:
    """The message for a name that is not among those known: the nearest, and what there is.

    Parameters
    ----------
    kind : str
        What is named, such as ``"algorithm"``.
    name : str
    known : iterable of str
        In the order in which they are shown.
    listing : str
        The command that shows all, named instead of the names where these are many.

    Examples
    --------
    >>> unknown_name("fruit", "aple", ["pear", "apple"])
    "unknown fruit 'aple' (did you mean 'apple'?): choose one of pear, apple"
    >>> unknown_name("number", "x", map(str, range(99)), "seq 0 98")
    "unknown number 'x': `seq 0 98` shows all 99"
    """
    names = list(known)
    folded = {item.lower(): item for item in names}
    import difflib  # costs as much as all the rest of this file, and only who errs needs it

    close = difflib.get_close_matches(name.lower(), folded, n=1)
    hint = f" (did you mean {folded[close[0]]!r}?)" if close else ""
    if listing and len(names) > _MOST_NAMES:
        return f"unknown {kind} {name!r}{hint}: `{listing}` shows all {len(names)}"
    return f"unknown {kind} {name!r}{hint}: choose one of {', '.join(names) or 'none'}"
