"""Closed forms of adversarial model perturbation, beside which the algorithms are measured."""
