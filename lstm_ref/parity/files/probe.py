"""Which array of a port is which parameter, found out by what it does: each number is moved a little, and what the
state and the outputs do says which gate it feeds, through which unit, and what it multiplies.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lstm_ref.params import Array
from lstm_ref.parity.files.leaves import Path
from lstm_ref.parity.files.names import GATES, SHARES
from lstm_ref.parity.files.recipe import Recipe, layouts

#: Numbers that can't be taken for each other: of the inputs, H and C of the probe.
INPUT = np.array([0.31, -0.83, 1.27, 0.57, -1.61, 1.93, -2.39])
HIDDEN = np.array([0.73, -0.41, 1.11, -1.37, 1.79])
CELL = np.array([0.47, -0.91, 1.49, -0.29, 0.67])
#: Every parameter of the probe; the sums before all gates are the same.
LEVEL = 0.05
#: What a finite difference and a curved activation leave of agreement; it decides no verdict, only what is what.
NEAR = 0.03

#: What a port does with its arrays' values on one step from H and C: the new H, the new C, and the outputs or None.
Run = Callable[[dict[Path, Array]], tuple[Array, Array, Array | None]]


@dataclass
class Effect:
    """What moving each number of an array does.

    Attributes:
        H, C: of the array's shape, and units.
        Y: of the array's shape, and outputs; or None.
    """

    H: Array
    C: Array
    Y: Array | None


def effects(run: Run, values: dict[Path, Array], delta: float) -> tuple[dict[Path, Effect], tuple[Array, ...]]:
    """The effect of every number, and what the port computes before any is moved."""
    H0, C0, Y0 = run(values)
    found: dict[Path, Effect] = {}
    for path, value in values.items():
        H, C = (np.zeros((*value.shape, len(piece))) for piece in (H0, C0))
        Y = None if Y0 is None else np.zeros((*value.shape, len(Y0)))
        for index in np.ndindex(value.shape):
            moved = value.copy()
            moved[index] += delta
            H1, C1, Y1 = run({**values, path: moved})
            H[index], C[index] = (H1 - H0) / delta, (C1 - C0) / delta
            if Y is not None and Y1 is not None and Y0 is not None:
                Y[index] = (Y1 - Y0) / delta
        found[path] = Effect(H, C, Y)
    return found, (H0, C0) if Y0 is None else (H0, C0, Y0)


def coefficients(C: Array) -> dict[str, Array]:
    """What C does, unit by unit, where the sum before a gate grows by one; of 'o' what H does, of 'H' with C."""
    (keep, _), *_ = np.linalg.lstsq(np.stack([CELL, np.ones_like(CELL)], 1), C, rcond=None)
    if not 0.02 < keep < 0.98:
        keep = 0.55
    g = np.tanh(np.log(keep / (1 - keep)))
    slope = keep * (1 - keep)
    return {"f": slope * CELL, "i": np.full_like(CELL, slope * g), "c": np.full_like(CELL, keep * (1 - g * g)),
            "o": slope * np.tanh(C), "H": keep * (1 - np.tanh(C) ** 2)}


def decode(effect: Effect, base: tuple[Array, ...], known: dict[str, Array]) -> tuple[Recipe | None, bool]:
    """How an array is made of the reference's parameters, and whether its effect is exactly a right port's."""
    size = float(np.abs(effect.C).max() + np.abs(effect.H).max())
    if not np.isfinite(size) or (effect.Y is not None and not np.isfinite(effect.Y).all()):
        return None, False
    shape = effect.C.shape[:-1]
    if size < 1e-6:
        return _output(effect, base[0]) if effect.Y is not None else (None, False)
    total = np.abs(effect.C) + np.abs(effect.H)
    unit = total.argmax(-1)
    if float((total.sum(-1) - total.max(-1)).max()) > NEAR * size:
        return None, False
    units = len(CELL)
    take = unit[..., None]
    dC, dH = (np.take_along_axis(each, take, -1)[..., 0] for each in (effect.C, effect.H))
    for axis in (None, *range(len(shape))):
        for part, basis in (("b", None),) if axis is None else (
                ("x", INPUT), ("h", HIDDEN), ("xh", np.concatenate([INPUT, HIDDEN])),
                ("hx", np.concatenate([HIDDEN, INPUT]))):
            if basis is not None and (axis is None or shape[axis] != len(basis)):
                continue
            rC, rH, u = dC, dH, unit
            if axis is not None and basis is not None:
                rC, rH, u = (np.moveaxis(each, axis, 0) for each in (dC, dH, unit))
                if (u != u[0]).any() or not (_along(rC, basis, size) and _along(rH, basis, size)):
                    continue
                rC, rH = (np.tensordot(basis, each, 1) / (basis @ basis) for each in (rC, rH))
                u = u[0]
            count = u.size // units
            for axes in layouts(shape, axis, count, units) if count <= len(GATES) else ():
                minor = "ug" in axes or (axes.index("u") < axes.index("g") if "g" in axes else False)
                order = [each.reshape((units, count) if minor else (count, units)) for each in (u, rC, rH)]
                place, byC, byH = [each.T for each in order] if minor else order
                if (place != np.arange(units)).any():
                    continue
                gates = [_gate(C, H, known) for C, H in zip(byC, byH, strict=True)]
                return Recipe(part, "".join(key for key, _ in gates), axes), all(exact for _, exact in gates)
    return None, False


def _along(response: Array, basis: Array, size: float) -> bool:
    """Whether what is multiplied by a basis responds in its proportion."""
    fit = np.tensordot(basis, response, 1) / (basis @ basis)
    return bool(np.abs(response - np.multiply.outer(basis, fit)).max() < NEAR * size)


def _gate(C: Array, H: Array, known: dict[str, Array]) -> tuple[str, bool]:
    """The gate that does this to C and H, unit by unit, and whether it does exactly this in a right port."""
    if np.abs(C).max() < 1e-5 + NEAR * np.abs(H).max():
        return "o", bool(np.abs(H - known["o"]).max() < NEAR * np.abs(known["o"]).max())
    off = {key: float(np.abs(C - known[key]).max() / np.abs(known[key]).max()) for key in "fic"}
    best = min(off, key=lambda key: off[key])
    if off[best] < NEAR:
        return best, bool(np.abs(H - known["H"] * C).max() < NEAR * np.abs(known["o"]).max())
    shape = {key: abs(float(C @ known[key])) / (np.linalg.norm(C) * np.linalg.norm(known[key])) for key in "fc"}
    return ("f" if shape["f"] > shape["c"] else best if best != "f" else "c"), False


def _output(effect: Effect, hidden: Array) -> tuple[Recipe | None, bool]:
    """How an array of the output layer is made, and whether each output is moved alone: a softmax moves all."""
    assert effect.Y is not None
    size = float(np.abs(effect.Y).max())
    shape, outputs = effect.Y.shape[:-1], effect.Y.shape[-1]
    if size < 1e-6:
        return None, False
    alone = float((np.abs(effect.Y).sum(-1) - np.abs(effect.Y).max(-1)).max()) <= NEAR * size
    place, rest = np.abs(effect.Y).argmax(-1), [i for i, length in enumerate(shape) if length != 1]
    if len(rest) == 1 and shape[rest[0]] == outputs and (place.ravel() == np.arange(outputs)).all():
        return Recipe("bq", "", tuple("u" if length != 1 else "" for length in shape)), alone
    for axis in rest if len(rest) == 2 else ():
        u = np.moveaxis(place.reshape([shape[i] for i in rest]), rest.index(axis), 0)
        fits = shape[axis] == len(hidden) and u.shape[-1] == outputs
        if fits and (u == np.arange(outputs)).all():  # of H or, wrongly, of something else
            return Recipe("q", "", tuple("" if length == 1 else "i" if i == axis else "u"
                                         for i, length in enumerate(shape))), alone
    return None, False


def complete(found: dict[Path, tuple[Recipe | None, bool]], shapes: dict[Path, tuple[int, ...]],
             hints: dict[Path, tuple[str, str]]) -> dict[Path, Recipe]:
    """The recipes, with the arrays that a mistake hides put where one is missing: by name, then by order.

    Args:
        found: recipes, and whether they are certain.
        shapes: of the arrays.
        hints: parameters that the names of arrays say.
    """
    sure = {path: recipe for path, (recipe, exact) in found.items() if recipe and exact}
    sure |= _by_place(sure, shapes)
    taken = {slot for recipe in sure.values() for slot in recipe.slots}
    for path, (recipe, exact) in found.items():
        if recipe is None or exact or path in sure:
            continue
        if recipe.part in ("q", "bq"):
            sure[path] = recipe
            continue
        hint = hints.get(path)
        if hint and len(recipe.gates) == 1 and hint[0] == recipe.part and hint not in taken:
            recipe = Recipe(recipe.part, hint[1], recipe.axes)
        if len(recipe.gates) > 1 and {*recipe.gates} != {*GATES}:
            recipe = Recipe(recipe.part, _order(sure, len(recipe.gates)) or "ifoc", recipe.axes)
        if not {*recipe.slots} & taken or recipe.part == "b":
            sure[path] = recipe
            taken |= {*recipe.slots}
    units = len(CELL)
    sizes = {"x": len(INPUT), "h": units, "xh": len(INPUT) + units}
    like = next((each for each in sure.values() if len(each.gates) == 1 and each.part in ("x", "h", "xh", "hx")), None)
    if like is not None:
        parts = {recipe.part for recipe in sure.values() if recipe.part in ("x", "h", "xh", "hx")} or {"x", "h"}
        for path, shape in shapes.items():
            flat = [length for length in shape if length != 1]
            if path in sure or len(flat) != 2:
                continue
            for part in sorted(parts):
                wanted = [sizes["xh" if len(part) == 2 else part], units]
                missing = [gate for gate in GATES if not {(each, gate) for each in part} & taken]
                if sorted(flat) == sorted(wanted) and missing:
                    hint = hints.get(path)
                    gate = hint[1] if hint and hint[1] in missing else missing[0]
                    sure[path] = Recipe(part, gate, like.axes)
                    taken |= {(each, gate) for each in part}
                    break
        for path, shape in shapes.items():
            missing = [gate for gate in GATES if ("b", gate) not in taken]
            if path not in sure and [length for length in shape if length != 1] == [units] and missing and any(
                    recipe.part == "b" for recipe in sure.values()):
                sure[path] = Recipe("b", missing[0], tuple("u" if length != 1 else "" for length in shape))
                taken.add(("b", missing[0]))
    return _shared(sure)


def _by_place(sure: dict[Path, Recipe], shapes: dict[Path, tuple[int, ...]]) -> dict[Path, Recipe]:
    """Recipes of arrays in whose place the gates of others show what they are: four biases beside four weights."""
    groups: dict[tuple[int, ...], list[Path]] = {}
    for path, shape in shapes.items():
        groups.setdefault(shape, []).append(path)
    known = {shape: [sure[path].gates if path in sure else "" for path in paths] for shape, paths in groups.items()}
    order = next((gates for gates in known.values() if sorted(gates) == sorted(GATES)), None)
    made: dict[Path, Recipe] = {}
    for shape, gates in known.items():
        like = next((sure[path] for path in groups[shape] if path in sure), None)
        if order is not None and like is not None and len(gates) == len(order) and all(
                mine in ("", other) for mine, other in zip(gates, order, strict=True)):
            made |= {path: Recipe(like.part, gate, like.axes)
                     for path, gate in zip(groups[shape], order, strict=True) if path not in sure}
    return made


def _order(sure: dict[Path, Recipe], count: int) -> str:
    """The order of gates that another array, which is certain, has."""
    return next((recipe.gates for recipe in sure.values() if len(recipe.gates) == count), "")


def _shared(recipes: dict[Path, Recipe]) -> dict[Path, Recipe]:
    """The recipes, with unequal parts for biases that are added to the same gate."""
    seen: dict[str, Path] = {}
    made = dict(recipes)
    for path, recipe in recipes.items():
        if recipe.part != "b":
            continue
        if (first := seen.get(recipe.gates)) is not None:
            made[first] = Recipe("b", recipe.gates, recipes[first].axes, SHARES[0])
            made[path] = Recipe("b", recipe.gates, recipe.axes, SHARES[1])
        seen[recipe.gates] = path
    return made
