"""The energies and their projections written down once more, for HIPS autograd."""

import autograd.numpy as np
from autograd import grad


def unit(w, epsilon):
    return w / np.sqrt(np.sum(w * w, axis=1, keepdims=True) + epsilon)


def pair(cosine, s, metric, kernel):
    """φ of one cosine."""
    if metric == "euclidean":
        z = np.sqrt(2.0 - 2.0 * cosine)
        doubled = 2.0 if kernel == "released" and s == 0 else 1.0
        return doubled * np.log(1.0 / z) if s == 0 else z**-s
    z = np.arccos(cosine)
    if kernel == "released":
        z = z / np.pi + 1e-4
    if s == 0:
        return np.log(1.0 / z)
    return (0.1 if kernel == "released" else 1.0) * z**-s


def energy(w, *, s, space, metric, epsilon, kernel):
    """The mean over pairs of points; in half space of the 2N points ±ŵ."""
    u = unit(w, epsilon)
    points = np.concatenate([u, -u]) if space == "half" else u
    first, second = np.triu_indices(len(points), 1)
    own = second - first == len(w)  # antipodes, which norms without epsilon leave where they are
    constant = np.sum(own) * pair(-1.0, s, metric, kernel) if epsilon == 0.0 else 0.0
    if epsilon == 0.0:
        first, second = first[~own], second[~own]
    terms = pair((points @ points.T)[first, second], s, metric, kernel)
    return (np.sum(terms) + constant) / (len(points) * (len(points) - 1) / 2)


def decay(matrices, strength, form):
    if form == "squared":
        return strength / 2 * sum(np.sum(w * w) for w in matrices)
    neurons = sum(len(w) for w in matrices)
    norms = [np.sum(np.sqrt(np.sum(w * w, axis=1))) for w in matrices]
    return strength * sum(norms) / neurons


def distortion(p, w, target, epsilon, true=None):
    """D(P, W); ``true`` are weights in whose place no derivative is taken."""
    seen, given = unit(w @ p.T, epsilon), unit(w if true is None else true, epsilon)
    a, b = seen @ seen.T, given @ given.T
    if target == "angle":
        off = ~np.eye(len(w), dtype=bool)
        return np.sum((np.arccos(a[off]) - np.arccos(b[off])) ** 2)
    if epsilon == 0.0:
        off = 1.0 - np.eye(len(w))
        a, b = a * off, b * off
    squares = np.sum((a - b) ** 2)
    return np.sqrt(squares) if target == "norm" else squares


def descended(p, w, f, true=None):
    """One step of P down the distortion, without decay."""
    slope = grad(lambda x: distortion(x, w, f["target"], f["epsilon"], true))(p)
    return p - f["inner_rate"] * slope


def climbed(p, w, f, kernel):
    """One step of P up the energy in the space of the ascent."""
    raised = {**kernel, "space": f["ascent_space"]}
    return p + f["inner_rate"] * grad(lambda x: energy(w @ x.T, **raised))(p)
