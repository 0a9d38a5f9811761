"""Claims of the papers, checked: one file per paper, found by listing this folder.

A claim reads the results of experiments and returns an outcome; it never trains. See
:mod:`refimpl.claims.ledger` for how to write one and how all are evaluated, and
:mod:`refimpl.claims.report` for what is written afterwards.
"""
