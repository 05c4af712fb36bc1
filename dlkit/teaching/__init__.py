"""For teachers: a table of what a class has solved."""
