"""Experiments on RKHS-norm regularization, one a file."""
