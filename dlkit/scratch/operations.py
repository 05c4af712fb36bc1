"""Layers as pure functions, channels last as in Keras, each with its backward pass.

``NAME_backward(upstream, ...)`` takes the gradient of the loss with respect to the output and
returns that with respect to each input: one step of the chain rule.
"""

from dlkit.scratch._convolution import conv2d, conv2d_backward
from dlkit.scratch._dense import dense, dense_backward
from dlkit.scratch._pooling import max_pool2d, max_pool2d_backward
from dlkit.scratch._recurrent import simple_rnn, simple_rnn_backward

__all__ = [
    "conv2d",
    "conv2d_backward",
    "dense",
    "dense_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "simple_rnn",
    "simple_rnn_backward",
]
