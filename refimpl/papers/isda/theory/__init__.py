"""Closed forms of implicit semantic data augmentation: expectations, the bound, its gradient."""
