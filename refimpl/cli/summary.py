"""What ``refimpl train`` shows before and after a run."""

from __future__ import annotations

import math
from typing import Any

from rich import box
from rich.table import Table

from refimpl.algorithms.composition import Composition
from refimpl.cli import folders
from refimpl.cli.run import Outcome, Plan
from refimpl.models import LOSSES
from refimpl.training import overview
from refimpl.training.history import History


def opening(plan: Plan) -> list[str]:
    """The lines before a run: data, network, backend and algorithm."""
    settings = plan.settings
    sizes = ", ".join(f"{len(dataset)} {name}" for name, dataset in plan.sets.items())
    return [
        f"{settings.data}: {sizes}; {_network(plan)}, {settings.loss}; "
        f"{plan.where.name} {plan.where.dtype_name}",
        *_method(plan.method),
        *([] if settings.loss in LOSSES else [str(plan.objective)]),
        *_few_examples(plan),
    ]


def _method(method: Any) -> list[str]:
    """The algorithm with its settings; of a composition, a line for each part."""
    if not isinstance(method, Composition):
        return [str(method)]
    return [str(part) for part in (method.update, *method.parts)]


def _few_examples(plan: Plan) -> list[str]:
    size = len(plan.training)
    if plan.settings.batch_size <= size:
        return []
    return [
        f"batch size {plan.settings.batch_size} exceeds the {size} training examples: every step "
        f"takes all of them"
    ]


def _network(plan: Plan) -> str:
    name = "" if plan.settings.model == "mlp" else plan.settings.model
    widths = "-".join(map(str, getattr(plan.model, "widths", ())))
    return " ".join(filter(None, [name, widths, getattr(plan.model, "activation", "")]))


def closing(plan: Plan, outcome: Outcome) -> list[str]:
    """The lines after a run: sparsity where there is some, steps, seconds and the folder."""
    lines = [*_errors(plan, outcome), *remarks(plan, outcome)]
    stored = outcome.stored
    if stored and (plan.settings.export_sparse or stored.nonzero < stored.weights):
        lines.append(_sparsity(stored))
    early = ", stopped by the algorithm" if outcome.trained.stopped else ""
    steps = outcome.trained.state.step
    return [*lines, f"{steps} steps in {outcome.seconds:.1f} s{early} -> {plan.folder}"]


def interrupted(plan: Plan) -> str:
    """The line after Ctrl-C: what is kept, and how the run goes on."""
    step = folders.saved_step(plan.folder)
    if not step:
        return "interrupted before the first step: nothing is kept"
    return (
        f"interrupted at step {step} of {folders.steps(plan)}, which is kept in {plan.folder}: "
        f"the same command with --resume goes on there, without it the run starts afresh and this "
        f"is put aside"
    )


def _errors(plan: Plan, outcome: Outcome) -> list[str]:
    """Of a regression: root mean squared errors and their gap, in the unit of the targets.

    A data set that was standardized says by how much, as ``scale`` in its truth.
    """
    losses = {name: found["loss"] for name, found in outcome.results.items() if "loss" in found}
    if plan.settings.loss != "mean_squared_error" or plan.training.classes is not None:
        return []
    if not {"train", "test"} <= losses.keys():
        return []
    scale = plan.training.truth.get("scale")
    factor = 1.0 if scale is None else float(scale[0])
    training, test = (factor * math.sqrt(2.0 * losses[part]) for part in ("train", "test"))
    return [
        f"root mean squared error: training {training:.4g}, generalization {test:.4g} (test), "
        f"gap {test - training:.3g}"
    ]


def _sparsity(stored: Any) -> str:
    if stored.collapsed:
        return f"collapsed: all {stored.weights} weights are zero"
    return (
        f"{stored.nonzero} of {stored.weights} weights are not zero: compression "
        f"{stored.ratio:.2f}x; stored in {stored.sparse_bytes / 1000:.1f} kB of "
        f"{stored.dense_bytes / 1000:.1f} kB ({stored.storage_ratio:.2f}x)"
    )


def remarks(plan: Plan, outcome: Outcome) -> list[str]:
    """What a reader should know before anything else: the loss rose, or nothing was learned."""
    found = []
    if (losses := overview.risen(outcome.trained.history)) is not None:
        found.append(
            f"the loss rose: {losses[0]:.4g} in the first step, {losses[1]:.4g} in the last epoch; "
            f"a smaller step may help"
        )
    reached, chance = outcome.results["train"].get("accuracy"), overview.commonest(plan.training)
    if reached is not None and chance is not None and reached <= chance:
        found.append(
            f"no better than chance: the commonest class is {chance:.1%} of the training set, the "
            f"accuracy there {reached:.1%}"
        )
    return found


def steps_table(history: History) -> Table | None:
    """What the method is about, a row for each number of its steps; None without steps."""
    rows = overview.extremes(history)
    if not rows:
        return None
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("each step", overflow="fold")
    for head in ("first", "last", "mean", "least", "largest"):
        shown.add_column(head, justify="right", no_wrap=True)
    for name, row in rows.items():
        shown.add_row(name.replace("_", " "), *(f"{value:.4g}" for value in row.values()))
    return shown


def table(results: dict[str, dict[str, float]]) -> Table:
    """The final metrics, a row for each set."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("set")
    for metric in next(iter(results.values())):
        shown.add_column(metric, justify="right")
    for name, values in results.items():
        cells = (
            f"{value:.2%}" if metric.endswith("accuracy") else f"{value:.5g}"
            for metric, value in values.items()
        )
        shown.add_row(name, *cells)
    return shown
