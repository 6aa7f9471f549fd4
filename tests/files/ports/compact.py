"""Flax modules that make their layers and parameters where they use them."""
from functools import partial

import flax.linen as nn
import jax.numpy as jnp


class Cell(nn.Module):
    features: int

    @nn.compact
    def __call__(self, carry, x):
        c, h = carry
        with_bias = partial(nn.Dense, features=self.features)
        without = partial(nn.Dense, features=self.features, use_bias=False)
        i = nn.sigmoid(without(name="ii")(x) + with_bias(name="hi")(h))
        f = nn.sigmoid(without(name="if")(x) + with_bias(name="hf")(h))
        g = jnp.tanh(without(name="ig")(x) + with_bias(name="hg")(h))
        o = nn.sigmoid(without(name="io")(x) + with_bias(name="ho")(h))
        c = f * c + i * g
        h = o * jnp.tanh(c)
        return (c, h), h


class Whole(nn.Module):
    hidden: int
    vocab: int

    @nn.compact
    def __call__(self, xs, carry):
        h, c = carry
        gates = nn.Dense(4 * self.hidden)
        head = nn.Dense(self.vocab)
        ys = []
        for x in xs:
            i, f, o, g = jnp.split(gates(jnp.concatenate([x, h], axis=-1)), 4, axis=-1)
            c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
            h = nn.sigmoid(o) * jnp.tanh(c)
            ys.append(head(h))
        return jnp.stack(ys), (h, c)


class Named(nn.Module):
    hidden: int

    @nn.compact
    def __call__(self, inputs, state):
        def three(gate):
            return (self.param("W_x" + gate, nn.initializers.normal(0.01), (inputs.shape[-1], self.hidden)),
                    self.param("W_h" + gate, nn.initializers.normal(0.01), (self.hidden, self.hidden)),
                    self.param("b_" + gate, nn.initializers.zeros, (self.hidden,)))

        W_xi, W_hi, b_i = three("i")
        W_xf, W_hf, b_f = three("f")
        W_xo, W_ho, b_o = three("o")
        W_xc, W_hc, b_c = three("c")
        H, C = state
        outputs = []
        for X in inputs:
            I = nn.sigmoid(X @ W_xi + H @ W_hi + b_i)
            F = nn.sigmoid(X @ W_xf + H @ W_hf + b_f)
            O = nn.sigmoid(X @ W_xo + H @ W_ho + b_o)
            C = F * C + I * jnp.tanh(X @ W_xc + H @ W_hc + b_c)
            H = O * jnp.tanh(C)
            outputs.append(H)
        return outputs, (H, C)
