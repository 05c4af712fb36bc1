"""Tables that benchmarks/ measured and lessons show; each says on which machine and when."""

from pathlib import Path

ATTENTION = Path(__file__).with_name("attention.json")
AUTOENCODERS = Path(__file__).with_name("autoencoders.json")
CIFAR_LADDER = Path(__file__).with_name("cifar_ladder.json")
DIGIT_LEADERBOARD = Path(__file__).with_name("digit_leaderboard.json")
GANS = Path(__file__).with_name("gans.json")
GENERATORS = Path(__file__).with_name("generators.json")
SENTENCE_POLARITY = Path(__file__).with_name("sentence_polarity.json")
SMALL_GPT = Path(__file__).with_name("small_gpt.json")
SPEED_TABLE = Path(__file__).with_name("speed_table.json")
SPOKEN_DIGITS = Path(__file__).with_name("spoken_digits.json")
TRANSFER_NETWORKS = Path(__file__).with_name("transfer_networks.json")
