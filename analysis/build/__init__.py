"""Charts from results: each module turns one kind of data into analysis.chart.model.Chart."""
