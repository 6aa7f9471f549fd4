"""A module of a package that is not here, whose parameters are made by its `setup` from fields with defaults."""
import jax
import jax.numpy as jnp
from flax import linen as nn

from d2l import jax as d2l


class Scratch(d2l.Module):
    num_inputs: int
    num_hiddens: int
    sigma: float = 0.01

    def setup(self):
        def draw(name, shape):
            return self.param(name, nn.initializers.normal(self.sigma), shape)

        n, h = self.num_inputs, self.num_hiddens
        self.W_xi, self.W_hi, self.b_i = draw("W_xi", (n, h)), draw("W_hi", (h, h)), jnp.zeros(h)
        self.W_xf, self.W_hf, self.b_f = draw("W_xf", (n, h)), draw("W_hf", (h, h)), jnp.zeros(h)
        self.W_xo, self.W_ho, self.b_o = draw("W_xo", (n, h)), draw("W_ho", (h, h)), jnp.zeros(h)
        self.W_xc, self.W_hc, self.b_c = draw("W_xc", (n, h)), draw("W_hc", (h, h)), jnp.zeros(h)

    def forward(self, inputs, H_C):
        H, C = H_C
        outputs = []
        for X in inputs:
            I = jax.nn.sigmoid(X @ self.W_xi + H @ self.W_hi + self.b_i)
            F = jax.nn.sigmoid(X @ self.W_xf + H @ self.W_hf + self.b_f)
            O = jax.nn.sigmoid(X @ self.W_xo + H @ self.W_ho + self.b_o)
            C = F * C + I * jnp.tanh(X @ self.W_xc + H @ self.W_hc + self.b_c)
            H = O * jnp.tanh(C)
            outputs.append(H)
        return outputs, (H, C)
