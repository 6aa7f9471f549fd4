"""Around the judge: the pytest plugin, the process of its own, what a run leaves behind, the table."""
