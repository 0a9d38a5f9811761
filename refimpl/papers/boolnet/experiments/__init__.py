"""Experiments on networks with one-bit feature maps."""
