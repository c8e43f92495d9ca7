"""The command line as tests call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from roadvolt.sims import cli


class Answer(NamedTuple):
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def roadvolt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Runs the program as its entry point does, in this process."""

    def run(*words: Any) -> Answer:
        monkeypatch.setattr("sys.argv", ["roadvolt", *map(str, words)])
        for console in (cli.out, cli.err):
            monkeypatch.setattr(console, "_file", None)
        monkeypatch.setattr(cli.out, "width", 120)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Answer(int(ended.value.code or 0), said.out, said.err)

    return run
