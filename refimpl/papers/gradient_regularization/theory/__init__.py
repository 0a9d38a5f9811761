"""Closed forms of the variational problems, of linear models, of noise and of probes."""
