"""Calls of the command line in this process."""

import re

from click.testing import CliRunner

from refimpl.cli.app import app


def call(*arguments, code=0):
    """The result of ``refimpl ARGUMENTS``, which must exit with ``code``."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output + result.stderr
    return result


def folder(place, stem):
    """The folder of the one run below ``place`` whose name begins with ``stem`` and a hash."""
    [found] = [
        path
        for path in place.iterdir()
        if re.fullmatch(f"{re.escape(stem)}-[0-9a-f]{{8}}", path.name)
    ]
    return found
