"""Test vectors in JSON for implementations in any language.

``refimpl vectors write DIR`` writes a file for each method and variant of the papers, each loss and
each constraint; ``refimpl vectors check DIR`` runs the package on the inputs that the files hold.
The README beside the files says what they mean.

>>> from refimpl.vectors import check, write
>>> write.__name__, check.__name__
('write', 'check')
"""

from refimpl.vectors.files import check, write

__all__ = ["check", "write"]
