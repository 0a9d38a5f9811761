"""The claims on implicit semantic data augmentation."""
