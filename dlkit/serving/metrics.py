"""What the service counts, in the text format of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Requests by kind and status, errors, seconds, sizes of batches, versions, retries."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        options = {"namespace": "dlkit", "registry": self.registry}
        self._requests = Counter("requests", "HTTP requests served", ["kind", "status"], **options)
        self._errors = Counter("errors", "of them, with status 4xx or 5xx", ["kind"], **options)
        self._seconds = Histogram(
            "predict_seconds",
            "from the request's head to its response",
            buckets=LATENCY_BUCKETS,
            **options,
        )
        self._batches = Histogram(
            "batch_examples",
            "examples that a replica computed together",
            buckets=BATCH_BUCKETS,
            **options,
        )
        self._retries = Counter(
            "retries", "requests sent again because their replica died", **options
        )
        self._in_flight = Gauge("predict_in_flight", "predictions under way", **options)
        self._live = Gauge("live_version", "the version that is live", **options)

    def record_request(self, kind: str, status: int, seconds: float) -> None:
        """Count one request. ``kind``: predict, status, metadata, page, health, metrics, other."""
        self._requests.labels(kind, str(status)).inc()
        if status >= 400:
            self._errors.labels(kind).inc()
        if kind == "predict":
            self._seconds.observe(seconds)

    def record_batch(self, size: int) -> None:
        """Count one batch; 0 is no batch of its own."""
        if size:
            self._batches.observe(size)

    def record_retry(self) -> None:
        """Count one request that was sent again."""
        self._retries.inc()

    def render(self, *, in_flight: int, live: int | None) -> bytes:
        """All of it, in Prometheus's format."""
        self._in_flight.set(in_flight)
        self._live.set(live or 0)
        return generate_latest(self.registry)
