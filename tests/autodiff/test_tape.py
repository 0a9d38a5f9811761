"""The engine: nesting, structure, errors, dtypes, and the same answers on every backend."""

import itertools

import array_api_strict
import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.arrays import backend, to_host

# --- nesting -------------------------------------------------------------------------------------


def derivative(function, order):
    for _ in range(order):
        function = ad.grad(function)
    return function


@pytest.mark.parametrize(
    ("function", "derivatives"),
    [
        (lambda x: x**5, lambda x: (5 * x**4, 20 * x**3, 60 * x**2, 120 * x)),
        (ad.sin, lambda x: (np.cos(x), -np.sin(x), -np.cos(x), np.sin(x))),
        (lambda x: ad.exp(2.0 * x), lambda x: [2.0**k * np.exp(2 * x) for k in (1, 2, 3, 4)]),
        (lambda x: 1.0 / x, lambda x: (-(x**-2), 2 * x**-3, -6 * x**-4, 24 * x**-5)),
        (ad.log, lambda x: (1 / x, -(x**-2), 2 * x**-3, -6 * x**-4)),
    ],
)
@given(x=st.floats(0.3, 2.0))
def test_derivatives_up_to_the_fourth(function, derivatives, x):
    for order, expected in enumerate(derivatives(x), start=1):
        assert_close(derivative(function, order)(np.asarray(x)), expected, rtol=1e-12)


def test_no_perturbation_confusion():
    """d/dx [x d/dy (x + y)] = 1: a system that confuses the two y's says 2."""
    f = ad.grad(lambda x: x * ad.grad(lambda y: x + y)(np.asarray(1.0)))
    assert float(f(np.asarray(1.0))) == 1.0


def test_inner_gradient_over_a_shared_variable():
    """f(x) = x * g'(x) with g(y) = x y^2 at y = x: f = 2 x^3, with dg/dy at fixed x."""

    def f(x):
        return x * ad.grad(lambda y: x * y * y)(x)

    x = np.asarray(1.5)
    assert_close(f(x), 2 * x**3)
    assert_close(ad.grad(f)(x), 6 * x**2)
    assert_close(ad.grad(ad.grad(f))(x), 12 * x)


def test_inner_gradient_over_constants_that_closes_over_the_outer_variable():
    """h(w) = sum_i d/dc_i sum(c^2 w) = 2 sum(c w), whose gradient is 2 c."""
    c, w = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    h = ad.value_and_grad(lambda w: ad.sum(ad.grad(lambda c: ad.sum(c * c * w))(c)))
    value, gradient = h(w)
    assert type(value) is not ad.Tensor
    assert_close(value, 2 * np.sum(c * w))
    assert_close(gradient, 2 * c)


def test_inner_gradient_that_ignores_the_outer_variable():
    """The inner value depends on w, its gradient does not; nothing traced may leak out."""

    def f(w):
        return ad.sum(ad.grad(lambda c: ad.sum(c**3) + ad.sum(w))(np.array([1.0, 2.0])))

    value, gradient = ad.value_and_grad(f)(np.array([1.0]))
    assert (float(value), gradient.tolist()) == (15.0, [0.0])
    assert not isinstance(value, ad.Tensor) and not isinstance(gradient, ad.Tensor)


def test_mixed_partials_of_three_nested_variables():
    """d^3/dx dy dz (x^2 y^3 z^4) = 24 x y^2 z^3, in every order of nesting."""

    def f(x, y, z):
        return x**2 * y**3 * z**4

    def partial(order):
        def nest(values, left):
            if not left:
                return f(*values)
            i = left[0]
            return ad.grad(
                lambda v: nest([v if j == i else values[j] for j in range(3)], left[1:])
            )(values[i])

        return nest([np.asarray(v) for v in (1.5, 0.5, 2.0)], order)

    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]):
        assert_close(partial(order), 24 * 1.5 * 0.25 * 8.0)


def test_gradient_step_can_be_differentiated_through():
    """F(w) = f(w - a f'(w)) with f = |w|^2 / 2 has gradient (1 - a)^2 w."""

    def f(w):
        return 0.5 * ad.sum(w * w)

    w = np.array([1.0, -2.0])
    assert_close(ad.grad(lambda w: f(w - 0.3 * ad.grad(f)(w)))(w), 0.49 * w)


def test_pullback_may_be_called_again_and_later():
    _, pullback = ad.vjp(lambda x: x * x, np.array([1.0, 3.0]))
    first = pullback(np.array([1.0, 0.0]))
    ad.grad(lambda x: ad.sum(x))(np.ones(2))
    assert_close(pullback(np.array([1.0, 0.0])), first)
    assert_close(pullback(np.array([0.0, 1.0])), np.array([0.0, 6.0]))


def test_many_uses_of_one_value_accumulate():
    x = np.array([0.5, -1.0])

    def f(x):
        y = ad.tanh(x)
        return ad.sum(y * y + y * ad.exp(y) + 3.0 * y)

    t = np.tanh(x)
    assert_close(ad.grad(f)(x), (2 * t + np.exp(t) * (1 + t) + 3) * (1 - t**2))


def test_long_chain_needs_no_recursion():
    def f(x):
        for _ in range(5000):
            x = x + 1e-4 * x
        return x

    assert_close(ad.grad(f)(np.asarray(1.0)), 1.0001**5000, rtol=1e-10)


# --- products with Jacobians and Hessians --------------------------------------------------------


def network(params, x):
    for layer in params:
        x = ad.tanh(ad.linear(x, layer["w"], layer["b"]))
    return x


def draw_network(rng, widths):
    pairs = enumerate(itertools.pairwise(widths))
    return [
        {"w": rng.child("w", i).normal((m, n)), "b": rng.child("b", i).normal((m,))}
        for i, (n, m) in pairs
    ]


@given(
    widths=st.lists(st.integers(1, 5), min_size=2, max_size=5),
    count=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
def test_jvp_is_the_adjoint_of_vjp(widths, count, seed):
    rng = Rng(seed)
    params, tangent = draw_network(rng.child(0), widths), draw_network(rng.child(1), widths)
    x = rng.child("x").normal((count, widths[0]))
    u = rng.child("u").normal((count, widths[-1]))
    value, push = ad.jvp(lambda p: network(p, x), params, tangent)
    same, pullback = ad.vjp(lambda p: network(p, x), params)
    assert_close(value, same)
    assert_close(ad.dot(u, push), ad.dot(pullback(u), tangent), rtol=1e-11, atol=1e-12)


def test_jvp_inside_a_gradient():
    """d/dx <d/dx sum(x^3), v> = 6 x v."""
    x, v = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    f = ad.grad(lambda x: ad.jvp(lambda y: ad.sum(y**3), x, v)[1])
    assert_close(f(x), 6 * x * v)


@given(
    widths=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    seed=st.integers(0, 2**32),
)
def test_hvp_is_symmetric_and_is_the_derivative_of_the_gradient(widths, seed):
    rng = Rng(seed)
    x = rng.child("x").normal((3, widths[0]))

    def f(params):
        return ad.sum(network(params, x) ** 2)

    params, a, b = (draw_network(rng.child(i), widths) for i in range(3))
    ha, hb = ad.hvp(f, params, a), ad.hvp(f, params, b)
    size = float(ad.norm_tree(ha) * ad.norm_tree(b) + ad.norm_tree(a) * ad.norm_tree(hb))
    assert abs(float(ad.dot(ha, b) - ad.dot(a, hb))) <= 1e-13 * (1.0 + size)

    h = 1e-5
    up, down = (ad.grad(f)(ad.map_tree(lambda p, d, s=s: p + s * d, params, a)) for s in (h, -h))
    slope = ad.map_tree(lambda u, d: (u - d) / (2 * h), up, down)
    assert_close(ad.ravel(slope)[0], ad.ravel(ha)[0], rtol=1e-4, atol=1e-6)


def test_hvp_of_a_quadratic_is_its_matrix(xb):
    a = xb.asarray(Rng(0).normal((4, 4)))
    x, v = xb.asarray(Rng(1).normal((4,))), xb.asarray(Rng(2).normal((4,)))
    found = ad.hvp(lambda x: ad.sum(x * (x @ a)), x, v)
    assert_same_kind(found, x)
    assert_close(found, to_host(a + a.mT) @ to_host(v))


# --- structure of arguments and results ----------------------------------------------------------


def test_gradient_has_the_structure_of_the_argument(xb):
    params = {"a": [xb.ones((2, 3)), None], "b": (xb.ones((3,)), {"c": xb.ones(())})}

    def f(p, scale):
        total = ad.sum(p["a"][0]) + 2.0 * ad.sum(p["b"][0])
        return scale * (total + 3.0 * p["b"][1]["c"])

    value, gradient = ad.value_and_grad(f)(params, 0.5)
    assert_same_kind(gradient, params)
    assert float(value) == 0.5 * (6 + 6 + 3)
    assert gradient["a"][1] is None
    assert_close(gradient["b"][1]["c"], xb.asarray(1.5))


def test_argnum_chooses_the_argument():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])

    def f(x, y):
        return ad.sum(x * y * y)

    assert_close(ad.grad(f, argnum=1)(x, y), 2 * x * y)
    assert_close(ad.value_and_grad(f, argnum=1)(x, y)[1], 2 * x * y)


def test_auxiliary_results_come_back_plain():
    (value, aux), gradient = ad.value_and_grad(
        lambda x: (ad.sum(x * x), {"twice": 2.0 * x}), has_aux=True
    )(np.array([1.0, 2.0]))
    assert float(value) == 5.0
    assert type(aux["twice"]) is np.ndarray
    assert_close(gradient, np.array([2.0, 4.0]))


def test_vjp_of_several_arguments_gives_a_tuple():
    _, pullback = ad.vjp(lambda x, y: x * y["k"], np.ones(2), {"k": np.full(2, 3.0)})
    x, y = pullback(np.ones(2))
    assert_close(x, np.full(2, 3.0))
    assert_close(y, {"k": np.ones(2)})


def test_what_the_value_does_not_depend_on_gets_zeros(xb):
    params = [xb.ones((2,)), xb.ones((3,))]
    gradient = ad.grad(lambda p: ad.sum(p[0]))(params)
    assert_same_kind(gradient, params)
    assert_close(gradient[1], xb.zeros((3,)))
    assert_close(ad.grad(lambda p: xb.zeros(()))(params), [xb.zeros((2,)), xb.zeros((3,))])


def test_identity_and_python_numbers():
    assert float(ad.grad(lambda x: x)(np.asarray(3.0))) == 1.0
    assert float(ad.grad(lambda x: x * x)(3.0)) == 6.0


def test_stop_gradient_is_a_constant_for_all_differentiations():
    x = np.array([1.0, 2.0])
    assert_close(ad.grad(lambda x: ad.sum(ad.stop_gradient(x) * x))(x), x)
    second = ad.grad(lambda x: ad.sum(ad.grad(lambda y: ad.sum(ad.stop_gradient(y) * y))(x)))
    assert_close(second(x), np.zeros(2))


def test_operators_reflect_and_agree_with_functions():
    x = np.array([0.5, 2.0])
    pairs = [
        (lambda x: 2.0 - x, lambda x: -1.0 + 0 * x),
        (lambda x: 2.0 / x, lambda x: -2.0 / x**2),
        (lambda x: 2.0**x, lambda x: np.log(2.0) * 2.0**x),
        (lambda x: np.array([3.0, 4.0]) * x, lambda x: np.array([3.0, 4.0])),
        (lambda x: np.array([[3.0, 4.0]]) @ x, lambda x: np.array([3.0, 4.0])),
        (lambda x: np.array([3.0, 4.0]) - x, lambda x: -1.0 + 0 * x),
        (lambda x: x[::-1] * np.array([1.0, 5.0]), lambda x: np.array([5.0, 1.0])),
    ]
    for function, expected in pairs:
        assert_close(ad.grad(lambda x, f=function: ad.sum(f(x)))(x), expected(x))


def test_tensor_shows_its_array():
    seen = {}

    def f(x):
        seen.update(
            shape=x.shape, ndim=x.ndim, dtype=x.dtype, size=x.size, length=len(x), text=repr(x)
        )
        seen["compare"] = [(x > 1).tolist(), (x >= 1).tolist(), (x < 1).tolist(), (x <= 1).tolist()]
        seen["equal"] = [(x == 1).tolist(), (x != 1).tolist()]
        seen["truth"] = bool(x[0] > 0.5)
        return ad.sum(x)

    ad.grad(f)(np.array([1.0, 2.0]))
    assert seen["shape"] == (2,) and seen["ndim"] == 1 and seen["size"] == seen["length"] == 2
    assert seen["dtype"] == np.float64 and seen["text"].startswith("Tensor(array([1., 2.")
    assert seen["compare"] == [[False, True], [True, True], [False, False], [True, False]]
    assert seen["equal"] == [[True, False], [False, True]]
    assert seen["truth"] is True


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: ad.sum(ad.sign(x)), r"refimpl\.autodiff\.sign .* argument 0 \('x'\)"),
        (
            lambda x: ad.softmax_cross_entropy(np.ones((2, 2)), x),
            r"refimpl\.autodiff\.softmax_cross_entropy .* argument 1 \('targets'\)",
        ),
        (
            lambda x: ad.sum(ad.where(x, np.ones((2, 2)), np.zeros((2, 2)))),
            r"refimpl\.autodiff\.where .* argument 0 \('condition'\)",
        ),
        (
            lambda x: ad.sum(ad.clip(np.ones((2, 2)), x, None)),
            r"refimpl\.autodiff\.clip .* argument 1 \('low'\)",
        ),
        (
            lambda x: ad.squared_error(np.ones((2, 2)), x),
            r"refimpl\.autodiff\.squared_error .* argument 1 \('targets'\)",
        ),
        (
            lambda x: ad.sum(ad.leaky_relu(np.ones(2), slope=x[0, 0])),
            r"refimpl\.autodiff\.leaky_relu .* options \(slope\)",
        ),
    ],
)
def test_missing_rule_names_the_function_and_the_argument(function, message):
    with pytest.raises(NotImplementedError, match=message):
        ad.grad(function)(np.full((2, 2), 0.5))


def test_missing_rule_matters_only_where_the_gradient_passes():
    """Constants may go through sign, and so may a branch that is cut off."""
    x = np.array([-1.0, 2.0])
    assert_close(
        ad.grad(lambda x: ad.sum(x * ad.sign(np.array([-3.0, 1.0]))))(x), np.array([-1.0, 1.0])
    )
    assert_close(ad.grad(lambda x: ad.sum(x * ad.sign(ad.stop_gradient(x))))(x), np.sign(x))


def test_gradient_needs_a_scalar():
    with pytest.raises(ValueError, match=r"scalar value, got one of shape \(2,\)"):
        ad.grad(lambda x: x * x)(np.ones(2))


def test_pullback_checks_the_cotangent():
    _, pullback = ad.vjp(lambda x: x * x, np.ones(2))
    with pytest.raises(ValueError, match=r"cotangent of shape \(3,\) for a value of shape \(2,\)"):
        pullback(np.ones(3))


@pytest.mark.parametrize("dtype", ["int64", "bool", "float16"])
def test_only_float64_and_float32_are_differentiated(dtype):
    with pytest.raises(TypeError, match=f"must be float64 or float32, not {dtype}"):
        ad.grad(lambda x: ad.sum(x))(np.ones(2, dtype=dtype))


def test_nothing_to_differentiate():
    with pytest.raises(ValueError, match="holds no array"):
        ad.grad(lambda p: np.asarray(1.0))({"empty": None})


def test_float_of_a_traced_value_is_refused():
    with pytest.raises(TypeError, match="would cut the gradient"):
        ad.grad(lambda x: float(x) * x)(np.asarray(1.0))


def test_numpy_function_of_a_traced_value_is_refused():
    with pytest.raises(TypeError):
        ad.grad(lambda x: ad.sum(np.exp(x)))(np.ones(2))


def test_linear_checks_shapes():
    with pytest.raises(ValueError, match=r"inputs \(..., P, n\) and weights \(..., m, n\)"):
        ad.linear(np.ones((2, 3)), np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"bias of shape \(4,\), got \(1,\)"):
        ad.linear(np.ones((2, 3)), np.ones((4, 3)), np.ones(1))


def test_unknown_reduction_is_named():
    with pytest.raises(ValueError, match="'average'"):
        ad.squared_error(np.ones((2, 2)), np.ones((2, 2)), reduction="average")


# --- every backend -------------------------------------------------------------------------------

LABELS = [2, 0, 1]

ON_BACKENDS = {
    "arithmetic": lambda x, xb: ad.sum((x * x + 2.0 - x) / (1.5 + x * x) ** 2),
    "broadcasting": lambda x, xb: ad.sum(x * ad.sum(x, axis=0) + ad.mean(x, axis=1, keepdims=True)),
    "matmul": lambda x, xb: ad.sum((x @ x.mT) ** 2),
    "exponentials": lambda x, xb: ad.sum(ad.exp(x) + ad.expm1(x) + ad.log(2.0 + x * x)),
    "logarithms": lambda x, xb: ad.sum(ad.log1p(x * x) + ad.sqrt(1.0 + ad.square(x))),
    "trigonometry": lambda x, xb: ad.sum(ad.sin(x) * ad.cos(x) + ad.arctan(x)),
    "inverse": lambda x, xb: ad.sum(ad.arccos(0.2 * ad.tanh(x)) + ad.arcsin(0.2 * ad.tanh(x))),
    "activations": lambda x, xb: ad.sum(
        ad.tanh(x) + ad.sigmoid(x) + ad.softplus(x) + ad.relu(x) + ad.leaky_relu(x)
    ),
    "kinks": lambda x, xb: ad.sum(
        ad.abs(x) + ad.clip(x, -0.5, 0.5) + ad.maximum(x, 0.1) + ad.minimum(x, x * x)
    ),
    "straight-through": lambda x, xb: ad.sum(x * ad.sign_straight_through(x)),
    "where": lambda x, xb: ad.sum(ad.where(ad.value(x) > 0, x * x, 3.0 * x)),
    "shapes": lambda x, xb: (
        ad.sum(ad.reshape(x, (-1,))[1:4] * ad.permute_dims(x, (1, 0))[0, :])
        + ad.sum(ad.broadcast_to(x[:, :1], (3, 4)) * x)
    ),
    "joining": lambda x, xb: (
        ad.sum(ad.concat([x, x * x], axis=1) ** 2) + ad.sum(ad.stack([x, 2.0 * x]) ** 3)
    ),
    "take": lambda x, xb: ad.sum(ad.take(x, xb.asarray([0, 2, 2]), axis=0) ** 2),
    "gather": lambda x, xb: ad.sum(ad.gather(x, xb.asarray(LABELS)) ** 2),
    "reductions": lambda x, xb: ad.sum(ad.max(x, axis=1) * ad.min(x, axis=1)),
    "logsumexp": lambda x, xb: ad.sum(ad.logsumexp(x, axis=0) + ad.norm(x, axis=0)),
    "softmax": lambda x, xb: ad.sum(ad.softmax(x) ** 2 + ad.log_softmax(x, axis=0)),
    "trace": lambda x, xb: ad.trace(x @ x.mT),
    "linear": lambda x, xb: ad.sum(ad.linear(x, x, x[:, 0]) ** 2 + ad.linear_relu(x, x)),
    "cross-entropy": lambda x, xb: ad.softmax_cross_entropy(x, xb.asarray(LABELS)),
    "hinge": lambda x, xb: ad.hinge(x[:, 0], xb.asarray([1.0, -1.0, 1.0])),
    "multiclass": lambda x, xb: ad.multiclass_hinge(x, xb.asarray(LABELS)),
    "logistic": lambda x, xb: ad.logistic_loss(x[:, 0], xb.asarray([1.0, -1.0, 1.0])),
    "squared": lambda x, xb: ad.squared_error(x, 2.0 * xb.ones((3, 4))),
}


@pytest.mark.parametrize("name", ON_BACKENDS)
def test_value_gradient_and_hvp_agree_with_numpy(xb, name):
    """The same numbers as NumPy float64, of the kind of the input; no silent way to the host."""
    function = ON_BACKENDS[name]
    plain = Rng(5).normal((3, 4))
    direction = Rng(6).normal((3, 4))
    x, v = xb.asarray(plain), xb.asarray(direction)

    host = backend()
    value, gradient = ad.value_and_grad(lambda x: function(x, xb))(x)
    expected_value, expected = ad.value_and_grad(lambda x: function(x, host))(plain)
    assert_same_kind(gradient, x)
    assert_same_kind(value, x, shape=False)
    assert_close(value, expected_value)
    assert_close(gradient, expected)

    second = ad.hvp(lambda x: function(x, xb), x, v)
    assert_same_kind(second, x)
    assert_close(second, ad.hvp(lambda x: function(x, host), plain, direction))


def test_array_indices_have_no_adjoint_where_the_library_has_none():
    x = array_api_strict.ones(3, device=array_api_strict.Device("device1"))
    keys = array_api_strict.asarray([0, 0], device=array_api_strict.Device("device1"))
    with pytest.raises(NotImplementedError, match="array_api_strict"):
        ad.grad(lambda x: ad.sum(x[keys]))(x)


@pytest.mark.parametrize("place", [0.5, 0.6])
def test_a_zero_that_moves_is_no_selection(place):
    """Behind an index a cotangent may be 0 by value only: its own derivative still counts."""
    point = np.array([place, 0.7])

    def function(z):
        return (z[0] - 0.5) * ad.sum(ad.exp(2.0 * z)[1:])

    def along(inner, entry):
        return lambda z: ad.grad(inner)(z)[entry]

    steep = np.exp(1.4)
    np.testing.assert_allclose(
        ad.grad(along(function, 1))(point), [2 * steep, 4 * (place - 0.5) * steep], rtol=1e-13
    )
    np.testing.assert_allclose(
        ad.grad(along(along(function, 1), 0))(point), [0.0, 4 * steep], rtol=1e-13
    )


def test_a_selection_before_a_singular_point_stays_one_to_second_order():
    def function(x):
        return ad.sum(ad.where(np.array([True, False]), ad.sqrt(x), 0.0))

    slope = ad.grad(lambda x: ad.sum(ad.grad(function)(x) ** 2))(np.array([4.0, 0.0]))
    np.testing.assert_allclose(slope, [-1.0 / 64.0, 0.0], rtol=1e-13)


# --- what is plainly meant, and the way out of the rest ------------------------------------------


def test_keywords_are_constants():
    gradient = ad.grad(lambda w, scale=1.0: ad.sum(w * scale))(np.ones(2), scale=3.0)
    assert gradient.tolist() == [3.0, 3.0]


def test_several_arguments_at_once():
    value, (first, third) = ad.value_and_grad(lambda x, y, z: ad.sum(x * y * z), (0, 2))(
        np.array([2.0]), np.array([3.0]), np.array([5.0])
    )
    assert (float(value), first.tolist(), third.tolist()) == (30.0, [15.0], [6.0])
    assert len(ad.grad(lambda x: ad.sum(x), (0,))(np.ones(1))) == 1


@pytest.mark.parametrize(
    ("function", "kind", "way"),
    [
        (lambda x: x.sum(), AttributeError, r"refimpl\.autodiff\.sum"),
        (lambda x: x.nonsense, AttributeError, "no attribute 'nonsense'"),
        (lambda x: np.sum(x), AttributeError, r"autodiff\.sum"),
        (lambda x: np.linalg.norm(x), TypeError, r"autodiff\.norm"),
        (lambda x: np.concatenate([x, x]), TypeError, "concatenate knows no traced"),
        (lambda x: np.asarray(x), TypeError, "stack, concat or where"),
        (lambda x: x.__setitem__(0, 1.0), TypeError, "where, stack or concat"),
    ],
)
def test_what_would_cut_the_gradient_names_the_way_out(function, kind, way):
    with pytest.raises((kind, TypeError), match=way):
        ad.grad(function)(np.ones(2))


def test_an_assigned_entry_says_why_it_is_refused():
    with pytest.raises(ValueError) as caught:  # NumPy's, caused by ours
        ad.grad(lambda x: np.zeros(2).__setitem__(0, x[0]))(np.ones(2))
    assert "would cut the gradient" in str(caught.value.__cause__)
