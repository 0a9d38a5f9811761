"""The statements of BoolNet, checked."""
