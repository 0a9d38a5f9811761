"""Bits, operations, power and energy: the paper's models and its printed numbers.

* memory of a convolutional block (bits): weights 9C², activations CH²k_a, outputs and features
  2CH²f, with k_a = f = k slices for BoolNet, and k_a = 1, f = 32 for a usual binary network
* operations: FLOPs + BOPs/64
* energy: compute + SRAM + DRAM; of a layer Cn (Ps + Pd)/10⁹ dynamic and static,
  (Cn_max − Cn) Ps/10⁹ idle, Cn = A/Pa cycles

Energies per access, the split of power into Ps and Pd, and the parallelism Pa were not published:
totals can be added up, those of a new network cannot be computed (:func:`absolute_energy` says so).
Power is in mW at 1 GHz, which is mJ for 10⁹ cycles: a factor of 10³ from µJ.

Source: BoolNet (2021), Tables 1, 3 and those of power and energy.

>>> block_memory(64, 56, slices=1), block_memory(64, 56)
(638976, 13082624)
"""

from __future__ import annotations

from typing import NamedTuple

from refimpl.errors import SettingError


class Stage(NamedTuple):
    """A stage of the network: channels, side of the maps, and its printed totals in bits."""

    channels: int
    side: int
    one_slice: int
    four_slices: int
    regular: int


STAGES = (
    Stage(64, 56, 638_976, 2_445_312, 13_082_624),
    Stage(128, 28, 448_512, 1_351_680, 6_670_336),
    Stage(256, 14, 740_352, 1_191_936, 3_851_264),
    Stage(512, 7, 2_434_560, 2_660_352, 3_990_016),
)
DILATED = (512, 14, 4, 3_563_520)
"""BoolNet*: channels, side, slices, printed bits."""


def block_memory(channels: int, side: int, slices: int | None = None) -> int:
    """Bits of a block with ``slices`` bits a feature, or of a usual binary block (None)."""
    features, activation = (32, 1) if slices is None else (slices, slices)
    area = channels * side * side
    return 9 * channels**2 + area * activation + 2 * area * features


OPERATIONS = (
    (1.23, 1.76, 1.51),
    (1.26, 2.01, 1.574),
    (1.23, 2.01, 1.544),
    (1.26, 2.50, 1.651),
    (1.23, 2.35, 1.597),
)
"""FLOPs in 10⁸, BOPs in 10⁹, OPs in 10⁸. The first is as printed, which is rounded."""


def operations(flops: float, bops: float) -> float:
    """OPs = FLOPs + BOPs/64, all in one unit.

    Examples
    --------
    >>> operations(1.23e8, 1.76e9)
    150500000.0
    """
    return flops + bops / 64.0


class Energy(NamedTuple):
    """A row of the energy table, µJ: parts, the printed total and ratio to Bi-Real."""

    network: str
    compute: float
    sram: float
    dram: float
    total: float
    ratio: float | None

    @property
    def sum(self) -> float:
        """Of the parts."""
        return self.compute + self.sram + self.dram


ENERGIES = (
    Energy("XNOR-Net", 47.2, 919.1, 954.4, 1920.7, None),
    Energy("Bi-Real", 67.4, 1581.2, 2250.8, 3899.4, None),
    Energy("ReActNet", 71.7, 1606.5, 2250.8, 3929.0, None),
    Energy("BaseNet k=1", 46.9, 297.1, 269.2, 613.2, 6.36),
    Energy("BaseNet k=4", 47.1, 424.2, 269.2, 740.5, 5.27),
    Energy("BoolNet k=4", 53.8, 478.8, 306.5, 839.1, 4.65),
    Energy("BoolNet*", 90.7, 784.7, 306.5, 1181.9, 3.30),
)
PRINTED_SAVING = {"abstract": 4.6, "body": 4.5}
"""By how much BoolNet (k = 4) is said to save energy against Bi-Real."""

POWER = {
    "binary convolution": (108.8, 131_737),
    "int8 convolution, 1/8 parallel": (504.0, 836_269),
    "1-bit aggregation": (1.4, 2_150),
    "integer aggregation": (43.5, 53_238),
    "16-bit sign": (1.4, 7_956),
    "32-bit sign": (3.3, 13_548),
    "32-bit RPReLU": (137.6, 310_671),
    "int8 batch norm": (50.1, 274_606),
}
"""mW and µm² in 65 nm at 1 GHz."""


def power_ratios() -> dict[str, float]:
    """The four ratios that the text quotes as 37 times, 31 times, +26 % and about half.

    Examples
    --------
    >>> {name: round(value, 3) for name, value in power_ratios().items()}
    {'int8 convolution': 37.059, 'aggregation': 31.071, 'RPReLU': 1.265, 'batch norm': 0.46}
    """
    power = {name: value for name, (value, _) in POWER.items()}
    return {
        "int8 convolution": 8.0 * power["int8 convolution, 1/8 parallel"]
        / power["binary convolution"],
        "aggregation": power["integer aggregation"] / power["1-bit aggregation"],
        "RPReLU": power["32-bit RPReLU"] / power["binary convolution"],
        "batch norm": power["int8 batch norm"] / power["binary convolution"],
    }  # fmt: skip


def layer_energy(
    cycles: float, longest: float, static_power: float, dynamic_power: float
) -> tuple[float, float]:
    """Busy and idle energy of a layer in J: powers in W, cycles at 1 GHz.

    Examples
    --------
    >>> layer_energy(1e9, 3e9, 0.5, 1.0)
    (1.5, 1.0)
    """
    return (
        cycles * (static_power + dynamic_power) / 1e9,
        (longest - cycles) * static_power / 1e9,
    )


def absolute_energy(**known: float) -> float:
    """The energy of a new network, µJ, from all constants.

    Parameters
    ----------
    **known
        accesses_sram, energy_sram, accesses_dram, energy_dram and compute, energies in µJ.

    Raises
    ------
    SettingError
        Naming the constants that are not given: the paper did not publish them.

    Examples
    --------
    >>> absolute_energy(compute=50.0)
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: absolute energies need accesses_sram, energy_sram, accesses_dram, \
energy_dram: energies per access, the split of static and dynamic power and the parallelism were \
not published
    """
    needed = ("accesses_sram", "energy_sram", "accesses_dram", "energy_dram", "compute")
    missing = [name for name in needed if name not in known]
    if missing:
        raise SettingError(
            f"absolute energies need {', '.join(missing)}: energies per access, the split of "
            f"static and dynamic power and the parallelism were not published"
        )
    return (
        known["compute"]
        + known["accesses_sram"] * known["energy_sram"]
        + known["accesses_dram"] * known["energy_dram"]
    )
