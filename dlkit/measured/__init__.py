"""Tables that benchmarks/ measured and lessons show; each says on which machine and when."""

from pathlib import Path

CIFAR_LADDER = Path(__file__).with_name("cifar_ladder.json")
SPEED_TABLE = Path(__file__).with_name("speed_table.json")
