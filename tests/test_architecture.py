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
    {"errors", "clock", "numbers", "packaged", "theory"},
    {"language.schema", "calibrate.profiles", "results.words"},
    {"calibrate.inversion", "language.opening", "language.paths", "language.windows"},
    {"language.messages", "language.checks", "language.edits", "validate.oracles"},
    {"language.documents", "language.staffing", "language.treatment"},
    {"language.changes", "calibrate.observations"},
    {"language.settings"},
    {"language.scenario"},
    {"language.facts", "language.inventory", "language.listing"},
    {"valuation.parameters"},
    {"border.demand"},
    {"border.demand_changes", "border.policies"},
    {"border.model"},
    {"border.islands"},
    {"border.workload"},
    {"border.records"},
    {"engines.rules"},
    {"engines.reference", "engines.compiled"},
    {"measure.spool"},
    {"measure.waits"},
    {"measure.measures", "calibrate.posting"},
    {"calibrate.field", "measure.inference"},
    {"valuation.economics", "calibrate.in_sample"},
    {"valuation.flows", "valuation.terms"},
    {"valuation.trade", "valuation.welfare", "valuation.emissions"},
    {"valuation.regional"},
    {"valuation.value"},
    {"valuation.appraisal"},
    {"valuation.valuing"},
    {"results.tables"},
    {"runs.rows", "runs.execution"},
    {"runs.parts"},
    {"runs.experiment"},
    {"validate.comparisons", "validate.quantities"},
    {"validate.cases"},
    {"validate.validation"},
    {"validate.validation_page"},
    {"calibrate.calibration"},
    {"calibrate.fit_report"},
    {"calibrate.held_out"},
    {"calibrate.baseline_files", "validate.validation_field"},
    {"results.grounds"},
    {"results.findings", "drawing.layout"},
    {"drawing.charts", "results.finished", "validate.validation_charts"},
    {"results.accounts", "results.service"},
    {"results.appraised"},
    {"drawing.service_charts", "drawing.value_charts", "drawing.queue_map"},
    {"drawing.figures", "pages.headlines", "pages.story"},
    {"pages.benefit_cost"},
    {"pages.html_report", "pages.slides", "pages.workbook", "pages.index"},
    {"pages.publish"},
    {"pages.report"},
    {"commands.sensitivity"},
    {"commands.terminal"},
    {"commands.study", "commands.validating"},
    {"api", "commands.inspection", "commands.assessment"},
    {"cli"},
    {"__main__"},
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}

OWNERS = {
    "ruamel": {"language.documents"},
    "yaml": set(),
    "simpy": {"engines.reference"},
    "numba": {"engines.compiled"},
    "joblib": {"runs.execution"},
    "distributed": {"runs.execution"},
    "pyarrow": {"runs.rows"},
    "matplotlib": {
        "drawing.charts",
        "drawing.layout",
        "drawing.service_charts",
        "drawing.value_charts",
        "validate.validation_charts",
        "drawing.queue_map",
        "drawing.figures",
    },
    "PIL": {"drawing.layout", "drawing.queue_map"},
    "plotly": set(),  # its script is read as a file, by html_report
    "jinja2": {"pages.html_report", "pages.index"},
    "pptx": {"pages.slides"},
    "lxml": {"pages.slides"},
    "xlsxwriter": {"pages.workbook", "pages.benefit_cost"},
    "random": set(),
    "rich": {"commands.terminal"},
    "typer": {"cli", "commands.inspection", "commands.assessment"},
}
ENGINES_SEE = {"clock", "border.policies", "border.model", "border.workload", "border.records", "engines.rules"}
TABLES_ONLY = {
    "drawing.charts": {"numbers", "measure.inference", "results.findings", "drawing.layout", "results.words"},
    "results.findings": {"numbers", "measure.inference", "results.words"},
    "valuation.economics": {"numbers", "measure.inference"},
}
# In the order in which data flow, too. What all packages use, and the ways in, stand at the top, in none.
PACKAGES = (
    *("language", "border", "engines", "measure", "runs", "valuation", "results", "drawing", "pages"),
    *("calibrate", "validate", "commands"),
)
FIGURES_ONLY = {
    "numbers": set(),
    "theory": set(),
    "measure.inference": set(),
    "drawing.layout": {"numbers", "packaged", "results.words"},
    "results.words": {"packaged"},
}


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


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_earlier_packages_only(package: str) -> None:
    """The order of modules holds between packages too, so that each can be read without those after it."""
    later = {*PACKAGES[PACKAGES.index(package) + 1 :], "api", "cli"}
    seen = {other.split(".")[0] for name in TREES if name.startswith(f"{package}.") for other in own_imports(name)}
    assert seen & later == set()


def test_every_module_has_its_package_or_stands_at_the_top_for_a_reason() -> None:
    """At the top is what all packages use, and the two ways in."""
    assert {name.split(".")[0] for name in TREES} - set(PACKAGES) == {
        *("errors", "clock", "numbers", "packaged", "theory"),
        *("api", "cli", "__main__"),
    }


@pytest.mark.parametrize("package", OWNERS)
def test_a_dependency_has_one_owner(package: str) -> None:
    """What a package does is asked of one module."""
    users = {name for name, tree in TREES.items() if package in {t.split(".")[0] for t in imported(tree)}}
    assert users <= OWNERS[package]


@pytest.mark.parametrize("name", sorted(set(TREES) - {"border.workload"}))
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
