"""What a figure is made of, for the files in the folders beside this one."""

from refimpl.experiments.figure import Figure, Results, all_arrays

__all__ = ["Figure", "Results", "all_arrays"]
