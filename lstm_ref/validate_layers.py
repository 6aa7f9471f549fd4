"""What the models around a framework's recurrent layer refuse, as `lstm_ref.validate`."""

from collections.abc import Mapping
from typing import Any

from lstm_ref.validate import GRU_NAMES, NAMES, RNN_NAMES, check_params

#: The cells, by the names of their parameters.
CELLS = {NAMES: "LSTM", GRU_NAMES: "GRU", RNN_NAMES: "RNN"}


def check_kind(layer: Any, kinds: Any, wanted: str) -> None:
    """What a model is made around is a recurrent layer of the framework.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(layer, kinds):
        raise ValueError(f"rnn_layer: expected {wanted}, got {type(layer).__name__}")


def check_input_size(vocab_size: int, input_size: int) -> None:
    """A layer that reads one-hot tokens has an input for each token of the vocabulary.

    Raises:
        ValueError: it has not.
    """
    if vocab_size != input_size:
        raise ValueError(f"vocab_size: expected {input_size}, the size of the layer's inputs, got {vocab_size}")


def check_layer(found: Mapping[str, Any], names: tuple[str, ...] | None = None) -> None:
    """A model has the one layer that the book's parameters are of: other layers have more of them, or compute more.

    Args:
        found: what the layer is: its `cell`, 'LSTM', 'GRU' or 'RNN', and what its framework lets one choose, as
            `num_layers`, `num_directions`, `bias`, `activation`; `input_size` is for `check_loading`.
        names: of the parameters that are to be put into it; None where they are to be read.

    Raises:
        ValueError: it has another; called before anything is changed.
    """
    wanted = {"num_layers": 1, "num_directions": 1, "bias": True, "activation": "tanh", "gates": "sigmoid",
              "proj_size": 0, "go_backwards": False}
    cells = [CELLS[names]] if names else list(CELLS.values())
    if found["cell"] not in cells:
        raise ValueError(f"net: expected a layer of the kind {' or '.join(cells)}, got {found['cell']}")
    for name, value in found.items():
        if name in wanted and value != wanted[name]:
            raise ValueError(f"net: expected a layer with {name}={wanted[name]!r}, as the book's parameters have it, "
                             f"got {value!r}")


def check_loading(found: Mapping[str, Any], params: Any, vocab_size: int, num_hiddens: int, names: tuple[str, ...]
                  ) -> None:
    """Parameters fit a model: its kind, see `check_layer`, and its sizes.

    Raises:
        ValueError: they do not; called before anything is changed.
    """
    check_layer(found, names)
    if found.get("input_size"):  # else it is to show with the first inputs
        check_input_size(vocab_size, found["input_size"])
    check_params(params, vocab_size, num_hiddens, names)


def check_second_bias(name: str, bias: Any) -> None:
    """The second bias of a layer's GRU is zero, since the reset gate multiplies the candidate's part of it.

    Args:
        name: what the layer calls it.
        bias: of any shape, NumPy's or a framework's.

    Raises:
        ValueError: it is not zero, so that the 11 parameters can't say what the layer computes.
    """
    if bool((bias != 0).any()):
        raise ValueError(f"{name}: expected zeros, since no bias of the book's 11 parameters is multiplied by the "
                         "reset gate; begin with load_gru_params")
