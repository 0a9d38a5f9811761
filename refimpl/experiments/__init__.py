"""Experiments: a config goes in, named numbers come out; claims and figures only read those.

This is the engine. The experiments themselves stand with the papers, and
:mod:`refimpl.catalogue` finds them by name.
"""

from refimpl.experiments.base import Experiment, ExperimentError, Result

__all__ = ["Experiment", "ExperimentError", "Result"]
