"""Ray Serve as the engine: one application per version, with so many replicas each."""

import asyncio
import functools
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

# Ray reads these when it is imported. It reports nothing to its makers; unless it joins a cluster,
# all its ports are on 127.0.0.1: by default only on Windows and Macs, elsewhere on every network.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
if "RAY_ADDRESS" not in os.environ:
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

import numpy as np  # noqa: E402
import ray  # noqa: E402
from ray import serve  # noqa: E402
from ray.exceptions import RayActorError  # noqa: E402
from ray.serve.exceptions import DeploymentUnavailableError  # noqa: E402
from ray.serve.handle import DeploymentHandle  # noqa: E402

from dlkit.local_ray import start_ray  # noqa: E402
from dlkit.machine import cpu_cores  # noqa: E402
from dlkit.serving.keeper import Keeper  # noqa: E402
from dlkit.serving.protocol import Signature  # noqa: E402
from dlkit.serving.replica import Replica  # noqa: E402

VITAL = ("raylet", "gcs_server")  # Ray's processes without which no replica is reached
REPLICA_DIED = (RayActorError, DeploymentUnavailableError)  # with the request in it


@dataclass
class RayModel:
    """A version that runs: its application in Ray Serve, and the handle that sends it requests."""

    app: str
    handle: DeploymentHandle
    signature: Signature
    on_retry: Callable[[], None]

    async def predict(self, array: np.ndarray) -> tuple[np.ndarray, int]:
        """Examples -> ``(predictions, size of the batch or 0)``.

        A request whose replica dies is sent to another one: a prediction changes nothing, so that
        it may be computed twice. The caller sets the time limit.
        """
        return await self._call(self.handle.predict, array)

    async def ping(self) -> None:
        """Return when a replica has given a sign of life. The caller sets the time limit."""
        await self._call(self.handle.describe)

    async def _call(self, method, *arguments):
        while True:
            try:
                return await method.remote(*arguments)
            except REPLICA_DIED:
                self.on_retry()
                await asyncio.sleep(0.05)


class RayEngine:
    """Starts Ray on this machine (or joins the cluster in RAY_ADDRESS), and replicas on it.

    Args:
        name: of the model.
        replicas: processes per version, each with the model in it.
        max_batch, batch_wait_seconds: as in ``Replica``.
        on_retry: is called whenever a request is sent again.
        on_loss: is called, in a thread, when Ray itself has ended; takes the name of its process.
            After it everything else is ended, this process too, with status 1.
    """

    def __init__(
        self,
        name: str,
        *,
        replicas: int,
        max_batch: int,
        batch_wait_seconds: float,
        on_retry: Callable[[], None] = lambda: None,
        on_loss: Callable[[str], None] = lambda process: None,
    ) -> None:
        self.name, self.replicas = name, replicas
        self._batching = (max_batch, batch_wait_seconds)
        self._on_retry, self._on_loss = on_retry, on_loss
        self._keeper: Keeper | None = None
        self._owns_ray = "RAY_ADDRESS" not in os.environ  # or else a cluster that others use, too
        self._apps: set[str] = set()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ray")  # its calls block

    def start(self) -> None:
        """Start Ray and its controller; takes some seconds.

        Raises:
            ValueError: Ray does not start, not even after some attempts.
        """
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        quiet = {"logging_level": "ERROR", "log_to_driver": False}
        if not self._owns_ray:
            ray.init(**quiet)
        else:
            # Names of sockets are short: 104 bytes on a Mac, whose own temporary folder is long.
            parent = None if sys.platform == "win32" else "/tmp"
            folder = tempfile.mkdtemp(prefix="dlkit-serve-", dir=parent)
            self._keeper = Keeper(folder, self._lose)
            quiet |= {"include_dashboard": False, "_temp_dir": folder}
            start_ray(object_store_memory=100 * 2**20, **quiet)
            self._keeper.need(*VITAL)
        serve.start(proxy_location="Disabled", logging_config={"log_level": "ERROR"})

    def stop(self) -> None:
        """End every process that ``start`` and ``load`` began, and remove what they wrote."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._keeper:
            self._keeper.forget()
        elif ray.is_initialized():
            for app in [*self._apps]:
                self._delete(app)
        # No serve.shutdown() before it: that ends the controller first, and Ray then reports each
        # call that waits for it. Requests have been served by now; replicas end with Ray.
        ray.shutdown()
        if self._keeper:
            self._keeper.finish()

    def _lose(self, process):
        self._on_loss(process)
        if self._keeper:
            self._keeper.finish()
        os._exit(1)  # Ray's half in this process would wait for what is gone

    async def load(self, version: int, path: Path) -> RayModel:
        """Start the replicas of a version, wait until they are up.

        Raises:
            ValueError: the model cannot be loaded, or its replicas do not start.
        """
        return await self._in_thread(self._load, version, path)

    def _load(self, version, path):
        app = f"{self.name}-{version}"
        max_batch, batch_wait_seconds = self._batching
        deployment = serve.deployment(Replica).options(
            name="model",
            num_replicas=self.replicas,
            ray_actor_options={"num_cpus": 0},  # the next version starts beside this one
            # One batch is computed while the next one gathers. With room for few requests Ray asks
            # again and again, ever later: slow, and it would be taken for want of batching.
            max_ongoing_requests=max(64, 2 * max_batch),
            health_check_period_s=2,
            health_check_timeout_s=10,
            graceful_shutdown_wait_loop_s=0.1,
            graceful_shutdown_timeout_s=10,
        )
        threads = max(1, cpu_cores() // self.replicas)
        bound = deployment.bind(str(Path(path).resolve()), max_batch, batch_wait_seconds, threads)
        try:
            self._apps.add(app)
            handle = serve.run(bound, name=app, route_prefix=None)
            problem, signature = handle.describe.remote().result(timeout_s=60)
        except Exception as error:  # Ray's many errors, and a replica that is killed while it loads
            problem = f"its replicas do not start: {type(error).__name__}: {error}"
        if problem:
            self._delete(app)
            raise ValueError(problem)
        return RayModel(app, handle, signature, self._on_retry)

    def _delete(self, app):
        self._apps.discard(app)
        serve.delete(app)

    async def unload(self, model: RayModel) -> None:
        """End the replicas of a version; what they are still computing is finished first."""
        await self._in_thread(self._delete, model.app)

    async def _in_thread(self, function, *arguments):
        call = functools.partial(function, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)
