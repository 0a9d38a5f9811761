"""Negative control: the recursion of the meta-gradient with the Hessian before the noise.

A common mistake is to apply the Jacobian I − α N_k H_k itself where its transpose is due:
u_k ← u_{k+1} − α N_k H_k u_{k+1}. Noise and Hessian do not commute, so the result is the gradient
of nothing; without noise it is right by accident.

>>> pull_back_hessian_first.__name__
'pull_back_hessian_first'
"""

from __future__ import annotations

from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree, tree_namespace
from refimpl.papers.gradient_dropout import inner
from refimpl.papers.gradient_dropout.maml import MAML, MetaGradient


def pull_back_hessian_first(
    algorithm: MAML, found: MetaGradient, objective: Any, episode: Any
) -> Tree:
    """The sum over tasks of the wrong u_0, along the trajectory of a second-order meta-gradient.

    Parameters
    ----------
    algorithm : MAML
    found : MetaGradient
        Of ``algorithm.meta_gradient`` with ``order="second"``.
    objective, episode
        Those of the meta-gradient.
    """
    each = inner.Each.of(objective)
    trajectory = found.trajectory
    u = inner.gradient(each, trajectory.params[-1], episode.query)[1]
    steps = list(zip(trajectory.noise, trajectory.products, strict=True))
    for n, product in reversed(steps):
        if product is None:
            raise ValueError("the trajectory keeps no Hessian products: take order='second'")
        curved = inner.scaled(product(u), n)
        moved = inner.times_rate(curved, algorithm.inner_rate)
        u = ad.map_tree(lambda a, b: a - b, u, moved)
    xp = tree_namespace(u)
    return ad.map_tree(lambda leaf: xp.sum(leaf, axis=0), u)
