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
    "RNNModelScratch": ("vocab_size", "num_hiddens", "device", "get_params", "init_state", "forward_fn"),
}

#: Other names that people give to the same parameters.
SYNONYMS = {
    "inputs": ("X", "x", "xs", "input"), "state": ("states", "hidden", "H_C"), "params": ("parameters", "weights"),
    "device": ("ctx", "strategy"), "outputs": ("y_hat", "y_pred", "logits", "input", "preds", "pred"),
    "targets": ("y", "y_true", "labels", "label", "target"), "grads": ("gradients",), "lr": ("learning_rate",),
    "net": ("model",), "theta": ("clip", "max_norm"),
}
#: What else a function may ask for.
MORE = ("dtype", "key", "rng", "grads", "losses", "params", "lr", "use_random_iter")


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


def check(role: str, function: Any) -> None:
    """See that a role can be called.

    Raises:
        SignatureError: it is no function, or takes what nothing is known to give it.
    """
    expected = f"{role}: expected a function like {role}({', '.join(ROLES[role])})"
    if not callable(function):
        raise SignatureError(f"{expected}, got {type(function).__name__}")
    found = parameters(function)
    if found is None:
        return
    required = [p.name for p in found.values() if p.default is p.empty and p.kind in (
        p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if all(meaning(role, name) for name in required):
        return
    counts = len([name for name in ROLES[role] if name != "device"]), len(ROLES[role])
    if not counts[0] <= len(required) <= counts[1]:
        arguments = ", ".join(ROLES[role])
        raise SignatureError(
            f"{expected}, got {getattr(function, '__name__', role)}({', '.join(found)}). Give one that is called so:\n"
            f"    def {role}({arguments}):\n        return {getattr(function, '__name__', role)}(...)\n"
            f"    judge({role}={role}, framework=...)")


def call(role: str, function: Callable[..., Any], available: Mapping[str, Any]) -> Any:
    """Call a role with those of the available arguments that it asks for."""
    found = parameters(function)
    order = [name for name in ROLES[role] if name in available]
    if found is None:
        return function(*(available[name] for name in order if name != "device"))
    known = {name: meaning(role, name) for name in found}
    required = [name for name, p in found.items() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    if all(known[name] in available for name in required):
        positional = [name for name, p in found.items() if p.kind is p.POSITIONAL_ONLY]
        named = {name: available[str(what)] for name, what in known.items()
                 if what in available and name not in positional and (name in required or what != "rng")}
        return function(*(available[str(known[name])] for name in positional), **named)
    if len(required) < len(order):
        order = [name for name in order if name != "device"]
    return function(*(available[name] for name in order[:len(required)]))
