"""Text as numbers and back: characters, words or tokens; training pieces, sampling, judging.

Nothing here knows Keras: a model is any function from the numbers of characters to logits.
"""

from dlkit.text.byte_pairs import BytePairs
from dlkit.text.characters import Vocabulary
from dlkit.text.judging import bits_per_character, longest_copied_run
from dlkit.text.sampling import generate, likeliest, sample, stateful_step
from dlkit.text.sequences import sequences
from dlkit.text.words import WordVocabulary, split_words

__all__ = [
    "BytePairs",
    "Vocabulary",
    "WordVocabulary",
    "bits_per_character",
    "generate",
    "likeliest",
    "longest_copied_run",
    "sample",
    "sequences",
    "split_words",
    "stateful_step",
]
