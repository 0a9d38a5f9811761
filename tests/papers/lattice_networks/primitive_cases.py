"""How the differentiable operation of this paper is exercised by the walk over all of them."""

from refimpl.papers.lattice_networks.activations import swish

CASES = [(swish, swish, [((3,),), ((2, 4),)], lambda rng, shape: rng.normal(shape), "swish")]
