"""Arrays of PyTorch and JAX: where they come from, and that they do not mix with others."""

import numpy as np
import pytest
from helpers import assert_close, foreign_backend

from refimpl import Circle, Orthogonal, arrays
from refimpl import autodiff as ad
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import backend, backend_of, namespace, to_host
from refimpl.datasets import Batch
from refimpl.errors import BackendError
from refimpl.models import LOSSES, MLP, Objective
from refimpl.random import Rng

pytestmark = pytest.mark.interop
LIBRARIES = ["torch", "jax"]
OBJECTIVE = Objective(MLP((3, 4, 2)))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_backends_are_found_again(library, dtype):
    place = foreign_backend(library, dtype)
    found = backend_of(place.ones((2,)))
    assert (found.name, found.dtype_name, found.xp) == (library, dtype, place.xp)
    assert backend_of(found.asarray(np.ones(2))).dtype_name == dtype


@pytest.mark.parametrize("library", LIBRARIES)
def test_arrays_are_copies_of_those_of_the_host(library):
    place = foreign_backend(library)
    for host in (np.zeros(64), np.zeros(64, dtype=np.int64)):
        there = place.asarray(host)
        host[0] = 5
        assert float(there[0]) == 0.0
    locked = np.zeros(3)
    locked.flags.writeable = False
    assert place.asarray(locked).shape == (3,)


def test_jax_without_float64_says_how_to_switch_it_on():
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(BackendError, match=r"jax\.config\.update\('jax_enable_x64', True\)"):
            backend("jax")
        assert backend("jax", "float32").ones((2,)).dtype == np.float32
    finally:
        jax.config.update("jax_enable_x64", before)


PAIRS = [("numpy", "torch"), ("torch", "numpy"), ("numpy", "jax"), ("jax", "numpy"),
         ("torch", "jax"), ("jax", "torch")]  # fmt: skip


@pytest.mark.parametrize(("mine", "theirs"), PAIRS)
def test_libraries_do_not_mix(mine, theirs):
    """In a step, in a product, in a loss and in a constraint: never a silent copy."""
    here = backend() if mine == "numpy" else foreign_backend(mine)
    there = backend() if theirs == "numpy" else foreign_backend(theirs)
    params = OBJECTIVE.model.init(Rng(0), backend=here)
    inputs, labels = Rng(1).normal((5, 3)), Rng(2).integers(0, 2, (5,))
    signs = 2 * labels - 1
    state = SGD(learning_rate=0.1).init(params)
    batches = [
        Batch(there.asarray(inputs), here.asarray(labels)),
        Batch(here.asarray(inputs), there.asarray(labels)),
    ]
    calls = [
        *(lambda b=b: SGD(learning_rate=0.1).step(state, OBJECTIVE, b) for b in batches),
        lambda: ad.matmul(here.eye(2), there.eye(2)),
        lambda: ad.linear(here.eye(2), there.eye(2)),
        lambda: Orthogonal((3, 2)).tangency(here.eye(3, 2), there.eye(3, 2)),
        lambda: Orthogonal((3, 2)).project_tangent(here.eye(3, 2), there.eye(3, 2)),
        lambda: Orthogonal((3, 2)).project(here.eye(3, 2), there.eye(3, 2)),
        lambda: Circle(radius=1.0).project_tangent(here.ones((2, 3)), there.ones((2, 3))),
        lambda: arrays.solve_triangular(here.eye(2), there.ones((2,))),
        lambda: SGD(learning_rate=0.1).init([params, there.ones((2,))]),
    ]
    outputs = {"softmax_cross_entropy": (5, 2), "multiclass_margin": (5, 2)}
    for name, loss in LOSSES.items():
        scores = here.asarray(Rng(3).normal(outputs.get(name, (5,))))
        targets = there.asarray(labels if name in outputs else signs.astype(float))
        calls.append(lambda loss=loss, s=scores, t=targets: loss(s, t))
    for call in calls:
        with pytest.raises(TypeError, match="namespaces"):
            call()


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", list(LOSSES))
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_every_loss_agrees(library, name, reduction):
    place = foreign_backend(library)
    shape = (5, 3) if name in ("softmax_cross_entropy", "multiclass_margin") else (5,)
    scores = Rng(3).normal(shape)
    targets = Rng(2).integers(0, 3, (5,))
    if len(shape) == 1:
        targets = np.where(targets > 0, 1.0, -1.0)

    def total(scores, targets):
        return ad.sum(LOSSES[name](scores, targets, reduction=reduction))

    found = ad.value_and_grad(total)(place.asarray(scores), place.asarray(targets))
    assert all(namespace(part) is place.xp for part in found)
    assert_close(list(found), list(ad.value_and_grad(total)(scores, targets)), rtol=1e-13)


def test_host_arrays_of_a_recorded_graph_are_refused_at_the_door():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="requires_grad"):
        SGD(learning_rate=0.1).init(torch.ones(2, dtype=torch.float64, requires_grad=True))


def test_to_host_brings_tensors_home():
    torch = pytest.importorskip("torch")
    tensor = torch.arange(3.0)
    host = to_host(tensor)
    host[0] = 7.0
    assert type(host) is np.ndarray and float(tensor[0]) == 0.0
