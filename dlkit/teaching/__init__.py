"""For teachers: a skeleton of a new lesson, and a table of what a class has solved."""
