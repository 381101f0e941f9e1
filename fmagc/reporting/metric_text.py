"""Write a metric with what is known of its certainty."""

from collections.abc import Mapping

__all__ = ["metric_text"]


def metric_text(metrics: Mapping[str, float], name: str) -> str:
    """Write a metric of `evaluation.summary`, ± its deviation over seeds and its 95 % interval where there are such."""
    deviation = f" ± {metrics[f'{name}_std']:.3f}" if f"{name}_std" in metrics else ""
    interval = f" [{metrics[f'{name}_low']:.3f}, {metrics[f'{name}_high']:.3f}]" if f"{name}_low" in metrics else ""
    return f"{metrics[name]:.3f}{deviation}{interval}"
