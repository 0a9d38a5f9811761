"""The parts from the command line, on digits."""

import pytest
from click.testing import CliRunner

from refimpl.cli.app import app

LINES = (
    "--algorithm gradient_tikhonov --held-out --probes 1",
    "--algorithm gradient_variation --norm per_class --smoothing 0.01 --base momentum",
    "--algorithm graph_penalty --graph nearest --power 1",
    "--algorithm input_noise --deviation 0.2",
    "--algorithm adam --penalty gradient_tikhonov:strength=0.01,points=noisy,half=true",
)


@pytest.mark.parametrize("line", LINES)
def test_train(line, tmp_path):
    options = f"train --data digits --epochs 1 --widths 64-8-10 {line} --output {tmp_path}"
    run = CliRunner().invoke(app, options.split())
    assert run.exit_code == 0, run.output
