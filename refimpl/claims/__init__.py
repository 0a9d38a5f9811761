"""Claims of the papers, checked. The claims stand with the papers; this is the engine.

A claim reads the results of experiments and returns an outcome; it never trains. See
:mod:`refimpl.claims.ledger` for how to write one and how all are evaluated, and
:mod:`refimpl.claims.report` for what is written afterwards.
"""
