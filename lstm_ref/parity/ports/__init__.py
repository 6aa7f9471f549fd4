"""From somebody's functions, a namespace or a class to an implementation that can be judged."""
