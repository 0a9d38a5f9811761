"""Calls on arrays that are recorded once and made again, on other numbers, into fixed buffers."""

from refimpl.recording.arrays import CannotRecordError, Number, Recorded
from refimpl.recording.flat import Flat, is_plain, same_bits
from refimpl.recording.program import Program
from refimpl.recording.rows import TurningRows
from refimpl.recording.update import Update

__all__ = [
    "CannotRecordError",
    "Flat",
    "Number",
    "Program",
    "Recorded",
    "TurningRows",
    "Update",
    "is_plain",
    "same_bits",
]
