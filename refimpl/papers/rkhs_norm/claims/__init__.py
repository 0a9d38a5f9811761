"""Claims on RKHS-norm regularization, one file per group."""
