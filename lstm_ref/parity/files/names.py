"""What somebody's names stand for: parameters of the gates, the state, sizes, the functions of a chapter."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

GATES = ("i", "f", "o", "c")
#: A parameter: its part ('x' and 'h' multiply the input and the state, 'w' both at once, 'b' is a bias, 'd' a second
#: one) and its gate, 'q' for the output layer.
Slot = tuple[str, str]

#: The parts of a bias where two are added: unequal, so that neither can stand for the other.
SHARES = 0.25, 0.75

#: The reference's fourteen, in order.
CANONICAL: tuple[Slot, ...] = (*((part, gate) for gate in GATES for part in "xhb"), ("h", "q"), ("b", "q"))

#: The vanilla RNN's five, in order; its one pair of matrices stands for the candidate's.
VANILLA: tuple[Slot, ...] = (("x", "c"), ("h", "c"), ("b", "c"), ("h", "q"), ("b", "q"))


#: The GRU's eleven, in order: update gate, reset gate, candidate.
GATED: tuple[Slot, ...] = (*((part, gate) for gate in "zrc" for part in "xhb"), ("h", "q"), ("b", "q"))


def in_order(params: Sequence[Any]) -> dict[Slot, Any]:
    """The reference's parameters by slot: the LSTM's fourteen, the GRU's eleven or the vanilla RNN's five."""
    return dict(zip({5: VANILLA, 11: GATED}.get(len(params), CANONICAL), params, strict=True))


#: What people call a gate, or the output layer, in a parameter's name.
WORDS = {
    "i": ("i", "in", "input", "inputgate", "update", "add"), "f": ("f", "forget", "forgetgate"),
    "o": ("o", "out", "output", "outputgate"),
    "c": ("c", "g", "u", "z", "a", "cell", "cand", "candidate", "tilda", "tilde", "ctilda", "ctilde", "chat", "cc",
          "cbar", "cellgate", "memory", "ct", "cn"),
    "q": ("q", "y", "p", "out", "output", "logits", "fc", "v", "hq", "hy", "qh", "yh", "hp", "outputs", "vocab"),
}
MATRIX, BIAS = ("w", "u", "r", "weight", "weights", "kernel"), ("b", "bias", "biases")


def pieces(name: str) -> list[str]:
    """A name's parts: 'W_xi' is 'w', 'x', 'i'; 'bias_ih_f' is 'bias', 'i', 'h', 'f'."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip("_")).lower()
    found = [piece for piece in re.split(r"[_\W]+", name) if piece]
    if found and found[0] not in (*MATRIX, *BIAS):
        match = re.match(r"^(weight|bias|w|b|u|r)(.{1,3})$", found[0])
        if match and found[0].isalpha() is not False:
            found[:1] = [match[1], match[2]]
    return found


def gate(word: str, final: bool = False) -> str | None:
    """The gate that a word names; the output layer too where nothing follows."""
    return next((key for key in ((*GATES, "q") if final else GATES) if word in WORDS[key]), None)


def slots(names: Iterable[str]) -> dict[str, Slot]:
    """The parameters among some names, read together: 'W_i' beside 'U_i' multiplies the input alone."""
    names = list(dict.fromkeys(names))
    found: dict[str, Slot] = {}
    split = {name: pieces(name) for name in names}
    suffixes = {"".join(parts[1:]) for parts in split.values() if parts and parts[0] in MATRIX}
    from_i = {"ii", "if", "io"} <= suffixes and not any(s.startswith("x") for s in suffixes)  # input to input gate
    gate_first = {"ix", "fx", "ox"} <= suffixes or {"ih", "fh", "oh"} <= suffixes
    for name, parts in split.items():
        if len(parts) < 2:
            continue
        kind, rest = parts[0], "".join(parts[1:]) if all(len(p) <= 2 for p in parts[1:]) else "_".join(parts[1:])
        if kind in BIAS:
            found |= {name: slot} if (slot := _bias(rest, from_i)) else {}
        elif kind in MATRIX:
            found |= {name: slot} if (slot := _matrix(kind, rest, from_i, gate_first)) else {}
    for name, slot in list(found.items()):  # W_i beside U_i multiplies the input, alone the input and the state
        part, key = slot
        if part == "w":
            second = any(split[other][0] in ("u", "r") and found[other] == ("h", key) for other in found)
            found[name] = ("h", "q") if key == "q" else ("x", key) if second else (part, key)
    if ("x", "o") in found.values():  # beside a whole output gate, what is called output is the output layer
        found |= {name: (slot[0].replace("w", "h"), "q") for name, slot in found.items()
                  if slot in (("w", "o"), ("b", "o")) and {"output", "out", "outputs"} & {*split[name]}}
    if len({key for part, key in found.values() if part in "xw" and key in GATES}) < 2:
        return {}
    return found


def _bias(rest: str, from_i: bool) -> Slot | None:
    if key := gate(rest, final=True):
        return "b", key
    if len(rest) == 2 and (key := gate(rest[1])) and rest[0] in "xih":  # b_ii and b_hi
        return ("d" if rest[0] == "h" else "b"), key
    if rest.startswith(("ih", "hh", "x_", "h_")) and (key := gate(rest[2:].strip("_"))):
        return ("d" if rest.startswith("h") else "b"), key
    return None


def _matrix(kind: str, rest: str, from_i: bool, gate_first: bool) -> Slot | None:
    if rest in ("hq", "hy", "qh", "yh", "hp", "hv", "h_output", "h_out", "h_q"):
        return "h", "q"
    if kind in ("u", "r") and (key := gate(rest)):
        return "h", key
    if len(rest) == 2:
        first, second = rest[0], rest[1]
        if gate_first and second in "xh" and (key := gate(first)):
            return second, key
        if (first in "xh" or (first == "i" and from_i)) and (key := gate(second)):
            return ("x" if first == "i" else first), key
        if second in "xh" and (key := gate(first)):
            return second, key
    words = rest.split("_")
    if len(words) == 2:
        for part, name in (words, words[::-1]):
            if part in ("x", "h", "input", "hidden", "ih", "hh") and (key := gate(name, final=part in ("h", "hidden"))):
                return ("x" if part in ("x", "input", "ih") else "h"), key
    if len(rest) == 3 and rest[:2] in ("ih", "hh", "xh") and (key := gate(rest[2])):
        return ("h" if rest.startswith("hh") else "x"), key
    if key := gate(rest, final=True):
        return "w", key
    return None


def rnn_slots(names: Iterable[str]) -> dict[str, Slot]:
    """The parameters of a vanilla RNN among some names; they stand for the candidate's."""
    found: dict[str, Slot] = {}
    for name in names:
        parts = pieces(name)
        rest = "".join(parts[1:])
        if parts and parts[0] in MATRIX and rest in ("xh", "ih", "hx", "x", "ax", "xs", "in", "input"):
            found[name] = "x", "c"
        elif parts and parts[0] in MATRIX and rest in ("hh", "h", "aa", "hs", "hidden", "ss"):
            found[name] = "h", "c"
        elif parts and parts[0] in BIAS and rest in ("h", "hh", "xh", "a", "ih", "hidden"):
            found[name] = "b", "c"
        elif len(parts) > 1 and parts[0] in (*MATRIX, *BIAS) and (
                gate(parts[-1], final=True) == "q" or rest in ("hq", "hy", "ya", "hp", "ho") or rest in WORDS["q"]):
            found[name] = "h" if parts[0] in MATRIX else "b", "q"
    return found


def gru_slots(names: Iterable[str]) -> dict[str, Slot]:
    """The parameters of a GRU among some names: W_xz, W_hz, b_z and so on, or W_z beside U_z."""
    called = {"z": "z", "u": "z", "r": "r", "h": "c", "n": "c", "c": "c", "g": "c"}
    found: dict[str, Slot] = {}
    for name in names:
        kind, *rest = pieces(name) or [""]
        word = "".join(rest)
        last = called.get(word[-1:])
        if kind in MATRIX and (word in ("hq", "hy", "qh", "yh", "hp", "q", "y") or word in WORDS["q"][4:]):
            found[name] = "h", "q"
        elif kind in BIAS and (word in ("q", "y") or word in WORDS["q"][4:]):
            found[name] = "b", "q"
        elif kind in MATRIX and len(word) == 2 and word[0] in "xih" and last:
            found[name] = "h" if word[0] == "h" else "x", last
        elif kind in MATRIX and len(word) == 1 and last:
            found[name] = "h" if kind in ("u", "r") else "x", last
        elif kind in BIAS and len(word) == 1 and last:
            found[name] = "b", last
    return found


#: How names are read, by the kind of a function.
READ = {"lstm": slots, "rnn": rnn_slots, "gru": gru_slots}


def state_part(name: str) -> str | None:
    """'H' or 'C' for what people call a hidden state or a memory cell; None for another name."""
    word = re.sub(r"[_\d]+", "_", name.lower()).strip("_")
    bare = re.sub(r"^(prev|next|new|old|last|init|cur|curr)_", "", word)
    bare = re.sub(r"(prev|next|new|old|last|init|t1|t|minus|cur|curr|begin|in)$", "", bare).strip("_")
    if bare == "a" and word != "a":  # as some call H: a_prev, a_next
        return "H"
    word = re.sub(r"[\d_\W]+", "", bare)
    if word in ("h", "hidden", "hiddenstate", "hs", "hstate", "hprev", "state", "hid", "ht", "outputstate"):
        return "H"
    if word in ("c", "cell", "memory", "memorycell", "cellstate", "cs", "mem", "memorystate", "cstate", "ct", "cprev",
                "s", "ctx_cell"):
        return "C"
    return None


#: What the sizes of a problem are called.
SIZES = {
    "V": ("vocab_size", "num_inputs", "num_outputs", "input_size", "output_size", "num_input", "num_output", "n_in",
          "n_out", "input_dim", "output_dim", "inp_dim", "out_dim", "dims", "input_num", "output_num", "vocab_dim",
          "embed_size", "emb_dim", "embedding_dim", "input_sz", "in_dim", "d", "num_features", "n_x", "input_features",
          "in_features", "out_features", "vocab_len", "n_y", "n_input", "n_output", "dim", "inputs_num",
          "outputs_num", "input_shape", "output_shape", "vocabulary_size", "num_classes", "n_class", "embed_dim",
          "n_sym", "n_vocab", "n_tokens", "n_words", "d_in", "in_units", "vocab_sz", "d_emb", "n_features", "n_symbols",
          "feature_size", "n_embd", "num_notes", "n_chars", "num_chars", "char_size"),
    "h": ("num_hiddens", "num_hidden", "hidden_size", "hidden_dim", "hid_dim", "hidden_num", "n_hidden", "hidden_sz",
          "hiddens", "n_hiddens", "num_units", "units", "hidden_units", "n_a", "n_h", "h_dim", "h_size", "hidden",
          "hiddens_num", "hidden_features", "cell_size", "state_size", "num_hiddens_size", "hidden_len", "hs", "n_hid",
          "d_hid", "n_units", "hsz", "d_hidden", "hid_size", "hid", "hidden_dims", "rnn_size", "lstm_size"),
    "B": ("batch_size", "bs", "batch", "batch_num", "n_batch", "b", "bsz"),
    "T": ("num_steps", "seq_len", "seq_length", "time_steps", "n_steps", "num_step", "t", "sequence_length"),
}


def size(name: str) -> str | None:
    """'V', 'h', 'B' or 'T' for the name of a size; None for another."""
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_")
    return next((key for key, known in SIZES.items() if word in known), None)


#: Functions of the chapter, and other names for them.
FUNCTIONS = {
    "grad_clipping": ("grad_clipping", "gradient_clipping", "clip_gradients", "grad_clip"),
    "sgd": ("sgd",),
    "loss": ("loss", "cross_entropy"),
    "train_epoch_ch8": ("train_epoch_ch8", "train_epoch"),
    "train_ch8": ("train_ch8",),
    "predict_ch8": ("predict_ch8",),
    "RNNModelScratch": ("RNNModelScratch",),
}


def function(name: str) -> str | None:
    """The role of a function of the chapter by its name; None for another."""
    return next((role for role, known in FUNCTIONS.items() if name in known), None)
