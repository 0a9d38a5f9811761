"""Claims of the papers, checked: found by listing the folders of the papers.

A claim reads the results of experiments and returns an outcome; it never trains. See
:mod:`refimpl.claims.ledger` for how to write one and how all are evaluated, and
:mod:`refimpl.claims.report` for what is written afterwards.
"""
