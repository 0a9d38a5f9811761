"""Implementations in PyTorch: derivatives by autograd, optimizers and parametrizations."""

import pytest

import refimpl
from refimpl import catalogue, conformance
from refimpl.conformance import torch_optimizer, torch_parametrization

torch = pytest.importorskip("torch")
if "mhe" not in catalogue.subjects() or "orthogonal" not in catalogue.subjects():
    pytest.skip("their papers are not here", allow_module_level=True)


def energy(fault=""):
    def function(weight):
        lengths = weight.norm(dim=1, keepdim=True)
        unit = weight / (lengths.detach() if fault == "detached" else lengths)
        n = len(unit)
        square = (unit[:, None] - unit[None]).pow(2).sum(-1)
        off = ~torch.eye(n, dtype=torch.bool)
        total = (1.0 / square[off]).sum()
        if fault == "cut":
            total = total.detach()
        if fault == "nearest ones":
            return (1.0 / torch.where(off, square, square + 9.0).min(1).values).mean()
        return total if fault == "sum" else total / (n * (n - 1))

    return function


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_penalty_agrees_with_derivatives(dtype):
    report = refimpl.check(energy(), "mhe", {"space": "full"}, dtype=dtype)
    assert report.agrees, str(report)
    assert {row.quantity for row in report.rows} >= {
        "gradient in weight", "Hessian times a direction, in weight",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("detached", ("lengths detached in the gradient",)),
        ("cut", ("gradient cut",)),
        ("sum", ("theirs is ours times the number of ordered pairs of neurons",)),
    ],
)
def test_faults_of_a_penalty_are_named(fault, answer):
    report = refimpl.check(energy(fault), "mhe", {"space": "full"})
    assert not report.agrees and report.diagnosis.causes[0].names == answer


def test_another_penalty_is_left_open():
    report = refimpl.check(energy("nearest ones"), "mhe", {"space": "full"})
    assert report.diagnosis.causes == () and report.first.quantity == "value"


OPTIMIZERS = [
    ("sgd", {}, lambda p: torch.optim.SGD(p, lr=0.1)),
    ("momentum", {}, lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
    ("nesterov", {}, lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True)),
    ("adam", {}, lambda p: torch.optim.Adam(p)),
    ("adamw", {"include": "all"}, lambda p: torch.optim.AdamW(p)),
    ("weight_decay", {"strength": 0.1, "include": "all"},
     lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.1)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "make"), OPTIMIZERS, ids=lambda x: str(x)[:12])
def test_the_librarys_optimizers_agree(name, settings, make):
    report = refimpl.check(torch_optimizer(make), name, settings)
    assert report.agrees, str(report)
    assert report.arrays == "torch"


@pytest.mark.parametrize(
    ("name", "make", "answer"),
    [
        ("momentum", lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.9),
         ("dampening after the first step",)),
        ("momentum", lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
         ("nesterov=True",)),
        ("adam", lambda p: torch.optim.Adam(p, betas=(0.8, 0.999)), ("beta1=0.8",)),
        ("adamw", lambda p: torch.optim.AdamW(p), ("include='all'",)),
        ("adamw", lambda p: torch.optim.Adam(p, weight_decay=0.01),
         ("coupled decay (decoupled=False)", "include='all'")),
        ("adam", lambda p: torch.optim.RAdam(p, lr=0.001), None),
        ("adam", lambda p: torch.optim.NAdam(p, lr=0.001), None),
    ],
)  # fmt: skip
def test_options_of_the_library_are_recognized(name, make, answer):
    found = refimpl.check(torch_optimizer(make), name, steps=6).diagnosis
    assert (found.causes[0].names if found.causes else None) == answer, str(found)


class Noisy(torch.optim.Optimizer):
    """Stochastic gradient Langevin dynamics that draws its noise itself."""

    def __init__(self, params, lr, scale):
        super().__init__(params, {"lr": lr, "scale": scale})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.add_(p.grad, alpha=-group["lr"])
                p.add_(torch.randn_like(p), alpha=group["scale"])


def test_noise_that_an_optimizer_draws_is_given():
    before = torch.randn_like
    right = torch_optimizer(lambda p: Noisy(p, 0.1, (2 * 0.1 * 0.01) ** 0.5), noisy=True)
    assert refimpl.check(right, "sgld").agrees
    wrong = torch_optimizer(lambda p: Noisy(p, 0.1, (0.1 * 0.01) ** 0.5), noisy=True)
    names = refimpl.check(wrong, "sgld").diagnosis.causes[0].names
    assert names == ("factor 2 missing in the variance of the noise",)
    assert torch.randn_like is before
    alone = torch_optimizer(lambda p: Noisy(p, 0.1, (2 * 0.1 * 0.01) ** 0.5))
    report = refimpl.check(alone, "sgld", steps=2, pairs=False)
    assert not report.agrees and "two runs with the same inputs differ" in report.notes[0]


class Sharp(torch.optim.Optimizer):
    """SAM with a closure."""

    def __init__(self, params, lr, rho):
        super().__init__(params, {"lr": lr, "rho": rho})

    @torch.no_grad()
    def step(self, closure):
        params = [p for group in self.param_groups for p in group["params"]]
        norm = torch.sqrt(sum((p.grad**2).sum() for p in params))
        old = [p.clone() for p in params]
        for p in params:
            p.add_(p.grad * (self.defaults["rho"] / norm))
        with torch.enable_grad():
            closure()
        for p, w in zip(params, old, strict=True):
            p.copy_(w - self.defaults["lr"] * p.grad)


def test_a_closure_takes_the_gradient_where_the_parameters_are():
    theirs = torch_optimizer(lambda p: Sharp(p, 0.05, 0.05))
    subject = sam_as_optimizer(refimpl.SGD(learning_rate=0.05))
    assert conformance.check(theirs, subject, steps=5).agrees


def sam_as_optimizer(update):
    from refimpl import Composition
    from refimpl.conformance import Reference, Subject
    from refimpl.conformance.problem import descent, plain_start

    sam = pytest.importorskip("refimpl.papers.amp.sam")

    return Subject(
        name="sam_steps",
        kind="optimizer",
        contract="step",
        make=lambda: Reference(Composition(update, wrappers=[sam.SAM(radius=0.05)])),
        cases=lambda settings, rng, steps: [descent(plain_start, steps=steps, rng=rng)],
        common="optimizer",
    )


def test_parametrizations_are_told_from_what_they_are_not():
    orthogonal = torch.nn.utils.parametrizations.orthogonal
    assert refimpl.check(torch_parametrization(orthogonal), "orthogonal_map").agrees
    spectral = torch_parametrization(torch.nn.utils.parametrizations.spectral_norm)
    report = refimpl.check(spectral, "orthogonal_map")
    assert not report.agrees and "residual" in report.first.quantity


def test_mixed_precision_is_compared_in_the_lower_one():
    report = refimpl.check(
        lambda weight: 0.5e-4 * (weight.float() ** 2).sum(), "l2", arrays="torch"
    )
    assert report.agrees, str(report)
    assert report.dtype == "float32" and "float32 came back" in report.notes[0]
