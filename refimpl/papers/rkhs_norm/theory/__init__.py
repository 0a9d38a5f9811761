"""Closed forms: kernels and exact norms, linear models, spectral steps, an interval."""
