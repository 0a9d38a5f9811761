"""Is an implementation of somebody else right, and if not: what has it done instead?

>>> import numpy as np
>>> import refimpl
>>> def spread(weight):
...     gram = weight @ weight.T
...     return np.sum((gram - np.eye(len(gram))) ** 2)
>>> settings = {"strength": 1.0}
>>> refimpl.check(spread, against="orthogonality", settings=settings).agrees
True
>>> report = refimpl.check(lambda w: 0.5 * spread(w.T), against="orthogonality", settings=settings)
>>> report.agrees, report.diagnosis.causes[0].names
(False, ("gram='inputs'", 'theirs is 0.5 times ours: a factor 1/2 too much'))

What theirs has to look like
----------------------------
*penalty*
    ``f(weight) -> scalar``, row = neuron; what the method draws at random comes as further
    arguments. Penalties of a network get its parameters: ``f(w1, b1, w2, b2, inputs)``.
*optimizer*
    ``init(params) -> state`` and ``step(params, state, gradient, noise) -> (params, state)``, or a
    bare function ``step``; see :mod:`refimpl.conformance.optimizers`. An optimizer of PyTorch goes
    through :func:`torch_optimizer`.
*constraint*
    ``project(q)``, ``tangent(q, u)``, or one of them; a parametrization of PyTorch goes through
    :func:`torch_parametrization`.
*loss, wrapper, layer, closed form*
    A function; the line ``contract`` of the subject names its arguments. A wrapper gets the
    gradient of the loss as a function of the parameters.

Derivatives are compared where PyTorch or JAX give them, or where theirs has an attribute
``value_and_gradient``. :func:`refimpl.check` takes the name of an entry, ``refimpl check`` does it
on the command line, and :func:`check` takes the :class:`Subject` itself, such as one of your own.

How it is judged
----------------
The reference computes in float64 at the numbers that theirs gets. The tolerance of a quantity is 64
roundings of it and 16 times what a change of the inputs by four roundings does to the reference
(:mod:`refimpl.conformance.compare`), so that ill-conditioned quantities accuse nobody. Where theirs
differs, the reference is changed until it has their numbers (:mod:`refimpl.conformance.diagnosis`).
"""

from refimpl.conformance.adapters import torch_optimizer, torch_parametrization
from refimpl.conformance.builders import (
    closed_form,
    entry_settings,
    function,
    network_penalty,
    optimizer,
    penalty,
    weight_function,
    wrapped_gradient,
    wrapper,
)
from refimpl.conformance.causes import Cause, Diagnosis
from refimpl.conformance.checking import check
from refimpl.conformance.general import after, before
from refimpl.conformance.mistaken_steps import Around, Leafwise
from refimpl.conformance.optimizers import Gradient, Reference, draws_of
from refimpl.conformance.problem import array_like, array_of, rolled, weights
from refimpl.conformance.records import Case, Contrast, Deviation, Known, Subject, settings_of
from refimpl.conformance.report import Report, Row

__all__ = [
    "Around",
    "Case",
    "Cause",
    "Contrast",
    "Deviation",
    "Diagnosis",
    "Gradient",
    "Known",
    "Leafwise",
    "Reference",
    "Report",
    "Row",
    "Subject",
    "after",
    "before",
    "array_like",
    "array_of",
    "check",
    "closed_form",
    "draws_of",
    "entry_settings",
    "function",
    "network_penalty",
    "optimizer",
    "penalty",
    "rolled",
    "settings_of",
    "torch_optimizer",
    "torch_parametrization",
    "weight_function",
    "weights",
    "wrapped_gradient",
    "wrapper",
]
