"""The command line, run as a user runs it."""

import pytest
from botocore.loaders import create_loader

from ecr_scan_reporter import __main__ as program

_LOADER = create_loader()


@pytest.fixture(autouse=True)
def _service_models_are_read_once(monkeypatch):
    """Each command makes a session of its own, which reads megabytes of models anew."""
    monkeypatch.setattr("botocore.session.create_loader", lambda *_: _LOADER)


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
