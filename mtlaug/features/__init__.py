"""Features: the filterbank and its like, their archives on disk, and how they are made and read."""
