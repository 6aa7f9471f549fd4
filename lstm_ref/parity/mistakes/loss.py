"""Mistakes in the loss and in what it is compared with."""

from lstm_ref.parity.mistakes.mistake import Mistake

MEAN, GRADIENT = "targets].mean()", "(np.exp(log_softmax(outputs)) - one_hot.astype(outputs.dtype)) / len(targets)"
CROSS_ENTROPY = "return -log_softmax(outputs)[np.arange(len(targets)), targets].mean()"
FLAT_TARGETS = "Y.T.reshape(-1), forward"


def _loss(name: str, sentence: str, fix: str, loss: tuple[str, str], gradient: str, source: str = "") -> Mistake:
    return Mistake(name, sentence, fix, "backward", (("loss", *loss), ("loss", GRADIENT, gradient)), source)


def _targets(name: str, sentence: str, fix: str, wrong: str, source: str = "") -> Mistake:
    return Mistake(name, sentence, fix, "step", (("training", FLAT_TARGETS, wrong + ", forward"),), source)


LOSS = (
    _loss("loss summed", "The cross-entropy is a sum over all tokens.", "Divide by their number.",
          (MEAN, "targets].sum()"), GRADIENT.removesuffix(" / len(targets)"),
          "https://github.com/ai-safety-foundation/sparse_autoencoder/issues/63"),
    _loss("loss averaged over the vocabulary too", "The mean is taken over tokens and vocabulary.",
          "Divide by the number of tokens alone.", (MEAN, "targets].mean() / outputs.shape[1]"),
          GRADIENT + " / outputs.shape[1]"),
    _loss("loss averaged twice", "The mean is divided by the number of tokens again.", "Divide once.",
          (MEAN, "targets].mean() / len(targets)"), GRADIENT + " / len(targets)",
          "https://github.com/jfzhang95/pytorch-deeplab-xception/issues/55"),
    Mistake("loss summed over the steps", "The loss is a mean over the batch and a sum over the time steps.",
            "Take the mean over both.", "backward",
            (("training", "    loss = cross_entropy(outputs, targets)\n",
              "    loss = cross_entropy(outputs, targets) * len(inputs)\n"),
             ("training", "cross_entropy_backward(outputs, targets)).params",
              "cross_entropy_backward(outputs, targets) * len(inputs)).params"))),
    _loss("loss in bits", "The logarithm is to base 2.", "Use the natural one.",
          (MEAN, "targets].mean() / float(np.log(2.0))"), GRADIENT + " / float(np.log(2.0))"),
    _loss("softmax twice", "The outputs go through a softmax before a loss that takes logits.",
          "Give the loss the outputs as they are, or tell it that they are probabilities.",
          (CROSS_ENTROPY, "outputs = np.exp(log_softmax(outputs))\n    "
           "return -log_softmax(outputs)[np.arange(len(targets)), targets].mean()"),
          "(lambda p, d: p * (d - (p * d).sum(axis=1, keepdims=True)) / len(targets))(np.exp(log_softmax(outputs)), "
          "np.exp(log_softmax(np.exp(log_softmax(outputs)))) - one_hot.astype(outputs.dtype))",
          "https://github.com/jindongwang/Deep-learning-activity-recognition/issues/10"),
    _loss("softmax left out", "The outputs are taken for logarithms of probabilities.", "Use log_softmax.",
          (CROSS_ENTROPY, "return -outputs[np.arange(len(targets)), targets].mean()"),
          "-one_hot.astype(outputs.dtype) / len(targets)", "https://github.com/keras-team/keras/issues/6587"),
    _loss("softmax over the batch", "The probabilities of one example do not sum to one.", "Use the last axis.",
          (CROSS_ENTROPY, "return -log_softmax(outputs.T).T[np.arange(len(targets)), targets].mean()"),
          "(np.exp(log_softmax(outputs.T)).T * one_hot.sum(axis=0, dtype=outputs.dtype)"
          " - one_hot.astype(outputs.dtype)) / len(targets)",
          "https://github.com/perone/euclidesdb/issues/2"),
    _loss("label smoothing", "A tenth of the target's probability is spread over the vocabulary.", "Switch it off.",
          (CROSS_ENTROPY, "p = log_softmax(outputs)\n    "
           "return -(0.9 * p[np.arange(len(targets)), targets] + 0.1 * p.sum(axis=1) / outputs.shape[1]).mean()"),
          "(np.exp(log_softmax(outputs)) - 0.9 * one_hot.astype(outputs.dtype) - 0.1 / outputs.shape[1])"
          " / len(targets)"),
    Mistake("loss cut off at 64", "Probabilities below exp(-64) are taken for exp(-64).",
            "Compute the loss from log_softmax, or from exp and log after the largest output is subtracted.", "loss",
            (("loss", CROSS_ENTROPY, "return -np.maximum(-64, log_softmax(outputs)[np.arange(len(targets)), targets])"
              ".mean()"),), "https://github.com/PaddlePaddle/Paddle/issues/20994"),
    Mistake("gradient of the loss not averaged", "The loss is a mean, its gradient that of a sum.",
            "Divide both by the number of tokens.", "backward",
            (("loss", GRADIENT, GRADIENT.removesuffix(" / len(targets)")),)),
)

TARGETS = (
    _targets("targets batch-major", "The targets are not transposed before they are flattened.", "Y.T.reshape(-1).",
             "Y.reshape(-1)", "https://github.com/apache/mxnet/issues/2702"),
    _targets("targets not shifted", "The model learns to repeat its input.", "The targets are Y, not X.",
             "X.T.reshape(-1)", "https://github.com/ayaka14732/bart-base-jax/pull/6"),
    _targets("targets in reverse order", "The last step's targets stand first.", "Keep the order of the steps.",
             "Y.T[::-1].reshape(-1)"),
    Mistake("inputs reshaped instead of transposed", "Steps and examples are mixed up.",
            "Transpose: X.T; a reshape keeps the order in memory.", "step",
            (("training", "one_hot(X.T, params", "one_hot(X.reshape(X.shape[::-1]), params"),),
            "https://github.com/HHTseng/video-classification/issues/42"),
    Mistake("inputs and targets both batch-major", "Both are reshaped where they should be transposed.",
            "Transpose X and Y.", "step",
            (("training", "one_hot(X.T, params", "one_hot(X.reshape(X.shape[::-1]), params"),
             ("training", FLAT_TARGETS, "Y.reshape(-1), forward")),
            "https://github.com/AndersonJo/dqn-pytorch/issues/1"),
)
