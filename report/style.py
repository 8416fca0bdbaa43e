"""The page's style sheet, the legend, and the script that draws its charts."""

from typing import Final

_RIGHT: Final = ", ".join(f".right{n} tr > :nth-child({n})" for n in range(1, 17))

STYLE: Final = (
    """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f6f7f9; --ink: #1c2128; --muted: #59626d; --line: #d5dae0;
  --fit: #0b5cad; --holdout: #b8500b; --flag: #7a3fb5; --link: #0b5cad;
  --pass: #176f2c; --fail: #b3261e; --ambiguous: #7d5700;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #101418; --panel: #181d23; --ink: #dfe4ea; --muted: #98a3af; --line: #313942;
    --fit: #6cb2ff; --holdout: #f5a05a; --flag: #c79bf2; --link: #6cb2ff;
    --pass: #62c977; --fail: #ff8a80; --ambiguous: #e0b341;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem clamp(1rem, 3vw, 2.5rem) 4rem; max-width: 84rem;
  background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
h1, h2, h3 { line-height: 1.25; font-weight: 600; text-wrap: balance; }
h1 { font-size: 1.75rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .75rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0; }
p { margin: .5rem 0; max-width: 72ch; }
a { color: var(--link); }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace;
  font-size: .87em; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  padding: .75rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
abbr { text-decoration: none; color: var(--muted); }
.under, .muted, figcaption, caption { color: var(--muted); }
.under { display: block; font-weight: 400; font-size: .85rem; }
nav { margin: 1rem 0 0; font-size: .9rem; display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr));
  gap: .8rem 1.5rem; margin: 1rem 0; }
dt { color: var(--muted); font-size: .82rem; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.outcome, .badge { white-space: nowrap; font-weight: 600; border: 1px solid currentColor;
  border-radius: 4px; padding: .05em .45em; font-size: .85em; }
.PASS { color: var(--pass); } .FAIL { color: var(--fail); }
.AMBIGUOUS, .badge { color: var(--ambiguous); }
.notice { border-left: 3px solid var(--ambiguous); background: var(--panel);
  padding: .6rem .9rem; border-radius: 0 6px 6px 0; }
.frame { overflow-x: auto; margin: .75rem 0; }
.frame:focus-visible, summary:focus-visible { outline: 2px solid var(--link);
  outline-offset: 2px; }
table { border-collapse: collapse; min-width: 100%; font-size: .88rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; max-width: min(90ch, 85vw); font-size: .85rem; padding-bottom: .35rem; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; }
thead th { color: var(--muted); font-weight: 500; white-space: nowrap; vertical-align: bottom; }
tbody th { font-weight: 500; }
tbody th .under { white-space: nowrap; }
td:last-child { min-width: 18rem; }
.curves { display: grid; gap: 1.25rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(32rem, 100%), 1fr)); }
.layers { display: grid; gap: 1.25rem; }
.layers td, .layers td:last-child { white-space: nowrap; min-width: 0; }
figure { margin: 0; padding: .9rem 1rem; min-width: 0; border: 1px solid var(--line);
  border-radius: 8px; }
figcaption { font-size: .88rem; margin: .35rem 0 .6rem; }
fieldset { border: 0; padding: 0; margin: .75rem 0; display: flex; flex-wrap: wrap;
  gap: .25rem 1rem; font-size: .9rem; }
legend { float: left; padding: 0; color: var(--muted); }
.plot { width: 100%; min-height: 20rem; }
.plot svg { display: block; }
details summary { cursor: pointer; font-size: .88rem; color: var(--link); }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.3rem; padding: 0; margin: .75rem 0;
  list-style: none; font-size: .88rem; color: var(--muted); }
.legend svg { vertical-align: -.2em; margin-right: .35em; }
.vg-tooltip { position: fixed; z-index: 9; visibility: hidden; pointer-events: none;
  max-width: 22rem; padding: .4rem .6rem; background: var(--paper); color: var(--ink);
  border: 1px solid var(--line); border-radius: 6px; box-shadow: 0 2px 8px rgb(0 0 0 / .2);
  font-size: .82rem; font-variant-numeric: tabular-nums; }
.vg-tooltip.visible { visibility: visible; }
.vg-tooltip table { min-width: 0; font-size: inherit; }
.vg-tooltip td { border: 0; padding: .05rem .5rem .05rem 0; min-width: 0; }
.vg-tooltip td.key { color: var(--muted); white-space: nowrap; }
@media print { nav, details { display: none; } figure { break-inside: avoid; } }
"""
    + f"{_RIGHT} {{ text-align: right; white-space: nowrap; min-width: 0; }}"
)

LEGEND: Final = (
    ("measured, given to the fit", '<circle cx="7" cy="7" r="3.5" fill="var(--fit)"/>'),
    (
        "measured, held out from the fit",
        '<path d="M7 2.2L11 7L7 11.8L3 7Z" fill="var(--holdout)"/>',
    ),
    (
        "measured, given to the intervals alone",
        '<path d="M3.5 3.5H10.5V10.5H3.5Z" fill="var(--muted)"/>',
    ),
    (
        "flagged, see its flags",
        '<circle cx="7" cy="7" r="5.7" fill="none" stroke="var(--flag)" stroke-width="1.5"/>',
    ),
    (
        "failed, at the foot",
        '<path d="M3 3L11 11M11 3L3 11" stroke="var(--fail)" stroke-width="2.5"/>',
    ),
    (
        "model, with its 95 % band",
        '<path d="M0 3H14V11H0Z" fill="var(--fit)" opacity=".2"/>'
        '<path d="M0 7H14" stroke="var(--fit)" stroke-width="1.5"/>',
    ),
)

# The bundle defines `vegaEmbed`. `ast` makes Vega interpret its expressions, because the page's
# content security policy forbids to run text as code.
DRAW: Final = """
const drawn = [];
const linear = document.getElementById("linear");
const options = {mode: "vega-lite", renderer: "svg", ast: true, actions: false,
  defaultStyle: false, tooltip: {theme: "report", disableDefaultStyle: true}};
const asLinear = (key, value) => value?.type === "log"
  ? {domain: value.domain, zero: false, nice: false} : value;
async function draw() {
  drawn.splice(0).forEach((chart) => chart.finalize());
  for (const plot of document.querySelectorAll(".plot")) {
    const text = document.getElementById(plot.dataset.spec).textContent;
    try {
      const spec = JSON.parse(text, linear?.checked ? asLinear : undefined);
      drawn.push(await vegaEmbed(plot, spec, options));
    } catch (error) {
      plot.textContent = `The chart could not be drawn: ${error.message}`;
    }
  }
}
document.getElementById("axes")?.addEventListener("change", draw);
draw();
"""
