"""Figures of networks with one-bit features."""
