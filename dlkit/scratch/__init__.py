"""Deep learning in NumPy alone: short, stable, and held against Keras by the tests.

- ``activations``, ``losses``: functions, and their derivatives and gradients.
- ``gradients``: numerical gradients, and a comparison that says how far two arrays are apart.
- ``optimizers``, ``initializers``: how weights move, and where they start.
- ``operations``: dense, convolution, pooling and recurrence, forward and backward.
- ``layers``, ``Sequential``: layers that remember, and a model that trains.
- ``attention``: queries, keys, values and masks, several heads, positions.
- ``autoencoders``: principal components, Gaussian codes, and bounds on a probability.
- ``small_gpt``: a whole small GPT, with Keras's weights and a memory of what it read.
- ``autodiff``: ``Value``, a number that knows how it was computed.
"""

from dlkit.scratch.sequential import Sequential

__all__ = ["Sequential"]
