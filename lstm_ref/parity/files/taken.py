"""A port's function, called with the reference's arguments: what is taken for what is found out once, by trial."""

import ast
from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm_ref.params import Array
from lstm_ref.parity.files.form import Form
from lstm_ref.parity.files.handed import Affine, Bag, biased
from lstm_ref.parity.files.layout import LOOPING, STEPPING, TRIAL, Layout
from lstm_ref.parity.files.leaves import put
from lstm_ref.parity.files.names import CANONICAL, SHARES, Slot, in_order, size, state_part
from lstm_ref.parity.files.ops import Ops
from lstm_ref.parity.files.prepared import observed
from lstm_ref.parity.files.returned import Returned, WrongError, at, is_tensor, parse, shape
from lstm_ref.parity.files.slices import Slice
from lstm_ref.parity.files.structure import own
from lstm_ref.parity.interface import Framework


@dataclass
class Taken:
    """A port's function and what it is taken for.

    Args:
        form: of the function.
        slice: in which it runs.
        framework: whose tensors it takes.
        ops: of the framework.
        function: the function itself, bound to its object where it has one.
        shapes: what is known of the shapes of parameters in the port, by slot.
        extra: what stands in the list of parameters besides, by position.
    """

    form: Form
    slice: Slice
    framework: Framework
    ops: Ops
    function: Callable[..., Any]
    owner: Any
    shapes: dict[Slot, tuple[int, ...]]
    order: list[str]
    extra: dict[int, Any] = field(default_factory=dict)
    layout: Layout | None = None
    returned: Returned | None = None
    columns: bool = False
    said: list[str] = field(default_factory=list)  #: what is taken as what, in words

    def __post_init__(self) -> None:
        self.activations = {name: getattr(getattr(self.owner, name, None), "activation", None)
                            for name in self.form.layers}
        self.biased = {name: biased(getattr(self.owner, name, None)) for name in self.form.layers} | self.form.biased
        h = self.shapes_h()
        weights = [(part, key, s) for (part, key), s in self.shapes.items()
                   if part in "xw" and len(s) == 2 and s[0] != s[1]]
        if weights:
            _, key, (rows, columns) = weights[0]
            self.columns = rows == len(key) * h and columns != len(key) * h
        else:
            self.columns = set(self.form.products) == {"columns"} and not (
                self.form.loops and self.framework.name != "NumPy" and not self.shapes)

    def shapes_h(self) -> int:
        """The number of hidden units in the port's own shapes: the length of a gate's bias."""
        sizes = [int(np.prod(s)) // len(key) for (part, key), s in self.shapes.items() if part == "b" and key != "q"]
        return max(set(sizes), key=sizes.count) if sizes else TRIAL["h"]

    # Giving

    def value(self, slot: Slot, params: dict[Slot, Any]) -> Any:
        """A parameter as the port has it."""
        part, key = slot
        if part in "bd":
            value = self.bias(params, key)
            if ("d", key) in self.form.names.values():  # two biases that add up, and of which neither is the other
                value = value * SHARES[part == "d"]
            known = self.shapes.get(slot, (1,) if not self.columns or self.layout is None or
                                    self.layout.state == "h" else (1, 1))
            if len(known) == 2:
                upright = known[1] == 1 and (self.columns or known[0] != 1)
                value = self.ops.reshape(value, (-1, 1) if upright else (1, -1))
            return value
        value = self.weight(params, part, key)
        return self.ops.transpose(value) if self.columns else value

    def weight(self, params: dict[Slot, Any], part: str, key: str) -> Any:
        """A weight as the reference has it, of several gates side by side where they are."""
        if len(key) > 1:
            return self.ops.concat([self.weight(params, part, each) for each in key], 1)
        if part == "w":
            pair = [params["h", key], params["x", key]]
            return self.ops.concat(pair if self.form.joined == "hx" else pair[::-1], 0)
        return params[part, key]

    def bias(self, params: dict[Slot, Any], key: str) -> Any:
        """A bias as the reference has it, of several gates side by side where they are."""
        return params["b", key] if len(key) == 1 else self.ops.concat([params["b", each] for each in key], 0)

    def affine(self, name: str, params: dict[Slot, Any]) -> Affine:
        """What stands for a layer; two with a bias for the same gate have unequal parts of it."""
        part, key = self.form.layers[name]
        mine = [other for other, slot in self.form.layers.items() if slot[1] == key and self.biased[other]]
        share = 1.0 if len(mine) < 2 else SHARES[name != mine[0]]
        bias = self.bias(params, key) if self.biased[name] else None
        return Affine(self.ops, self.weight(params, part, key), bias if bias is None or share == 1 else bias * share,
                      self.activations[name])

    def put(self, params: dict[Slot, Any]) -> tuple[dict[str, Any], Any]:
        """Give the port its parameters wherever it looks for them; those that are arguments are returned."""
        values = {name: self.value(slot, params) for name, slot in self.form.names.items()}
        names = self.form.unpacked or self.order
        bag: Any = Bag([values.get(name, self.extra.get(i)) for i, name in enumerate(names)], names)
        bag.named |= values
        kind, _, where = self.form.container.partition(":")
        if kind == "self":
            put(self.owner, where, bag)
        elif kind == "global":
            self.slice.namespace[where] = bag
        inside = {inner.attr for inner in own(self.form.node) if isinstance(inner, ast.Attribute)
                  and isinstance(inner.value, ast.Name) and inner.value.id == "self"} if self.owner is not None else ()
        for name in self.form.layers:
            put(self.owner, name, self.affine(name, params))
        if self.owner is not None:
            for name, value in values.items():
                if name in inside or hasattr(self.owner, name):
                    put(self.owner, name, value)
        stored = {inner.id for inner in own(self.form.node) if isinstance(inner, ast.Name)
                  and isinstance(inner.ctx, ast.Store)}
        for name, value in values.items():
            if name not in stored and name not in self.form.arguments:
                self.slice.namespace[name] = value
        return {name: values[name] for name, meaning in self.form.arguments.items() if meaning == "slot"}, bag

    def call(self, inputs: Any, state: Sequence[Any], params: dict[Slot, Any]) -> Any:
        """Call the port once; what it returns."""
        assert self.layout is not None
        V, h = int(inputs.shape[-1]), int(state[0].shape[-1])
        self.slice.namespace |= {name: {"V": V, "h": h}[key] for name in self.slice.sizes_named
                                 if (key := size(name)) in ("V", "h")}
        if self.owner is not None:
            for name in list(vars(self.owner)):
                if (key := size(name.rpartition("__")[2])) in ("V", "h"):
                    self.owner.__dict__[name] = {"V": V, "h": h}[key]
        slots, bag = self.put(params)
        pieces = [self.layout.give_state(self.ops, piece) for piece in state]
        by_name = dict(zip("HC", pieces, strict=False))
        self.slice.namespace["__begin__"] = lambda part, _: by_name[part]  # where the form has the hook
        sizes = {"V": V, "h": h, "B": 1 if self.layout.one else int(inputs.shape[1]), "T": int(inputs.shape[0])}
        given = [by_name[part] for part in self.form.one_tensor or self.form.state]
        meanings = {"inputs": self.layout.give(self.ops, inputs), "params": bag, "device": self.framework.device,
                    **by_name, "state": self.ops.concat(given, -1) if self.form.one_tensor else given[0]
                    if self.form.bare else self._record(by_name) if self.form.fields else tuple(given)}
        meanings["keyed"] = {key: meanings[meaning] for key, meaning in self.form.keys.items()}
        arguments: dict[str, Any] = {}
        for name, meaning in self.form.arguments.items():
            if meaning == "slot":
                arguments[name] = slots[name]
            elif meaning == "sizes":
                arguments[name] = sizes[size(name) or "V"]
            elif meaning in meanings:
                arguments[name] = meanings[meaning]
        for part, name in self.form.kept.items():
            put(self.owner, name, by_name[part])
        if self.form.peeks:
            result, variables, error = observed(self.function, **arguments)
            if error is not None:
                raise error
            return {"outputs": result} | {part: variables[name] for part, name in self.form.peeks.items()}
        result = self.function(**arguments)
        if not self.form.kept:
            return result
        return {"outputs": result} | {part: getattr(self.owner, name) for part, name in self.form.kept.items()}

    def _record(self, pieces: dict[str, Any]) -> Any:
        """A state with attributes: of the file's own class where there is one."""
        fields = {name: pieces[part] for part, name in self.form.fields.items()}
        for found in self.slice.namespace.values():
            names = getattr(found, "_fields", None) or list(getattr(found, "__dataclass_fields__", {}))
            if isinstance(found, type) and {*names} == {*fields}:
                return found(**fields)
        return namedtuple("State", fields)(**fields)

    # Taking

    def forward(self, inputs: Any, state: Sequence[Any], params: Sequence[Any]) -> tuple[Any, tuple[Any, ...]]:
        """The reference's `lstm` or `rnn`, computed by the port."""
        assert self.layout is not None
        given = in_order(params)
        rows = int(inputs.shape[1])
        if not self.layout.one:
            return self._run(inputs, state, given, rows)
        runs = [self._run(inputs[:, i], [piece[i] for piece in state], given, 1) for i in range(rows)]
        steps = int(inputs.shape[0])
        outputs = [self.ops.reshape(run[0], (steps, 1, -1)) for run in runs]
        joined = self.ops.concat(outputs, 1)
        last = tuple(self.ops.concat([run[1][i] for run in runs], 0) for i in range(len(state)))
        return self.ops.reshape(joined, (steps * rows, joined.shape[-1])), last

    def _run(self, inputs: Any, state: Sequence[Any], given: dict[Slot, Any], rows: int) -> tuple[Any, tuple[Any, ...]]:
        steps = int(inputs.shape[0])
        if self.form.loops and self.returned and self.returned.kind != "step":
            result = self.call(inputs, state, given)
            return self._rows(self._outputs(result, rows), given), self._state(result, rows)
        if self.form.loops:  # the last step alone: so as many calls as steps
            results = [self.call(inputs[:t + 1], state, given) for t in range(steps)]
            outputs = [self._outputs(result, rows) for result in results]
            return self._rows(self.ops.concat(outputs, 0), given), self._state(results[-1], rows)
        outputs = []
        for t in range(steps):
            result = self.call(inputs[t:t + 1], state, given)
            one = self._state(result, rows)
            outputs.append(self._outputs(result, rows))
            state = one if rows > 1 or not self.layout or not self.layout.one else [
                self.ops.reshape(piece, (piece.shape[-1],)) for piece in one]
        return self._rows(self.ops.concat(outputs, 0), given), tuple(one)

    def _rows(self, outputs: Any, given: dict[Slot, Any]) -> Any:
        """The outputs, which the output layer is put behind where a port has none."""
        if self.form.has(("h", "q")) and self.returned and self.returned.outputs is not None:
            return outputs
        return self.ops.matmul(outputs, given["h", "q"]) + given["b", "q"]

    def _outputs(self, result: Any, rows: int) -> Any:
        assert self.returned is not None and self.layout is not None
        path = self.returned.outputs if self.returned.outputs is not None else self.returned.state["H"]
        value = at(result, path)
        if isinstance(value, (list, tuple)):
            return self.ops.concat([self._step(piece, rows) for piece in value], 0)
        if self.returned.kind == "TVB":
            value = self.ops.last(value)
        if self.returned.kind == "BTV":
            value = self.ops.swap(value)
        if self.returned.kind == "step":
            return self._step(value, rows)
        if len(shape(value)) == 1:
            return value
        if len(shape(value)) == 3:
            return self.ops.reshape(value, shape(value)[:2] if shape(value)[-1] == 1 else (-1, shape(value)[-1]))
        return value

    def _step(self, piece: Any, rows: int) -> Any:
        assert self.layout is not None
        if self.layout.state == "hB":
            return self.ops.transpose(piece)
        total = int(np.prod(shape(piece)))
        return piece if len(shape(piece)) == 2 and shape(piece)[0] == rows else self.ops.reshape(
            piece, (rows, total // rows))

    def _state(self, result: Any, rows: int) -> tuple[Any, ...]:
        assert self.returned is not None and self.layout is not None
        return tuple(self.layout.take_state(self.ops, at(result, path), rows)
                     for _, path in sorted(self.returned.state.items(), reverse=True))

    # Finding out

    def layouts(self) -> list[Layout]:
        """Those that it may have, the likelier first."""
        known = list(LOOPING if self.form.loops else STEPPING)
        text = ast.unparse(self.form.node)
        first = next((name for name, meaning in self.form.arguments.items() if meaning == "inputs"), "X")
        second = ("[:, t", "[:, i", "[:, step", ".shape[1]", ".size(1)", "[:, time")
        if "batch_first" in text or any(f"{first}{index}" in text for index in second):
            known.remove("BTV")
            known.insert(0, "BTV")
        if self.columns:
            vectors = [s for (part, _), s in self.shapes.items() if part == "b" and len(s) == 1]
            head = ["TV", "TV1", "TVB", "V", "V1", "VB"] if vectors else ["TVB", "TV1", "TV", "VB", "V1", "V"]
            if self.form.loops and "reshape(-1, 1)" in text:
                head = ["TV", *head]
            known = [each for each in dict.fromkeys([*head, *known]) if each in known]
        return [Layout(each) for each in known]

    def find_out(self, inputs: Array, state: Sequence[Array], params: Sequence[Array]) -> str:
        """Find layout and returns by trial; '' or why none of them runs, of the likeliest.

        Args:
            inputs: (T, B, V) of the trial.
            state: H and C.
            params: the reference's.
        """
        f = self.framework
        first: Exception | None = None
        likely = self.form.loops
        for loops, layout in [*((self.form.loops, each) for each in self.layouts()),
                              *((not self.form.loops, Layout(each)) for each in (
                                  STEPPING if self.form.loops else LOOPING)), (self.form.loops, self.layouts()[0])]:
            if isinstance(first, WrongError) and not self.columns and (layout.one or loops != likely):
                continue  # it takes a batch, and what it returns of it is wrong
            self.form.loops = loops
            self.layout = layout
            try:
                given = in_order(f.tensors(params))
                X = f.tensor(inputs[:, 0] if layout.one else inputs)
                begin = [f.tensor(piece[0] if layout.one else piece) for piece in state]
                result = self.call(X if self.form.loops else X[0:1], begin, given)
                self.returned = self._parsed(result, X, begin, given)
                outputs, _ = self.forward(f.tensor(inputs), f.tensors(state), list(f.tensors(params)))
                if shape(outputs)[0] != TRIAL["T"] * TRIAL["B"]:
                    raise WrongError(f"{self.form.name}: expected outputs of shape (num_steps * batch_size, "
                                     f"vocab_size), got {shape(outputs)} for {TRIAL['T']} steps of {TRIAL['B']} "
                                     "examples")
            except Exception as error:
                if first is None or (isinstance(error, WrongError) and self.returned is not None):
                    first = error
            else:
                self._say()
                return ""
        self.layout = self.layouts()[0]
        return f"{type(first).__name__}: {first}" if not isinstance(first, WrongError) else str(first)

    def unmoved(self, inputs: Array, state: Sequence[Array], params: Sequence[Array]) -> bool:
        """Whether a port goes on with numbers of its own: nothing changes where all weights of the gates do."""
        f = self.framework
        try:
            runs = [self.forward(f.tensor(inputs), f.tensors(state), list(f.tensors(changed))) for changed in (
                params, [*(param * 2 for param in params[:-2]), *params[-2:]])]
            first, second = (np.asarray(f.array(last[0]), float) for _, last in runs)
        except Exception:  # what can't run is told of elsewhere
            return False
        return np.array_equal(first, second)

    def _parsed(self, result: Any, X: Any, begin: Any, given: Any) -> Returned:
        """As `parse`; where a state is not returned, it is read from the function's variables."""
        assert self.layout is not None
        try:
            return parse(self.form, self.layout, result)
        except WrongError:
            if self.form.peeks:
                raise
            names = {part: name for part in ("HC" if self.form.kind == "lstm" else "H") for name in dict.fromkeys(
                inner.id for inner in own(self.form.node) if isinstance(inner, ast.Name) and isinstance(
                    inner.ctx, ast.Store) and state_part(inner.id) == part)}
            many = 2 if self.form.kind == "lstm" else 1
            if len(names) < many or not (is_tensor(result) or isinstance(result, list)):
                raise
            self.form.peeks = names
            try:
                return parse(self.form, self.layout, self.call(X if self.form.loops else X[0:1], begin, given))
            except Exception:
                self.form.peeks = {}
                raise

    def _say(self) -> None:
        assert self.layout is not None
        assert self.returned is not None
        names = self.form.unpacked or self.order
        order = [self.form.names[name] for name in names if name in self.form.names]
        if self.form.kind == "lstm" and names and order != list(CANONICAL):
            self.said.append(f"parameters in the order {', '.join(names)}")
        if self.layout.inputs != "TBV":
            self.said.append(self.layout.words())
        if self.columns:
            self.said.append("weights as columns, W @ x")
        if not self.form.loops:
            self.said.append("one step, called step after step")
        if self.form.loops and self.returned.kind == "step":
            self.said.append("the last step's alone is returned, so it is called on 1, 2, ... steps")
        elif self.returned.kind in ("list", "TBV", "BTV", "TVB") and self.form.loops:
            self.said.append({"list": "outputs as a list"}.get(self.returned.kind, "outputs with three axes"))
        if self.form.kind == "lstm" and list(self.returned.state) == ["C", "H"]:
            self.said.append("state returned as (C, H)")
        if not self.form.has(("h", "q")) or self.returned.outputs is None:
            self.said.append("no output layer is returned: H is judged through one of the judge's own")
        if self.form.kept:
            self.said.append(f"state kept in the object, as {', '.join(self.form.kept.values())}")
        if self.form.peeks:
            self.said.append(f"state not returned, read from the variables {', '.join(self.form.peeks.values())}")
        if self.form.one_tensor:
            self.said.append(f"state in one tensor, {' before '.join(self.form.one_tensor)}")
        if self.form.keys:
            self.said.append(f"inputs and state in a dict, as {', '.join(self.form.keys)}")
        if self.form.layers:
            self.said.append(f"layers {', '.join(self.form.layers)} with the judge's weights")
        if self.form.begins:
            self.said.append("its own initial state replaced by the judge's")
