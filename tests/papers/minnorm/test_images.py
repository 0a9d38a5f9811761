"""The baselines of the image experiments, on few images and steps, against loops in NumPy."""

import numpy as np

from refimpl import backend
from refimpl.papers.minnorm.experiments import images
from refimpl.random import Rng


def test_early_stopping_is_gradient_descent_up_to_its_best_step():
    place = backend("numpy", "float64")
    data = images.images("digits", Rng(0), 30, 20)
    recipe = images.Recipe(hidden=6, baseline_rate=0.02, baseline_steps=40)
    first = images.start(recipe, place, Rng(1), data.train.shape[1], 1.0)
    last, best = images.train_early_stopping(recipe, place, data, first, every=8)

    def forward(weights, inputs):
        hidden = np.maximum(inputs @ weights[0].T, 0.0)
        return hidden, hidden @ weights[1].T

    def validation(weights):
        outputs = forward(weights, data.validation)[1]
        return 0.5 * np.sum((outputs - images.codes(data.validation_labels)) ** 2)

    weights = [np.array(layer["weight"]) for layer in first]
    seen = [(validation(weights), [w.copy() for w in weights])]
    targets = images.codes(data.labels)
    for step in range(1, recipe.baseline_steps + 1):
        hidden, outputs = forward(weights, data.train)
        error = outputs - targets
        below = (error @ weights[1]) * (hidden > 0.0)
        weights = [
            weights[0] - recipe.baseline_rate * below.T @ data.train,
            weights[1] - recipe.baseline_rate * error.T @ hidden,
        ]
        if step % 8 == 0:
            seen.append((validation(weights), [w.copy() for w in weights]))
    for a, b in zip(last.weights, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    for a, b in zip(best.weights, min(seen, key=lambda row: row[0])[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
