"""Exercises of lesson 10: small kernels, colour channels, moved images, a shortcut, a heat map."""

import numpy as np

from dlkit.exercises import _photographs as photographs
from dlkit.exercises.engine import Case, Exercise, Mistake

weights_saved = Exercise(
    "weights_saved",
    reference=22 * 64 * 64,
    mistakes=[
        Mistake(
            "You compare with two convolutions. Two see 5 by 5 pixels; this asks for 7.", 126976
        ),
        Mistake("Every filter has a kernel for each of the 64 channels it reads.", 22 * 64),
        Mistake("That counts a single pair of channels. How many pairs are there?", 22),
        Mistake("These are the weights of the three small ones. How many are saved?", 110592),
        Mistake("These are the weights of the large one. How many are saved?", 200704),
        Mistake("You counted one small convolution against the large one.", 163840),
        Mistake("You counted biases. Here there are none.", 22 * 64 * 64 - 128),
    ],
    hints=[
        "A convolution has k k weights for every pair of an input channel and a filter.",
        "Count the pairs: 64 channels and 64 filters. Then count k k for both ways.",
        "One 7 by 7 has 49 for each pair, three 3 by 3 have 27.",
    ],
    solution="my_weights_saved = (7 * 7 - 3 * 3 * 3) * 64 * 64",
)


_TRAIN, _VAL = photographs.pattern(3, 4, 5, 3), photographs.pattern(2, 4, 5, 3) * 2 + 1

standardise = Exercise(
    "standardise",
    reference=photographs.standardised,
    cases=[
        Case("three channels of different size", _TRAIN * [1.0, 5.0, 0.2] + [0, 9, -2], _VAL),
        Case("one channel", photographs.pattern(4, 2, 3, 1), photographs.pattern(1, 2, 3, 1) + 3),
    ],
    mistakes=[
        Mistake(
            "The validation images got a mean and a deviation of their own. Then the same colour "
            "means two things to the network: use the numbers of x_train for both.",
            lambda x_train, x_val: (photographs.by(x_train, x_train), photographs.by(x_val, x_val)),
        ),
        Mistake(
            "Your numbers come from both parts together, so the validation images leak into the "
            "training. Use x_train alone.",
            photographs.from_both_parts,
        ),
        Mistake(
            "You took one pair of numbers for all channels. Each channel has its own.",
            lambda x_train, x_val: photographs.both(x_train, x_val, (0, 1, 2, 3)),
        ),
        Mistake(
            "You took a mean for each pixel. Let all pixels of a channel share one.",
            lambda x_train, x_val: photographs.both(x_train, x_val, 0),
        ),
        Mistake(
            "You divided by the variance, the square of the deviation.", photographs.by_variance
        ),
        Mistake(
            "The mean is not taken away.",
            lambda x_train, x_val: (
                x_train / photographs.deviation(x_train),
                x_val / photographs.deviation(x_train),
            ),
        ),
    ],
    hints=[
        "How many means are there? One for each channel, over all images, rows and columns.",
        "np.mean takes several axes at once: the first three.",
        "Compute mean and std of x_train, then apply the very same numbers to x_val.",
    ],
)


_YES, _NO = np.array([True]), np.array([False])

augment = Exercise(
    "augment",
    reference=photographs.augmented,
    cases=[
        Case("flip", photographs.pattern(1, 3, 4, 2), _YES, np.array([[0, 0]])),
        Case("one down", photographs.pattern(1, 3, 4, 2), _NO, np.array([[1, 0]])),
        Case("two to the left", photographs.pattern(1, 3, 4, 2), _NO, np.array([[0, -2]])),
        Case("flip, then up and right", photographs.pattern(1, 4, 4, 1), _YES, np.array([[-1, 1]])),
        Case(
            "three images",
            photographs.pattern(3, 4, 5, 3),
            np.array([False, True, True]),
            np.array([[0, 0], [2, -1], [-1, -3]]),
        ),
    ],
    mistakes=[
        Mistake(
            "You turned the image upside down. Mirror left and right: nobody photographs cars "
            "from below.",
            lambda images, flips, shifts: photographs.augmented(
                np.where(flips[:, None, None, None], images[:, ::-1, ::-1], images), flips, shifts
            ),
        ),
        Mistake(
            "What leaves at one side comes in at the other, as np.roll does it. Fill with zeros.",
            photographs.rolled,
        ),
        Mistake(
            "The image moves the other way: positive means down and to the right.",
            lambda images, flips, shifts: photographs.augmented(images, flips, -shifts),
        ),
        Mistake(
            "Down and right are swapped: the first number of a shift is for the rows.",
            lambda images, flips, shifts: photographs.augmented(images, flips, shifts[:, ::-1]),
        ),
        Mistake(
            "You moved first and mirrored then, so right became left.",
            lambda images, flips, shifts: photographs.augmented(
                images, flips, shifts * photographs.mirror_sign(flips)
            ),
        ),
        Mistake(
            "You mirrored every image. Only those with True in flips.",
            lambda images, flips, shifts: photographs.augmented(
                images, np.ones(len(images), bool), shifts
            ),
        ),
    ],
    hints=[
        "Take one image at a time. Reversed columns: image[:, ::-1].",
        "Start a moved image with np.zeros_like, and copy the part that stays inside.",
        "Moved down by 2, the first height - 2 rows are found two rows lower.",
        "For shifts of either sign: pad the image with zeros on all sides, then cut out a window.",
    ],
)


_ZEROS = np.zeros((3, 3, 2, 2))

residual_block = Exercise(
    "residual_block",
    reference=photographs.residual_output,
    cases=[
        Case("kernels of zeros", photographs.pattern(1, 3, 4, 2), _ZEROS, _ZEROS),
        Case(
            "one image",
            *(photographs.pattern(*s) for s in ((1, 4, 5, 2), (3, 3, 2, 2), (3, 3, 2, 2))),
        ),
        Case(
            "two images, three channels",
            photographs.pattern(2, 4, 4, 3) - 1,
            photographs.pattern(3, 3, 3, 3) - 1,
            photographs.pattern(3, 3, 3, 3)[::-1] - 1.5,
        ),
    ],
    mistakes=[
        Mistake(
            "The shortcut is missing: x itself is added to what F gives.", photographs.no_shortcut
        ),
        Mistake("Add x before the last relu, not after it.", photographs.relu_too_early),
        Mistake("The relu between the two convolutions is missing.", photographs.no_inner_relu),
        Mistake("The last relu is missing.", photographs.no_last_relu),
        Mistake("x is added twice: before the second convolution too.", photographs.added_twice),
        Mistake(
            "The two kernels are in the wrong order.",
            lambda x, a, b: photographs.residual_output(x, b, a),
        ),
    ],
    hints=[
        "From the inside out: convolution, relu, convolution, plus x, relu.",
        'operations.conv2d(x, kernel, padding="same") keeps rows and columns, so x can be added.',
        "relu is np.maximum with 0. With kernels of zeros, relu(x) must come out.",
    ],
)


grad_cam = Exercise(
    "grad_cam",
    reference=photographs.heat_map,
    cases=[
        Case("one map", photographs.pattern(2, 3, 1), photographs.pattern(2, 3, 1) + 1),
        Case("four maps", photographs.pattern(3, 4, 4), photographs.pattern(3, 4, 4)[::-1] - 0.5),
        Case("nothing speaks for the class", np.ones((2, 2, 3)), -np.ones((2, 2, 3))),
    ],
    mistakes=[
        Mistake(
            "Keep only what speaks for the class: negative places become 0.", photographs.no_relu
        ),
        Mistake(
            "You multiplied place by place. Grad-CAM first gives each map one weight, the mean of "
            "its slopes.",
            lambda maps, slopes: np.maximum((maps * slopes).sum(axis=-1), 0),
        ),
        Mistake(
            "You added up the slopes of a map. Its weight is their mean.",
            lambda maps, slopes: photographs.heat_map(maps, slopes * slopes[..., 0].size),
        ),
        Mistake(
            "A map may speak against the class: keep the signs of the weights.",
            lambda maps, slopes: np.maximum(
                (maps * np.abs(slopes.mean(axis=(0, 1)))).sum(axis=-1), 0
            ),
        ),
        Mistake(
            "You cut off each map below zero before you added them up. Add first.",
            lambda maps, slopes: np.maximum(maps * slopes.mean(axis=(0, 1)), 0).sum(axis=-1),
        ),
        Mistake(
            "You averaged over the maps. They are added up.",
            lambda maps, slopes: photographs.heat_map(maps, slopes) / maps.shape[-1],
        ),
    ],
    hints=[
        "First one weight for each of the K maps, then the weighted sum of the maps.",
        "The weight of a map is the mean of its slopes over all rows and columns.",
        "Add up maps times weights over the last axis, and keep what is above zero.",
    ],
)
