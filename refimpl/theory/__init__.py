"""Closed forms and exact laws: no training, no randomness.

Nothing here imports an algorithm, so that a law shares no code with what it checks.
"""
