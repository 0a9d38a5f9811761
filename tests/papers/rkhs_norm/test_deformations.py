"""Warps and tangent vectors against pixels moved by hand; the penalties against their twins."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.arrays import to_host
from refimpl.datasets import Batch
from refimpl.errors import SettingError
from refimpl.models import MLP, Objective
from refimpl.papers.rkhs_norm.deformation_norm import DeformationNorm, TangentNorm
from refimpl.papers.rkhs_norm.deformations import image_height, random_fields, tangents, warp
from refimpl.random import Replay
from refimpl.testing import assert_gradient

NEAR = {"step": 1e-5, "directions": 6, "tolerance": 1e-6}
"""Differences that stay on one side of the kinks."""

spec = importlib.util.spec_from_file_location("rkhs_twin", Path(__file__).parent / "twin.py")
twin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(twin)

HEIGHT, WIDTH = 4, 3


def interpolated(image, y, x):
    """Bilinear, the border continued."""
    y, x = min(max(y, 0.0), HEIGHT - 1.0), min(max(x, 0.0), WIDTH - 1.0)
    low_y, low_x = min(int(y), HEIGHT - 2), min(int(x), WIDTH - 2)
    a, b = y - low_y, x - low_x
    return (
        (1 - a) * (1 - b) * image[low_y, low_x]
        + (1 - a) * b * image[low_y, low_x + 1]
        + a * (1 - b) * image[low_y + 1, low_x]
        + a * b * image[low_y + 1, low_x + 1]
    )


def warped(image, field):
    image = image.reshape(HEIGHT, WIDTH)
    down, across = field.reshape(2, HEIGHT, WIDTH)
    return np.array(
        [
            interpolated(image, i - down[i, j], j - across[i, j])
            for i in range(HEIGHT)
            for j in range(WIDTH)
        ]
    )


def tangent(image, field):
    image = image.reshape(HEIGHT, WIDTH)
    down, across = field.reshape(2, HEIGHT, WIDTH)
    found = np.zeros((HEIGHT, WIDTH))
    for i in range(HEIGHT):
        for j in range(WIDTH):
            above, below = image[max(i - 1, 0), j], image[min(i + 1, HEIGHT - 1), j]
            left, right = image[i, max(j - 1, 0)], image[i, min(j + 1, WIDTH - 1)]
            found[i, j] = -(down[i, j] * (below - above) + across[i, j] * (right - left)) / 2
    return found.ravel()


def data(xb, images=5, fields=3):
    pictures = xb.asarray(Rng(0).uniform((images, HEIGHT * WIDTH)))
    drawn = random_fields(Rng(1), fields, HEIGHT, WIDTH, 0.8, 1, pictures)
    return pictures, drawn


def test_warps_move_pixels_as_by_hand(xb):
    pictures, fields = data(xb)
    found = warp(pictures, fields, HEIGHT)
    assert_same_kind(found, pictures, shape=False)
    expected = [
        [warped(x, f) for x in to_host(pictures).astype(float)]
        for f in to_host(fields).astype(float)
    ]
    assert_close(found, np.array(expected), factor=200)


def test_tangent_vectors_are_those_by_hand(xb):
    pictures, fields = data(xb)
    expected = [
        [tangent(x, f) for x in to_host(pictures).astype(float)]
        for f in to_host(fields).astype(float)
    ]
    assert_close(tangents(pictures, fields, HEIGHT), np.array(expected), factor=200)


def test_the_tangent_is_the_derivative_of_the_warp_on_smooth_images():
    """On a linear image the interpolation has no kink inside, and the two agree there."""
    rows, columns = np.meshgrid(np.arange(6.0), np.arange(6.0), indexing="ij")
    image = (2.0 * rows - 3.0 * columns).reshape(1, -1)
    field = random_fields(Rng(1), 1, 6, 6, 0.4, 2, image)
    inside = np.zeros((6, 6), dtype=bool)
    inside[1:-1, 1:-1] = True
    change = (warp(image, 1e-3 * field, 6) - image)[0, 0] / 1e-3
    found = tangents(image, field, 6)[0, 0]
    np.testing.assert_allclose(change[inside.ravel()], found[inside.ravel()], rtol=1e-9)


def test_fields_are_smooth_and_of_the_given_size(xb):
    like = xb.zeros((1,))
    fields = random_fields(Rng(0), 7, 8, 9, 1.5, 2, like)
    assert fields.shape == (7, 2, 72)
    lengths = np.sqrt((to_host(fields).astype(float) ** 2).sum(axis=1))
    assert_close(xb.asarray(lengths.max(axis=1)), np.full(7, 1.5))
    shifts = to_host(random_fields(Rng(0), 4, 8, 9, 1.0, 0, like))
    assert np.abs(shifts - shifts[:, :, :1]).max() < 1e-6
    still = random_fields(Replay([np.zeros((2, 2, 3, 3))]), 2, 8, 9, 1.0, 2, like)
    assert np.all(to_host(still) == 0.0)


def problem():
    widths = (HEIGHT * WIDTH, 6, 3)
    model = MLP(widths)
    params = model.init(Rng(2), bias_scale=1.0)
    images = Rng(0).uniform((5, HEIGHT * WIDTH))
    return Objective(model), params, Batch(images, np.array([0, 1, 2, 0, 1]))


def fields_of(part, rng):
    like = np.zeros(1)
    return random_fields(rng, part.fields, HEIGHT, WIDTH, part.amplitude, part.cutoff, like)


@pytest.mark.parametrize("selector", ["signed", "absolute"])
def test_the_deformation_penalty_is_that_of_its_twin(selector):
    objective, params, batch = problem()
    part = DeformationNorm(
        strength=0.7, fields=4, amplitude=1.2, cutoff=1, height=HEIGHT, examples=4,
        selector=selector,
    )  # fmt: skip
    fields = fields_of(part, Rng(5))
    pairs = []
    for k in range(3):
        best = None
        for field in fields:
            for x in batch.inputs[:4]:
                moved = warped(x, field)
                gain = twin.forward(params, moved)[0][k] - twin.forward(params, x)[0][k]
                score = gain if selector == "signed" else abs(gain)
                if best is None or score > best[0]:
                    best = (score, x, moved)
        pairs.append(best[1:])
    value, gradient = ad.value_and_grad(lambda p: part.value(p, batch, objective, (), Rng(5))[0])(
        params
    )
    np.testing.assert_allclose(float(value), twin.gain_penalty(params, pairs, 0.7), rtol=1e-11)
    assert_gradient(lambda p: twin.gain_penalty(p, pairs, 0.7), params, gradient, **NEAR)


def test_the_tangent_penalty_is_that_of_its_twin():
    objective, params, batch = problem()
    part = TangentNorm(strength=0.7, fields=4, amplitude=1.2, cutoff=1, height=HEIGHT)
    fields = fields_of(part, Rng(5))

    def value_of(p):
        total = 0.0
        for k in range(3):
            squares = []
            for x in batch.inputs:
                slope = twin.jacobian(p, x)[k]
                squares.append(sum((slope @ tangent(x, f)) ** 2 for f in fields))
            total += max(squares)
        return 0.7 * total

    value, gradient = ad.value_and_grad(lambda p: part.value(p, batch, objective, (), Rng(5))[0])(
        params
    )
    np.testing.assert_allclose(float(value), value_of(params), rtol=1e-11)
    assert_gradient(value_of, params, gradient, **NEAR)


@pytest.mark.parametrize("kind", [DeformationNorm, TangentNorm])
def test_off_and_without_an_rng(kind):
    objective, params, batch = problem()
    assert float(kind(strength=0.0).value(params, batch, objective, ())[0]) == 0.0
    with pytest.raises(TypeError, match="rng"):
        kind(height=HEIGHT).value(params, batch, objective, ())
    with pytest.raises(SettingError, match="no square image"):
        kind().value(params, batch, objective, (), Rng(0))
    assert float(kind(height=HEIGHT, amplitude=0.0).value(
        params, batch, objective, (), Rng(0))[0]) == 0.0  # fmt: skip
    for wrong in ({"strength": -1.0}, {"fields": 0}, {"amplitude": -1.0}, {"cutoff": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            kind(**wrong)


def test_images_have_whole_rows():
    assert image_height(12, 4) == 4 and image_height(64) == 8
    with pytest.raises(SettingError, match="do not fill 5 rows"):
        image_height(12, 5)
    for wrong in ({"examples": 0}, {"selector": "largest"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            DeformationNorm(**wrong)
