"""Closed forms: linear networks, one state, spectra of the iterations, reach of labels."""
