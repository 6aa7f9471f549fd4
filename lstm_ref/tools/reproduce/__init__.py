"""The book's result, reproduced: its training in every backend over several seeds, and the page about it."""
