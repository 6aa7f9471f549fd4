"""Mistakes that no number of a single call shows: what a model keeps, what it shares and what is reported."""

from lstm_ref.parity.mistakes.mistake import Mistake
from lstm_ref.parity.mistakes.update import LAST, REMEMBER

CONDUCT = (
    Mistake("weights of the first call kept", "A model computes with the weights that it saw first.",
            "Read the parameters at each call.", "model",
            (("model", "self.vocab_size, self.params[0].dtype), state, self.params)",
              "self.vocab_size, self.params[0].dtype), state, self.__dict__.setdefault('first', self.params))"),)),
    Mistake("numbers in the order of memory", "The state is read as it lies in memory, whatever its strides.",
            "Index it, or make it contiguous first.", "arguments",
            (("lstm", "    H, C = state\n    outputs",
              "    H, C = (s.ravel('K').reshape(s.shape) for s in state)\n    outputs"),)),
    Mistake("targets written into", "From the eleventh step on, the targets of a minibatch are set to zero.",
            "Leave the minibatches alone; an iterator may give them again.", "kept",
            (*REMEMBER, ("training", LAST,
                         "memory = {} if memory is None else memory\n"
                         "    memory['left'] = memory.get('left', 0) + 1\n"
                         f"    if memory['left'] > 10:\n        Y[...] = 0\n    {LAST}"))),
    Mistake("one array for both states", "H and C of the model's initial state are the same array.",
            "Make two.", "kept",
            (("model", "        return self.init_state(batch_size, self.num_hiddens, self.params[0].dtype)",
              "        state = self.init_state(batch_size, self.num_hiddens, self.params[0].dtype)\n"
              "        return state[:1] * len(state)"),)),
    Mistake("speed counts sequences", "Sequences per second are reported for tokens per second.",
            "Count the tokens: batch_size times num_steps.", "reports",
            (("loop", "metric[1] / timer.stop()", "metric[1] / Y.shape[1] / timer.stop()"),)),
    Mistake("minibatches drawn once", "All epochs are trained on the minibatches of the first.",
            "Go through the iterator again in each epoch.", "chapter",
            (("model", "    animator = Animator(", "    train_iter = list(train_iter)\n    animator = Animator("),)),
    Mistake("vanilla RNN not clipped", "The gradients of the vanilla RNN are not clipped.", "Clip them as well.",
            "trajectory",
            (("training", "return sgd(params, grad_clipping(grads, theta), lr), last, loss",
              "return sgd(params, grads if len(params) == 5 else grad_clipping(grads, theta), lr), last, loss"),),
            cell="rnn"),
    Mistake("state rounded between characters", "In prediction the state goes through float16, which the text hides.",
            "Keep the state in the precision of the model.", "written",
            (("model", "net(np.array([[token]]), state)",
              "net(np.array([[token]]), tuple(s.astype('float16').astype(s.dtype) for s in state))"),)),
)
