"""Draws of many chains as named arrays, their summary, and their export.

>>> import numpy as np
>>> x = np.random.default_rng(0).standard_normal((4, 100, 2))
>>> draws = Draws({"x": x}, {"acceptance": np.ones((4, 100))}, {"step_size": 0.1})
>>> [row["name"] for row in draws.summary()]
['x[0]', 'x[1]']
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.errors import SettingError
from refimpl.sampling.diagnostics import ess, rhat
from refimpl.training.history import write_npz


@dataclass(frozen=True, eq=False)
class Draws:
    """What a run of many chains returns.

    Parameters
    ----------
    values : mapping of str to array
        Each of shape (chains, draws, ...).
    stats : mapping of str to array
        Of every step: acceptance, energy error and so on, shape (chains, draws).
    settings : mapping of str to plain value
        Step size after the warm-up, gradients a draw, seconds.
    """

    values: Mapping[str, np.ndarray]
    stats: Mapping[str, np.ndarray] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.values[name]

    def summary(self, most: int = 24) -> list[dict[str, Any]]:
        """A row for each number: name, mean, sd, its error, R-hat, bulk and tail ESS.

        Parameters
        ----------
        most : int
            Of the entries of one array; further ones are left out.
        """
        rows = []
        for name, values in self.values.items():
            for index in list(np.ndindex(values.shape[2:]))[:most]:
                one = values[(slice(None), slice(None), *index)]
                label = f"{name}[{', '.join(map(str, index))}]" if index else name
                sd = float(one.std(ddof=1))
                size = ess(one, "mean")
                rows.append({
                    "name": label,
                    "mean": float(one.mean()),
                    "sd": sd,
                    "error": sd / math.sqrt(size) if size > 0.0 else math.nan,
                    "rhat": rhat(one),
                    "ess_bulk": ess(one, "bulk"),
                    "ess_tail": ess(one, "tail"),
                })  # fmt: skip
        return rows

    def save(self, path: Path) -> None:
        """Write values and stats to one npz file; stats carry the prefix ``stats.``."""
        stats = {f"stats.{name}": values for name, values in self.stats.items()}
        write_npz(path, {**self.values, **stats})

    def inference_data(self) -> Any:
        """An ``arviz.InferenceData`` with the groups posterior and sample_stats.

        Raises
        ------
        SettingError
            If ArviZ is not installed; names the extra.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of ArviZ, on its next version
                import arviz
        except ImportError:
            raise SettingError("the export needs ArviZ: pip install 'refimpl[sampling]'") from None
        names = {"acceptance": "acceptance_rate", "loss": "lp"}
        stats = {names.get(name, name): np.asarray(x) for name, x in self.stats.items()}
        if "lp" in stats:
            stats["lp"] = -stats["lp"]
        data = arviz.from_dict(posterior=dict(self.values), sample_stats=stats)
        data.posterior.attrs.update(self.settings)
        return data
