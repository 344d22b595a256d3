"""Every metric, once: in words, and as a portable expression over the facts."""

from fieldserve.analytics.metrics import audit, demand, payments  # registering is what importing them does
from fieldserve.analytics.metrics.registry import METRICS, Filters, Metric, register

__all__ = ["METRICS", "Filters", "Metric", "audit", "demand", "payments", "register"]
