"""One color, marker and line for each method, whichever figure shows it.

Eight colors have to do for many methods: a family shares a color, its members differ in marker or
line. Training without what is studied is black.
"""

from __future__ import annotations

from typing import Any

BLUE, VERMILION, GREEN, PINK, ORANGE, SKY, BLACK = range(7)
GRAY = None

DASHED: Any = (0, (5, 2))
DOTTED: Any = (0, (1, 1.5))

METHODS: dict[str, tuple[int | None, str, Any]] = {
    # without a regularizer
    "none": (BLACK, "o", "-"),
    "sgd": (BLACK, "o", "-"),
    "gradient descent": (BLACK, "o", "-"),
    "cross-entropy": (BLACK, "o", "-"),
    "float": (BLACK, "o", "-"),
    "momentum": (GRAY, "o", "-"),
    # usual baselines
    "weight decay": (VERMILION, "s", "-"),
    "l2": (VERMILION, "s", "-"),
    "plain penalty": (VERMILION, "s", "-"),
    "early stopping": (PINK, "^", "-"),
    "noise": (ORANGE, "v", "-"),
    "random perturbation": (ORANGE, "v", DASHED),
    "loss gradient": (GREEN, "^", "-"),
    "attack training": (PINK, "P", "-"),
    "pgd l2": (PINK, "P", "-"),
    "sign training": (PINK, ">", DASHED),
    "orthogonal": (PINK, "s", "-"),
    "orthogonality penalty": (PINK, "s", "-"),
    "srip": (PINK, "P", DASHED),
    "sam": (SKY, "^", "-"),
    "released": (VERMILION, "X", "-"),
    "dropout": (GREEN, "v", "-"),
    # samplers and constraints
    "sgld": (ORANGE, "v", "-"),
    "langevin": (ORANGE, "^", DASHED),
    "constraint": (BLUE, "D", "-"),
    "c-sgd": (BLUE, "D", "-"),
    "c-sgld": (GREEN, "D", "-"),
    "c-cola-od": (BLUE, "D", "-"),
    "c-cola-ud": (BLUE, "d", DASHED),
    "o-cola-od": (GREEN, "D", "-"),
    "o-cola-ud": (GREEN, "d", DASHED),
    "c-cola-ud as released": (VERMILION, "X", "-"),
    "o-cola-ud as released": (VERMILION, "X", DASHED),
    # minimum norm
    "minnorm": (BLUE, "D", "-"),
    "minnorm, margins": (BLUE, "D", "-"),
    "minnorm, equalities": (SKY, "d", "-"),
    # gates and delays
    "delayed": (BLUE, "o", DASHED),
    "delayed 1": (BLUE, "o", DASHED),
    "delayed 5": (BLUE, "o", DASHED),
    "delayed 8": (BLUE, "o", DASHED),
    "delayed 10": (SKY, "o", DASHED),
    "delayed 15": (PINK, "o", DASHED),
    "gate": (GREEN, "D", "-"),
    "gate 0.5": (ORANGE, "D", "-"),
    "gate 0.7": (GREEN, "D", "-"),
    "gate 0.8": (ORANGE, "d", DOTTED),
    "gate 0.9": (BLACK, "D", "-"),
    # energies on spheres
    "mhe": (BLUE, "D", "-"),
    "half-space": (SKY, "o", "-"),
    "half-space, matched": (SKY, "o", DASHED),
    "half-space, matched, noise": (SKY, "o", DOTTED),
    "random projection": (GREEN, "^", "-"),
    "angle-preserving": (ORANGE, "v", DASHED),
    "adversarial": (VERMILION, ">", DOTTED),
    # perturbed weights
    "amp": (BLUE, "D", "-"),
    # perturbed features
    "isda, full": (BLUE, "D", "-"),
    "isda, diagonal": (SKY, "s", "-"),
    "isda, shared": (GREEN, "^", "-"),
    "isda, identity": (PINK, "v", "-"),
    "isda, sampled": (ORANGE, "o", "-"),
    # noise on gradients
    "bernoulli 0.1": (BLUE, "D", "-"),
    "bernoulli 0.3": (SKY, "D", DASHED),
    "gaussian 0.1": (GREEN, "s", "-"),
    "gaussian 0.3": (ORANGE, "s", DASHED),
    # slopes and norms of a network
    "tikhonov": (BLUE, "D", "-"),
    "total variation": (SKY, "v", "-"),
    "graph": (GRAY, "<", "-"),
    "projection": (GRAY, "D", "-"),
    "gradient norm": (SKY, "o", "-"),
    "adversarial norm": (ORANGE, ">", "-"),
    "tailored": (BLUE, "D", "-"),
    "augmented": (BLUE, "o", "-"),
    # networks of bits
    "plain, k=1": (VERMILION, "s", "-"),
    "logic, k=1": (BLUE, "D", "-"),
    "plain, k=4": (ORANGE, "s", "-"),
    "logic, k=4": (SKY, "D", "-"),
    "plain, k=1, scaled": (PINK, "^", "-"),
    "logic, k=1, scaled": (GREEN, "^", "-"),
    "logic, k=1, slow": (BLUE, "v", DASHED),
    "logic, k=4, slow": (SKY, "v", DASHED),
}
"""From the name, in small letters, to the place of its color, its marker and its line."""
