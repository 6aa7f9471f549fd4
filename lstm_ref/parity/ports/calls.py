"""How somebody's functions are called: by the names of their parameters, else in the book's order."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

#: Parameters of the functions of a port, in the book's order.
ROLES: dict[str, tuple[str, ...]] = {
    "get_lstm_params": ("vocab_size", "num_hiddens", "device"),
    "init_lstm_state": ("batch_size", "num_hiddens", "device"),
    "lstm": ("inputs", "state", "params"),
    "lstm_step": ("inputs", "state", "params"),
    "loss": ("outputs", "targets"),
    "grad_clipping": ("net", "theta"),
    "sgd": ("params", "lr", "batch_size"),
    "train_step": ("params", "X", "Y", "state", "lr", "theta"),
    "train_epoch_ch8": ("net", "train_iter", "loss", "updater", "device", "use_random_iter"),
    "train_ch8": ("net", "train_iter", "vocab", "lr", "num_epochs", "device"),
    "predict_ch8": ("prefix", "num_preds", "net", "vocab", "device"),
    "rnn": ("inputs", "state", "params"),
    "init_rnn_state": ("batch_size", "num_hiddens", "device"),
    "get_gru_params": ("vocab_size", "num_hiddens", "device"),
    "gru": ("inputs", "state", "params"),
    "gru_after": ("inputs", "state", "params"),
    "init_gru_state": ("batch_size", "num_hiddens", "device"),
    "RNNModelScratch": ("vocab_size", "num_hiddens", "device", "get_params", "init_state", "forward_fn"),
}

#: Other names that people give to the same parameters.
SYNONYMS = {
    "inputs": ("X", "x", "xs", "input"), "state": ("states", "hidden", "H_C"), "params": ("parameters", "weights"),
    "device": ("ctx", "dev", "place"), "outputs": ("y_hat", "y_pred", "logits", "input", "preds", "pred"),
    "targets": ("y", "y_true", "labels", "label", "target"), "grads": ("gradients",), "lr": ("learning_rate",),
    "net": ("model",), "theta": ("clip", "max_norm"),
}
#: Roles that take all of their parameters but the device, by whatever names.
WHOLE = ("get_lstm_params", "get_gru_params", "init_lstm_state", "init_rnn_state", "init_gru_state", "lstm",
         "lstm_step", "rnn", "gru", "gru_after", "loss", "sgd", "predict_ch8")
#: What else a function may ask for.
MORE = ("device", "dtype", "key", "strategy", "rng", "grads", "losses", "params", "lr", "use_random_iter")


class SignatureError(TypeError):
    """A function that can't be called in any way that is known; says how it was tried and what it takes."""


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter] | None:
    """The parameters of a function by name; None where Python does not know them."""
    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
    return None if any(p.kind is p.VAR_POSITIONAL for p in found.values()) else dict(found)


def meaning(role: str, name: str) -> str | None:
    """What a parameter of this name stands for in a role, or None."""
    known = (*ROLES[role], *MORE)
    if name in known:
        return name
    return next((canonical for canonical in known if name in SYNONYMS.get(canonical, ())), None)


def takes(role: str, function: Callable[..., Any], what: str) -> bool:
    """Whether the function has a parameter that stands for this."""
    return what in (meaning(role, name) for name in parameters(function) or ())


def required(found: Mapping[str, inspect.Parameter]) -> list[str]:
    """The parameters that have to be given."""
    return [p.name for p in found.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def by_position(role: str, names: list[str]) -> tuple[str, ...] | None:
    """What parameters with other names stand for, in the book's order with or without a device; None if it fits not."""
    for order in (ROLES[role], tuple(name for name in ROLES[role] if name != "device")):
        if len(order) == len(names) and all(
                meaning(role, name) in (None, what) for name, what in zip(names, order, strict=True)):
            return order
    return None


def check(role: str, function: Any) -> None:
    """See that a role can be called.

    Raises:
        SignatureError: it is no function, or takes what nothing is known to give it.
    """
    expected = f"{role}: expected a function like {role}({', '.join(ROLES[role])})"
    if not callable(function):
        raise SignatureError(f"{expected}, got {type(function).__name__}")
    found = parameters(function)
    names, known = required(found or {}), {meaning(role, name) for name in found or ()}
    lacks = {*ROLES[role]} - known - {"device"} if role in WHOLE else set()
    if found is None or by_position(role, names) or (all(meaning(role, name) for name in names) and not lacks):
        return
    name = getattr(function, "__name__", role)
    raise SignatureError(f"{expected}, got {name}({', '.join(found)}). Give one that is called so:\n"
                         f"    def {role}({', '.join(ROLES[role])}):\n        return {name}(...)\n"
                         f"    judge({role}={role}, framework=...)")


def call(role: str, function: Callable[..., Any], available: Mapping[str, Any]) -> Any:
    """Call a role with those of the available arguments that it asks for."""
    found = parameters(function)
    if found is None:
        return function(*(available[name] for name in ROLES[role] if name != "device"))
    names = required(found)
    known = {name: meaning(role, name) for name in found}
    order = None if all(known[name] for name in names) else by_position(role, names)
    if order:
        return function(*(available[name] for name in order))
    positional = [name for name, p in found.items() if p.kind is p.POSITIONAL_ONLY]
    return function(*(available[str(known[name])] for name in positional),
                    **{name: available[str(what)] for name, what in known.items()
                       if what in available and name not in positional})
