"""Stand-ins for the models of lessons 07 and 08: they have read fifty digits without training."""

import numpy as np

Y_VAL = np.arange(50) % 10
ONE_HOT = np.eye(10)[Y_VAL]


class Reader:
    """Quacks like a Keras model that has read each digit, and puts out what it is told to."""

    def __init__(self, scores, parameters=9_000):
        self.scores, self.parameters = np.asarray(scores), parameters

    def count_params(self):
        return self.parameters

    def predict(self, x, **arguments):
        return self.scores


def with_errors(count):
    """Scores that read all fifty digits but for the first ``count``."""
    return np.eye(10)[np.where(np.arange(50) < count, (Y_VAL + 1) % 10, Y_VAL)]
