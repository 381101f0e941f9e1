"""Write a metric with what is known of its certainty, and a count that is a mean over seeds."""

from collections.abc import Mapping

__all__ = ["count_text", "metric_text"]


def count_text(count: float) -> str:
    """Write a mean of counts with three digits, and large ones with all that are before the point."""
    return f"{count:,.0f}" if count >= 100 else f"{count:.3g}"


def metric_text(metrics: Mapping[str, float], name: str) -> str:
    """Write a metric of `evaluation.summary`, ± its deviation over seeds and its 95 % interval where there are such."""
    deviation = f" ± {metrics[f'{name}_std']:.3f}" if f"{name}_std" in metrics else ""
    interval = f" [{metrics[f'{name}_low']:.3f}, {metrics[f'{name}_high']:.3f}]" if f"{name}_low" in metrics else ""
    return f"{metrics[name]:.3f}{deviation}{interval}"
