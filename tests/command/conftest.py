"""The command line, run as a user runs it."""

import pytest

from ecr_scan_reporter import __main__ as program


@pytest.fixture
def run(aws, monkeypatch, capsys):
    """Run the command line; gives its exit status and what it printed."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["ecr-scan-reporter", *arguments])
        with pytest.raises(SystemExit) as exited:
            program.main()
        return exited.value.code or 0, *capsys.readouterr()

    return run
