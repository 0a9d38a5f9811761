"""Closed forms: kernels and exact norms, linear models, spectral steps, functions on an interval."""
