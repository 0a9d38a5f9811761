"""Public packages for PyTorch beside the reference: makes the table of conformance_packages.md.

``python docs/conformance_packages.py`` checks every trial whose package is installed and prints
its row; ``--write`` puts the rows into the page. A package that is not installed keeps its rows.
The packages are ``pip install``ed without their dependencies, which are met by
``refimpl[experiments,interop]``.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import refimpl
from refimpl.conformance import torch_optimizer, torch_parametrization

PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
DOCUMENTATION, CONTRADICTS = "its documentation", "contradicts its documentation"


@dataclass(frozen=True)
class Trial:
    """One thing of one package, and what it is compared with.

    Attributes
    ----------
    package, module : str
        The distribution, and what is imported.
    what : str
        The thing, as its package calls it.
    against : str
        The subject of ``refimpl check``.
    make : callable
        ``make(module)`` gives it under the contract of the subject.
    settings : mapping
        Of the reference.
    remark : str
        What explains a difference.
    fault : str
        Of a difference: the sentence of its own documentation that it contradicts.
    dtype : str
    """

    package: str
    module: str
    what: str
    against: str
    make: Callable[[Any], Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""
    fault: str = ""
    dtype: str = "float64"

    @property
    def installed(self) -> bool:
        """Whether the package is here."""
        try:
            importlib.import_module(self.module)
        except ImportError:
            return False
        return True

    def row(self) -> str:
        """The line of the table: package, version, thing, reference, verdict, what differs."""
        theirs = self.make(importlib.import_module(self.module))
        if self.against == DOCUMENTATION:
            agrees, causes = bool(theirs), []
        else:
            report = refimpl.check(
                theirs,
                against=self.against,
                settings=dict(self.settings),
                arrays="torch",
                dtype=self.dtype,
            )
            agrees = report.agrees
            causes = list(report.diagnosis.causes[:1]) if report.diagnosis else []
        verdict = "agrees" if agrees else f"**{CONTRADICTS}**" if self.fault else "differs"
        named = [f"diagnosis: {' and '.join(cause.names)}" for cause in causes]
        notes = "; ".join([*named, *(part for part in (self.remark, self.fault) if part)])
        version = importlib.metadata.version(self.package).split("+")[0]
        against = self.against if self.against == DOCUMENTATION else f"`{self.against}`"
        cells = (self.package, version, self.what, against, verdict, notes)
        return f"| {' | '.join(cells)} |"


# --- adapters ------------------------------------------------------------------------------------


def tall(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A map of tall matrices for wide ones too, whose rows are then orthonormal."""

    def either(q: Any) -> Any:
        return function(q) if q.shape[0] >= q.shape[1] else function(q.T).T

    return either


class Maps:
    """``project`` and ``tangent`` of a manifold of geoopt."""

    def __init__(self, manifold: Any) -> None:
        self.manifold = manifold

    def project(self, q: Any) -> Any:
        return tall(self.manifold.projx)(q)

    def tangent(self, q: Any, u: Any) -> Any:
        if q.shape[0] < q.shape[1]:
            return self.manifold.proju(q.T, u.T).T
        return self.manifold.proju(q, u)


class Project:
    """``project`` alone, from a function of one matrix."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def project(self, q: Any) -> Any:
        return self.function(q).detach()


class Ascending:
    """A sampler of geoopt, which asks for the log-density, as an optimizer of PyTorch."""

    def __init__(self, sampler: Callable[[list[Any]], Any], params: list[Any]) -> None:
        self.params, self.sampler = params, sampler(params)

    def step(self, closure: Callable[[], Any]) -> None:
        def density() -> Any:
            closure()
            slopes = [p.grad.clone() for p in self.params]
            for p in self.params:
                p.grad = None
            return -sum((g * p).sum() for g, p in zip(slopes, self.params, strict=True))

        self.sampler.step(density)


def sharpness(make: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    """The gradient that a two-pass optimizer hands to the update: ``f(gradient, params)``."""

    def wrapped(gradient: Callable[[list[Any]], list[Any]], params: list[Any]) -> list[Any]:
        import torch

        leaves = [torch.nn.Parameter(w.detach().clone()) for w in params]

        def closure() -> Any:
            for leaf, slope in zip(leaves, gradient([w.detach() for w in leaves]), strict=True):
                leaf.grad = slope.detach().clone()
            return torch.zeros(())

        closure()
        make(leaves).step(closure)
        return [leaf.grad for leaf in leaves]

    return wrapped


def clipped(torch: Any) -> Callable[..., Any]:
    """The gradients after ``clip_grad_norm_``: ``f(gradient, params)``."""

    def wrapped(gradient: Callable[[list[Any]], list[Any]], params: list[Any]) -> list[Any]:
        leaves = [torch.nn.Parameter(w.detach().clone()) for w in params]
        for leaf, slope in zip(leaves, gradient(list(params)), strict=True):
            leaf.grad = slope.detach().clone()
        torch.nn.utils.clip_grad_norm_(leaves, 1.0)
        return [leaf.grad for leaf in leaves]

    return wrapped


def unit(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of a matrix of spectral norm 1, as Björck's iteration asks for."""
    return lambda q: function(q / q.svd().S.max())


def onto(geotorch: Any) -> bool:
    """Whether the Cayley transform comes to the half turn, as a map onto the rotations would."""
    import torch

    half = -torch.eye(2, dtype=torch.float64)
    angles = [torch.tensor([[0.0, -t], [t, 0.0]]).double() for t in (1.0, 1e2, 1e4)]
    return any(torch.allclose(geotorch.cayley_map(x), half, atol=1e-12, rtol=0) for x in angles)


def reparametrized(kind: str, **options: Any) -> Callable[[Any], Any]:
    def make(module: Any) -> Any:
        return Project(lambda q: getattr(module, kind)(tuple(q.shape), **options)(q))

    return make


def optim(name: str, **options: Any) -> Callable[[Any], Any]:
    """An optimizer of a module by its name."""
    return lambda module: torch_optimizer(lambda p: getattr(module, name)(p, **options))


# --- trials --------------------------------------------------------------------------------------

RATE = {"learning_rate": 0.01}
DECAY = {"learning_rate": 0.01, "strength": 0.1, "include": "all"}
THRESHOLD = {"learning_rate": 0.01, "threshold": 5.0, "epsilon": 1e-30}
ORTHOGONAL = "torch.nn.utils.parametrizations"
NORMALIZERS, REPARAMETRIZERS = "deel.torchlip.normalizers", "orthogonium.reparametrizers"
TRIALS = (
    Trial("torch", "torch.optim", "`optim.SGD`", "sgd", optim("SGD", lr=0.01), RATE),
    Trial("torch", "torch.optim", "`optim.SGD`, momentum", "momentum",
          optim("SGD", lr=0.01, momentum=0.9), RATE),
    Trial("torch", "torch.optim", "`optim.SGD`, Nesterov", "nesterov",
          optim("SGD", lr=0.01, momentum=0.9, nesterov=True), RATE),
    Trial("torch", "torch.optim", "`optim.SGD`, dampening", "momentum",
          optim("SGD", lr=0.01, momentum=0.9, dampening=0.9), RATE, "an option of theirs"),
    Trial("torch", "torch.optim", "`optim.Adam`", "adam", optim("Adam", lr=0.01), RATE),
    Trial("torch", "torch.optim", "`optim.Adam`, amsgrad", "adam",
          optim("Adam", lr=0.01, amsgrad=True), RATE, "an option of theirs"),
    Trial("torch", "torch.optim", "`optim.AdamW`", "adamw",
          optim("AdamW", lr=0.01, weight_decay=0.1), DECAY),
    Trial("torch", "torch.optim", "`optim.RAdam`", "radam", optim("RAdam", lr=0.01), RATE,
          "both as documented; in print ρ > 4, and √v is corrected before ε is added"),
    Trial("torch", "torch.optim", "`optim.RAdam`, ρ > 5, no ε", "radam",
          optim("RAdam", lr=0.01, eps=1e-30), THRESHOLD),
    Trial("torch", "torch", "`clip_grad_norm_`", "clipping", clipped, {"limit": 1.0},
          "as documented: the gradient is up to 1e-6 of its norm too short"),
    *(Trial("torch", ORTHOGONAL, f"`orthogonal`, {name}", "orthogonal_map",
            lambda m, name=name: torch_parametrization(
                lambda layer: m.orthogonal(layer, orthogonal_map=name)))
      for name in ("matrix_exp", "cayley", "householder")),
    Trial("torch", ORTHOGONAL, "`spectral_norm`", "spectral_projection",
          lambda m: torch_parametrization(
              lambda layer: m.spectral_norm(layer, n_power_iterations=50)).project,
          {"limit": 1.0}, "as documented: small norms are raised to 1"),
    *(Trial("geotorch", "geotorch", f"`orthogonal`, {name}", "orthogonal_map",
            lambda m, name=name: torch_parametrization(
                lambda layer: m.orthogonal(layer, "weight", triv=name)))
      for name in ("expm", "cayley")),
    Trial("geotorch", "geotorch.so", '`SO`, `triv="cayley"`', DOCUMENTATION, onto,
          fault='"surjectively" is said of both maps; the Cayley transform leaves out every '
                "rotation with the eigenvalue −1"),
    Trial("geoopt", "geoopt", "`EuclideanStiefel`", "orthogonal",
          lambda m: Maps(m.EuclideanStiefel())),
    Trial("geoopt", "geoopt", "`CanonicalStiefel`", "orthogonal",
          lambda m: Maps(m.CanonicalStiefel()),
          fault='`proju` is to "project vector u on a tangent space", but is the gradient of the '
                "canonical metric: it doubles a tangent vector of a square matrix"),
    Trial("geoopt", "geoopt.optim", "`RiemannianSGD`, momentum", "momentum",
          optim("RiemannianSGD", lr=0.01, momentum=0.9), RATE,
          "the first gradient enters the velocity 1 + μ times"),
    Trial("geoopt", "geoopt.optim", "`RiemannianSGD`, Nesterov", "nesterov",
          optim("RiemannianSGD", lr=0.01, momentum=0.9, nesterov=True), RATE,
          "the first gradient enters the velocity 1 + μ times"),
    Trial("geoopt", "geoopt.optim", "`RiemannianAdam`", "adam",
          optim("RiemannianAdam", lr=0.01), RATE),
    Trial("geoopt", "geoopt.samplers", "`RSGLD`, in flat space", "sgld",
          lambda m: torch_optimizer(
              lambda p: Ascending(lambda q: m.RSGLD(q, epsilon=0.02), p), noisy=True),
          {"learning_rate": 0.01, "temperature": 1.0}, "with `epsilon` = 2 h"),
    Trial("pytorch_optimizer", "pytorch_optimizer", "`SAM`", "sam",
          lambda m: sharpness(lambda p: m.SAM(p, m.load_optimizer("sgd"), rho=0.1, lr=1.0)),
          {"radius": 0.1}, "the norm of float64 gradients is taken in float32"),
    Trial("pytorch_optimizer", "pytorch_optimizer", "`SAM`, float32", "sam",
          lambda m: sharpness(lambda p: m.SAM(p, m.load_optimizer("sgd"), rho=0.1, lr=1.0)),
          {"radius": 0.1}, dtype="float32"),
    Trial("pytorch_optimizer", "pytorch_optimizer", "`SGDW`", "weight_decay",
          optim("SGDW", lr=0.01, momentum=0.0, weight_decay=0.1, weight_decouple=True),
          {**DECAY, "decoupled": True}),
    Trial("pytorch_optimizer", "pytorch_optimizer", "`RAdam`, no ε", "radam",
          optim("RAdam", lr=0.01, eps=1e-30), {**THRESHOLD, "waiting": "nothing"},
          "waits without a step until ρ ≥ 5, as documented"),
    Trial("pytorch_optimizer", "pytorch_optimizer", "`RAdam`, degenerated_to_sgd, no ε", "radam",
          optim("RAdam", lr=0.01, eps=1e-30, degenerated_to_sgd=True), THRESHOLD),
    Trial("torch-optimizer", "torch_optimizer", "`SGDW`", "weight_decay",
          optim("SGDW", lr=0.01, momentum=0.0, weight_decay=0.1),
          {**DECAY, "decoupled": True},
          fault='"Decoupled Weight Decay Regularization" subtracts the constant α λ, whatever the '
                "weight: negative weights grow"),
    Trial("torch-optimizer", "torch_optimizer", "`RAdam`, no ε", "radam",
          optim("RAdam", lr=0.01, eps=1e-30), THRESHOLD,
          "float64 parameters are stepped in float32"),
    Trial("torch-sgld", "torch_sgld", "`SGLD`", "sgld",
          lambda m: torch_optimizer(lambda p: m.SGLD(p, lr=0.01, temperature=0.5), noisy=True),
          {"learning_rate": 0.01, "temperature": 0.5}),
    Trial("torch-sgld", "torch_sgld", "`SGLD`, momentum", "sghmc",
          lambda m: torch_optimizer(
              lambda p: m.SGLD(p, lr=0.01, momentum=0.2, temperature=0.5), noisy=True),
          {"step_size": 0.1, "friction": 2.0, "temperature": 0.5},
          "with `lr` = h² and `momentum` = γ h: 1 less the momentum of others"),
    Trial("deel-torchlip", NORMALIZERS, "`bjorck_normalization`", "orthogonal",
          lambda m: Project(unit(m.bjorck_normalization)), {},
          "as documented, an iteration that stops early"),
    Trial("deel-torchlip", NORMALIZERS, "`bjorck_normalization`, to the end", "orthogonal",
          lambda m: Project(unit(lambda q: m.bjorck_normalization(q, eps=1e-15, maxiter=500)))),
    Trial("deel-torchlip", NORMALIZERS, "`spectral_normalization`", "spectral_projection",
          lambda m: lambda q: m.spectral_normalization(q, None)[0], {"limit": 1.0},
          "raises: its first vector is float32, so a float64 kernel does not fit"),
    Trial("orthogonium", REPARAMETRIZERS, "`BatchedQROrthogonalization`", "orthogonal_map",
          reparametrized("BatchedQROrthogonalization")),
    Trial("orthogonium", REPARAMETRIZERS, "`BatchedCholeskyOrthogonalization`", "orthogonal_map",
          reparametrized("BatchedCholeskyOrthogonalization"),
          fault='"a small positive diagonal element" is said of `stable=True`; without it 1e-5 is '
                "added too, and small weights come out far from orthogonal"),
    Trial("orthogonium", REPARAMETRIZERS, "`BatchedExponentialOrthogonalization`",
          "orthogonal_map", reparametrized("BatchedExponentialOrthogonalization"), {},
          "as documented, a series of seven terms"),
    Trial("orthogonium", REPARAMETRIZERS, "`BatchedBjorckOrthogonalization`", "orthogonal_map",
          reparametrized("BatchedBjorckOrthogonalization"), {},
          "as documented, twelve iterations; they need a spectral norm below √3"),
)  # fmt: skip


def rows(written: str) -> list[str]:
    """The rows of all trials; of packages that are not here, those that stand in the page."""
    lines = [line for line in written.splitlines() if line.startswith("| ")]
    kept = {tuple(cell.strip() for cell in line.split("|")[1:4:2]): line for line in lines}
    missing = "| {} | | {} | | not run | |"
    return [
        trial.row()
        if trial.installed
        else kept.get((trial.package, trial.what), missing.format(trial.package, trial.what))
        for trial in TRIALS
    ]


def main() -> None:
    """Print the rows, or with ``--write`` put them into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    table, after = rest.split(END)
    found = rows(table)
    if "--write" not in sys.argv[1:]:
        print("\n".join(found))
        return
    heading = (
        "| package | version | what | beside | verdict | what differs |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    body = "\n".join([BEGIN, heading, *found, END])
    PAGE.write_text(before + body + after, encoding="utf-8")


if __name__ == "__main__":
    main()
