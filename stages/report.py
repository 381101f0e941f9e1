"""Write the report: one page with figures, tables and the conclusions that they allow."""

import sys

from fmagc.params.schema import check
from fmagc.paths import REPORT, REPORT_FIGURES, VECTOR
from fmagc.reporting.html.content import gather
from fmagc.reporting.html.diagrams import draw_networks, draw_pipeline, draw_timeline
from fmagc.reporting.html.page import render
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import write_text


def main() -> None:
    """Run the stage report."""
    params = check()
    draw_pipeline(params)
    draw_networks(params)
    page = render(gather(params, track=draw_timeline(params)))
    write_text(REPORT, page)
    print(f"{REPORT}: {len(page) / 1e6:.1f} MB, one file; its figures in {REPORT_FIGURES} and {VECTOR}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
