"""What is wrong with what failed: which mistake, where it begins, in words and as a program."""
