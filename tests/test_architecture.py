"""Imports point one way, and each heavy dependency has one owner: read from the syntax trees."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import portsim

SOURCE = Path(portsim.__file__).parent

# In the order in which data flow: a module may import those before it, not its peers.
ORDER = (
    {"errors", "clock", "numbers", "theory", "words"},
    {"schema", "profiles"},
    {"inversion", "opening", "paths", "windows"},
    {"messages", "checks", "edits", "oracles"},
    {"documents", "staffing", "treatment"},
    {"changes", "observations"},
    {"settings"},
    {"scenario"},
    {"facts", "inventory", "listing"},
    {"parameters"},
    {"demand"},
    {"demand_changes", "policies"},
    {"model"},
    {"islands"},
    {"workload"},
    {"records"},
    {"engines.rules"},
    {"engines.reference", "engines.compiled"},
    {"spool"},
    {"waits"},
    {"measures", "posting"},
    {"field", "inference"},
    {"economics", "in_sample"},
    {"flows", "terms"},
    {"trade", "welfare", "emissions"},
    {"regional"},
    {"value"},
    {"appraisal"},
    {"valuing"},
    {"tables"},
    {"rows", "execution"},
    {"parts"},
    {"experiment"},
    {"comparisons", "quantities"},
    {"cases"},
    {"validation"},
    {"validation_page"},
    {"calibration"},
    {"fit_report"},
    {"held_out"},
    {"baseline_files", "validation_field"},
    {"grounds"},
    {"findings", "layout"},
    {"charts", "finished", "validation_charts"},
    {"accounts", "service"},
    {"appraised"},
    {"service_charts", "value_charts", "queue_map"},
    {"figures", "headlines", "story"},
    {"benefit_cost"},
    {"html_report", "slides", "workbook", "index"},
    {"publish"},
    {"report"},
    {"sensitivity"},
    {"terminal"},
    {"study", "validating"},
    {"api", "inspection", "assessment"},
    {"cli"},
    {"__main__"},
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}

OWNERS = {
    "ruamel": {"documents"},
    "yaml": set(),
    "simpy": {"engines.reference"},
    "numba": {"engines.compiled"},
    "joblib": {"execution"},
    "distributed": {"execution"},
    "pyarrow": {"rows"},
    "matplotlib": {
        *("charts", "layout", "service_charts", "value_charts", "validation_charts", "queue_map", "figures"),
    },
    "PIL": {"layout", "queue_map"},
    "plotly": set(),  # its script is read as a file, by html_report
    "jinja2": {"html_report", "index"},
    "pptx": {"slides"},
    "lxml": {"slides"},
    "xlsxwriter": {"workbook", "benefit_cost"},
    "random": set(),
    "rich": {"terminal"},
    "typer": {"cli", "inspection", "assessment"},
}
ENGINES_SEE = {"clock", "policies", "model", "workload", "records", "engines.rules"}
TABLES_ONLY = {
    "charts": {"numbers", "inference", "findings", "layout", "words"},
    "findings": {"numbers", "inference", "words"},
    "economics": {"numbers", "inference"},
}
FIGURES_ONLY = {"numbers": set(), "theory": set(), "inference": set(), "layout": {"numbers", "words"}, "words": set()}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


TREES = {
    name_of(path): ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py")) if path.name != "__init__.py"
}


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield all that a module imports, anywhere in it, each name of `from a import b` as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(name: str) -> set[str]:
    """Return the modules of portsim that one of them imports."""
    found = set()
    for target in imported(TREES[name]):
        parts = target.split(".")
        if parts[0] == "portsim":
            modules = [".".join(parts[1:end]) for end in range(len(parts), 1, -1)]
            found |= {next((m for m in modules if m in TREES), "")} - {""}
    return found


def dotted(node: ast.AST) -> str:
    """Return `np.random.default_rng` of such an expression, else nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def test_every_module_has_its_place_in_the_order() -> None:
    """A new module says where it stands."""
    assert set(TREES) <= set(RANK)


@pytest.mark.parametrize("name", list(TREES))
def test_imports_point_to_earlier_modules_only(name: str) -> None:
    """Nothing flows back, and peers do not know each other."""
    assert {other for other in own_imports(name) if RANK[other] >= RANK[name]} == set()


@pytest.mark.parametrize("package", OWNERS)
def test_a_dependency_has_one_owner(package: str) -> None:
    """What a package does is asked of one module."""
    users = {name for name, tree in TREES.items() if package in {t.split(".")[0] for t in imported(tree)}}
    assert users <= OWNERS[package]


@pytest.mark.parametrize("name", sorted(set(TREES) - {"workload"}))
def test_random_numbers_are_drawn_in_the_workload_only(name: str) -> None:
    """No other module names numpy's generators, by import or by attribute."""
    names = {dotted(node) for node in ast.walk(TREES[name]) if isinstance(node, ast.Attribute)}
    words = {word for found in {*names, *imported(TREES[name])} for word in found.split(".")}
    assert not words & {"random", "default_rng", "Generator", "SeedSequence"} - standard_names(name)


def standard_names(name: str) -> set[str]:
    """Return the words a module means otherwise: `collections.abc.Generator` is a process."""
    return {t.rsplit(".", 1)[1] for t in imported(TREES[name]) if t == "collections.abc.Generator"}


@pytest.mark.parametrize("name", [name for name in TREES if name.startswith("engines.")])
def test_engines_see_model_workload_and_records_only(name: str) -> None:
    """An engine knows no file, no scenario and no table."""
    assert own_imports(name) <= ENGINES_SEE


@pytest.mark.parametrize("name", [*TABLES_ONLY, *FIGURES_ONLY])
def test_charts_and_economics_see_tables_only(name: str) -> None:
    """They work for any simulator whose tables look like ours."""
    assert own_imports(name) <= {**TABLES_ONLY, **FIGURES_ONLY}[name]


def test_the_command_line_starts_without_the_heavy_imports() -> None:
    """Help and mistakes are told at once: numpy and its like wait until a command needs them."""
    heavy = ("numpy", "pandas", "matplotlib", "simpy", "scipy", "joblib", "pydantic", "ruamel", "jinja2", "pptx")
    code = f"import sys, portsim.cli; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_package_offers_its_names_without_the_heavy_imports() -> None:
    """`import portsim` is free; a name brings what it needs."""
    code = "import sys, portsim; before = 'pandas' in sys.modules; portsim.run; print(before, 'pandas' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("module", ["portsim", "portsim.cli"])
def test_the_command_line_runs_as_a_module(module: str) -> None:
    """Where `portsim` is not on the path, `python -m portsim` is the same, mistakes and exit codes too."""
    command = [sys.executable, "-m", module, "show", "no-such-file.yaml"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "no-such-file.yaml" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_no_module_prints_but_the_command_line_and_the_terminal() -> None:
    """Functions return; two modules speak."""
    speakers = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and dotted(node.func) == "print"
    }
    assert speakers <= {"cli", "terminal"}
