"""What runs in each of Ray Serve's replicas: a process with the model in it."""

import asyncio
import os
from pathlib import Path

import numpy as np
import ray
from ray import serve

from dlkit.serving.protocol import Signature


def _stay_on_this_machine():
    """Ray Serve 2.60 opens a port of each replica on every network, and has no option for it."""
    from ray.serve._private import replica

    bind = getattr(replica, "add_port_to_grpc_server", None)
    if bind and ray.util.get_node_ip_address() == "127.0.0.1":  # no cluster of several machines
        replica.add_port_to_grpc_server = lambda server, address: bind(
            server, address.replace("[::]", "127.0.0.1")
        )


class Replica:
    """A model and its queue: requests that wait together are predicted together.

    Args:
        path: a ``.keras`` file or a SavedModel.
        max_batch: how many requests are joined at most; 1 joins none.
        batch_wait_seconds: how long the first of them waits for others. 0: only those join that
            came while the batch before was being computed.
        threads: of TensorFlow, for one operation.
    """

    def __init__(self, path: str, max_batch: int, batch_wait_seconds: float, threads: int) -> None:
        _stay_on_this_machine()
        self._problem = self._signature = None
        try:
            from dlkit.machine import start_keras

            os.environ["KERAS_BACKEND"] = "tensorflow"  # a .keras file of any backend will do
            start_keras()
            import tensorflow as tf

            from dlkit.serving.loading import load_model

            tf.config.threading.set_intra_op_parallelism_threads(threads)
            self._predict, self._signature = load_model(Path(path))
        except Exception as error:  # told once by describe(); raised, Ray would try again and again
            self._problem = (
                str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            )

        @serve.batch(max_batch_size=max_batch, batch_wait_timeout_s=batch_wait_seconds)
        async def predict_batch(arrays):
            return await asyncio.to_thread(
                self._predict_all, arrays
            )  # the replica goes on listening

        self._predict_batch = predict_batch

    def describe(self) -> tuple[str | None, Signature | None]:
        """``(problem, signature)``: one of them is None."""
        return self._problem, self._signature

    async def predict(self, array: np.ndarray) -> tuple[np.ndarray, int]:
        """Examples, batch first -> ``(predictions, size)``.

        ``size`` is the number of examples that were computed together. Only the first request of
        each batch is told: the sum over all requests counts every batch once. The others get 0.
        """
        return await self._predict_batch(array)

    def _predict_all(self, arrays):
        shapes = {array.shape[1:] for array in arrays}
        if len(shapes) > 1:  # a model that takes any size: pictures of different sizes
            return [(self._predict(array), len(array)) for array in arrays]
        joined = self._predict(np.concatenate(arrays))
        parts = np.split(joined, np.cumsum([len(array) for array in arrays])[:-1])
        return [(part, 0 if index else len(joined)) for index, part in enumerate(parts)]
