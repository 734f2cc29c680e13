"""The look of the HTML report, light and dark, on paper-wide and on phone-wide screens."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #f3f5f7; --line: #d3d9df; --link: #1f5f8b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e6e9; --paper: #16191d; --soft: #22272d; --line: #3a4149; --link: #8cc0e6; }
  .plot svg { filter: invert(0.91) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 0 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: anywhere; }
h1 { margin: 1.5rem 0 0.5rem; font-size: 1.8rem; line-height: 1.2; }
h2 { margin: 2.5rem 0 0.5rem; padding-top: 0.75rem; border-top: 1px solid var(--line); font-size: 1.25rem; }
h3 { margin: 1rem 0 0.25rem; font-size: 1rem; }
p, ul { max-width: 50rem; }
a { color: var(--link); }
nav ul { padding-left: 1.2rem; }
nav, .clip, code { background: var(--soft); border-radius: 0.4rem; }
nav { padding: 0.5rem 1rem; }
code { padding: 0.05rem 0.3rem; font-size: 0.85em; }
.wide { margin: 1rem 0; overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tbody th { font-weight: 600; }
td.words { text-align: left; white-space: normal; min-width: 14rem; }
.figures { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0.5rem 1.5rem; }
.plot { margin: 0.5rem 0; overflow-x: auto; max-width: 100%; }
.plot svg { display: block; height: auto; }
.plot svg * { stroke-linejoin: round; stroke-linecap: butt; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
.clip { margin: 0; padding: 0.75rem; }
.clip h3 { margin: 0 0 0.5rem; }
.clip img, .clip audio { display: block; width: 100%; }
.clip p { margin: 0.4rem 0 0; font-size: 0.85rem; }
.clip img { background: #ffffff; border-radius: 0.25rem; height: auto; }
summary { cursor: pointer; }
@media print { nav, audio { display: none; } }
"""
