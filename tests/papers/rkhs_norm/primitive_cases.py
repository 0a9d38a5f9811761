"""How the differentiable operations of this paper are exercised by the walk over all of them.

Each case is (primitive, function of arrays, shapes, draw, name).
"""

from refimpl.papers.rkhs_norm.kernel_machine import arc_cosine, arc_cosine_slope


def cosines(rng, shape):
    """Away from -1 and 1, where the second derivative has no bound."""
    return rng.uniform(shape, -0.8, 0.8)


SHAPES = [((3,),), ((2, 3),)]

CASES = [
    (arc_cosine, arc_cosine, SHAPES, cosines, "arc_cosine"),
    (arc_cosine_slope, arc_cosine_slope, SHAPES, cosines, "arc_cosine_slope"),
]
