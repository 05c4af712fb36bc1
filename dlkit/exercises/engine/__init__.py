"""What makes exercises answer: an `Exercise` of `Case`, `Mistake` and `Property` objects."""

from dlkit.exercises.engine.exercise import Case, Exercise, Mistake, Property

__all__ = ["Case", "Exercise", "Mistake", "Property"]
