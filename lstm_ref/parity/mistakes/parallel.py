"""Mistakes in training on several workers."""

from lstm_ref.parity.mistakes.mistake import Edit, Mistake

UPDATE = "self.params = [sgd(self.params[0], grad_clipping(self.reduced, theta), self.lr)] * self.size"
REDUCED = "self.reduced = [all_reduce(each, tokens) for each in zip(*grads, strict=True)]"
EACH_ITS_OWN = "self.params = [sgd(params, grad_clipping({gradient}, theta), self.lr) {loop}]"
EPOCH = "return loop.train_epoch(train_iter, "
ROWS = "        for params, state, rows in zip(self.params, states, shards(len(X), self.size), strict=True):\n"


def _parallel(name: str, sentence: str, fix: str, *edits: tuple[str, str], source: str = "") -> Mistake:
    made: tuple[Edit, ...] = tuple(("parallel", right, wrong) for right, wrong in edits)
    return Mistake(name, sentence, fix, "parallel", made, source)


PARALLEL = (
    _parallel("clipping before the reduction", "Each worker clips its own gradient; their mean is not clipped.",
              "Reduce, then clip by the norm of what was reduced.",
              ("grads.append(gradient)", "grads.append(grad_clipping(gradient, theta))"),
              source="https://github.com/pytorch/pytorch/issues/22463"),
    _parallel("sum over the workers", "The workers' gradients are added up, each the mean over its own tokens.",
              "Divide by the number of workers, or weigh each by its share of the tokens.",
              (REDUCED, "self.reduced = [sum(each[1:], each[0]) for each in zip(*grads, strict=True)]")),
    _parallel("workers weighted alike", "A worker with fewer rows counts as much as one with more.",
              "Weigh each worker by its share of the tokens.",
              ("tokens.append(len(targets))", "tokens.append(1)")),
    _parallel("the same rows for every worker", "Each worker trains on the first rows of the minibatch.",
              "Give each worker rows of its own.",
              (ROWS, ROWS + "            rows = slice(0, rows.stop - rows.start)\n")),
    _parallel("weights of its own in each worker", "A worker begins with the weights that it drew itself.",
              "Send the first one's weights to all, or draw with one seed.",
              ("self.params = [net.params for _ in range(workers)]",
               "self.params = [net.params._make(param * param.dtype.type(-1 if rank else 1) for param in net.params) "
               "for rank in range(workers)]"),
              (UPDATE, EACH_ITS_OWN.format(gradient="self.reduced", loop="for params in self.params"))),
    _parallel("gradients not reduced", "Each worker takes a step with its own gradient.",
              "Reduce the gradients before clipping.",
              (REDUCED, "self.reduced = list(grads[0])"),
              (UPDATE, EACH_ITS_OWN.format(gradient="own", loop="for params, own in zip(self.params, grads)"))),
    _parallel("only the first worker updated", "The other workers keep the parameters that they began with.",
              "Take the step in every worker.",
              (UPDATE, "self.params = [sgd(self.params[0], grad_clipping(self.reduced, theta), self.lr), "
                       "*self.params[1:]]")),
    _parallel("states mixed between workers", "A worker goes on from the state of another one's rows.",
              "Keep each state with the rows that it is of.", ("        return loss, last\n",
                                                               "        return loss, last[::-1]\n")),
    _parallel("loss of one worker", "What is reported is the loss of the first worker's rows.",
              "Reduce the loss as the gradients are.", ("loss = all_reduce(losses, tokens)", "loss = losses[0]")),
    _parallel("learning rate times the workers", "The learning rate is multiplied by the number of workers.",
              "Leave it: the minibatch is as large as with one worker.",
              ("theta), self.lr)] * self.size", "theta), self.lr * self.size)] * self.size")),
    _parallel("odd rows left out", "Rows that can't be shared out evenly are left out.",
              "Give the first workers one row more.",
              ("few, more = divmod(batch_size, workers)", "few, more = batch_size // workers, 0")),
    _parallel("last minibatch left out", "With several workers the last minibatch of an epoch is dropped.",
              "Train on all.", (EPOCH, EPOCH.replace("train_iter", "list(train_iter)[:-1]"))),
    _parallel("an order of its own in each worker", "Each worker goes through the minibatches in another order.",
              "Draw the order with one seed.",
              (EPOCH, "minibatches, first = list(train_iter), shards(len(next(iter(train_iter))[0]), workers.size)[0]\n"
                      "    train_iter = [tuple(np.concatenate([one[first], other[first.stop:]]) for one, other in "
                      "zip(*pair, strict=True)) for pair in zip(minibatches, minibatches[::-1], strict=True)]\n"
                      "    " + EPOCH)),
)
