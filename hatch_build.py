"""Build hook: the commit that is built goes into the package, as the file ``refimpl/COMMIT``.

A source distribution carries the file, so a wheel that is built from one knows the commit too.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CommitHook(BuildHookInterface):
    """Writes the commit where the files come from a git checkout."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file, unless the install is editable: there git itself is asked."""
        if version == "editable" or not (Path(self.root) / ".git").exists():
            return
        try:
            commit = self._git("rev-parse", "HEAD")
            changed = self._git("status", "--porcelain")
        except (OSError, subprocess.SubprocessError):
            return
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "COMMIT"
        path.write_text(commit + ("+" if changed else "") + "\n")
        build_data["force_include"][str(path)] = "refimpl/COMMIT"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take the temporary file away."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    def _git(self, *arguments: str) -> str:
        run = subprocess.run(
            ["git", "-C", self.root, *arguments],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        return run.stdout.strip()
