"""Exercises with check, hint and solution: one module per lesson, for example

from dlkit.exercises import activations as exercises

exercises.softmax.check(my_softmax)
"""
