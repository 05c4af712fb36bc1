"""What the service counts, in the text format of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Requests by kind and status, errors, seconds, sizes of batches, versions, retries."""

    def __init__(self):
        self.registry = CollectorRegistry()
        here = {"namespace": "dlkit", "registry": self.registry}
        self._requests = Counter("requests", "HTTP requests answered", ["kind", "status"], **here)
        self._errors = Counter("errors", "of them, answered with 4xx or 5xx", ["kind"], **here)
        self._seconds = Histogram(
            "predict_seconds", "from the request's head to its answer", buckets=SECONDS, **here
        )
        self._batches = Histogram(
            "batch_examples", "examples that a replica computed together", buckets=SIZES, **here
        )
        self._retries = Counter("retries", "requests sent again because their replica died", **here)
        self._waiting = Gauge("predict_in_flight", "predictions under way", **here)
        self._live = Gauge("live_version", "the version that answers", **here)

    def answered(self, kind, status, seconds):
        """Count one request. ``kind``: predict, status, metadata, page, health, metrics, other."""
        self._requests.labels(kind, str(status)).inc()
        if status >= 400:
            self._errors.labels(kind).inc()
        if kind == "predict":
            self._seconds.observe(seconds)

    def batch(self, size):
        """Count one batch; 0 is no batch of its own."""
        if size:
            self._batches.observe(size)

    def retried(self):
        """Count one request that was sent again."""
        self._retries.inc()

    def text(self, *, waiting, live):
        """All of it, as bytes."""
        self._waiting.set(waiting)
        self._live.set(live)
        return generate_latest(self.registry)
