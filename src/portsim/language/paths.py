"""The dotted path of each value of a scenario, as `--set` takes it and every list shows it.

Keys as in the files, ids in brackets; the level `lane_types` is left out where no key of a crossing has the lane
type's name: `network.ports[otay-mesa].truck.standard.booths_built`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydantic import BaseModel

from portsim.errors import KeyPath
from portsim.language.schema import Crossing, Provenance, Series, Window

LANE_TYPES = "lane_types"


class Leaf(NamedTuple):
    """One value: where it stands, its dotted path, the key of the field it belongs to, and itself."""

    at: KeyPath
    path: str
    key: str
    value: object


def children(held: object) -> dict[int | str, object] | None:
    """Return what stands below a value, by key or position; None for a leaf.

    A figure or series is one leaf, and so is a list of plain values. What is None or empty is not there.
    """
    if isinstance(held, BaseModel) and not isinstance(held, Provenance):
        below = {key: getattr(held, name) for key, name in keys_of(type(held)).items()}
        return {key: child for key, child in below.items() if child is not None}
    if isinstance(held, Mapping):
        return dict(held)
    if isinstance(held, tuple) and all(isinstance(item, BaseModel) for item in held):
        return dict(enumerate(held))
    return None


def keys_of(model: type[BaseModel]) -> dict[str, str]:
    """Return a model's field names by the keys they have in a file."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


def leaves(held: object, at: KeyPath, path: str, key: str = "") -> Iterator[Leaf]:
    """Yield every value below one, in the order of the file."""
    below = children(held)
    if below is None:
        yield Leaf(at, path, key, held)
        return
    for part, child in below.items():
        own_key = str(part) if isinstance(held, BaseModel) else key
        yield from leaves(child, (*at, part), _joined(held, path, part, child), own_key)


def changed(before: object, after: object, at: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield where the values of one model differ from another's; what both share is passed over at once."""
    if before is after:
        return
    if isinstance(before, Series) and isinstance(after, Mapping):  # one for all, then one by class
        before = dict.fromkeys(after, before)
    old, new = children(before), children(after)
    windows = isinstance(after, tuple) and any(isinstance(item, Window) for item in after)
    if old is None or new is None or windows:  # opening hours are one value: a window more or less changes all
        if before != after:
            yield from (leaf.at for leaf in leaves(after, at, ""))
        return
    for part, child in new.items():
        yield from changed(old.get(part), child, (*at, part))


def value_at(held: object, at: KeyPath) -> object:
    """Return what stands at a location, inside figures too; None where nothing does."""
    for part in at:
        if isinstance(held, BaseModel):
            held = getattr(held, keys_of(type(held)).get(str(part), ""), None)
        elif isinstance(held, Mapping):
            held = held.get(part)
        else:
            held = held[part] if isinstance(held, tuple) and isinstance(part, int) and part < len(held) else None
    return held


def _joined(held: object, path: str, part: int | str, child: object) -> str:
    if isinstance(part, int):
        return f"{path}[{getattr(child, 'id', part)}]"
    if isinstance(held, Crossing) and part == LANE_TYPES and not held.lane_types.keys() & keys_of(Crossing).keys():
        return path
    return f"{path}.{part}"
