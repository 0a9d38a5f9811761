"""Losses whose gradients come from elsewhere: NumPy, PyTorch and JAX, under the algorithms."""

import numpy as np
import pytest
from cases import all_cases
from helpers import assert_close, foreign_backend

from refimpl import MHE, SGD, SGLD, Adam, Composition, Momentum, Orthogonality, catalogue
from refimpl import autodiff as ad
from refimpl.algorithms.composition import place_of
from refimpl.datasets import Batch
from refimpl.errors import (
    BackendError,
    ForeignError,
    MissingPartError,
    SecondDerivativeError,
)
from refimpl.interop import from_torch, from_value_and_grad, module_parameters
from refimpl.models import MLP, Objective
from refimpl.random import Rng

OURS = Objective(MLP((3, 4, 2), activation="tanh"), "softmax_cross_entropy")
PARAMS = OURS.model.init(Rng(1), bias_scale=1.0)
BATCH = Batch(Rng(2).normal((7, 3)), Rng(3).integers(0, 2, (7,)), np.arange(7))
ENTRIES = catalogue.algorithms()


def by_hand(params, batch):
    """The loss of OURS and its gradient in plain NumPy, from the formulas."""
    first, second = params
    z = batch.inputs @ first["weight"].T + first["bias"]
    h = np.tanh(z)
    logits = h @ second["weight"].T + second["bias"]
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = shifted / shifted.sum(axis=1, keepdims=True)
    rows = np.arange(len(p))
    loss = -np.mean(np.log(p[rows, batch.targets]))
    error = p.copy()
    error[rows, batch.targets] -= 1.0
    error /= len(p)
    back = (error @ second["weight"]) * (1.0 - h * h)
    return loss, [
        {"weight": back.T @ batch.inputs, "bias": back.sum(axis=0)},
        {"weight": error.T @ h, "bias": error.sum(axis=0)},
    ]


def torch_net():
    torch = pytest.importorskip("torch")
    parts = (torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    return torch.nn.Sequential(*parts).double()


def jax_loss(params, batch):
    import jax
    import jax.numpy as jnp

    first, second = params
    h = jnp.tanh(batch.inputs @ first["weight"].T + first["bias"])
    logits = h @ second["weight"].T + second["bias"]
    chances = jax.nn.log_softmax(logits)
    return -jnp.mean(chances[jnp.arange(len(chances)), batch.targets])


def foreign(kind):
    if kind == "numpy":
        return from_value_and_grad(by_hand)
    if kind == "torch":
        return from_torch(torch_net(), pytest.importorskip("torch").nn.functional.cross_entropy)
    foreign_backend("jax")
    return from_value_and_grad(__import__("jax").value_and_grad(jax_loss), arrays="jax")


KINDS = [
    "numpy",
    pytest.param("torch", marks=pytest.mark.interop),
    pytest.param("jax", marks=pytest.mark.interop),
]


@pytest.mark.parametrize("kind", KINDS)
def test_value_and_gradient_are_those_of_our_loss(kind):
    value, gradient = foreign(kind).value_and_gradient(PARAMS, BATCH)
    expected, slopes = ad.value_and_grad(OURS)(PARAMS, BATCH)
    assert_close([value, gradient], [expected, slopes], rtol=1e-13, atol=1e-15)
    taped = ad.grad(lambda params: 2.0 * foreign(kind)(params, BATCH))(PARAMS)
    assert_close(taped, ad.map_tree(lambda g: 2.0 * g, slopes), rtol=1e-13, atol=1e-15)


def walk(algorithm, loss, **extra):
    state = algorithm.init(PARAMS, **extra)
    for step in range(3):
        state, _ = algorithm.step(state, loss, BATCH, Rng(5).child(step))
    return state.params


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "algorithm",
    [
        SGD(learning_rate=0.1),
        Momentum(learning_rate=0.1),
        Adam(learning_rate=0.1),
        SGLD(learning_rate=0.1),
        Composition(Momentum(learning_rate=0.1), [MHE(strength=0.1), Orthogonality(strength=0.1)]),
    ],
    ids=["sgd", "momentum", "adam", "sgld", "penalties"],
)
def test_three_steps_are_those_with_our_loss(kind, algorithm):
    assert_close(walk(algorithm, foreign(kind)), walk(algorithm, OURS), rtol=1e-12, atol=1e-14)


CASES = all_cases()
RUN = [n for n, e in ENTRIES.items() if not {"tasks", "graphs"} & set(e.requires)]


@pytest.mark.parametrize("name", RUN)
def test_every_algorithm_takes_one_or_refuses_it_by_type(name):
    """Where it takes one the steps are those with our own loss; else a typed error says why."""
    entry = ENTRIES[name]
    algorithm = entry.make(**CASES[name].sample)

    def go(objective):
        extra = {}
        if "validation" in entry.requires:
            extra["validation"] = BATCH
        if "training" in entry.requires:
            extra["training"] = BATCH
        if "training" in entry.requires or entry.is_part:
            extra["objective"] = objective
        return walk(algorithm, objective, **extra)

    if "objective" in entry.requires and name != "input_noise":  # which draws inputs alone
        with pytest.raises((MissingPartError, TypeError), match=r"look at the outputs|Objective"):
            go(foreign("numpy"))
    else:
        assert_close(go(foreign("numpy")), go(OURS), rtol=1e-9, atol=1e-11)


def test_what_needs_more_than_a_gradient_is_refused():
    objective = foreign("numpy")
    with pytest.raises(MissingPartError, match="has no 'model'"):
        _ = objective.model
    assert not hasattr(objective, "outputs") and not hasattr(objective, "anything")
    with pytest.raises(SecondDerivativeError, match="methods that need second derivatives"):
        ad.hvp(lambda params: objective(params, BATCH), PARAMS, PARAMS)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda w, b: (1.0, {"w": w["w"][:1]}), "another shape"),
        (lambda w, b: (1.0, [w["w"]]), "no tree like the parameters"),
        (lambda w, b: (w["w"], w), "must be a scalar"),
        (lambda w, b: (1.0, {"w": 2.0}), "must hold arrays, not float"),
        (lambda w, b: (1.0, {"w": w["w"].astype(np.float32)}), "another dtype"),
    ],
)
def test_wrong_answers_are_named(answer, message):
    with pytest.raises(ForeignError, match=message):
        from_value_and_grad(answer).value_and_gradient({"w": np.ones(2)}, None)


def test_a_function_is_needed_and_a_known_library():
    with pytest.raises(TypeError, match="callable"):
        from_value_and_grad(3)
    with pytest.raises(BackendError, match="unknown backend"):
        from_value_and_grad(by_hand, arrays="tensorflow")


# --- modules of PyTorch --------------------------------------------------------------------------


@pytest.mark.interop
@pytest.mark.parametrize("ours", [SGD, Momentum])
def test_training_follows_torch_optim(ours):
    """Ten steps of the module's own training, by PyTorch alone."""
    torch = pytest.importorskip("torch")
    module, loss = torch_net(), torch.nn.functional.cross_entropy
    inputs, targets = torch.as_tensor(BATCH.inputs), torch.as_tensor(BATCH.targets)
    algorithm = ours(learning_rate=0.3)
    objective, state = from_torch(module, loss), algorithm.init(module_parameters(module))
    batch = Batch(inputs, targets)
    kept = {name: p.detach().clone() for name, p in module.named_parameters()}
    for _ in range(10):
        state, info = algorithm.step(state, objective, batch)
    assert type(info.loss) is torch.Tensor and not info.loss.requires_grad
    for name, p in module.named_parameters():
        assert torch.equal(p, kept[name]) and p.grad is None  # the module was not touched
    theirs = torch.optim.SGD(
        module.parameters(), lr=0.3, momentum=getattr(algorithm, "momentum", 0)
    )
    for _ in range(10):
        theirs.zero_grad()
        loss(module(inputs), targets).backward()
        theirs.step()
    for name, p in module.named_parameters():
        group, part = name.split(".")
        assert torch.allclose(state.params[group][part], p, rtol=1e-12, atol=1e-13)


@pytest.mark.interop
def test_impure_modules_and_foreign_names_are_refused():
    torch = pytest.importorskip("torch")
    nn, loss = torch.nn, torch.nn.functional.mse_loss
    for part in (nn.Dropout(0.5), nn.LSTM(2, 2, num_layers=2, dropout=0.1)):
        with pytest.raises(ForeignError, match="global generator"):
            from_torch(nn.Sequential(part), loss)
    with pytest.raises(ForeignError, match="running averages"):
        from_torch(nn.BatchNorm1d(2), loss)
    from_torch(nn.BatchNorm1d(2).eval(), loss)
    with pytest.raises(ForeignError, match="has no parameters"):
        from_torch(nn.ReLU(), loss)
    objective = from_torch(nn.Linear(2, 1).double(), loss)
    batch = Batch(torch.ones(1, 2).double(), torch.ones(1, 1).double())
    wrong = {"weight": torch.ones(1, 2).double(), "scale": torch.ones(1).double()}
    with pytest.raises(ForeignError, match="missing bias, not wanted scale"):
        objective.value_and_gradient(wrong, batch)
    with pytest.raises(ForeignError, match="another shape"):
        objective.value_and_gradient([torch.ones(2).double(), torch.ones(1).double()], batch)


@pytest.mark.interop
def test_unused_parameters_get_zeros():
    torch = pytest.importorskip("torch")

    class Half(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used = torch.nn.Parameter(torch.ones(2).double())
            self.idle = torch.nn.Parameter(torch.ones(3).double())

        def forward(self, x):
            return x @ self.used

    objective = from_torch(Half(), torch.nn.functional.mse_loss)
    batch = Batch(torch.eye(2).double(), torch.zeros(2).double())
    _, gradient = objective.value_and_gradient(module_parameters(Half()), batch)
    assert gradient["idle"].tolist() == [0.0, 0.0, 0.0] and gradient["used"].tolist() == [1.0, 1.0]


def test_place_of_parts_is_known():
    """The walk above covers penalties, wrappers and projections."""
    kinds = {place_of(ENTRIES[n].factory) for n in RUN if ENTRIES[n].is_part}
    assert kinds == {"penalties", "wrappers", "projections"}
