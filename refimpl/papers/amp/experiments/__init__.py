"""Experiments: a config goes in, named numbers come out."""
