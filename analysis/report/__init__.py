"""One HTML file per run or sweep that works without a network. Whatever comes from a file is escaped; scripts run by their hash only."""
