"""RKHS-norm regularization: penalties and projections that bound the kernel norm of a network."""

from refimpl.papers import Paper

PAPER = Paper(
    name="rkhs_norm",
    prefix="RK",
    title="RKHS-norm regularization",
    authors="Alberto Bietti, Grégoire Mialon, Dexiong Chen, Julien Mairal",
    year=2019,
    venue="ICML 2019",
    arxiv="1810.00363",
)
