"""Figures of RKHS-norm regularization."""
