"""The sphere that figures of points and lines share: its grid, points and their edges."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np


def globe(axes: Any, style: Any) -> None:
    """A sphere of thin circles, without axes."""
    turn = np.linspace(0.0, 2.0 * np.pi, 121)
    for height in np.sin(np.deg2rad((-60, -30, 0, 30, 60))):
        radius = np.sqrt(1.0 - height**2)
        axes.plot(radius * np.cos(turn), radius * np.sin(turn), 0 * turn + height,
                  color=style.soft, alpha=0.25, linewidth=0.6)  # fmt: skip
    for longitude in np.deg2rad(np.arange(0, 180, 30)):
        axes.plot(np.cos(turn) * np.cos(longitude), np.cos(turn) * np.sin(longitude), np.sin(turn),
                  color=style.soft, alpha=0.25, linewidth=0.6)  # fmt: skip
    axes.set_box_aspect((1, 1, 1), zoom=1.45)
    axes.set_axis_off()
    axes.view_init(elev=18, azim=28)


def draw_points(axes: Any, points: np.ndarray, color: str, edges: bool = True) -> None:
    """Points on the sphere, those behind it pale, and lines between neighbors."""
    towards = points @ _viewer()
    for i, j in _edges(points) if edges else ():
        back = 0.5 * (towards[i] + towards[j]) < -0.15
        axes.plot(*points[[i, j]].T, color=color, linewidth=0.7 if back else 1.2,
                  alpha=0.25 if back else 0.9)  # fmt: skip
    shade = np.where(towards < -0.15, 0.35, 1.0)
    axes.scatter(*points.T, s=26, c=color, alpha=shade, depthshade=False,
                 edgecolors="white", linewidths=0.5)  # fmt: skip


def draw_lines(axes: Any, points: np.ndarray, color: str) -> None:
    """Lines through the center, with both their ends."""
    for x, y, z in points:
        axes.plot([-x, x], [-y, y], [-z, z], color=color, linewidth=1.4)
    both = np.concatenate([points, -points])
    axes.scatter(*both.T, s=26, c=color, depthshade=False, edgecolors="white", linewidths=0.5)


def upright(points: np.ndarray) -> np.ndarray:
    """Turned so that the first point is at the north pole and another on the meridian y = 0."""
    north = points[0]
    other = points[int(np.argmin(np.abs(points @ north)))]
    side = other - (other @ north) * north
    side /= np.linalg.norm(side)
    return points @ np.stack([side, np.cross(north, side), north], axis=1)


def _edges(points: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of neighbors: those within 1.35 of the least distance of either."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    near = 1.35 * distance.min(axis=1)
    return [
        (i, j)
        for i, j in itertools.combinations(range(len(points)), 2)
        if distance[i, j] <= min(near[i], near[j])
    ]


def _viewer() -> np.ndarray:
    """The unit vector towards the eye, for elevation 18 and azimuth 28 degrees."""
    elevation, azimuth = np.deg2rad((18.0, 28.0))
    return np.array(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ]
    )
