"""Closed forms and exact laws: no training, no randomness."""
