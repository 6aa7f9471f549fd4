"""The chapters' exercises, answered by measurement: a command, a figure and a table for each."""
