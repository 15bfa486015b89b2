"""A benchmark run as a table, and as one HTML page with its worst cases as pictures."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from inspector_core.evaluation.gallery import Gallery, Picture
from inspector_core.evaluation.line_metrics import Rate
from inspector_core.evaluation.report import Figures, Report

HEADINGS = (
    "",
    "images",
    "image AUROC",
    "pixel AUROC",
    "PRO",
    "AP",
    "false rejects at zero escapes",
    "overkill",
    "escape",
    "ms per image",
)

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; color: #1c2430; }
table { border-collapse: collapse; } td, th { padding: .35rem .8rem; text-align: right; }
th { border-bottom: 2px solid #1c2430; vertical-align: bottom; } td { border-bottom: 1px solid #d5dae1; }
td:first-child { text-align: left; font-weight: 600; } small { color: #5b6676; white-space: nowrap; }
figure { display: inline-block; margin: 0 1rem 1rem 0; } figure img { display: block; max-width: 100%; }
"""


def table_rows(report: Report) -> list[list[str]]:
    """One row for all parts and one for each defect type, in words, under `HEADINGS`.

    Rates are in percent, with their 95 % interval; a figure that can't be had is a dash.
    """
    rows = [("all", report.overall), *report.defects.items()]
    return [[name, *_cells(found)] for name, found in rows]


def html_report(model: str, runs: Sequence[tuple[Report, Gallery]]) -> str:
    """One page that needs no other file; `model` names what was measured."""
    body = "\n".join(_section(report, gallery) for report, gallery in runs)
    title = f"Benchmark of {escape(model)}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )


def _cells(found: Figures) -> list[str]:
    return [
        str(found.images),
        *(_area(value) for value in (found.image_auroc, found.pixel_auroc, found.pro, found.ap)),
        *(_rate(rate) for rate in (found.false_reject_at_zero_escape, found.overkill, found.escape)),
        "–" if found.ms_per_image is None else f"{found.ms_per_image:.1f}",
    ]


def _area(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _rate(rate: Rate | None) -> str:
    if rate is None:
        return "–"
    low, high = rate.interval()
    return f"{rate.value:.1%} ({low:.1%} to {high:.1%})"


def _section(report: Report, gallery: Gallery) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table_rows(report)
    )
    threshold = report.overall.threshold
    stated = "no calibrated threshold" if threshold is None else f"calibrated threshold {threshold:.6g}"
    return "\n".join(
        [
            f"<h2>{escape(report.category.name)}</h2>",
            f"<p>{escape(str(report.category))}; {stated}; 95 % Clopper-Pearson intervals in brackets.</p>",
            f"<table><tr>{head}</tr>{rows}</table>",
            _left_out("could not be read", report.unreadable),
            _left_out("have no mask and are left out of the pixel figures", report.without_mask),
            _pictures("Good parts that look strangest", gallery.strangest_good),
            _pictures("Defective parts that look plainest", gallery.plainest_defective),
        ]
    )


def _left_out(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    listed = ", ".join(escape(name) for name in names[:20]) + (", …" if len(names) > 20 else "")
    return f"<p>{len(names)} {what}: <small>{listed}</small></p>"


def _pictures(title: str, pictures: Sequence[Picture]) -> str:
    if not pictures:
        return ""
    shown = "".join(
        f'<figure><img alt="" src="data:image/jpeg;base64,{b64encode(p.jpeg).decode()}">'
        f"<figcaption>{escape(p.defect)}/{escape(p.name)}: {p.score:.6g}</figcaption></figure>"
        for p in pictures
    )
    return f"<h3>{title}</h3><p>Image, anomaly map over it, reconstruction.</p>{shown}"
