"""The refusals on the arrays of any framework: they look at a shape, a dtype and, for tokens, the values."""

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref import validate, validate_layers, validate_training
from lstm_ref.validate import check_array, check_minibatch, check_tokens, dtype_name


class Foreign:
    """An array of a framework that is not installed; it has the given attributes and no others."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Text:
    """A dtype that has only its text: PyTorch's, Paddle's."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


@pytest.mark.parametrize(("dtype", "name"), [
    (np.dtype("float32"), "float32"), (np.float64, "float64"), (Text("torch.float32"), "float32"),
    (Text("paddle.base.float64"), "float64"), (Text("VarType.FLOAT32"), "float32"),
    (Foreign(name="FP32"), "float32"), (Foreign(name="float64"), "float64"), (Foreign(name=Text("float64")), "float64"),
    (Foreign(name="", __name__="float32"), "float32"),
])
def test_a_dtype_is_named_alike_everywhere(dtype, name):
    """By its name, its `__name__` or its text, without what comes before the last dot."""
    assert dtype_name(Foreign(dtype=dtype)) == name


def words(call, *arguments):
    with pytest.raises(ValueError, match=":") as refusal:
        call(*arguments)
    return str(refusal.value)


@pytest.mark.parametrize("attributes", [{"shape": (2,)}, {"dtype": "float32"}, {}])
def test_what_lacks_a_shape_or_a_dtype_is_no_array(attributes):
    """Reported before either is used."""
    said = words(check_array, "x", Foreign(**attributes), (2,), "(n,)")
    assert said == "x: expected an array of shape (n,), got Foreign"


def test_shapes_of_any_kind():
    """Lists as Paddle has them, unknown lengths as TensorFlow has them while it traces."""
    check_array("x", Foreign(shape=[None, 3], dtype=None), (2, 3), "(n, 3)")
    check_array("x", Foreign(shape=[2, 3], dtype=None), (None, 3), "(n, 3)")
    assert words(check_array, "x", Foreign(shape=[2, 4], dtype=None), (2, 3), "(n, m)") == (
        "x: expected shape (n, m) = (2, 3), got (2, 4)")
    sizes = Foreign(shape=[0, 0, 5], dtype=np.dtype("float32"))
    assert words(validate.check_lstm, sizes, (), ()) == (
        "inputs: expected num_steps of at least 1, got shape (0, 0, 5)")
    assert words(validate.check_lstm, Foreign(shape=[2, 0, 0], dtype=np.dtype("float32")), (), ()) == (
        "inputs: expected batch_size of at least 1, got shape (2, 0, 0)")
    assert words(validate.check_lstm, np.zeros((2, 1, 0)), (), ()) == (
        "inputs: expected vocab_size of at least 1, got shape (2, 1, 0)")


def test_the_shape_of_x_is_told_as_a_shape():
    """Also where it is a list."""
    X, Y = (Foreign(shape=[1, n], dtype=np.dtype(int)) for n in (3, 2))
    assert words(check_minibatch, X, Y, 2) == "Y: expected shape of X = (1, 3), got (1, 2)"


def test_a_state_is_a_sequence():
    """Anything else is reported."""
    inputs = np.zeros((2, 1, 3))
    assert words(validate.check_lstm, inputs, 7, ()) == "state: expected the pair (H, C), got int"
    assert words(validate.check_rnn, inputs, {1}, ()) == "state: expected the one-tuple (H,), got set"


@pytest.mark.parametrize("dtype", [None, float, "<f4", np.longdouble, Text("torch.bfloat16"), Foreign(name="float16"),
                                   "bfloat16"])
def test_a_floating_dtype_of_any_framework(dtype):
    """By NumPy's knowledge of it or else by its name."""
    validate.check_floating(dtype)


@pytest.mark.parametrize(("dtype", "name"), [
    (int, "int64"), (complex, "complex128"), (Text("torch.int32"), "int32"), (Foreign(name="bool"), "bool"),
    (object(), "object"), ("float33", "float33")])
def test_no_other_dtype(dtype, name):
    """Named as it names itself."""
    assert words(validate.check_floating, dtype).startswith("dtype: expected a floating one, got ")
    assert name in words(validate.check_floating, dtype)


def test_a_state_fits_a_model():
    """In its size and dtype; the number of units comes back."""
    H, C = np.zeros((2, 4)), np.zeros((2, 5))
    assert validate.check_state((H, H), 2, 4, "float64") == 4 == validate.check_state([H, H], 2, None)
    assert words(validate.check_state, (H, C), 2, None).startswith("state[1] (C): expected shape (batch_size, num")
    assert words(validate.check_state, (H, H), 2, 5).startswith("state[0] (H): expected shape (batch_size, num_hid")
    assert words(validate.check_state, (H, H), 2, 4, "float32").startswith("state[0] (H): expected dtype float32")


def test_the_parameters_of_a_model_fit_each_other():
    """The first says the sizes and the dtype."""
    params = [np.zeros(shape) for shape in ((3, 4), (4, 4), (4,), (4, 3), (3,))]
    validate.check_model(params, validate.RNN_NAMES)
    assert words(validate.check_model, params).startswith("params: expected 14 arrays")
    assert words(validate.check_model, [params[2], *params[1:]], validate.RNN_NAMES) == (
        "params[0] (W_xh): expected shape (vocab_size, num_hiddens), got (4,)")
    mixed = [*params[:4], params[4].astype("float32")]
    assert words(validate.check_model, mixed, validate.RNN_NAMES).startswith("params[4] (b_q): expected dtype float64")


class OnDevice:
    """Tokens that are on another device, with a history: both have to be dropped before there are values."""

    def __init__(self, *left):
        self.left = left

    def detach(self):
        return OnDevice(*self.left, "history")

    def cpu(self):
        return OnDevice(*self.left, "device")

    def __array__(self, dtype=None, copy=None):
        assert set(self.left) == {"history", "device"}
        return np.array([[0, 1]])


class OfMXNet:
    def asnumpy(self):
        return np.array([[0.0, 1.0]])

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("element by element, which takes minutes")


@pytest.mark.parametrize("kind", [OnDevice, OfMXNet])
def test_tokens_are_brought_to_the_host(kind):
    """In their framework's own way."""
    tokens = check_tokens("X", kind(), 2)
    assert tokens.tolist() == [[0, 1]] and tokens.dtype == int


@pytest.mark.parametrize(("X", "Y", "expected"), [
    (np.zeros(3, int), np.zeros((1, 3), int), "X: expected shape (batch_size, num_steps), got (3,)"),
    (np.zeros((1, 3), int), np.zeros((1, 2), int), "Y: expected shape of X = (1, 3), got (1, 2)"),
    (np.array([[2]]), np.array([[2]]), "X: expected tokens in [0, 2), got 2 at index (0, 0)"),
    (np.array([[0]]), np.array([[2]]), "Y: expected tokens in [0, 2), got 2 at index (0, 0)"),
])
def test_a_minibatch_is_two_equal_tables_of_tokens(X, Y, expected):
    """X is checked first."""
    assert words(check_minibatch, X, Y, 2) == expected


def test_a_second_bias_of_a_gru_has_to_be_zero():
    """One number that is not, positive or negative, is enough."""
    validate_layers.check_second_bias("bias_hh_l0", np.zeros(6))
    for value in (1e-3, -1e-3):
        bias = np.zeros(6)
        bias[4] = value
        assert words(validate_layers.check_second_bias, "bias_hh_l0", bias) == (
            "bias_hh_l0: expected zeros, since no bias of the book's 11 parameters is multiplied by the reset gate; "
            "begin with load_gru_params")


@pytest.mark.parametrize(("count", "names"), [
    (5, validate.RNN_NAMES), (11, validate.GRU_NAMES), (14, validate.NAMES), (0, validate.NAMES), (12, validate.NAMES)])
def test_parameters_are_known_by_their_number(count, names):
    """Another number than a cell has is judged by the LSTM's names, so that its refusal says 14."""
    assert validate.names_of([None] * count) == names


class Param:
    """A parameter of a framework that keeps the gradient on it."""

    def __init__(self, grad):
        self.grad = grad


@pytest.mark.parametrize(("params", "expected"), [
    (None, "params: expected a list or an iterator of parameters, got NoneType"),
    ([], "params: expected at least one parameter that is trained, got none"),
    ([Param(1), Param(None)], "params[1]: expected a parameter with a gradient, got none; call backward first"),
    ([1], "params[0]: expected a parameter with a gradient, got none; call backward first"),
])
def test_an_update_needs_gradients(params, expected):
    """Each parameter has one; what can be gone through once is kept."""
    assert words(validate_training.check_backward, params) == expected
    param = Param(0)
    assert validate_training.check_backward(iter([param])) == [param]


@pytest.mark.parametrize(("change", "expected"), [
    ({"cell": "GRU"}, "net: expected a layer of the kind LSTM, got GRU"),
    ({"num_layers": 2}, "net: expected a layer with num_layers=1, as the book's parameters have it, got 2"),
    ({"num_directions": 2}, "net: expected a layer with num_directions=1, as the book's parameters have it, got 2"),
    ({"bias": False}, "net: expected a layer with bias=True, as the book's parameters have it, got False"),
    ({"activation": "relu"},
     "net: expected a layer with activation='tanh', as the book's parameters have it, got 'relu'"),
    ({"gates": "linear"}, "net: expected a layer with gates='sigmoid', as the book's parameters have it, got 'linear'"),
    ({"proj_size": 2}, "net: expected a layer with proj_size=0, as the book's parameters have it, got 2"),
    ({"go_backwards": True},
     "net: expected a layer with go_backwards=False, as the book's parameters have it, got True"),
    ({"input_size": 7}, "vocab_size: expected 7, the size of the layer's inputs, got 3"),
])
def test_a_layer_is_the_books(change, expected):
    """Whatever a framework lets one choose; a size of 0 is one that is not known yet."""
    params = [np.zeros(shape) for shape in ref.param_shapes(3, 4).values()]
    right = {"cell": "LSTM", "num_layers": 1, "num_directions": 1, "bias": True, "input_size": 0}
    validate_layers.check_loading(right, params, 3, 4, validate.NAMES)
    assert words(validate_layers.check_loading, right | change, params, 3, 4, validate.NAMES) == expected
    assert words(validate_layers.check_loading, right, params, 3, 5, validate.NAMES).startswith("params[0] (W_xi)")


def test_a_layer_of_any_kind_is_read():
    """But of no other than the book's three."""
    for cell in ("LSTM", "GRU", "RNN"):
        validate_layers.check_layer({"cell": cell})
    assert words(validate_layers.check_layer, {"cell": "SRU"}) == (
        "net: expected a layer of the kind LSTM or GRU or RNN, got SRU")
