"""Calls of the command line in this process."""

from click.testing import CliRunner

from refimpl.cli.app import app


def call(*arguments, code=0):
    """The result of ``refimpl ARGUMENTS``, which must exit with ``code``."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output + result.stderr
    return result
