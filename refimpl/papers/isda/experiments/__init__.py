"""The experiments on implicit semantic data augmentation."""
