"""Charts on paper: PNG and SVG by matplotlib. The same chart gives the same bytes: no dates, fixed ids, one font."""
