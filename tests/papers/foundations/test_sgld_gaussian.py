import dataclasses

import numpy as np
import pytest

from refimpl import Rng, backend, catalogue
from refimpl.algorithms.sgld import SGLD
from refimpl.claims import ledger
from refimpl.papers.foundations.experiments import sgld_gaussian
from refimpl.papers.foundations.experiments.sgld_gaussian import EXPERIMENT, Config

SMALL = Config(step_sizes=(0.2, 0.9), chains=200, steps=2)


def run(config=SMALL, dtype="float64"):
    return EXPERIMENT.run(config, backend("numpy", dtype), Rng(0))


def claim(id):
    return next(claim for claim in catalogue.claims(["foundations"]) if claim.id == id)


def test_the_exact_variance_is_the_limit_of_the_variance_recursion():
    result = run()
    for h, exact in zip(result["step_size"], result["exact_variance"], strict=True):
        for a, measured in zip(SMALL.curvatures, exact, strict=True):
            s = 0.0
            for _ in range(5000):
                s = (1.0 - h * a) ** 2 * s + 2.0 * h * SMALL.temperature
            assert measured == pytest.approx(s, rel=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_claim_holds_exactly_in_both_dtypes(dtype):
    record = ledger.judge(claim("FD-10"), {"sgld_gaussian": run(dtype=dtype)})
    assert record.verdict == "holds", record


@dataclasses.dataclass(frozen=True)
class WrongNoise:
    """A step whose noise lacks the factor 2 under the root: a common mistake."""

    inner: object
    h: float
    tau: float

    def init(self, params):
        return self.inner.init(params)

    def step(self, state, objective, batch, rng):
        cold = SGLD(learning_rate=self.h, temperature=0.0)
        new, info = cold.step(state, objective, batch, None)
        noise = rng.normal(state.params.shape, like=state.params)
        return new._replace(params=new.params + (self.h * self.tau) ** 0.5 * noise), info


@pytest.mark.parametrize("id", ["FD-10", "FD-11"])
def test_a_wrong_step_makes_the_claims_fail(id, monkeypatch):
    def wrong(*, learning_rate, temperature):
        inner = SGLD(learning_rate=learning_rate, temperature=temperature)
        if temperature == 0.0:
            return inner
        return WrongNoise(inner, learning_rate, temperature)

    monkeypatch.setattr(sgld_gaussian, "SGLD", wrong)
    result = run(dataclasses.replace(SMALL, chains=4000))
    assert ledger.judge(claim(id), {"sgld_gaussian": result}).verdict == "fails"


def test_chains_keep_their_stationary_law():
    result = run(dataclasses.replace(SMALL, chains=5000, steps=3))
    error = result["sampled_variance"] - result["predicted_variance"]
    # Six variances at 6 standard errors: false alarm below 1e-7.
    assert np.all(np.abs(error) <= 6.0 * result["standard_error"])
