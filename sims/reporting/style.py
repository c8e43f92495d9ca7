"""How the report looks, and the small script that draws its charts and answers its controls."""

from __future__ import annotations

from typing import Final

FONT: Final = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans", '
    "sans-serif"
)

STYLE: Final = (
    "body{font-family:"
    + FONT
    + """}
:root{--ink:#1f2933;--soft:#52606d;--faint:#e7ebf0;--blue:#0072b2;--page:#f5f7f9}
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:64px}
body{margin:0;background:var(--page);color:var(--ink);font-size:16px;line-height:1.55;
 font-variant-numeric:tabular-nums;-webkit-font-smoothing:antialiased}
header,main,footer,nav>div{max-width:1200px;margin:0 auto;padding:0 28px}
header{padding-top:44px;padding-bottom:20px}
h1{font-size:27px;line-height:1.2;font-weight:650;letter-spacing:-.015em;
 margin:0 0 6px;text-wrap:balance}
.eyebrow{font-size:13px;font-weight:600;letter-spacing:.08em;text-transform:uppercase;
 color:var(--blue);margin:0 0 8px}
.facts{color:var(--soft);margin:0 0 22px;display:flex;flex-wrap:wrap;gap:4px 22px}
.facts b{color:var(--ink);font-weight:600}
.banner{border-radius:12px;padding:16px 20px;margin:0 0 14px;border-left:6px solid;font-size:17px}
.banner b{display:block;font-size:19px;font-weight:650}
.banner ul{margin:6px 0 0;padding-left:22px}
.good{background:#e5f5ef;border-color:#009e73}
.poor{background:#fdf1d8;border-color:#e69f00}
.alarm{background:#b3261e;border-color:#7a120c;color:#fff}
.alarm b{font-size:22px;letter-spacing:.01em}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:14px;
 margin:22px 0 8px}
.card{background:#fff;border:1px solid var(--faint);border-radius:12px;padding:15px 17px 13px}
.card.wrong{border-color:#b3261e;box-shadow:inset 0 0 0 1px #b3261e}
.card p{margin:0}
.card .name{font-size:13.5px;color:var(--soft);line-height:1.35}
.card .value{font-size:25px;font-weight:640;letter-spacing:-.01em;line-height:1.25;margin:5px 0 4px;
 white-space:nowrap}
.card .value small{font-size:14px;font-weight:500;color:var(--soft);letter-spacing:0}
.card .aside{font-size:13px;color:var(--soft);line-height:1.4}
nav{position:sticky;top:0;z-index:9;background:rgba(245,247,249,.94);backdrop-filter:blur(6px);
 border-bottom:1px solid var(--faint)}
nav>div{display:flex;gap:4px;overflow-x:auto;padding-top:9px;padding-bottom:9px}
nav a{color:var(--soft);text-decoration:none;font-size:14px;padding:4px 10px;border-radius:7px;
 white-space:nowrap}
nav a:first-child{margin-left:-10px}
nav a:hover{background:#e3ebf2;color:var(--ink)}
section{background:#fff;border:1px solid var(--faint);border-radius:16px;padding:34px 36px 26px;
 margin:26px 0}
h2{font-size:24px;font-weight:650;letter-spacing:-.01em;margin:0 0 8px;line-height:1.25;
 display:flex;gap:14px}
h2 span{color:#a9b4c0;font-weight:500;min-width:16px}
.lead{margin:0 0 6px;max-width:78ch;color:#3b4754;font-size:16.5px}
figure{margin:30px 0 14px}
figcaption h3{font-size:17px;font-weight:640;margin:0 0 3px}
figcaption p{margin:0 0 10px;color:var(--soft);font-size:14.5px;max-width:88ch}
.controls{display:flex;flex-wrap:wrap;gap:10px 26px;align-items:center;margin:12px 0 6px;
 padding:9px 14px;background:var(--page);border-radius:10px;font-size:14px}
.controls>span{display:inline-flex;align-items:center;gap:9px}
.controls label{color:var(--soft)}
.controls select{font:inherit;color:inherit;padding:5px 8px;border:1px solid #c9d1da;
 border-radius:7px;background:#fff;max-width:300px}
.controls .slider{flex:1 1 320px}
.controls input[type=range]{flex:1;min-width:140px;accent-color:var(--blue)}
.controls output{font-weight:640;min-width:108px}
.chart{width:100%}
.table{overflow-x:auto}
.tall{overflow:auto;max-height:560px;border-bottom:1px solid var(--faint)}
table{border-collapse:collapse;width:100%;font-size:14.5px}
th{font-weight:600;color:var(--soft);text-align:right;padding:8px 12px;
 vertical-align:bottom;position:sticky;top:0;background:#fff;box-shadow:inset 0 -2px #d5dce4}
td{text-align:right;padding:7px 12px;border-bottom:1px solid var(--faint);white-space:nowrap}
th.text,td.text{text-align:left;white-space:normal}
tbody tr:hover{background:#f7f9fb}
tr.total td{font-weight:640}
tr.total:last-child td{position:sticky;bottom:0;background:#fff;box-shadow:inset 0 1px #d5dce4}
table tr.bad td{background:#fbe7e5;font-weight:600;color:#7a120c}
table tr.good{background:none}
tr.paper td{color:var(--soft);font-style:italic;background:#fafbfc}
.dotted{white-space:nowrap}
.dot{display:inline-block;width:.72em;height:.72em;border-radius:50%;margin-right:.55em}
.note{background:#eef4f9;border-radius:12px;padding:15px 19px;margin:18px 0;max-width:88ch}
footer{color:var(--soft);font-size:13.5px;padding-top:6px;padding-bottom:44px}
footer code{font-size:12.5px;word-break:break-all}
@media(max-width:960px){header,main,footer,nav>div{padding-left:18px;padding-right:18px}
 section{padding:26px 20px 18px}}
@media print{nav,.controls{display:none}.tall{max-height:none}
 section{break-inside:avoid;border:none;padding:0}
 body{background:#fff}}
"""
)

SCRIPT: Final = """
"use strict";
(() => {
  // Where nothing can hover the tools would always lie over the picture.
  const tools = matchMedia("(hover: hover)").matches ? "hover" : false;
  const config = {responsive: true, displaylogo: false, displayModeBar: tools,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: {format: "svg"}};
  const assign = (target, path, value) => {
    const keys = path.split("."), last = keys.pop();
    for (const key of keys) target = target[key] ??= {};
    target[last] = value;
  };
  const setUp = (holder) => {
    const spec = JSON.parse(document.getElementById(holder.id + "-spec").textContent);
    const bar = document.querySelector(`.controls[data-for="${holder.id}"]`);
    const inputs = bar ? [...bar.querySelectorAll("select, input")] : [];
    const choose = () => Object.fromEntries(inputs.map((input) => {
      if (input.type !== "range") return [input.name, input.value];
      const at = Number(input.value), shown = JSON.parse(input.dataset.shown)[at];
      input.nextElementSibling.textContent = shown;
      input.setAttribute("aria-valuetext", shown);
      return [input.name, JSON.parse(input.dataset.values)[at]];
    }));
    const draw = () => {
      const choice = choose();
      for (const group of spec.patches) {
        const keys = group.by.map((name) => choice[name]);
        const changes = group.of[keys.join("|")]
          ?? group.of[[...keys.slice(0, -1), "*"].join("|")] ?? [];
        for (const [where, path, value] of changes)
          assign(where === "layout" ? spec.layout : spec.data[where], path, value);
      }
      return Plotly.react(holder, spec.data, spec.layout, config);
    };
    let waiting = false;
    for (const input of inputs) input.addEventListener("input", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(); });
    });
    draw();
  };
  document.querySelectorAll(".chart").forEach(setUp);
})();
"""
