"""Figures of implicit semantic data augmentation."""
