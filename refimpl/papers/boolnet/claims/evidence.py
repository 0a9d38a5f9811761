"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import between, gain
from refimpl.claims.ledger import Outcome, claim, paired, report
from refimpl.experiments.base import Result


@claim(
    "BN-24",
    paper="boolnet",
    place="the paper's design; recorded comparison on digits",
    statement="Networks whose layers pass bits alone are ahead of a plain binary network "
    "with as many bits of weights, in the recorded comparison",
    experiment="boolnet_logic_digits",
)
def ahead_of_plain(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "logic, 1 bit")


@claim(
    "BN-25",
    paper="boolnet",
    place="abstract (balance of accuracy and energy); recorded comparison on digits",
    statement="The accuracy that the 4-bit logic network gives up for its energy, in the "
    "recorded comparison with floats of the same sizes",
    experiment="boolnet_float_digits",
)
def price(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    lost = -100.0 * result.select(method="logic, 4 bits")["difference"][0]
    note = f"points of accuracy below {result.config.reference}; {result.config.words}"
    return report(lost, note, predicted="small")


@claim(
    "BN-26",
    paper="boolnet",
    place="the paper's design (slices); recorded comparison on digits",
    statement="With four bits a value the same networks are ahead of the plain binary network, "
    "in the recorded comparison",
    experiment="boolnet_logic_digits",
)
def four_bits_ahead_of_plain(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "logic, 4 bits")


@claim(
    "BN-27",
    paper="boolnet",
    place="the paper's design (slices); recorded comparison on all of MNIST",
    statement="On all of MNIST the network of four bits a value is ahead of the plain binary "
    "network, in the recorded comparison",
    experiment="boolnet_mnist",
)
def four_bits_ahead_on_mnist(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "logic, 4 bits")


@claim(
    "BN-28",
    paper="boolnet",
    place="the paper's design; recorded comparison on all of MNIST",
    statement="On all of MNIST networks whose layers pass bits alone are ahead of a plain binary "
    "network with as many bits of weights, in the recorded comparison",
    experiment="boolnet_mnist",
)
def ahead_of_plain_on_mnist(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "logic, 1 bit")


@claim(
    "BN-29",
    paper="boolnet",
    place="abstract (balance of accuracy and energy); recorded comparison on all of MNIST",
    statement="The accuracy that the 4-bit logic network gives up for its energy on all of MNIST, "
    "beside floats of the same sizes in the recorded comparison",
    experiment="boolnet_mnist",
)
def price_on_mnist(result: Result) -> Outcome:
    """Test accuracies paired by seed."""
    floats, bits = (
        result.select(method=name)["test_accuracy"][0]
        for name in ("float, for scale", "logic, 4 bits")
    )
    note = f"points of accuracy below floats; {result.config.words}"
    return report(100.0 * (floats - bits), note, predicted="small")


@claim(
    "BN-21b",
    paper="boolnet",
    place="on digits",
    statement="logic shortcuts against none at k = 1 on digits in the recorded comparison: the "
    "difference, not judged",
    experiment="boolnet_forms_digits",
)
def shortcuts_on_digits(result: Result) -> Outcome:
    """Paired by seed with the plain network."""
    change = result.select(method="logic, k=1")["difference"][0]
    note = f"no statement of the paper; {paired(change).measured}; {result.config.words}"
    return report(change, note)


@claim(
    "BN-22b",
    paper="boolnet",
    place="on digits",
    statement="four slices beat one under logic shortcuts on digits, in the recorded comparison",
    experiment="boolnet_forms_digits",
)
def slices_on_digits(result: Result) -> Outcome:
    """Test accuracies paired by seed."""
    four, one = (("logic, k=4", "test_accuracy"), ("logic, k=1", "test_accuracy"))
    return between(result, four, one, "test accuracy of four slices over one")
