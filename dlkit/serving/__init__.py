"""A model as a service: TensorFlow Serving's REST protocol in front of replicas on Ray Serve.

``python -m dlkit serve MODEL`` starts it. ``protocol`` and ``body`` (requests and responses),
``versions`` (folders on the disk), ``version_manager`` (which versions are loaded, which is live),
``access`` (who may ask), ``connections`` (how long) and ``gateway`` (HTTP) know nothing of Ray;
``engine`` and ``replica`` are the two that do. ``keeper`` cleans up after a service that is killed.
"""
