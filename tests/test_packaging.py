"""The wheel is whole: every module and case file is in it, and it runs without the checkout."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOT_SHIPPED = {"tests", "benchmarks", "docs", "build", "dist", "runs"}


def package_files() -> set[str]:
    """What must be shipped: modules and case files in the tree, hidden folders apart."""
    found = set()
    for pattern in ("**/*.py", "sims/cases/**/*", "py.typed"):
        for path in ROOT.glob(pattern):
            relative = path.relative_to(ROOT)
            hidden = any(part.startswith((".", "__pycache__")) for part in relative.parts)
            if path.is_file() and not hidden and relative.parts[0] not in NOT_SHIPPED:
                found.add(f"roadvolt/{relative.as_posix()}")
    return found


def test_every_package_is_listed() -> None:
    meta = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = set(meta["tool"]["setuptools"]["packages"])
    found = {str(Path(f).parent).replace("/", ".") for f in package_files() if f.endswith(".py")}
    assert listed == found


def test_the_package_imports_itself_relatively() -> None:
    # Ruff's banned API would do, but takes relative imports for absolute ones in a checkout whose
    # folder has the package's name.
    absolute = []
    for name in sorted(file for file in package_files() if file.endswith(".py")):
        path = ROOT / name.removeprefix("roadvolt/")
        for node in ast.walk(ast.parse(path.read_text())):
            named = [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            named += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(str(module).partition(".")[0] == "roadvolt" for module in named):
                absolute.append(f"{name}:{node.lineno}")
    assert not absolute, "import relatively (from ..grid import x)"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # Building in a copy keeps build products out of the checkout.
    tracked = {f.removeprefix("roadvolt/") for f in package_files()}
    for name in tracked | {"pyproject.toml", "README.md", "LICENSE"}:
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run([*build, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert package_files() <= set(archive.namelist())


def test_the_wheel_runs_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    # -S leaves out the .pth files, hence the editable install: only the wheel can be imported.
    environment = {
        "PYTHONPATH": os.pathsep.join([str(unpacked), sysconfig.get_path("purelib")]),
        "HOME": str(tmp_path),
        "COLUMNS": "200",
    }
    program = "import roadvolt.sims.cli as cli; print(cli.__file__); cli.main()"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, "cases"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(unpacked) in done.stdout
    assert "utn12-ieee33" in done.stdout
    assert "tiny" in done.stdout
