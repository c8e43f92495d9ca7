"""The command line as tests call it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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


#: A dispatch of six hours: two feeders of two buses each, named as three of `tiny` are.
SMALL_DISPATCH = {
    "case.yaml": """
case: {kind: dispatch, name: small, title: Two feeders and what can move, currency: EUR}
network: {vn_kv: 10.0, v_min_pu: 0.95, v_max_pu: 1.05, i_max_a: 150.0}
costs: {shortfall_per_kwh: 4.0, curtailment_per_kwh: 0.05, reactive_per_kvarh: 0.001}
""",
    "buses.csv": """bus,x_km,y_km,p_kw,q_kvar
3,1,0,700,300
4,2,0,600,200
5,1,1,500,200
6,2,1,400,100
""",
    "feeders.csv": "feeder,head_bus,x_km,y_km\nA,101,0,0\nB,102,0,1\n",
    "lines.csv": """line,from_bus,to_bus,length_km,r_ohm,x_ohm
A1,101,3,1,0.3,0.4
A2,3,4,2,0.6,0.8
B1,102,5,1,0.3,0.4
B2,5,6,2,0.6,0.8
""",
    "ties.csv": "tie,from_bus,to_bus,r_ohm,x_ohm\n4-6,4,6,0.3,0.4\n",
    "day.csv": """time,load_factor,pv_factor,price_per_kwh
00:00,0.6,0,0.3
01:00,0.7,0.2,0.3
02:00,0.8,0.6,0.5
03:00,1.0,0.8,1.0
04:00,1.0,0.4,1.0
05:00,0.7,0,0.4
""",
    "generators.csv": """generator,bus,profile,p_kw,s_kva,curtailable
PV4,4,pv,500,550,yes
mill,5,flat,50,60,no
""",
    "sops.csv": """sop,bus,s_kva,p_max_kw,q_max_kvar,loss_share
AB,4,400,400,400,0.02
AB,6,400,400,400,0.02
""",
    "batteries.csv": """battery,bus,s_kva,p_max_kw,q_max_kvar,e_kwh,soc_min,soc_max,soc_start,\
loss_share
ESS5,5,300,300,300,900,0.1,0.9,0.5,0.03
""",
    "deferrable.csv": """load,bus,p_max_kw,energy_kwh,start,deadline,power_factor
fleet,3,400,800,01:00,05:00,1.0
oven,6,300,600,00:00,06:00,0.9
""",
    "requirements.csv": """requirement,feeder,direction,p_kw,start,end
early,all,less,80,01:00,02:00
more,A,more,60,02:00,03:00
toomuch,B,less,5000,04:00,05:00
""",
}


def write_files(folder: Path, files: dict[str, str]) -> Path:
    """A folder of such files."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def dispatch_folder(tmp_path: Path) -> Path:
    """A small dispatch case, all tables its own."""
    return write_files(tmp_path / "small", SMALL_DISPATCH)


@pytest.fixture(scope="session")
def small_dispatch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for tests that leave it as it is."""
    return write_files(tmp_path_factory.mktemp("dispatch") / "small", SMALL_DISPATCH)
