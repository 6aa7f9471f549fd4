"""The report as a page to look at: one file of HTML that fetches nothing."""
