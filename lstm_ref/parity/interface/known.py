"""The frameworks that the judge knows by name, one small class each; a framework is imported when one is made."""

import contextlib
import importlib
import os
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

import numpy as np

from lstm_ref.parity.interface.framework import EXAMPLE, Framework, Given


class Library(Framework):
    """A framework that is one package."""

    package: str

    def version(self):
        return importlib.import_module(self.package).__version__

    def laid_out(self, array, way):
        if way == "strided":
            return self.tensor(np.repeat(array, 2, -1))[..., ::2]
        return self.transpose(self.tensor(np.ascontiguousarray(array.T)))

    def transpose(self, tensor):
        """The tensor with its axes in reverse order."""
        return tensor.T


class NumPy(Library):
    """Arrays are its tensors, read-only ones and those of the other byte order too; it has no gradients."""

    name = "NumPy"
    package = "numpy"
    has_gradients = False
    absent = MappingProxyType({"bfloat16": "NumPy's matrix products of it are float32"})

    def __init__(self, device="cpu"):
        if device != "cpu":
            raise RuntimeError(f"device {device}: NumPy computes on the CPU alone; use --device cpu")
        super().__init__(device)

    def tensor(self, array):
        return np.asarray(array)

    def array(self, tensor):
        return np.asarray(tensor)

    def laid_out(self, array, way):
        found = super().laid_out(array if way == "strided" else array.astype(array.dtype.newbyteorder()), way)
        found.flags.writeable = False
        return found

    def value_and_grad(self, function, tensors):
        raise LookupError("NumPy has no gradients")

    def dtype(self, dtype):
        return np.dtype(dtype)

    def seed(self, seed):
        np.random.seed(seed)


class Torch(Library):
    """Gradients on the tensors. Switches TF32 off."""

    name = "PyTorch"
    package = "torch"
    absent = MappingProxyType({})

    def __init__(self, device="cpu"):
        self.torch = torch = importlib.import_module("torch")
        if device == "gpu" and not torch.cuda.is_available():
            raise RuntimeError(f"device gpu: PyTorch {torch.__version__} sees no CUDA device; use --device cpu")
        self.device = torch.device("cuda" if device == "gpu" else "cpu")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # float32 means float32

    def tensor(self, array):
        array = np.asarray(array)
        if array.dtype.name == "bfloat16":  # which is no NumPy type of PyTorch's: the same bits go through an integer
            return self.torch.tensor(array.view(np.int16), device=self.device).view(self.torch.bfloat16)
        return self.torch.tensor(array, device=self.device)

    def array(self, tensor):
        tensor = tensor.detach().cpu()
        if tensor.dtype == self.torch.bfloat16:
            bits = tensor.contiguous().view(self.torch.int16).numpy()
            return bits.view(importlib.import_module("ml_dtypes").bfloat16)
        return tensor.numpy()

    def transpose(self, tensor):
        return tensor.permute(*reversed(range(tensor.ndim)))

    def evaluating(self):
        return self.torch.inference_mode()

    def dtype(self, dtype):
        return getattr(self.torch, str(np.dtype(dtype)))

    def seed(self, seed):
        self.torch.manual_seed(seed)


class TensorFlow(Library):
    """Gradients from a tape. Switches TF32 off."""

    name = "TensorFlow"
    package = "tensorflow"
    own_updater = True
    absent = MappingProxyType({})  # it brings NumPy's bfloat16 along

    def __init__(self, device="cpu"):
        self.tf = tf = importlib.import_module("tensorflow")
        if device == "gpu" and not tf.config.list_physical_devices("GPU"):
            raise RuntimeError(f"device gpu: TensorFlow {tf.__version__} sees no GPU; use --device cpu")
        self.device = "/GPU:0" if device == "gpu" else "/CPU:0"
        self.strategy = tf.distribute.OneDeviceStrategy(self.device)
        tf.config.experimental.enable_tensor_float_32_execution(False)  # float32 means float32

    def tensor(self, array):
        with self.tf.device(self.device):
            return self.tf.constant(np.asarray(array))

    def array(self, tensor):
        return tensor.numpy()

    def transpose(self, tensor):
        return self.tf.transpose(tensor)

    def parameter(self, array):
        with self.tf.device(self.device):
            return self.tf.Variable(np.asarray(array))

    def is_trainable(self, tensor):
        return bool(getattr(tensor, "trainable", False))

    def value_and_grad(self, function, tensors):
        with self.tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(tensors)
        zero = self.tf.UnconnectedGradients.ZERO
        return value, list(tape.gradient(value, list(tensors), unconnected_gradients=zero))

    def recording(self):
        return self.tf.GradientTape()

    def arguments(self):
        return super().arguments() | {"strategy": self.strategy}

    def updater(self, sgd, params, lr):
        return self.tf.keras.optimizers.SGD(float(lr))

    def dot(self, a, b):
        return self.tf.reduce_sum(a * b)

    def dtype(self, dtype):
        return self.tf.as_dtype(np.dtype(dtype))

    def seed(self, seed):
        self.tf.keras.utils.set_random_seed(seed)


class Jax(Library):
    """Gradients of pure functions. Switches JAX to 64 bits, without which it has no float64."""

    name = "JAX"
    package = "jax"
    MAPS = 40_000  #: memory maps beyond which what was compiled is forgotten
    absent = MappingProxyType({})  # it brings NumPy's bfloat16 along

    def __init__(self, device="cpu"):
        self.jax = jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_default_matmul_precision", "highest")  # float32 means float32
        try:
            self.device = jax.local_devices(backend=device)[0]
        except RuntimeError as error:
            raise RuntimeError(f"device {device}: JAX {jax.__version__} sees none: {error}; use --device cpu") from None
        jax.config.update("jax_default_device", self.device)

    def tensor(self, array):
        # A copy, since on a CPU it may stay where it is; `asarray` would compile a program for each shape.
        return self.jax.device_put(np.array(array))

    def array(self, tensor):
        return np.asarray(tensor)

    def hearing(self, hear):
        return lambda tensor: self.jax.debug.callback(hear, tensor, ordered=True)

    def is_trainable(self, tensor):
        return self.jax.numpy.issubdtype(tensor.dtype, self.jax.numpy.floating)  # any floating leaf of a pytree

    def value_and_grad(self, function, tensors):
        value, gradients = self.jax.value_and_grad(function)(list(tensors))
        return value, gradients

    def dtype(self, dtype):
        return np.dtype(dtype)

    def forget(self):
        """Free what was compiled, once its memory maps have added up: Linux grants a process 65,530."""
        if self.maps() > self.MAPS:
            self.jax.clear_caches()

    @staticmethod
    def maps():
        """How many memory maps this process has; none are counted elsewhere than in Linux."""
        try:
            return Path("/proc/self/maps").read_bytes().count(b"\n")
        except OSError:
            return 0

    def seed(self, seed):
        self.key = self.jax.random.key(seed)

    def arguments(self):
        return super().arguments() | {"key": getattr(self, "key", None)}


class MXNet(Library):
    """Gradients on the tensors, of what is computed while it records."""

    name = "MXNet"
    package = "mxnet"
    as_numpy = True  #: its arrays are those of `mxnet.np`
    weak = "log_softmax"  #: in float32 it is off by 3.6e-6 (docs/judge.md)

    def __init__(self, device="cpu"):
        self.mxnet = mxnet = importlib.import_module("mxnet")
        if device == "gpu" and not mxnet.npx.num_gpus():
            raise RuntimeError(f"device gpu: MXNet {mxnet.__version__} sees no GPU; use --device cpu")
        # Larger arrays are copied with a second set of threads, after which OpenMP counts more threads than cores and
        # puts them to sleep at every barrier: from then on whatever MXNet computes takes twice as long.
        os.environ["MXNET_CPU_PARALLEL_SIZE"] = str(2**30)
        self.device = mxnet.npx.gpu() if device == "gpu" else mxnet.npx.cpu()
        if self.as_numpy:
            mxnet.npx.set_np()  # so that a number has no axis, as the book's tab has it
        if device == "cpu":
            self.absent = {**self.absent, "float16": "MXNet multiplies no float16 matrices on a CPU"}

    def tensor(self, array):
        array = np.asarray(array)
        return self.mxnet.np.array(array, dtype=array.dtype, ctx=self.device)

    def array(self, tensor):
        return tensor.asnumpy()

    def parameter(self, array):
        tensor = self.tensor(array)
        tensor.attach_grad()
        return tensor

    def is_trainable(self, tensor):
        return tensor.grad is not None

    def attach(self, parameter, gradient):
        parameter.grad[:] = self.tensor(gradient)

    def recording(self):
        return self.mxnet.autograd.record()

    def evaluating(self):
        return self.mxnet.autograd.pause(train_mode=False)

    @contextlib.contextmanager
    def exactly(self):
        np_or_nd = self.mxnet.np if self.as_numpy else self.mxnet.nd

        def log_softmax(outputs, axis=-1, *_, **__):
            shifted = outputs - outputs.max(axis=axis, keepdims=True)
            return shifted - np_or_nd.log(np_or_nd.exp(shifted).sum(axis=axis, keepdims=True))

        with contextlib.ExitStack() as replaced:
            for place in (self.mxnet.npx, self.mxnet.ndarray.numpy_extension, self.mxnet.ndarray):
                replaced.enter_context(mock.patch.object(place, "log_softmax", log_softmax))
            yield

    def seed(self, seed):
        self.mxnet.random.seed(seed)


class MXNetND(MXNet):
    """MXNet's first arrays, `mxnet.nd`, in which the book's first edition is written."""

    name = "MXNet (nd)"
    as_numpy = False

    def __init__(self, device="cpu"):
        super().__init__(device)
        self.device = self.mxnet.gpu() if device == "gpu" else self.mxnet.cpu()

    def tensor(self, array):
        array = np.asarray(array)
        return self.mxnet.nd.array(array, dtype=array.dtype, ctx=self.device)


class Paddle(Library):
    """Gradients on the tensors."""

    name = "Paddle"
    package = "paddle"

    def __init__(self, device="cpu"):
        self.paddle = paddle = importlib.import_module("paddle")
        if device == "gpu" and not (paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count()):
            raise RuntimeError(f"device gpu: Paddle {paddle.__version__} sees no GPU; use --device cpu")
        paddle.set_device(device)
        self.device = paddle.CUDAPlace(0) if device == "gpu" else paddle.CPUPlace()
        if device == "cpu":
            self.absent = {each: f"Paddle multiplies no {each} matrices on a CPU" for each in ("float16", "bfloat16")}

    def tensor(self, array):
        return self.paddle.to_tensor(np.asarray(array), place=self.device)

    def array(self, tensor):
        return tensor.numpy()

    def parameter(self, array):
        tensor = self.tensor(array)
        tensor.stop_gradient = False
        return tensor

    def is_trainable(self, tensor):
        return not tensor.stop_gradient

    def evaluating(self):
        return self.paddle.no_grad()

    def seed(self, seed):
        self.paddle.seed(seed)


class MindSpore(Library):
    """Gradients of functions. Its graph mode is left aside."""

    name = "MindSpore"
    package = "mindspore"
    own_updater = True
    made = 0  #: parameters so far: each needs a name of its own

    def __init__(self, device="cpu"):
        self.mindspore = importlib.import_module("mindspore")
        with contextlib.suppress(Exception):  # the name of this setting has changed between versions
            self.mindspore.set_context(mode=self.mindspore.PYNATIVE_MODE)
        super().__init__(device)

    def tensor(self, array):
        array = np.asarray(array)
        return self.mindspore.Tensor(array.astype(np.int32) if array.dtype == np.int64 else array)  # as labels want it

    def array(self, tensor):
        return tensor.asnumpy()

    def parameter(self, array):
        MindSpore.made += 1
        return self.mindspore.Parameter(self.tensor(array), name=f"parameter{MindSpore.made}")

    def bundle(self, parameters):
        return self.mindspore.ParameterTuple(parameters)

    def updater(self, sgd, params, lr):
        return self.mindspore.nn.SGD(list(params), float(lr))

    def loss(self):
        return self.mindspore.nn.CrossEntropyLoss()

    def value_and_grad(self, function, tensors):
        positions = tuple(range(len(tensors)))
        value, gradients = self.mindspore.value_and_grad(lambda *given: function(given), positions)(*tensors)
        return value, list(gradients) if isinstance(gradients, tuple) else [gradients]  # of one it makes no tuple

    def dtype(self, dtype):
        return getattr(self.mindspore, str(np.dtype(dtype)))

    def seed(self, seed):
        self.mindspore.set_seed(seed)


KNOWN: dict[str, type[Framework]] = {
    "numpy": NumPy, "torch": Torch, "tensorflow": TensorFlow, "jax": Jax, "mxnet": MXNet, "mxnet.nd": MXNetND,
    "paddle": Paddle, "mindspore": MindSpore}


def framework(given: Any, device: str = "cpu") -> Framework:
    """A framework by its name, or as an object or a class that has `tensor`, `array` and gradients.

    Raises:
        ValueError: the name is unknown.
        TypeError: the object lacks something; shows what to write.
        ImportError: the framework is not installed.
        RuntimeError: the device is not there.
    """
    if isinstance(given, type):
        given = given(device) if issubclass(given, Framework) else given()
    if isinstance(given, Framework):
        return given
    if not isinstance(given, str):
        return Given(given, device)
    if given not in KNOWN:
        raise ValueError(f"framework: known by name are {', '.join(KNOWN)}, got {given!r}. For any other give an "
                         f"object:\n{EXAMPLE}")
    try:
        return KNOWN[given](device)
    except ModuleNotFoundError as error:
        raise ImportError(f"framework {given}: {error}; install it beside this package: pip install {given}",
                          name=error.name) from error
