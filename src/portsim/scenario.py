"""Files to a Scenario: read, inherit, override, check; every fault with its file, line and column.

Faults of shape (a key, a word, a number) are looked for in all files first. What names refer to, and what the
changes do, is looked at once every file reads well. This is the one module that knows YAML.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from portsim import changes, checks, clock
from portsim.errors import Fault, ScenarioError, nearest
from portsim.messages import human, show
from portsim.schema import (
    CargoRule,
    Figure,
    Network,
    Provenance,
    Run,
    ScaleDemand,
    ScenarioFile,
    SourceClass,
)

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_VALUES = 200_000
PACKAGED_NETWORK = Path(str(resources.files("portsim"))) / "data" / "calibaja" / "network.yaml"
CARGO_RULE_FILE = "cargo_rule.yaml"
COMMAND_LINE = "command line"

KeyPath = tuple[int | str, ...]
Place = tuple[int, int]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Scenario:
    """One scenario, complete: everything a simulation needs, and the files it was read from.

    `network` has its tables read, and the scenario's settings and changes applied; `demand` is left for the
    model to apply, in order.
    """

    name: str
    title: str
    about: str
    path: Path
    network: Network
    demand: tuple[ScaleDemand, ...]
    run: Run
    cargo_rule: CargoRule | None
    files: tuple[Path, ...]
    before: Network
    """The network with the scenario's settings, before its changes."""

    @property
    def digest(self) -> str:
        """SHA-256 of what determines the results: not title or files, not the number of replications."""
        content = {
            "network": self.network.model_dump(mode="json"),
            "before": self.before.model_dump(mode="json") if self.before != self.network else None,
            "demand": [change.model_dump(mode="json") for change in self.demand],
            "run": self.run.model_dump(mode="json", exclude={"replications"}),
        }
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def load(path: str | Path, overrides: Mapping[str, object] | None = None) -> Scenario:
    """Read a scenario with its parents, its network and its tables.

    `overrides` are keys of `run` from the command line; one that is None leaves the file's. Raises
    ScenarioError with every fault found.
    """
    reading = _Reading()
    chain = reading.chain(Path(path))
    parts = [reading.parse(document, ScenarioFile) for document in chain]
    network_document = reading.network(chain)
    network = reading.parse(network_document, Network)
    rule = reading.cargo_rule(chain, network_document)
    run = reading.run(parts, overrides or {})
    if reading.faults or network_document is None or network is None or run is None:
        raise ScenarioError(reading.faults)

    files = [part for part in parts if part is not None]
    reading.note(network_document, checks.cross_check(network))
    if rule is not None:
        reading.note(rule.document, checks.cross_check_cargo_rule(rule.rule, network), rule.at)
    before = network = _with_settings(network, files)
    for document, file in zip(chain, files, strict=True):
        network = reading.apply_changes(network, document, file)
    if reading.faults:
        raise ScenarioError(reading.faults)

    own = files[-1]
    return Scenario(
        name=own.scenario,
        title=own.title or own.scenario,
        about=own.about or "",
        path=Path(path),
        network=network,
        demand=tuple(c for file in files for c in file.changes if isinstance(c, ScaleDemand)),
        run=run,
        cargo_rule=rule.rule if rule else None,
        files=tuple(reading.files),
        before=before,
    )


def at_low_patience(scenario: Scenario) -> Scenario | None:
    """Return the scenario at the low figure of patience of its network, None where no mode has one.

    Lines answer slower then, so two weeks warm up.
    """
    patience = {
        mode: figure if figure.low is None else figure.model_copy(update={"value": figure.low})
        for mode, figure in scenario.network.patience_pct_per_min.items()
    }
    if patience == scenario.network.patience_pct_per_min:
        return None
    return replace(
        scenario,
        name=f"{scenario.name}-low-patience",
        title=f"{scenario.title}, low patience",
        network=scenario.network.model_copy(update={"patience_pct_per_min": patience}),
        before=scenario.before.model_copy(update={"patience_pct_per_min": patience}),
        run=scenario.run.model_copy(update={"warm_up_weeks": max(2, scenario.run.warm_up_weeks)}),
    )


def _with_settings(network: Network, files: Sequence[ScenarioFile]) -> Network:
    """Lay the scenarios' `choice` and `patience_pct_per_min` over the network's; the youngest file wins."""
    patience, kind = dict(network.patience_pct_per_min), network.choice.kind
    for file in files:
        kind = file.choice or kind
        for mode, value in (file.patience_pct_per_min or {}).items():
            patience[mode] = Figure(value=value, note=changes.NOTE)
    choice = network.choice.model_copy(update={"kind": kind})
    return network.model_copy(update={"choice": choice, "patience_pct_per_min": patience})


def resolved_yaml(scenario: Scenario) -> str:
    """Return the scenario with everything inherited, read and changed written out, as YAML."""
    content = {
        "scenario": scenario.name,
        "title": scenario.title,
        "about": scenario.about,
        "run": scenario.run.model_dump(),
        "demand": [change.model_dump(mode="json", exclude_none=True) for change in scenario.demand],
        "cargo_rule": _plain_data(scenario.cargo_rule),
        "network": _plain_data(scenario.network),
    }
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = None  # lists of numbers on one line
    writer.width = 110
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = StringIO()
    writer.dump(content, text)
    return text.getvalue()


def _plain_data(model: BaseModel | None) -> object:
    return None if model is None else model.model_dump(mode="json", by_alias=True, exclude_none=True)


# --- where the numbers come from ---------------------------------------------------------------


def figures(scenario: Scenario) -> Iterator[tuple[str, Provenance]]:
    """Yield every figure and series with its dotted path, ids in brackets; defaults count too."""
    for root in ("network", "cargo_rule"):
        for path, number in checks.provenances(getattr(scenario, root), (root,)):
            yield _dotted(scenario, path), number


def count_by_class(scenario: Scenario) -> dict[SourceClass, int]:
    """Count the figures that are measured, published, derived and assumed; a series counts once."""
    count = Counter(number.class_ for _, number in figures(scenario))
    classes: tuple[SourceClass, ...] = ("measured", "published", "derived", "assumed")
    return {name: count[name] for name in classes}


def assumed(scenario: Scenario) -> tuple[str, ...]:
    """Return the dotted paths of the figures that are assumed."""
    return tuple(path for path, number in figures(scenario) if number.class_ == "assumed")


def _dotted(root: object, path: KeyPath) -> str:
    held: Any = root
    words = ""
    for part in path:
        if isinstance(part, int):
            held = held[part]
            words += f"[{getattr(held, 'id', part)}]"
        else:
            held = held[part] if isinstance(held, Mapping) else getattr(held, part)
            words += f".{part}"
    return words.removeprefix(".")


# --- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Document:
    """One file's plain data, and where in the file each key and value stands."""

    path: Path
    data: dict[str, Any]
    keys: Mapping[KeyPath, Place]
    values: Mapping[KeyPath, Place]

    def fault(self, loc: KeyPath, message: str, *, on_key: bool = False) -> Fault:
        """Return a fault placed at a location; at what holds it, where the location is not in the file."""
        path = self._path(loc)
        while path and path not in self.values:
            path = path[:-1]
        places = self.keys if on_key and path in self.keys else self.values
        return Fault(_shown(self.path), *places[path], message)

    def _path(self, loc: KeyPath) -> KeyPath:
        """Drop from a location what is no key or position: names of union branches, keys that are missing."""
        held: Any = self.data
        path: KeyPath = ()
        for part in loc:
            is_key = isinstance(held, dict) and str(part) in held
            if is_key or (isinstance(held, list) and isinstance(part, int) and part < len(held)):
                key = str(part) if is_key else part
                held, path = held[key], (*path, key)
        return path


@dataclass(frozen=True)
class _PlacedRule:
    rule: CargoRule
    document: _Document
    at: KeyPath


@dataclass
class _Reading:
    """What has been read so far, and what was found wrong."""

    faults: list[Fault] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def chain(self, path: Path) -> list[_Document]:
        """Read a scenario and its parents, oldest first."""
        documents: list[_Document] = []
        following: Path | None = path.resolve()
        asked: tuple[_Document, str] | None = None
        while following is not None:
            document = self.document(following, asked)
            if document is None:
                break
            documents.append(document)
            asked, following = (document, "extends"), self._parent(documents)
        return documents[::-1]

    def _parent(self, documents: Sequence[_Document]) -> Path | None:
        youngest = documents[-1]
        stated = youngest.data.get("extends")
        if not isinstance(stated, str):
            return None
        parent = (youngest.path.parent / stated).resolve()
        seen = [document.path for document in documents]
        if parent not in seen:
            return parent
        circle = " -> ".join(path.name for path in (*seen[seen.index(parent) :], parent))
        self.faults.append(youngest.fault(("extends",), f"scenarios extend each other in a circle: {circle}"))
        return None

    def network(self, chain: Sequence[_Document]) -> _Document | None:
        """Read the network the youngest scenario states, or the packaged one."""
        for document in reversed(chain):
            if "network" in document.data:
                stated = document.data["network"]
                if not isinstance(stated, str):
                    return None
                return self.document((document.path.parent / stated).resolve(), (document, "network"))
        if self.faults and not (chain and "extends" not in chain[0].data):
            return None  # a parent that could not be read may state it
        return self.document(PACKAGED_NETWORK, None)

    def cargo_rule(self, chain: Sequence[_Document], network: _Document | None) -> _PlacedRule | None:
        """Take the cargo rule of the youngest scenario that states one, or the file beside the network."""
        for document in reversed(chain):
            if "cargo_rule" in document.data:
                rule = self._valid(document.data["cargo_rule"], CargoRule)
                return _PlacedRule(rule, document, ("cargo_rule",)) if rule else None
        if network is None or not (beside := network.path.parent / CARGO_RULE_FILE).exists():
            return None
        placed = self.document(beside, None)
        rule = self.parse(placed, CargoRule)
        return _PlacedRule(rule, placed, ()) if rule and placed else None

    @staticmethod
    def _valid(data: object, model: type[Model]) -> Model | None:
        """Return the model, None where it has faults: those were noted when its whole file was parsed."""
        try:
            return model.model_validate(data)
        except ValidationError:
            return None

    def run(self, parts: Sequence[ScenarioFile | None], overrides: Mapping[str, object]) -> Run | None:
        """Merge `run` key by key: parents, then the scenario, then the command line."""
        merged: dict[str, object] = {}
        for part in parts:
            if part is not None:
                merged |= part.run.model_dump(include=part.run.model_fields_set)
        merged |= {key: value for key, value in overrides.items() if value is not None}
        try:
            return Run.model_validate(merged)
        except ValidationError as invalid:
            for error in invalid.errors():
                key = ".".join(str(part) for part in ("run", *error["loc"]))
                self.faults.append(Fault(COMMAND_LINE, 0, 0, f"{key}: {human(error, Run)}"))
            return None

    def document(self, path: Path, asked: tuple[_Document, str] | None) -> _Document | None:
        """Read one file; `asked` is the file and key that name it, where a fault in finding it is placed."""
        self.files.append(path)
        try:
            text = _text(path)
        except _UnreadableError as unreadable:
            if asked is None:
                self.faults.append(Fault(_shown(path), unreadable.line, unreadable.column, str(unreadable)))
            else:
                document, key = asked
                self.faults.append(document.fault((key,), f"{_shown(path)} {unreadable}"))
            return None
        return self._plain(path, text)

    def _plain(self, path: Path, text: str) -> _Document | None:
        try:
            plain = _Plain(text)
        except _UnreadableError as unreadable:
            self.faults.append(Fault(_shown(path), unreadable.line, unreadable.column, str(unreadable)))
            return None
        self.faults += [Fault(_shown(path), *place, message) for place, message in plain.faults]
        document = _Document(path, plain.data, plain.keys, plain.values)
        for loc in list(_tables(document.data)):
            self._read_table(document, loc)
        return document

    def parse(self, document: _Document | None, model: type[Model]) -> Model | None:
        """Return the model of a document; None, with the faults noted, where it does not fit."""
        if document is None:
            return None
        try:
            return model.model_validate(document.data)
        except ValidationError as invalid:
            self.faults += _faults(invalid, document, model)
            return None

    def _read_table(self, document: _Document, loc: KeyPath) -> None:
        """Put a table's numbers in place of `table` and `column`."""
        series = _at(document.data, loc)
        table = (document.path.parent / series["table"]).resolve()
        try:
            hours = _column(_text(table), series["column"])
        except _UnreadableError as unreadable:
            self.faults.append(document.fault((*loc, "table"), f"table {_shown(table)} {unreadable}"))
            return
        if table not in self.files:
            self.files.append(table)
        del series["table"], series["column"]
        series["hours"] = hours

    def note(self, document: _Document, found: Iterable[tuple[KeyPath, str]], at: KeyPath = ()) -> None:
        """Place what a cross-check found."""
        self.faults += [document.fault((*at, *loc), message) for loc, message in found]

    def apply_changes(self, network: Network, document: _Document, file: ScenarioFile) -> Network:
        """Apply one file's changes in order; one with a fault is left out, to look at the others."""
        for number, change in enumerate(file.changes):
            try:
                network = changes.apply(network, change)
            except changes.ChangeFault as fault:
                self.note(document, fault.found, ("changes", number))
        return network


def _faults(invalid: ValidationError, document: _Document, model: type[BaseModel]) -> Iterator[Fault]:
    for error in invalid.errors():
        loc, kind = error["loc"], error["type"]
        if kind == "too_short" and error["input"]:
            continue  # pydantic counts the faulty items out; they have their own faults
        if kind == "union_tag_invalid":
            loc = (*loc, "action")
        on_key = kind == "extra_forbidden" or loc[-1:] == ("[key]",)
        yield document.fault(loc, human(error, model), on_key=on_key)


def _shown(path: Path) -> str:
    """Name a file from the current directory where it is below it."""
    here = Path.cwd().resolve()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def _at(data: Any, loc: KeyPath) -> Any:
    for part in loc:
        data = data[part]
    return data


# --- text --------------------------------------------------------------------------------------


class _UnreadableError(Exception):
    """A file cannot be used at all; the message goes on from the file's name."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line, self.column = line, column


def _text(path: Path) -> str:
    """Return the text of a file of reasonable size."""
    try:
        if path.is_dir():
            raise _UnreadableError("is a directory, not a file")
        if not path.exists():
            raise _UnreadableError(f"does not exist{_similar(path)}")
        if not path.is_file():
            raise _UnreadableError("is not a plain file")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise _UnreadableError(f"is larger than {MAX_BYTES // 1_000_000} MB")
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _UnreadableError(f"is not a text file in UTF-8 (byte {error.start + 1})") from None
    if control := re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text):
        line = text.count("\n", 0, control.start()) + 1
        raise _UnreadableError(f"is not a text file: control character on line {line}")
    return text


def _similar(path: Path) -> str:
    folder = path.parent
    names = [other.name for other in folder.iterdir()] if folder.is_dir() else []
    close = get_close_matches(path.name, names, n=1)
    return f": did you mean '{close[0]}'?" if close else ""


# --- YAML --------------------------------------------------------------------------------------

_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")}
_MERGE_TAG = "tag:yaml.org,2002:merge"
_DATE_TAG = "tag:yaml.org,2002:timestamp"


class _Plain:
    """A YAML text as plain data, with the place of each key and value.

    Built from YAML's nodes, so that a key given twice, a tag or a merge is seen where it stands, and an alias
    that grows without end is stopped. Keys are always text.
    """

    def __init__(self, text: str) -> None:
        self._yaml = YAML(typ="safe", pure=True)
        self._count = 0
        self.faults: list[tuple[Place, str]] = []
        self.keys: dict[KeyPath, Place] = {}
        self.values: dict[KeyPath, Place] = {}
        root = self._compose(text)
        if root is None:
            raise _UnreadableError("the file is empty", 1, 1)
        self.values[()] = _place(root)
        data = self._value(root, ())
        if not isinstance(data, dict):
            raise _UnreadableError(f"expected a mapping of keys to values, got {show(data)}", *_place(root))
        self.data: dict[str, Any] = data

    def _compose(self, text: str) -> Node | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an anchor used twice: the later one holds, as YAML says
                root: Node | None = self._yaml.compose(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            said = ", ".join(words for words in (error.context, error.problem) if words)
            raise _UnreadableError(f"not valid YAML: {said}", *place) from None
        except (YAMLError, ValueError) as error:
            raise _UnreadableError(f"not valid YAML: {str(error).splitlines()[0]}", 1, 1) from None
        except RecursionError:
            raise _UnreadableError(f"nested deeper than {MAX_DEPTH} levels", 1, 1) from None
        return root

    def _value(self, node: Node, path: KeyPath) -> Any:
        self._count += 1
        if self._count > MAX_VALUES:
            raise _UnreadableError(f"more than {MAX_VALUES:,} values, aliases (*) included", *_place(node))
        if len(path) > MAX_DEPTH:
            raise _UnreadableError(f"nested deeper than {MAX_DEPTH} levels", *_place(node))
        if node.tag not in _PLAIN_TAGS | {_DATE_TAG, _MERGE_TAG}:
            self.faults.append((_place(node), f"the tag {node.tag} is not allowed: write the value alone"))
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self._item(item, (*path, number)) for number, item in enumerate(node.value)]
        return self._scalar(node)

    def _item(self, node: Node, path: KeyPath) -> Any:
        self.values[path] = _place(node)
        return self._value(node, path)

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.faults.append((_place(key_node), "a key must be a word, not a list or a mapping"))
                continue
            key, below = str(key_node.value), (*path, str(key_node.value))
            if key_node.tag == _MERGE_TAG:
                self.faults.append((_place(key_node), "merge keys (<<) are not read: use extends, or repeat"))
                continue
            if key in data:
                first = self.keys[below][0]
                self.faults.append((_place(key_node), f"key '{key}' is given twice: first on line {first}"))
                continue
            self.keys[below] = _place(key_node)
            stands_alone = isinstance(value_node, ScalarNode) and value_node.value != ""
            self.values[below] = _place(value_node if stands_alone else key_node)
            data[key] = self._value(value_node, below)
        return data

    def _scalar(self, node: Node) -> Any:
        if node.tag not in _PLAIN_TAGS:
            return str(node.value)
        try:
            return self._yaml.constructor.construct_object(node)
        except (YAMLError, ValueError):
            self.faults.append((_place(node), f"{show(str(node.value))} cannot be read as a value"))
            return None


def _place(node: Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


# --- tables ------------------------------------------------------------------------------------


def _tables(data: Any, loc: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield where a series is given as a column of a table."""
    if isinstance(data, dict):
        if isinstance(data.get("table"), str) and isinstance(data.get("column"), str):
            yield loc
        for key, value in data.items():
            yield from _tables(value, (*loc, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _tables(value, (*loc, number))


def _column(text: str, column: str) -> list[float]:
    """Return one column of a table with a row for each hour of the week, 0 to 167, in order."""
    rows = csv.reader(text.splitlines(), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        for name in ("hour", column):
            if header.count(name) != 1:
                raise _UnreadableError(f"needs one column '{name}': {nearest(name, header)}")
        hour_at, value_at = header.index("hour"), header.index(column)
        values = []
        for hour, row in enumerate(rows):
            if len(row) != len(header):
                raise _UnreadableError(f"line {rows.line_num}: {len(row)} cells, {len(header)} columns")
            if row[hour_at].strip() != str(hour):
                raise _UnreadableError(f"line {rows.line_num}: expected hour {hour}, got {show(row[hour_at])}")
            values.append(_cell(row[value_at], column, rows.line_num))
    except csv.Error as error:
        raise _UnreadableError(f"line {rows.line_num}: {error}") from None
    if len(values) != clock.HOURS_PER_WEEK:
        raise _UnreadableError(f"has {len(values)} rows: give {clock.HOURS_PER_WEEK}, one an hour of the week")
    return values


def _cell(cell: str, column: str, line: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise _UnreadableError(f"line {line}, {column}: expected a number, at least 0, got {show(cell)}")
    return value
