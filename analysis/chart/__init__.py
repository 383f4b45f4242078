"""What a figure shows, apart from how it is drawn: the same Chart becomes PNG and SVG (analysis.draw) and HTML (analysis.report)."""
