"""Files to plain data with the place of every key and value: YAML, and tables of numbers beside it.

The one module that knows YAML. Every fault has its file, line and column.
"""

from __future__ import annotations

import csv
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from portsim import clock
from portsim.errors import Fault, Found, KeyPath, ScenarioError, nearest
from portsim.language.messages import human, show
from portsim.packaged import DATA

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_VALUES = 100_000

_DATA = DATA

Place = tuple[int, int]
Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read one YAML file as a model, its tables included. Raises ScenarioError with every fault found."""
    reader = Reader()
    read = reader.parse(reader.document(path.resolve(), None), model)
    if reader.faults or read is None:
        raise ScenarioError(reader.faults)
    return read


def write_yaml(content: Mapping[str, object]) -> str:
    """Return plain data as YAML, in the order given, lists of numbers on one line."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = None  # lists of numbers on one line
    writer.width = 110
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = StringIO()
    writer.dump(content, text)
    return text.getvalue()


def value_of(text: str) -> object:
    """Return one value written in YAML: a number, text, a flow list or mapping.

    Raises ValueError, worded for people, where it is none.
    """
    try:
        plain = _Plain(text)
    except UnreadableError as unreadable:
        raise ValueError(str(unreadable)) from None
    if plain.faults:
        raise ValueError("; ".join(message for _, message in plain.faults))
    return plain.root


@dataclass(frozen=True)
class Document:
    """One file's plain data, and where in the file each key and value stands.

    `tables` names, for each series read from a table, the table's file and column.
    """

    path: Path
    data: dict[str, Any]
    keys: Mapping[KeyPath, Place]
    values: Mapping[KeyPath, Place]
    tables: dict[KeyPath, str] = field(default_factory=dict)

    def fault(self, loc: KeyPath, message: str, *, on_key: bool = False) -> Fault:
        """Return a fault placed at a location; at what holds it, where the location is not in the file."""
        path = self._path(loc)
        while path and path not in self.values:
            path = path[:-1]
        places = self.keys if on_key and path in self.keys else self.values
        return Fault(shown(self.path), *places[path], message)

    def origin(self, loc: KeyPath) -> str | None:
        """Return `file:line` of a value, or `table:column`; None where it is not in the file."""
        if loc in self.tables:
            return self.tables[loc]
        return f"{shown(self.path)}:{self.values[loc][0]}" if loc in self.values else None

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


@dataclass
class Reader:
    """What has been read so far, and what was found wrong."""

    faults: list[Fault] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    roots: tuple[Path, ...] = ()
    """Folders below which a file may name others; none where nothing is read but what portsim names."""

    def document(self, path: Path, asked: tuple[Document, str] | None) -> Document | None:
        """Read one file; `asked` is the file and key that name it, where a fault in finding it is placed."""
        if asked is not None and (outside := self._outside(path, asked[0])):
            self.faults.append(asked[0].fault((asked[1],), outside))
            return None
        self.files.append(path)
        try:
            text = text_of(path)
        except UnreadableError as unreadable:
            if asked is None:
                self.faults.append(Fault(shown(path), unreadable.line, unreadable.column, str(unreadable)))
            else:
                document, key = asked
                self.faults.append(document.fault((key,), f"{shown(path)} {unreadable}"))
            return None
        return self._plain(path, text)

    def parse(self, document: Document | None, model: type[Model]) -> Model | None:
        """Return the model of a document; None, with the faults noted, where it does not fit."""
        if document is None:
            return None
        self._one_item_alone(document, model)
        try:
            return model.model_validate(document.data)
        except ValidationError as invalid:
            self.faults += _faults(invalid, document, model)
            return None

    def _one_item_alone(self, document: Document, model: type[BaseModel]) -> None:
        """Take one item written where a list of them belongs as its only one, so that its own faults are seen."""
        for key, held in model.model_fields.items():
            given = document.data.get(key)
            if isinstance(given, dict) and get_origin(held.annotation) is tuple:
                self.faults.append(
                    document.fault((key,), f"expected a list (each item begun with '- '), got {show(given)}")
                )
                document.data[key] = [given]

    def note(self, document: Document, found: Iterable[Found], at: KeyPath = ()) -> None:
        """Place what a cross-check found."""
        self.faults += [document.fault((*at, *loc), message) for loc, message in found]

    def _outside(self, path: Path, asking: Document) -> str | None:
        """Say that a file lies where none may be read: a scenario from a stranger should not read what it likes."""
        roots = dict.fromkeys((*self.roots, asking.path.parent))
        if any(path.is_relative_to(root) for root in roots):
            return None
        here = Path.cwd().resolve()
        allowed = " and ".join("the current directory" if root == here else shown(root) for root in roots)
        return (
            f"{path.as_posix()} lies outside {allowed}: a scenario may name files below these only; "
            "move the file, or run portsim from a folder above both"
        )

    def _plain(self, path: Path, text: str) -> Document | None:
        try:
            plain = _plain_of(text)
        except UnreadableError as unreadable:
            self.faults.append(Fault(shown(path), unreadable.line, unreadable.column, str(unreadable)))
            return None
        if not isinstance(plain.root, dict):
            message = f"expected a mapping of keys to values, got {show(plain.root)}"
            self.faults.append(Fault(shown(path), *plain.values[()], message))
            return None
        self.faults += [Fault(shown(path), *place, message) for place, message in plain.faults]
        document = Document(path, deepcopy(plain.root), plain.keys, plain.values)
        for loc in list(_tables(document.data)):
            self._read_table(document, loc)
        return document

    def _read_table(self, document: Document, loc: KeyPath) -> None:
        """Put a table's numbers in place of `table` and `column`."""
        series = document.data
        for part in loc:
            series = series[part]  # type: ignore[index]  # positions of lists too
        table = (document.path.parent / series["table"]).resolve()
        if outside := self._outside(table, document):
            self.faults.append(document.fault((*loc, "table"), outside))
            return
        try:
            hours = _column(text_of(table), series["column"])
        except UnreadableError as unreadable:
            self.faults.append(document.fault((*loc, "table"), f"table {shown(table)} {unreadable}"))
            return
        if table not in self.files:
            self.files.append(table)
        document.tables[loc] = f"{shown(table)}:{series['column']}"
        del series["table"], series["column"]
        series["hours"] = hours


def _faults(invalid: ValidationError, document: Document, model: type[BaseModel]) -> Iterator[Fault]:
    for error in invalid.errors():
        loc, kind = error["loc"], error["type"]
        if kind == "too_short" and error["input"]:
            continue  # pydantic counts the faulty items out; they have their own faults
        if kind == "union_tag_invalid":
            loc = (*loc, "action")
        on_key = kind == "extra_forbidden" or loc[-1:] == ("[key]",)
        yield document.fault(loc, human(error, model), on_key=on_key)


def shown(path: Path) -> str:
    """Name a file from the current directory where it is below it, and one of the package from its data."""
    if path.is_relative_to(_DATA):
        return path.relative_to(_DATA).as_posix()
    here = Path.cwd().resolve()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


# --- text --------------------------------------------------------------------------------------


class UnreadableError(Exception):
    """A file cannot be used at all; the message goes on from the file's name."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line, self.column = line, column


def text_of(path: Path, most_bytes: int = MAX_BYTES) -> str:
    """Return the text of a file of reasonable size. Raises UnreadableError where there is none."""
    try:
        if path.is_dir():
            raise UnreadableError("is a directory, not a file")
        if not path.exists():
            raise UnreadableError(f"does not exist{_similar(path)}")
        if not path.is_file():
            raise UnreadableError("is not a plain file")
        with path.open("rb") as stream:
            content = stream.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise UnreadableError(f"is larger than {most_bytes // 1_000_000} MB")
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not a text file in UTF-8 (byte {error.start + 1})") from None
    if control := re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text):
        line = text.count("\n", 0, control.start()) + 1
        raise UnreadableError(f"is not a text file: control character on line {line}")
    return text


def _similar(path: Path) -> str:
    """Name the file of the same kind whose name is nearest, if one is near."""
    others = path.parent.glob(f"*{path.suffix}") if path.parent.is_dir() else ()
    close = get_close_matches(path.stem, sorted(other.stem for other in others), n=1)
    return f": did you mean '{close[0]}{path.suffix}'?" if close else ""


# --- YAML --------------------------------------------------------------------------------------

_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")}
_MERGE_TAG = "tag:yaml.org,2002:merge"
_HINTS = {
    r"character '\t'": ": indent with spaces, not tabs",
    "another document": ": a file holds one, so leave out the line ---",
    "undefined alias": ": a word that begins with * needs quotes",
}
_MISPLACED = re.compile(
    r"expected (<block end>|'<document start>'), but found .*('\?'|'-'|<block mapping start>|<block sequence start>)"
)
_INDENT = "keys that belong together begin in the same column; the keys of a list item in that of its first, after '- '"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what an escape such as "\e" puts into text
_DATE_TAG = "tag:yaml.org,2002:timestamp"


class _ShallowComposer(Composer):
    """Stops at MAX_DEPTH, long before Python would, and with the place."""

    levels = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        mark = self.parser.peek_event().start_mark
        if self.levels > MAX_DEPTH:
            raise UnreadableError(f"nested deeper than {MAX_DEPTH} levels", mark.line + 1, mark.column + 1)
        self.levels += 1
        node = super().compose_node(parent, index)
        self.levels -= 1
        return node


class _Plain:
    """A YAML text as plain data, with the place of each key and value.

    Built from YAML's nodes, so that a key given twice, a tag or a merge is seen where it stands, and an alias
    that grows without end is stopped. Keys are always text.
    """

    def __init__(self, text: str) -> None:
        self._yaml = YAML(typ="safe", pure=True)
        self._yaml.Composer = _ShallowComposer
        self._count = 0
        self.faults: list[tuple[Place, str]] = []
        self.keys: dict[KeyPath, Place] = {}
        self.values: dict[KeyPath, Place] = {}
        root = self._compose(text)
        if root is None:
            raise UnreadableError("the file is empty", 1, 1)
        self.values[()] = _place(root)
        self.root: Any = self._value(root, ())

    def _compose(self, text: str) -> Node | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an anchor used twice: the later one holds, as YAML says
                root: Node | None = self._yaml.compose(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            said = ", ".join(words for words in (error.context, error.problem) if words)
            said = _indentation(said) or said + next((hint for sign, hint in _HINTS.items() if sign in said), "")
            raise UnreadableError(f"not valid YAML: {said}", *place) from None
        except (YAMLError, ValueError) as error:
            raise UnreadableError(f"not valid YAML: {str(error).splitlines()[0]}", 1, 1) from None
        return root

    def _value(self, node: Node, path: KeyPath) -> Any:
        self._count += 1
        if self._count > MAX_VALUES:
            raise UnreadableError(f"more than {MAX_VALUES:,} values, aliases (*) included", *_place(node))
        if len(path) > MAX_DEPTH:
            raise UnreadableError(f"nested deeper than {MAX_DEPTH} levels", *_place(node))
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
            if _CONTROL.search(key):
                self.faults.append((_place(key_node), "a control character in a key: write letters and digits"))
                continue
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
        if _CONTROL.search(str(node.value)):
            self.faults.append((_place(node), "a control character: write text and spaces only"))
            return None
        if node.tag not in _PLAIN_TAGS:
            return str(node.value)
        try:
            return self._yaml.constructor.construct_object(node)
        except (YAMLError, ValueError):
            self.faults.append((_place(node), f"{show(str(node.value))} cannot be read as a value"))
            return None


@lru_cache(maxsize=16)
def _plain_of(text: str) -> _Plain:
    """Return a YAML text as plain data, composed once: a network of 1,100 lines takes a third of a second.

    Base and option share a network. Who changes the data takes a copy.
    """
    return _Plain(text)


def _indentation(said: str) -> str:
    """Say in plain words that a line begins in a wrong column; nothing where that is not what YAML means."""
    if "mapping values are not allowed" in said:
        return f"wrong indentation, or a text with ': ' that needs quotes: {_INDENT}"
    return f"wrong indentation: {_INDENT}" if _MISPLACED.search(said) else ""


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
                raise UnreadableError(f"needs one column '{name}': {nearest(name, header)}")
        hour_at, value_at = header.index("hour"), header.index(column)
        values = []
        for hour, row in enumerate(rows):
            if len(row) != len(header):
                raise UnreadableError(f"line {rows.line_num}: {len(row)} cells, {len(header)} columns")
            if row[hour_at].strip() != str(hour):
                raise UnreadableError(f"line {rows.line_num}: expected hour {hour}, got {show(row[hour_at])}")
            values.append(_cell(row[value_at], column, rows.line_num))
    except csv.Error as error:
        raise UnreadableError(f"line {rows.line_num}: {error}") from None
    if len(values) != clock.HOURS_PER_WEEK:
        raise UnreadableError(f"has {len(values)} rows: give {clock.HOURS_PER_WEEK}, one an hour of the week")
    return values


def _cell(cell: str, column: str, line: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise UnreadableError(f"line {line}, {column}: expected a number, at least 0, got {show(cell)}")
    return value
