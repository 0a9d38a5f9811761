"""Every rule of the package against finite differences, and its own derivative too.

``CASES`` lists how each primitive is exercised; those of a paper stand in its tests, in
``primitive_cases.py``. A primitive anywhere that has no case, or a case that leaves a rule of its
primitive unused, fails.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.special
from helpers import foreign_backend
from hypothesis import given
from hypothesis import strategies as st

import refimpl
from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.arrays import namespace, to_host
from refimpl.autodiff import operations, tape
from refimpl.interop import from_value_and_grad, objectives

# --- inputs, drawn away from kinks and poles: a finite difference must not step across one -------


def real(rng, shape):
    return rng.normal(shape)


def positive(rng, shape):
    return 0.5 + rng.uniform(shape, 0.0, 2.0)


def inside(rng, shape):
    return rng.uniform(shape, -0.6, 0.6)


def off_zero(rng, shape):
    return rng.rademacher(shape) * (0.2 + rng.uniform(shape))


def distinct(rng, shape):
    """Entries at least 0.3 apart, in random order."""
    size = int(np.prod(shape, dtype=int))
    return np.reshape(0.3 * rng.permutation(size) - 0.1 * size, shape)


ELEMENTWISE = [((),), ((3,),), ((2, 3),), ((2, 1, 3),)]
BROADCAST = [
    ((2, 3), (2, 3)),
    ((3,), (2, 3)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((), ()),
    ((1,), (2, 2, 3)),
    ((2, 1, 3), (4, 1)),
]
MATRICES = [((2, 3),), ((4, 1),), ((2, 2, 3),)]


@dataclass(frozen=True)
class Case:
    """One way to call a primitive: a function of arrays, their shapes and where they lie."""

    primitive: Any
    function: Callable[..., Any]
    shapes: list[tuple[tuple[int, ...], ...]]
    draw: Callable[..., Any] = real
    name: str = ""
    twice: bool = True

    def __str__(self) -> str:
        return self.name or self.primitive.__name__.strip("_")


def reductions(function, name):
    """The axis and keepdims that a reduction can be called with."""
    options = [
        ("all", None, False, [(), (4,), (2, 3)]),
        ("all-kept", None, True, [(4,), (2, 3)]),
        ("axis-0", 0, False, [(4,), (2, 3), (2, 3, 2)]),
        ("axis-last-kept", -1, True, [(4,), (2, 3), (2, 3, 2)]),
        ("two-axes", (0, -1), False, [(2, 3), (2, 3, 2)]),
        ("two-axes-kept", (-2, 0), True, [(2, 3, 2)]),
    ]
    for label, axis, keepdims, shapes in options:
        yield (
            f"{name}-{label}",
            lambda x, a=axis, k=keepdims: function(x, axis=a, keepdims=k),
            [(shape,) for shape in shapes],
        )


LABELS = np.array([2, 0, 1, 1])
SIGNS = np.array([1.0, -1.0, -1.0, 1.0])
MASK = np.array([[True, False, True], [False, False, True]])
REPEATED = np.array([1, 0, 1, 1])
DISTINCT = np.array([2, 0])
SOFT = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.1, 0.1, 0.2], [2.0, 1.0, 0.0]])

CASES = [
    Case(ad.add, lambda x, y: x + y, BROADCAST),
    Case(ad.subtract, lambda x, y: x - y, BROADCAST),
    Case(ad.multiply, lambda x, y: x * y, BROADCAST),
    Case(ad.divide, lambda x, y: x / y, BROADCAST, positive),
    Case(ad.power, lambda x, y: x**y, BROADCAST, positive),
    *(
        Case(ad.power, lambda x, n=n: x**n, ELEMENTWISE, off_zero, f"power-{n}")
        for n in (0, 1, 2, 3, -1)
    ),
    Case(ad.power, lambda x: x**0.5, ELEMENTWISE, positive, "power-half"),
    Case(ad.power, lambda x: 2.0**x, ELEMENTWISE, real, "power-of-number"),
    Case(
        ad.matmul,
        lambda x, y: x @ y,
        [
            ((2, 3), (3, 4)),
            ((3,), (3,)),
            ((3,), (3, 2)),
            ((2, 3), (3,)),
            ((5, 2, 3), (3, 4)),
            ((2, 3), (5, 3, 4)),
            ((5, 1, 2, 3), (4, 3, 1)),
            ((3,), (2, 3, 4)),
            ((2, 4, 3), (3,)),
        ],
    ),
    Case(ad.gram, ad.gram, MATRICES),
    Case(ad.negative, lambda x: -x, ELEMENTWISE),
    Case(ad.exp, ad.exp, ELEMENTWISE),
    Case(ad.expm1, ad.expm1, ELEMENTWISE),
    Case(ad.log, ad.log, ELEMENTWISE, positive),
    Case(ad.log1p, ad.log1p, ELEMENTWISE, positive),
    Case(ad.sqrt, ad.sqrt, ELEMENTWISE, positive),
    Case(ad.square, ad.square, ELEMENTWISE),
    Case(ad.sin, ad.sin, ELEMENTWISE),
    Case(ad.cos, ad.cos, ELEMENTWISE),
    Case(ad.arccos, ad.arccos, ELEMENTWISE, inside),
    Case(ad.arcsin, ad.arcsin, ELEMENTWISE, inside),
    Case(ad.arctan, ad.arctan, ELEMENTWISE),
    Case(ad.tanh, ad.tanh, ELEMENTWISE),
    Case(operations._sech_squared, operations._sech_squared, ELEMENTWISE),
    Case(ad.sigmoid, ad.sigmoid, ELEMENTWISE),
    Case(ad.softplus, ad.softplus, ELEMENTWISE, off_zero),
    Case(ad.relu, ad.relu, ELEMENTWISE, off_zero),
    Case(ad.leaky_relu, ad.leaky_relu, ELEMENTWISE, off_zero),
    Case(
        ad.leaky_relu,
        lambda x: ad.leaky_relu(x, slope=0.3),
        ELEMENTWISE,
        off_zero,
        "leaky_relu-slope",
    ),
    Case(ad.abs, ad.abs, ELEMENTWISE, off_zero),
    Case(ad.clip, lambda x: ad.clip(x, -0.1, 0.15), ELEMENTWISE, off_zero),
    Case(ad.clip, lambda x: ad.clip(x, None, 0.1), ELEMENTWISE, off_zero, "clip-above"),
    Case(ad.where, lambda x, y: ad.where(MASK, x, y), BROADCAST[:7]),
    Case(ad.maximum, ad.maximum, [((2, 3), (2, 3)), ((3,), (2, 3)), ((2, 1), (1, 3))], real),
    Case(ad.minimum, ad.minimum, [((2, 3), (2, 3)), ((3,), (2, 3)), ((2, 1), (1, 3))], real),
    Case(operations.masked, lambda x: operations.masked(x, MASK), [((2, 3),)]),
    Case(ad.reshape, lambda x: ad.reshape(x, (3, -1)), [((2, 3),), ((6,),), ((2, 1, 3),)]),
    Case(ad.matrix_transpose, lambda x: x.mT, MATRICES),
    Case(ad.permute_dims, lambda x: ad.permute_dims(x, (2, 0, 1)), [((2, 3, 4),)]),
    Case(
        ad.broadcast_to,
        lambda x: ad.broadcast_to(x, (2, 4, 3)),
        [((3,),), ((4, 1),), ((2, 1, 1),), ((),), ((2, 4, 3),)],
    ),
    *(
        Case(ad.getitem, lambda x, k=key: x[k], [((4, 3),)], real, f"getitem-{label}")
        for label, key in {
            "row": 1,
            "slice": slice(1, None, 2),
            "new-axis": (None, ..., 0),
            "mask": np.arange(12).reshape(4, 3) % 5 == 0,
            "repeated": REPEATED,
            "pairs": (REPEATED, np.array([0, 2, 0, 0])),
        }.items()
    ),
    Case(operations._put, lambda g: operations._put(g, REPEATED, (3, 2)), [((4, 2),)]),
    *(
        Case(
            ad.take,
            lambda x, a=axis: ad.take(x, REPEATED, axis=a),
            shapes,
            real,
            f"take-{axis}",
        )
        for axis, shapes in (
            (0, [((3,),), ((2, 3),), ((2, 1, 3),)]),
            (1, [((2, 3),), ((3, 2, 2),)]),
            (-1, [((2, 3),), ((3, 2, 2),)]),
        )
    ),
    Case(
        ad.take,
        lambda x: ad.take(x, DISTINCT, axis=1),
        [((2, 3),), ((3, 3, 2),)],
        real,
        "take-distinct",
    ),
    Case(
        operations._spread,
        lambda g: operations._spread(g, REPEATED, axis=0, length=3),
        [((4,),), ((4, 2),)],
    ),
    Case(
        operations._join,
        lambda x, y: ad.concat([x, y], axis=-1),
        [((2, 3), (2, 1)), ((2,), (3,)), ((2, 1, 3), (2, 1, 2))],
    ),
    Case(
        operations._join,
        lambda x, y: ad.stack([x, y, x], axis=1),
        [((2, 3), (2, 3)), ((2,), (2,))],
        name="stack",
    ),
    *(Case(ad.sum, f, s, real, n) for n, f, s in reductions(ad.sum, "sum")),
    *(Case(ad.sum, f, s, real, n) for n, f, s in reductions(ad.mean, "mean")),
    *(Case(ad.max, f, s, distinct, n) for n, f, s in reductions(ad.max, "max")),
    *(Case(ad.min, f, s, distinct, n) for n, f, s in reductions(ad.min, "min")),
    *(Case(ad.logsumexp, f, s, real, n) for n, f, s in reductions(ad.logsumexp, "logsumexp")),
    *(Case(ad.norm, f, s, off_zero, n) for n, f, s in reductions(ad.norm, "norm")),
    Case(ad.softmax, ad.softmax, [((3,),), ((2, 3),), ((2, 2, 3),)]),
    Case(ad.softmax, lambda x: ad.softmax(x, axis=0), [((3,),), ((2, 3),)], name="softmax-0"),
    Case(ad.logsumexp, lambda x: ad.log_softmax(x, axis=0), [((3, 2),)], name="log_softmax"),
    Case(ad.multiply, lambda x: ad.gather(x, LABELS), [((4, 3),)], name="gather"),
    Case(ad.multiply, ad.trace, [((3, 3),)], name="trace"),
    Case(ad.linear, ad.linear, [((4, 3), (2, 3), (2,)), ((1, 2), (3, 2), (3,))]),
    Case(ad.linear, ad.linear, [((2, 4, 3), (2, 1, 3), (2, 1))], name="linear-stack"),
    Case(ad.linear, lambda x, w: ad.linear(x, w), [((4, 3), (2, 3))], name="linear-no-bias"),
    Case(ad.linear_relu, ad.linear_relu, [((1, 2), (3, 2), (3,))]),
    Case(ad.linear_relu, ad.linear_relu, [((2, 1, 2), (2, 3, 2), (2, 3))], name="relu-stack"),
    Case(tape._cast, lambda x: tape._cast(x, x.dtype), ELEMENTWISE),
    Case(tape._ALIAS, lambda x: ad.vjp(lambda y: y, x)[0], ELEMENTWISE),
    *(
        case
        for how in ("mean", "sum", "none")
        for case in (
            Case(
                ad.softmax_cross_entropy,
                lambda x, how=how: ad.softmax_cross_entropy(x, LABELS, reduction=how),
                [((4, 3),)],
                real,
                f"cross_entropy-labels-{how}",
            ),
            Case(
                ad.softmax_cross_entropy,
                lambda x, how=how: ad.softmax_cross_entropy(x, SOFT, reduction=how),
                [((4, 3),)],
                real,
                f"cross_entropy-rows-{how}",
            ),
            Case(
                ad.logistic_loss,
                lambda x, how=how: ad.logistic_loss(x, SIGNS, reduction=how),
                [((4,),)],
                off_zero,
                f"logistic-{how}",
            ),
            Case(
                ad.hinge,
                lambda x, how=how: ad.hinge(x, SIGNS, margin=0.1, reduction=how),
                [((4,),)],
                off_zero,
                f"hinge-{how}",
            ),
            Case(
                ad.multiclass_hinge,
                lambda x, how=how: ad.multiclass_hinge(x, LABELS, margin=0.1, reduction=how),
                [((4, 3),)],
                distinct,
                f"multiclass_hinge-{how}",
            ),
            Case(
                ad.squared_error,
                lambda x, how=how: ad.squared_error(x, SOFT, reduction=how),
                [((4, 3),)],
                real,
                f"squared_error-{how}",
            ),
            Case(
                ad.squared_error,
                lambda x, how=how: ad.squared_error(x, SIGNS, reduction=how),
                [((4,),)],
                real,
                f"squared_error-vector-{how}",
            ),
        )
    ),
]

WEIGHTED_COSH = from_value_and_grad(
    lambda xs, batch: (
        namespace(xs[0]).sum(namespace(xs[0]).cosh(xs[0])) + 3.0 * namespace(xs[1]).sum(xs[1]),
        [namespace(xs[0]).sinh(xs[0]), 3.0 * namespace(xs[1]).ones_like(xs[1])],
    )
)
CASES.append(
    Case(
        objectives.foreign_value,
        lambda x, y: WEIGHTED_COSH([x, y], None),
        [((3,), (2, 2)), ((), (1,))],
        twice=False,
    )
)


def room_cases():
    """The cases of the papers: plain tuples of the fields of :class:`Case`."""
    found = []
    for path in sorted((Path(__file__).parents[1] / "papers").glob("*/primitive_cases.py")):
        spec = importlib.util.spec_from_file_location(f"primitive_cases_{path.parent.name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.extend(Case(*case) for case in module.CASES)
    return found


CASES += room_cases()

# maximum, minimum and linear_relu have kinks between their arguments: their seeds are drawn, and a
# draw that comes within reach of a kink is refused.
KINKS = {
    ad.maximum: lambda x, y: np.abs(x - y),
    ad.minimum: lambda x, y: np.abs(x - y),
    ad.linear_relu: lambda x, w, b: np.abs(x @ w.mT + b[..., None, :]),
}

STRAIGHT_THROUGH = {ad.sign_straight_through}  # its rule is not the derivative, by design
WITHOUT_RULES = {ad.sign}


def draw_inputs(case, shapes, seed):
    rng = Rng(seed)
    for attempt in range(1000):
        xs = [
            np.asarray(case.draw(rng.child(attempt, i), shape), dtype=float)
            for i, shape in enumerate(shapes)
        ]
        if case.primitive not in KINKS or KINKS[case.primitive](*xs).min() > 0.1:
            return xs
    raise AssertionError("no draw away from the kinks")


@pytest.mark.parametrize("case", CASES, ids=str)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_rule_is_the_derivative(case, data, seed):
    shapes = data.draw(st.sampled_from(case.shapes))
    xs = draw_inputs(case, shapes, seed)
    ad.check_vjp(lambda xs: case.function(*xs), xs, Rng(seed, ("check",)), tolerance=1e-8)


@pytest.mark.parametrize("case", [case for case in CASES if case.twice], ids=str)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_rule_is_itself_differentiable(case, data, seed):
    """The pullback as a function of the point: its vjp is the second derivative."""
    shapes = data.draw(st.sampled_from(case.shapes))
    xs = draw_inputs(case, shapes, seed)
    cotangent = Rng(seed, ("cotangent",)).normal(np.shape(case.function(*xs)))
    cotangent = np.asarray(cotangent)

    def pulled(xs):
        return ad.ravel(ad.vjp(lambda ys: case.function(*ys), xs)[1](cotangent))[0]

    ad.check_vjp(pulled, xs, Rng(seed, ("check",)), tolerance=1e-7)


def on_arrays_of(place, case, monkeypatch):
    """Value and pullback of a case on another library's arrays, and its constants with it."""
    names = getattr(case.function, "__globals__", {})
    for name, constant in list(names.items()):
        if isinstance(constant, np.ndarray):
            monkeypatch.setitem(names, name, place.asarray(constant))
    defaults = getattr(case.function, "__defaults__", None)
    if defaults:
        moved = [place.asarray(d) if isinstance(d, np.ndarray) else d for d in defaults]
        monkeypatch.setattr(case.function, "__defaults__", tuple(moved))
    return lambda xs: ad.vjp(lambda ys: case.function(*ys), [place.asarray(x) for x in xs])


@pytest.mark.interop
@pytest.mark.parametrize("library", ["torch", "jax"])
def test_every_rule_holds_on_arrays_of_others(library, monkeypatch):
    place = foreign_backend(library)
    wrong = []
    for case in CASES:
        for shapes in case.shapes[:1] if library == "jax" else case.shapes:
            xs = draw_inputs(case, shapes, 0)
            value, pull = ad.vjp(lambda ys, f=case.function: f(*ys), xs)
            cotangent = np.asarray(Rng(1).normal(np.shape(value)))
            expected = [value, *pull(cotangent)]
            with monkeypatch.context() as patched:
                value, pull = on_arrays_of(place, case, patched)(xs)
                found = [value, *pull(place.asarray(cotangent))]
            assert all(namespace(part) is place.xp for part in found), str(case)
            pairs = zip(found, expected, strict=True)
            if not all(np.allclose(to_host(a), b, rtol=1e-12, atol=1e-13) for a, b in pairs):
                wrong.append(str(case))
    assert not wrong


# --- completeness --------------------------------------------------------------------------------


def package_modules():
    """Every module of the package, rooms included, imported; what runs on import is left out."""
    found: list[ModuleType] = [refimpl]
    for entry in pkgutil.walk_packages(refimpl.__path__, "refimpl."):
        if not entry.name.endswith("__main__"):
            found.append(importlib.import_module(entry.name))
    return found


def primitives():
    found = []
    for module in package_modules():
        for thing in vars(module).values():
            if isinstance(thing, tape.Primitive) and thing not in found:
                found.append(thing)
    return found


def test_every_primitive_has_a_case():
    covered = {case.primitive for case in CASES} | STRAIGHT_THROUGH | WITHOUT_RULES
    missing = [p.__name__ for p in primitives() if p not in covered]
    assert not missing, f"add a case for {missing}"


def test_only_sign_has_no_rules():
    without = {p for p in primitives() if not any(p.rules)}
    assert without == WITHOUT_RULES


@pytest.mark.parametrize("primitive", primitives(), ids=lambda p: p.__name__.strip("_"))
def test_cases_use_every_rule(primitive, monkeypatch):
    if primitive in WITHOUT_RULES | STRAIGHT_THROUGH:
        pytest.skip("tested by name in test_kinks.py and test_tape.py")
    used = set()

    def spy(position, rule):
        def run(*args, **kwargs):
            used.add(position)
            return rule(*args, **kwargs)

        return rule and run

    rules = tuple(spy(position, rule) for position, rule in enumerate(primitive.rules))
    monkeypatch.setattr(primitive, "rules", rules)
    for case in CASES:
        if case.primitive is primitive:
            xs = draw_inputs(case, case.shapes[0], 0)
            # inside another differentiation, so that a nested alias is reached too
            ad.grad(lambda xs, f=case.function: ad.sum(f(*xs)))(xs)
    assert used == {position for position, rule in enumerate(primitive.rules) if rule}


def test_public_functions_are_all_exported():
    for primitive in primitives():
        core = primitive.__module__.startswith("refimpl.autodiff")
        if core and not primitive.__name__.startswith("_"):
            assert getattr(ad, primitive.__name__) is primitive
            assert primitive.__doc__


def test_a_wrong_rule_is_caught():
    wrong = tape.Primitive(lambda x, /: x * x)
    wrong.derivatives(lambda g, ans, x: g * x)
    with pytest.raises(Exception, match="disagree") as caught:
        ad.check_vjp(wrong, np.array([1.0, 2.0]), Rng(0))
    assert caught.value.mismatch > 0.1


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_log_softmax_of_a_square_matrix(axis):
    """A square one: with sums along the wrong axis the shapes would fit as well."""
    x = np.random.default_rng(0).normal(size=(3, 3))
    found = ad.log_softmax(x) if axis is None else ad.log_softmax(x, axis=axis)
    expected = scipy.special.log_softmax(x, axis=-1 if axis is None else axis)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
