"""dlkit: the package behind a deep-learning course in notebooks."""

__version__ = "0.1.0"
