"""From a file as somebody wrote it, a chapter, a notebook or a script, to functions that can be judged."""
