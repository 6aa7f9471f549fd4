"""A port whose parameters are found by what they do, where their names do not say what they are."""

import contextlib
import importlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm_ref.params import Array
from lstm_ref.parity.files.handed import Affine, biased
from lstm_ref.parity.files.layout import TRIAL
from lstm_ref.parity.files.leaves import Attribute, Path, is_held, last_name, leaves, place, plain, put, words
from lstm_ref.parity.files.names import GATES, Slot, slots
from lstm_ref.parity.files.probe import CELL, HIDDEN, INPUT, LEVEL, Run, coefficients, complete, decode, effects
from lstm_ref.parity.files.recipe import Recipe
from lstm_ref.parity.files.returned import Returned, shape
from lstm_ref.parity.files.returned import at as found_at
from lstm_ref.parity.files.structure import gate_of_target
from lstm_ref.parity.files.taken import Taken

#: Lengths of axes that parameters can have on the trial: of units, inputs, both, and four gates of units.
LENGTHS = {1, 4, TRIAL["h"], TRIAL["V"], TRIAL["h"] + TRIAL["V"], 4 * TRIAL["h"]}


@dataclass
class Root:
    """Where a port looks for parameters.

    Attributes:
        kind: 'argument', 'self', 'global', or 'store' for a dict that fills when the port is called.
        name: of the global variable.
        value: the container, the object or the array.
    """

    kind: str
    name: str
    value: Any


class Layer(Affine):
    """Stands for a layer of which the input's size shows when it is first called.

    Args:
        layer: the framework's.
        taken: the port.
    """

    def __init__(self, layer: Any, taken: Taken):
        super().__init__(taken.ops, None, None, getattr(layer, "activation", None))
        self.units = next((value for name in ("units", "features", "out_features", "_units") if isinstance(
            value := getattr(layer, name, None), int)), 0)
        self.biased = biased(layer)
        self.tensor = taken.framework.tensor

    def __call__(self, x: Any) -> Any:
        """As the layer does."""
        if self.weight is None:
            self.weight = self.tensor(np.zeros((int(x.shape[-1]), self.units), np.float32))
            self.bias = self.tensor(np.zeros(self.units, np.float32)) if self.biased else None
        return super().__call__(x)


def layered(value: Any, taken: Taken, depth: int = 4) -> Any:
    """A value in which layers that make their weights when they are called are such as can be filled."""
    kind, module = type(value).__name__, type(value).__module__
    if kind in ("Dense", "Linear", "DenseGeneral") and module.startswith(("keras", "tensorflow", "flax", "mxnet")):
        return Layer(value, taken)
    if depth and isinstance(value, dict):
        return {key: layered(each, taken, depth - 1) for key, each in value.items()}
    if depth and isinstance(value, list):
        return [layered(each, taken, depth - 1) for each in value]
    if depth and hasattr(value, "__dict__") and not isinstance(value, (type, tuple)) and not hasattr(value, "dtype"):
        for name, each in list(vars(value).items()):
            if not name.startswith("_") and (made := layered(each, taken, depth - 1)) is not each:
                put(value, name, made)
    return value


@dataclass
class Probed(Taken):
    """A port's function, its parameters found by what moving them does.

    Args:
        roots: where it looks for parameters.
    """

    roots: list[Root] = field(default_factory=list)
    recipes: dict[Path, Recipe] = field(default_factory=dict)
    begun: dict[Path, Any] = field(default_factory=dict)  #: the arrays as the port made them
    given: dict[Path, Any] | None = None  #: tensors that stand in the arrays' places while it is probed
    lengths: dict[str, str] = field(default_factory=dict)  #: attributes of the object that are sizes, by value

    def __post_init__(self) -> None:
        super().__post_init__()
        self.columns = False
        for root in self.roots:
            if root.kind != "store":
                root.value = layered(plain(root.value), self)
        known = {TRIAL["V"]: "V", TRIAL["h"]: "h", 4 * TRIAL["h"]: "4h", TRIAL["h"] + TRIAL["V"]: "V+h"}
        if self.owner is not None:
            self.lengths = {name: known[value] for name, value in vars(self.owner).items()
                            if type(value) is int and value in known}
        self.begun = dict(self._leaves())
        for path, value in list(self._leaves()):
            if is_held(value) and type(value).__module__.startswith("mxnet"):
                self._place(path, self.framework.tensor(np.zeros(value.shape, np.float32)))

    def _leaves(self) -> Iterator[tuple[Path, Any]]:
        for i, root in enumerate(self.roots):
            for path, value in leaves(root.value):
                yield (i, *path), value

    def _place(self, path: Path, tensor: Any) -> None:
        root = self.roots[path[0]]
        root.value = place(root.value, path[1:], tensor)

    def put(self, params: dict[Slot, Any]) -> tuple[dict[str, Any], Any]:
        """Give the port its parameters wherever it looks for them; a container that is an argument is returned."""
        tensors = self.given if self.given is not None else {
            path: recipe.make(self.ops, params) for path, recipe in self.recipes.items()}
        for path, tensor in tensors.items():
            self._place(path, tensor)
        if self.given is None and params:
            V, h = (int(axis) for axis in params["x", "c"].shape)
            for name, key in self.lengths.items():
                self.owner.__dict__[name] = {"V": V, "h": h, "4h": 4 * h, "V+h": V + h}[key]
        for root in self.roots:
            if root.kind == "global":
                self.slice.namespace[root.name] = root.value
        return {}, next((root.value for root in self.roots if root.kind == "argument"), None)

    def _parsed(self, result: Any, X: Any, begin: Any, given: Any) -> Returned:
        """As in general; outputs as wide as the vocabulary are those of an output layer."""
        found = super()._parsed(result, X, begin, given)
        value = found_at(result, found.outputs) if found.outputs is not None else None
        first = value[0] if isinstance(value, (list, tuple)) else value
        if not self.recipes:
            self.form.arrays = {("q",): ("h", "q")} if first is not None and TRIAL["V"] in shape(first) else {}
        return found

    # Finding out

    def find_out(self, inputs: Array, state: Sequence[Array], params: Sequence[Array]) -> str:
        """Find how it is called, then what its arrays are; '' or why it can't be taken."""
        self.form.names, self.form.layers, self.form.unpacked, self.form.container = {}, {}, [], ""
        self.given, failed = self._own(), ""
        for arguments in self._guesses():
            self.form.arguments = arguments
            text = super().find_out(inputs, state, params)
            failed = failed or text
            if not text:
                break
        else:
            return failed
        self.said = []
        failed = self._identify()
        self.given = None
        if not failed:
            self._say()
        return failed

    def _guesses(self) -> Iterator[dict[str, str]]:
        """What the arguments may stand for: those whose names say nothing in every order of what is missing."""
        known = {name: "params" if meaning == "slot" else meaning for name, meaning in self.form.arguments.items()
                 if name not in self.form.weak}
        meanings = {*known.values()}
        missing = [] if "inputs" in meanings or "keyed" in meanings else ["inputs"]
        if not self.form.takes_state:
            missing.append("state")
        if len({"H", "C"} & meanings) == 1:
            missing += sorted({"H", "C"} - meanings)
        if "params" not in meanings and any(root.kind == "argument" for root in self.roots):
            missing.append("params")
        seen = []
        for order in itertools.permutations(missing):
            for chosen in itertools.combinations(self.form.weak, min(len(order), len(self.form.weak))):
                guess = {name: known.get(name, "") for name in self.form.arguments} | dict(
                    zip(chosen, order, strict=False))
                if guess not in seen:
                    seen.append(guess)
                    yield guess
        if not seen:
            yield dict(self.form.arguments)

    def _own(self) -> dict[Path, Any]:
        """The port's own numbers in float32, as the trial's are."""
        found = {}
        for path, value in list(self._leaves()):
            with contextlib.suppress(Exception):  # what has no numbers yet stays as it is
                held = value[...] if is_held(value) else value
                found[path] = self.framework.tensor(np.asarray(self.framework.array(held), np.float32))
        return found

    def _identify(self) -> str:
        shapes = {path: shape(value) for path, value in self._leaves()
                  if shape(value) and {*shape(value)} <= LENGTHS}
        values = {path: np.full(s, LEVEL) for path, s in shapes.items()}
        for dtype, delta in ((np.float64, 1e-4), (np.float32, 1e-2)):
            try:
                run = self._run_once(dtype, list(values))
                self._order(run, values)
                run = self._run_once(dtype, list(values))  # a compiled one has the old order
                found, base = effects(run, values, delta)
                break
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
        else:
            return reason
        known = coefficients(base[1])
        decoded = {path: decode(effect, base, known) for path, effect in found.items()}
        if not any(recipe and recipe.part in ("h", "hx", "xh") for recipe, _ in decoded.values()):
            return "none of its arrays does what a parameter of an LSTM does"
        outputs = self.form.has(("h", "q"))
        self.recipes = complete(decoded, shapes, self._hints(shapes))
        wide = sorted((len(HIDDEN), len(INPUT)))
        idle = any(sorted(s) == wide for path, s in shapes.items() if path not in self.recipes)
        if self.returned is not None and self.returned.outputs is None and self.returned.rest and idle:
            return self.returned.no_outputs(self.form)  # there is a layer for them
        squashed = any(recipe is not None and recipe.part in ("q", "bq") and not alone
                       for recipe, alone in decoded.values())
        self.form.arrays = {(*path, i): slot for path, recipe in self.recipes.items()
                            for i, slot in enumerate(recipe.slots) if not (squashed and slot[1] == "q")}
        if self.returned is not None and outputs and not self.form.has(("h", "q")):
            self.returned.outputs, self.returned.kind = None, "step"
            self.said.append("outputs that are not those of a linear layer alone are left out: H is judged")
        for path, recipe in self.recipes.items():
            name = last_name(path)
            if len(recipe.slots) == 1 and name and name not in self.form.names:
                self.form.names[name] = recipe.slots[0]
        shown = [f"{self.label(path)} {described(recipe)}" for path, recipe in self.recipes.items()]
        self.said.append(f"parameters found by what they do: {', '.join(shown)}")
        return ""

    def label(self, path: Path) -> str:
        """An array as the port writes it."""
        root = self.roots[path[0]]
        inside = words(path[1:])
        return f"{root.name}{inside}" if root.kind == "global" else inside or root.name

    def _hints(self, shapes: dict[Path, tuple[int, ...]]) -> dict[Path, Slot]:
        """What the names of arrays say."""
        last = {path: last_name(path) or self.roots[path[0]].name for path in shapes}
        said = slots(last.values())
        found: dict[Path, Slot] = {}
        for path, s in shapes.items():
            if slot := said.get(last[path]):
                found[path] = slot
                continue
            gate = next((key for each in path if isinstance(each, (str, Attribute)) and (
                key := gate_of_target(each.name if isinstance(each, Attribute) else each))), None)
            if gate:
                flat = [length for length in s if length != 1]
                found[path] = ("b" if len(flat) == 1 else "x" if TRIAL["V"] in flat else "h"), gate
        return found

    def _run_once(self, dtype: Any, paths: list[Path]) -> Run:
        """One step on the probe's numbers, for values of the arrays."""
        layout = self.layout
        assert layout is not None
        f, rows = self.framework, 1 if layout.one else TRIAL["B"]
        X = np.broadcast_to(INPUT, (1, TRIAL["B"], TRIAL["V"])).astype(dtype)
        X = f.tensor(X[:, 0].copy() if layout.one else X.copy())
        begin = [f.tensor((piece if layout.one else np.broadcast_to(piece, (rows, len(piece))).copy()).astype(dtype))
                 for piece in (HIDDEN, CELL)]

        def compute(tensors: Sequence[Any]) -> tuple[Any, ...]:
            self.given = dict(zip(paths, tensors, strict=True))
            result = self.call(X, begin, {})
            state = self._state(result, rows)
            shown = self.returned is not None and self.returned.outputs is not None and self.form.has(("h", "q"))
            return (*state, self._outputs(result, rows)) if shown else state

        call: Callable[[Sequence[Any]], Any] = compute
        if self.ops.package == "jax":
            call = importlib.import_module("jax").jit(compute)

        def run(values: dict[Path, Array]) -> tuple[Array, Array, Array | None]:
            found = call([f.tensor(values[path].astype(dtype)) for path in paths])
            arrays = [np.asarray(f.array(each), float).reshape(rows, -1)[0] for each in found]
            return arrays[0], arrays[1], arrays[2] if len(arrays) > 2 else None

        return run

    def _order(self, run: Run, values: dict[Path, Array]) -> None:
        """Put H and C right by what they do: with all parameters zero, C is halved, and H does nothing."""
        assert self.returned is not None
        pieces = run({path: np.zeros_like(value) for path, value in values.items()})[:2]
        for i, begun in enumerate((HIDDEN, CELL)):
            for j, piece in enumerate(pieces):
                if np.allclose(piece, begun / 2, rtol=1e-4):  # beyond float32's rounding; says which is which, no more
                    if i == 0:
                        self.form.state = self.form.state[::-1]
                        swap = {"H": "C", "C": "H"}
                        self.form.arguments = {name: swap.get(meaning, meaning)
                                               for name, meaning in self.form.arguments.items()}
                        self.form.kept = {swap[part]: name for part, name in self.form.kept.items()}
                    if j == 0:
                        paths = self.returned.state
                        self.returned.state = {"H": paths["C"], "C": paths["H"]}
                    return


def described(recipe: Recipe) -> str:
    """What an array is, in short: 'W_hx of f'."""
    name = {"b": "b", "q": "W_hq", "bq": "b_q"}.get(recipe.part, f"W_{recipe.part}")
    return f"as {name}" + (f" of {', '.join(recipe.gates)}" if recipe.gates else "")


def tried(probed: Probed, inputs: Array, state: Sequence[Array], params: Sequence[Array]) -> str:
    """As `find_out`, with the exact numbers of the trial put in at the end; '' or why it can't be taken."""
    if failed := probed.find_out(inputs, state, params):
        return failed
    known = {slot for recipe in probed.recipes.values() for slot in recipe.slots}
    lacking = [(part, gate) for gate in GATES for part in "xh" if (part, gate) not in known]
    if len(lacking) > 1:  # one that is never used is a mistake that shows
        return f"which of its parameters make the gates could not be found out: {lacking}"
    probed.form.arrays |= {slot: slot for slot in lacking}
    try:
        f = probed.framework
        probed.forward(f.tensor(inputs), f.tensors(state), list(f.tensors(params)))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
