"""A model as a service: TensorFlow Serving's REST protocol in front of replicas on Ray Serve.

``python -m dlkit serve MODEL`` starts it. ``protocol`` and ``body`` (requests and answers),
``versions`` (folders on the disk), ``catalogue`` (which version answers), ``gateway`` (HTTP) know
nothing of Ray; ``engine`` and ``replica`` are the two that do.
"""
