"""Mistakes in clipping and in the update."""

from lstm_ref.parity.mistakes.mistake import Edit, Mistake

CLIP = "return [grad * (theta / norm) for grad in grads] if norm > theta else list(grads)"
NORM = "np.sqrt(sum((grad**2).sum() for grad in grads))"
LAST = "return sgd(params, grad_clipping(grads, theta), lr), last, loss"


def _clip(name: str, sentence: str, fix: str, right: str, wrong: str, source: str = "") -> Mistake:
    return Mistake(name, sentence, fix, "clipping", (("training", right, wrong),), source)


def _step(name: str, sentence: str, fix: str, wrong: str, source: str = "", right: str = LAST) -> Mistake:
    return Mistake(name, sentence, fix, "step", (("training", right, wrong),), source)


CLIPPING = (
    _clip("clipping per parameter", "Each gradient is clipped by its own norm.", "Use one norm over all.", CLIP,
          "return [grad * min(grad.dtype.type(1), theta / (np.sqrt((grad**2).sum()) or 1)) for grad in grads]",
          "https://github.com/tensorflow/tensorflow/issues/29108"),
    _clip("clipping with an epsilon", "1e-6 is added to the norm, as torch.nn.utils.clip_grad_norm_ does.",
          "Divide by the norm itself.", "(theta / norm)", "(theta / (norm + 1e-6))",
          "https://github.com/goodfire-ai/spd/issues/643"),
    _clip("clipping by value", "Each element is cut off at theta.", "Scale by theta / norm.", CLIP,
          "return [np.minimum(theta, np.maximum(-theta, grad)) for grad in grads]",
          "https://github.com/Happy-Algorithms-League/hal-cgp/pull/210"),
    _clip("clipping always", "Gradients below theta are scaled up to it.", "Only when norm > theta.",
          " if norm > theta else list(grads)", ""),
    _clip("clipping without effect", "grad_clipping gives the gradients back as they are.",
          "Scale them, in place or as new ones that the caller uses.", CLIP, "return list(grads)",
          "https://github.com/k2-fsa/icefall/pull/1292"),
    _clip("norm without its root", "The sum of squares is taken for the norm.", "Take the square root.",
          f"scale * {NORM}", "scale**2 * sum((grad**2).sum() for grad in grads)"),
    _clip("norm of the largest gradient", "The norm is that of the largest gradient alone.",
          "Sum the squares over all.", NORM, "max(np.sqrt((grad**2).sum()) for grad in grads)"),
    _clip("norms added", "The norms of the gradients are added up.", "Add the squares, then take the root.", NORM,
          "sum(np.sqrt((grad**2).sum()) for grad in grads)"),
    _clip("norm without the output layer", "W_hq and b_q do not count in the norm.", "Count all parameters.", NORM,
          "np.sqrt(sum((grad**2).sum() for grad in grads[:-2]))"),
    _clip("only the first gradients clipped", "The output layer's gradients keep their size.", "Scale all.", CLIP,
          "return [*(grad * (theta / norm) for grad in grads[:-2]), *grads[-2:]] if norm > theta else list(grads)"),
    _clip("gradients divided by the norm", "The norm becomes one, not theta.", "Multiply by theta.",
          "(theta / norm)", "(1.0 / norm)"),
)

#: What a step remembers from the one before; kept on the model, so that each model begins without.
REMEMBER: tuple[Edit, ...] = (
    ("training", "= lstm_backward,\n) -> tuple[Any, Any, Array]:\n",
     "= lstm_backward,\n    memory: Any = None,\n) -> tuple[Any, Any, Array]:\n"),
    ("model", "net.params, X, Y, state, lr, forward=",
     "net.params, X, Y, state, lr, memory=net.__dict__.setdefault('memory', {}), forward="),
)


def _remembers(name: str, sentence: str, fix: str, lines: tuple[str, ...], source: str = "") -> Mistake:
    """A mistake that shows from a model's second step on; `before` is what the step before it left, or None."""
    body = "\n    ".join(("memory = {} if memory is None else memory", "before = memory.get('left')", *lines))
    return Mistake(name, sentence, fix, "trajectory", (*REMEMBER, ("training", LAST, body)), source)


UPDATE = (
    _step("clipped gradients not used", "The update takes the gradients as they were: the clipped ones are dropped, or "
          "clipping comes after the update.", "Clip before the update and pass the result on.",
          "return sgd(params, grads, lr), last, loss", "https://github.com/awslabs/graphstorm/pull/1382"),
    _step("step lost when clipping", "Where the norm is above theta nothing is updated.",
          "Update with the clipped gradients.",
          "return sgd(params, grads, 0 if gradient_norm(grads) > theta else lr), last, loss"),
    _step("learning rate divided by the batch", "sgd divides a mean loss by the batch size again.",
          "Pass batch_size=1.", "return sgd(params, grad_clipping(grads, theta), lr, len(X)), last, loss",
          "https://metacpan.org/release/SKOLYCHEV/AI-MXNet-1.22/view/lib/AI/MXNet/Gluon/Trainer.pm"),
    _step("gradient ascent", "The gradient is added.", "Subtract it.",
          "param + lr * grad / batch_size", right="param - lr * grad / batch_size"),
    _step("weight decay", "0.01 times the parameter is added to its gradient.", "Set the weight decay to zero.",
          "param - lr * (grad + 0.01 * param) / batch_size",
          "https://github.com/leondgarse/Keras_insightface/issues/5", "param - lr * grad / batch_size"),
    _step("biases not updated", "The biases stay as they are.", "Give the optimizer all parameters.",
          "param - (lr if param.ndim == 2 else 0) * grad / batch_size", right="param - lr * grad / batch_size"),
    _step("output layer not updated", "W_hq and b_q stay as they are.", "Give the optimizer all parameters.",
          "grads = grad_clipping(grads, theta)\n    return params._make([*sgd(list(params[:-2]), grads[:-2], lr), "
          "*params[-2:]]), last, loss"),
    Mistake("batch size ignored by sgd", "The update of a summed loss is not divided by the batch size.",
            "param - lr * grad / batch_size.", "sgd",
            (("training", "param - lr * grad / batch_size", "param - lr * grad"),)),
    _step("update by the sign", "Every parameter moves by the learning rate.", "Multiply the gradient by it.",
          "param - lr * ((grad > 0) * 1.0 - (grad < 0) * 1.0).astype(param.dtype) / batch_size",
          right="param - lr * grad / batch_size"),
    Mistake("two biases trained", "A layer's two biases are both trained: their sum moves twice as far, and clipping "
            "counts their gradient twice.", "Freeze one of the two.", "step",
            (("training", LAST, "biases = [name.startswith('b_') and name != 'b_q' for name in params._fields]\n    "
              "clipped = grad_clipping([*grads, *(g for g, b in zip(grads, biases) if b)], theta)\n    "
              "return sgd(params, params._make(2 * g if b else g for g, b in zip(clipped, biases)), lr), "
              "last, loss"),), "https://github.com/onnx/onnx/issues/1127"),
    _remembers("momentum", "The update keeps 0.9 of the one before.", "Set the momentum to zero.",
               ("grads = grad_clipping(grads, theta)",
                "memory['left'] = grads if before is None else [0.9 * b + g for b, g in zip(before, grads)]",
                "return sgd(params, memory['left'], lr), last, loss"),
               "https://github.com/pytorch/pytorch/issues/1099"),
    _remembers("gradient accumulated", "The gradients of all minibatches so far are added up.",
               "Set the gradients to zero before each backward pass.",
               ("memory['left'] = list(grads) if before is None else [b + g for b, g in zip(before, grads)]",
                "memory['left'] = grad_clipping(memory['left'], theta)",
                "return sgd(params, memory['left'], lr), last, loss"),
               "https://github.com/wenet-e2e/wekws/pull/73"),
    _remembers("gradients of the step before", "The update comes before the backward pass.",
               "Call backward, then clip, then update.",
               ("memory['left'] = grads", "if before is None:", "    before = [0 * grad for grad in grads]",
                "return sgd(params, grad_clipping(before, theta), lr), last, loss")),
)
