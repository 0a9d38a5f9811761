"""Twins of methods in plain NumPy that know the files alone, and formulas by hand."""

import math

import numpy as np
import pytest
from vectors.reading import load, numbers


def run_twin(record, init, step):
    """Parameters after 1, 2, 5 and 20 steps of a twin that sees plain arrays."""
    state = init(numbers(record["params"]))
    batches, draws = numbers(record["batches"]), {}
    for item in record["draws"]:
        draws[item["step"]] = [numbers(draw["values"]) for draw in item["draws"]]
    found = []
    for k in range(20):
        noise = iter(draws.get(k, draws.get(k % 2, [])))
        state = step(state, batches[k % len(batches)], noise)
        if k + 1 in (1, 2, 5, 20):
            found.append(state[0])
    return found


def leaves(tree):
    return [leaf for layer in tree for leaf in layer.values()]


def slopes(params, batch):
    pairs = zip(leaves(batch["slope"]), leaves(batch["curvature"]), params, strict=True)
    return [g + h * p for g, h, p in pairs]


def adam(hyper):
    def step(state, batch, noise):
        p, m, v, k = state
        g = slopes(p, batch)
        a, b = hyper["beta1"], hyper["beta2"]
        m = [a * x + (1 - a) * y for x, y in zip(m, g, strict=True)]
        v = [b * x + (1 - b) * y * y for x, y in zip(v, g, strict=True)]
        c, d = 1 - a ** (k + 1), 1 - b ** (k + 1)
        rate, tiny = hyper["learning_rate"], hyper["epsilon"]
        moves = [rate * (x / c) / (np.sqrt(y / d) + tiny) for x, y in zip(m, v, strict=True)]
        return [x - y for x, y in zip(p, moves, strict=True)], m, v, k + 1

    zeros = lambda p: [np.zeros_like(x) for x in leaves(p)]  # noqa: E731
    return lambda p: (leaves(p), zeros(p), zeros(p), 0), step


def dampened_twice(record):
    """Two steps of momentum whose gradients are multiplied by 1 - mu, by hand."""
    hyper, p = numbers(record["hyper_parameters"]), leaves(numbers(record["params"]))
    mu, rate = hyper["momentum"], hyper["learning_rate"]
    v = [np.zeros_like(x) for x in p]
    for batch in numbers(record["batches"])[:2]:
        g = slopes(p, batch)
        v = [mu * a + (1 - mu) * b for a, b in zip(v, g, strict=True)]
        p = [x - rate * a for x, a in zip(p, v, strict=True)]
    return p


def proximal_l1(hyper):
    def step(state, batch, noise):
        rate, shrink = hyper["learning_rate"], hyper["learning_rate"] * hyper["strength"]
        moved = [p - rate * g for p, g in zip(state[0], slopes(state[0], batch), strict=True)]
        return (
            [np.sign(p) * np.maximum(np.abs(p) - shrink, 0) if p.ndim == 2 else p for p in moved],
        )

    return lambda p: (leaves(p),), step


def sgld(hyper):
    def step(state, batch, noise):
        h = hyper["learning_rate"]
        size = math.sqrt(2 * h * hyper["temperature"])
        pairs = zip(state[0], slopes(state[0], batch), strict=True)
        return ([p - h * g + size * next(noise) for p, g in pairs],)

    return lambda p: (leaves(p),), step


def sam(hyper):
    def step(state, batch, noise):
        p, buffer = state
        g = slopes(p, batch)
        size = hyper["radius"] / math.sqrt(sum(np.sum(x * x) for x in g))
        g = slopes([x + size * y for x, y in zip(p, g, strict=True)], batch)
        mu, rate = hyper["momentum"], hyper["learning_rate"]
        buffer = [mu * b + x for b, x in zip(buffer, g, strict=True)]
        moves = [x + mu * b for b, x in zip(buffer, g, strict=True)]  # nesterov
        return [x - rate * m for x, m in zip(p, moves, strict=True)], buffer

    return lambda p: (leaves(p), [np.zeros_like(x) for x in leaves(p)]), step


def overdamped_circles(hyper):
    """Weight matrices on circles of radius r, noise on θ and ξ, radial projection."""
    r, h = hyper["radii"][0], hyper["step_size"]
    size = math.sqrt(2 * h * hyper["temperature"])

    def step(state, batch, noise):
        p, xi = state
        new, slack = [], []
        for x, s, g in zip(p, xi, slopes(p, batch), strict=True):
            first = next(noise)
            if s is None:
                new.append(x - h * g + size * first)
                slack.append(None)
                continue
            a, b = x - h * g + size * first, s + size * next(noise)
            length = np.hypot(a, b)
            new.append(r * a / length)
            slack.append(r * b / length)
        return new, slack

    def init(params):
        p = leaves(params)
        return p, [np.sqrt(r * r - x * x) if x.ndim == 2 else None for x in p]

    return init, step


TWINS = {
    "adam.default": adam,
    "adam.large_epsilon": adam,
    "l1.default": proximal_l1,
    "sgld.default": sgld,
    "sam.default": sam,
    "c_cola_od.default": overdamped_circles,
}


@pytest.mark.parametrize("name", TWINS)
def test_twins_that_know_the_files_alone_agree(folder, name):
    record = load(folder, name)
    hyper = numbers(record["hyper_parameters"])
    found = run_twin(record, *TWINS[name](hyper))
    for params, output in zip(found, record["outputs"], strict=True):
        expected = leaves(numbers(output["params"]))
        allowed = numbers(output["tolerance"])
        for mine, theirs in zip(params, expected, strict=True):
            assert np.max(np.abs(mine - theirs)) <= allowed * max(1.0, np.max(np.abs(theirs)))


def test_losses_by_loops(folder):
    record = load(folder, "softmax_cross_entropy.sum")
    scores = numbers(record["params"])
    for batch, value in zip(record["batches"], record["values"], strict=True):
        labels = numbers(batch["targets"])
        total = sum(
            math.log(sum(math.exp(x) for x in row)) - row[y]
            for row, y in zip(scores.tolist(), labels.tolist(), strict=True)
        )
        assert numbers(value["loss"]) == pytest.approx(total, rel=1e-13)


def test_a_penalty_has_its_value_gradient_and_hessian(folder):
    """L2: strength |W|² / 2 of the weights, gradient strength W, the same linear in a direction."""
    record = load(folder, "l2.default")
    strength = numbers(record["hyper_parameters"]["strength"])
    weights = [layer["weight"] for layer in numbers(record["params"])]
    penalty = numbers(record["penalty"])
    total = 0.5 * strength * sum(np.sum(w * w) for w in weights)
    assert penalty["value"] == pytest.approx(total, rel=1e-13)
    for layer, along, gradient, product in zip(
        numbers(record["params"]), penalty["direction"], penalty["gradient"],
        penalty["hessian_product"], strict=True,
    ):  # fmt: skip
        assert np.allclose(gradient["weight"], strength * layer["weight"], rtol=1e-13)
        assert np.allclose(product["weight"], strength * along["weight"], rtol=1e-13)
        assert not gradient["bias"].any() and not product["bias"].any()


def test_constraints_by_their_equations(folder):
    given = load(folder, "orthogonal.default")
    q, values = numbers(given["params"])["q"], numbers(given["values"])
    for point in (values["projection"], values["nearest"]):
        assert np.max(np.abs(point.T @ point - np.eye(3))) < 1e-14
    target = numbers(given["params"])["target"]
    multiplier = q.T @ (target - values["projection"])
    assert np.max(np.abs(multiplier - multiplier.T)) < 1e-13
    assert np.max(np.abs(target - values["projection"] - q @ multiplier)) < 1e-13
    u, _, vt = np.linalg.svd(target, full_matrices=False)
    assert np.max(np.abs(values["nearest"] - u @ vt)) < 1e-13


def test_a_known_deviation_has_the_numbers_that_it_leads_to(folder):
    record = load(folder, "momentum.default")
    item = {each["name"]: each for each in record["deviations"]}["dampening"]
    expected = leaves(numbers(item["params"]))
    for mine, theirs in zip(dampened_twice(record), expected, strict=True):
        assert np.max(np.abs(mine - theirs)) <= 1e-13
    assert item["step"] == 2 and "1 − μ" in item["what"]


def test_coupled_decay_is_told_from_decoupled(folder):
    """In adamw's file: the gradient of L2 enters Adam, and weights do not shrink beside it."""
    record = load(folder, "adamw.default")
    item = {each["name"]: each for each in record["deviations"]}["coupled decay"]
    hyper = numbers(record["hyper_parameters"])
    init, step = adam({**hyper, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8})
    state = init(numbers(record["params"]))
    for batch in numbers(record["batches"])[:2]:
        coupled = [
            {
                name: part + hyper["strength"] * p * (p.ndim == 2)
                for (name, part), p in zip(layer.items(), pair, strict=True)
            }
            for layer, pair in zip(batch["slope"], (state[0][:2], state[0][2:]), strict=True)
        ]
        state = step(state, {**batch, "slope": coupled}, iter(()))
    for mine, theirs in zip(state[0], leaves(numbers(item["params"])), strict=True):
        assert np.max(np.abs(mine - theirs)) <= 1e-12
