"""What a constrained step costs: in matrix products, in steps of SGD, and beside other libraries.

The two sides of a ratio take turns in one process on one thread, by the processor time; the kernels
of the BLAS, on which ratios depend, are printed. PyTorch and geoopt take part where they are
installed. Run with

    python -m pytest tests/benchmarks/test_constrained_langevin_speed.py --benchmark-enable -s
"""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.sgd import SGD
from refimpl.benchmarks.peers import network
from refimpl.benchmarks.table import Network, problem
from refimpl.benchmarks.timing import kernels, race
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.o_cola_od import OCoLAod
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud
from refimpl.training import stepper

DTYPES = ["float64", "float32"]
INCREMENT = 0.02


def compared(functions, seconds=0.5):
    """The ratios of the first to the others, printed with their quartiles."""
    with threadpool_limits(1):
        first, *others = functions
        timing = race(functions, seconds=seconds)[first]
    print(f"\n{first}: {timing.microseconds:.0f} us, {', '.join(kernels())}")
    for name in others:
        middle, low, high = timing.ratios[name]
        print(f"  / {name}: {middle:.2f} [{low:.2f}, {high:.2f}]")
    return {name: timing.ratios[name][0] for name in others}


def stiefel(shape, dtype, count=1):
    """Orthonormal weights, and slopes of a linear loss whose spectral norms are 1."""
    rng = np.random.default_rng(0)
    weights = [np.linalg.qr(rng.standard_normal(shape))[0].astype(dtype) for _ in range(count)]
    slopes = [rng.standard_normal(shape) for _ in range(count)]
    return weights, [(c / np.linalg.norm(c, 2)).astype(dtype) for c in slopes]


def orthogonal_step(factory, weights, slopes, **settings):
    def linear(params, batch):
        parts = [ad.sum(w * c) for w, c in zip(params, slopes, strict=True)]
        return sum(parts[1:], start=parts[0])

    algorithm = factory(free_first=False, **settings)
    state = algorithm.init(weights)
    for _ in range(2):
        state, info = algorithm.step(state, linear, None)
    n = weights[0].shape[0]
    assert float(info.residual) <= 4.0 * np.sqrt(n) * np.finfo(weights[0].dtype).eps
    return lambda: algorithm.step(state, linear, None)


def qr_steps(weights, slopes):
    """By hand: the tangent part of the gradient, and the Q factor with a positive diagonal."""

    def step():
        for w, c in zip(weights, slopes, strict=True):
            product = w.T @ c
            q, r = np.linalg.qr(w - INCREMENT * (c - w @ (0.5 * (product + product.T))))
            q * np.sign(np.diagonal(r))

    return step


def geoopt_steps(weights, slopes):
    torch, geoopt = pytest.importorskip("torch"), pytest.importorskip("geoopt")
    torch.set_num_threads(1)
    leaves = [
        geoopt.ManifoldParameter(torch.tensor(w), manifold=geoopt.EuclideanStiefel())
        for w in weights
    ]
    targets = [torch.tensor(c) for c in slopes]
    optimizer = geoopt.optim.RiemannianSGD(leaves, lr=INCREMENT)

    def step():
        optimizer.zero_grad()
        sum((w * c).sum() for w, c in zip(leaves, targets, strict=True)).backward()
        optimizer.step()

    return step


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(512, 512), (512, 256)])
def test_an_orthogonal_step_in_products(shape, dtype):
    weights, slopes = stiefel(shape, dtype)
    left, right = weights[0].T.copy(), slopes[0]
    products = {"product": lambda: left @ right}
    step = orthogonal_step(OCoLAod, weights, slopes, step_size=INCREMENT)
    found = compared({f"o_cola_od {shape} {dtype}": step, **products})
    assert found["product"] <= 9.0
    options = {"step_size": INCREMENT**0.5, "friction": 200.0, "splitting": "OBA"}
    step = orthogonal_step(OCoLAud, weights, slopes, **options)
    found = compared({f"o_cola_ud {shape} {dtype}": step, **products})
    assert found["product"] <= 13.0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "count"), [((512, 512), 1), ((512, 256), 1), ((64, 64), 6)])
def test_an_orthogonal_step_beside_a_retraction_by_hand(shape, count, dtype):
    weights, slopes = stiefel(shape, dtype, count)
    step = orthogonal_step(OCoLAod, weights, slopes, step_size=INCREMENT)
    name = f"o_cola_od {count} x {shape} {dtype}"
    found = compared({name: step, "QR": qr_steps(weights, slopes)})
    if shape[1] > 64:  # a step has calls besides, which small matrices do not hide
        assert found["QR"] <= 1.1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "count"), [((512, 512), 1), ((512, 256), 1), ((64, 64), 6)])
def test_an_orthogonal_step_beside_geoopt(shape, count, dtype):
    weights, slopes = stiefel(shape, dtype, count)
    peer = geoopt_steps(weights, slopes)
    step = orthogonal_step(OCoLAod, weights, slopes, step_size=INCREMENT)
    found = compared({f"o_cola_od {count} x {shape} {dtype}": step, "geoopt": peer})
    assert found["geoopt"] <= 1.1


def circle_steps(factory, widths, dtype, **settings):
    objective, params, batch = problem(Network(widths, 128), dtype)
    for layer in params:
        layer["weight"] = 0.3 * layer["weight"]
    run, plain = (
        stepper(algorithm, objective, params)
        for algorithm in (factory(**settings), SGD(learning_rate=1e-3))
    )
    for k in range(4):
        run.step(batch, Rng(k))
        plain.step(batch, Rng(k))
    return params, batch, lambda: run.step(batch, Rng(0)), lambda: plain.step(batch, Rng(0))


def torch_circles(params, batch, drift):
    """Ten lines in place: the radial projection, or the rotation by the angle of a velocity."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    x, y = torch.from_numpy(batch.inputs), torch.from_numpy(np.asarray(batch.targets))
    net = network(torch, params, x)
    leaves = list(net.parameters())
    slacks = [(1.0 - w * w).detach().sqrt() if w.ndim == 2 else None for w in leaves]
    speeds = [torch.zeros_like(w) for w in leaves]

    @torch.no_grad()
    def move(w, xi, v):
        if xi is None:
            w.sub_(w.grad, alpha=1e-3)
        elif drift:
            v.mul_(0.97).sub_(w.grad * xi, alpha=3e-2)
            sine, cosine = torch.sin(3e-2 * v), torch.cos(3e-2 * v)
            start = w.clone()
            w.mul_(cosine).add_(xi * sine)
            xi.mul_(cosine).sub_(start * sine)
        else:
            w.sub_(w.grad, alpha=1e-3)
            size = (w * w + xi * xi).sqrt_()
            w.div_(size)
            xi.div_(size)

    def step():
        net.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(net(x), y).backward()
        for leaf in zip(leaves, slacks, speeds, strict=True):
            move(*leaf)

    return step


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factory", [CCoLAod, CCoLAud])
@pytest.mark.parametrize("widths", [(784, 1000, 10), (784, 256, 10)])
def test_a_circle_step_in_steps_of_sgd(factory, widths, dtype):
    settings = {"step_size": 1e-3 if factory is CCoLAod else 3e-2}
    _, _, step, plain = circle_steps(factory, widths, dtype, **settings)
    found = compared({f"{factory.__name__} {widths} {dtype}": step, "SGD": plain})
    assert found["SGD"] <= (2.4 if factory is CCoLAod else 3.0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factory", [CCoLAod, CCoLAud])
def test_a_circle_step_beside_ten_lines_of_torch(factory, dtype):
    pytest.importorskip("torch")
    settings = {"step_size": 1e-3 if factory is CCoLAod else 3e-2}
    params, batch, step, _ = circle_steps(factory, (784, 1000, 10), dtype, **settings)
    peer = torch_circles(params, batch, factory is CCoLAud)
    found = compared({f"{factory.__name__} {dtype}": step, "torch": peer})
    assert found["torch"] <= (1.3 if dtype == "float64" else 1.6)
