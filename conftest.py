"""Examples in docstrings that need PyTorch, JAX or safetensors run where those are installed."""

import importlib.util
from pathlib import Path

import pytest

_HERE = Path(__file__).parent / "refimpl" / "interop"
_NEEDED = {
    "files.py": ("safetensors",),
    "torch_modules.py": ("torch",),
    "trees.py": ("torch", "jax"),
}
collect_ignore = [
    str(_HERE / name)
    for name, libraries in _NEEDED.items()
    if any(importlib.util.find_spec(library) is None for library in libraries)
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Their examples belong to the leg that has these libraries."""
    for item in items:
        if item.path.parent == _HERE:
            item.add_marker(pytest.mark.interop)
