"""The arrays that a port keeps its parameters in: found wherever they are, and replaced where they stand."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Attribute:
    """A step of a path that is an attribute of an object."""

    name: str


Path = tuple[Any, ...]


class Held:
    """Stands for a parameter object that is asked for its tensor: `p.data()`, `p.value`, `p[...]`."""

    def __init__(self, tensor: Any):
        self.value, self.shape = tensor, tensor.shape

    def data(self, *_: Any) -> Any:
        """The tensor."""
        return self.value

    def __getitem__(self, _: Any) -> Any:
        return self.value


def is_array(value: Any) -> bool:
    """Whether something is an array or a parameter."""
    if isinstance(value, type) or (callable(value) and not is_held(value)):
        return False
    if not (hasattr(value, "shape") and hasattr(value, "dtype")):
        return False
    return not callable(value.shape) and value.shape is not None and len(value.shape) > 0


def is_held(value: Any) -> bool:
    """Whether an array is a parameter object of MXNet's or Flax's."""
    return type(value).__name__ in ("Parameter", "Constant", "Param", "Variable") and type(value).__module__.startswith(
        ("mxnet.gluon", "flax"))


def parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """What stands in a container or object, by key, index or attribute."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)
    elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(getattr(value, "__func__", None)):
        inside = dict(vars(value))
        for kept in ("_parameters", "_modules", "_sub_layers"):
            inside |= {name: each for name, each in (inside.get(kept) or {}).items() if each is not None}
        for name, each in inside.items():
            if not name.startswith("_") or f"_{type(value).__name__.lstrip('_')}__" in name:
                yield Attribute(name), each


def leaves(value: Any, path: Path = (), depth: int = 5) -> Iterator[tuple[Path, Any]]:
    """All arrays in a value, with their paths."""
    if is_array(value):
        yield path, value
    elif depth and not isinstance(value, (str, bytes, int, float)) and type(value).__name__ not in (
            "module", "function", "method"):
        for key, each in parts(value):
            yield from leaves(each, (*path, key), depth - 1)


def plain(value: Any, depth: int = 4) -> Any:
    """A value in which a framework's own lists and dicts of parameters are plain ones."""
    name = type(value).__name__
    if name in ("ParameterList", "ModuleList", "LayerList") or (name == "List" and "flax" in type(value).__module__):
        return [plain(each, depth - 1) for each in value]
    if name in ("ParameterDict", "ModuleDict", "LayerDict") and not type(value).__module__.startswith("mxnet"):
        return {key: plain(each, depth - 1) for key, each in value.items()}
    if depth and isinstance(value, dict):
        return type(value)({key: plain(each, depth - 1) for key, each in value.items()})
    if depth and isinstance(value, list):
        return [plain(each, depth - 1) for each in value]
    if depth and not is_array(value) and hasattr(value, "__dict__") and not isinstance(value, (type, tuple)):
        for key, each in list(parts(value)):
            if isinstance(key, Attribute) and (made := plain(each, depth - 1)) is not each:
                put(value, key.name, made)
    return value


def put(owner: Any, name: str, value: Any) -> None:
    """Set an attribute of an object, past what a framework does when one is set."""
    for kept in ("_parameters", "_buffers", "_modules", "_sub_layers", "_cells", "_params"):
        if isinstance(found := getattr(owner, kept, None), dict):
            found.pop(name, None)
    owner.__dict__[name] = value


def place(value: Any, path: Path, tensor: Any) -> Any:
    """A value with one of its arrays replaced, in place where it can be."""
    if not path:
        return Held(tensor) if is_held(value) or isinstance(value, Held) else tensor
    key, rest = path[0], path[1:]
    if isinstance(key, Attribute):
        put(value, key.name, place(getattr(value, key.name), rest, tensor))
        return value
    made = place(value[key], rest, tensor)
    if isinstance(value, tuple):
        changed = [made if i == key else each for i, each in enumerate(value)]
        return type(value)(*changed) if hasattr(value, "_fields") else tuple(changed)
    value[key] = made
    return value


def last_name(path: Path) -> str:
    """The last name in a path, of an attribute or a key; '' where there are only positions."""
    return next((str(key.name if isinstance(key, Attribute) else key) for key in reversed(path)
                 if isinstance(key, (str, Attribute))), "")


def words(path: Path) -> str:
    """A path as it is written: `gates[0].W`."""
    return "".join(f".{key.name}" if isinstance(key, Attribute) else f"[{key!r}]" for key in path).lstrip(".")
