"""The course's data sets: found or downloaded, verified, and never silently replaced.

Report `mnist = data.load_mnist()`, then `x_train, y_train = mnist.train`.
"""

from dlkit.data import drawn_voices, sentences, spoken, store
from dlkit.data.datasets import (
    Dataset,
    Origin,
    Recordings,
    Sentences,
    Split,
    SpokenSplit,
    Text,
)
from dlkit.data.dates import DateLines, date_forms, draw_dates, join_digits, split_date
from dlkit.data.image_folder import load_image_folder
from dlkit.data.readers import DataError
from dlkit.data.registry import (
    CIFAR10,
    MNIST,
    SENTENCE_POLARITY,
    SHAKESPEARE,
    SPOKEN_DIGITS,
    Record,
)
from dlkit.data.wav import encode_wav, load_recording

__all__ = [
    "DataError",
    "Dataset",
    "DateLines",
    "Origin",
    "Recordings",
    "Sentences",
    "Split",
    "SpokenSplit",
    "Text",
    "date_forms",
    "draw_dates",
    "encode_wav",
    "join_digits",
    "load_cifar10",
    "load_image_folder",
    "load_mnist",
    "load_recording",
    "load_sentence_polarity",
    "load_shakespeare",
    "load_spoken_digits",
    "split_date",
]


def load_mnist() -> Dataset:
    """MNIST: 70,000 handwritten digits, grey levels of 0 to 255 in 28 by 28 pixels.

    Looks in $DLKIT_DATA_DIR, in the course's data/, in Keras's cache and in dlkit's own, then
    asks the mirrors ($DLKIT_MIRROR first). Every copy is verified before it is used. Without
    MNIST it says so in one line and returns the offline sample: 1,797 other digits in MNIST's
    form. DLKIT_OFFLINE=1 keeps it off the network.

    Returns:
        Dataset: x is uint8 of shape (n, 28, 28), grey levels from 0 (paper) to 255 (ink); y is
        uint8 of shape (n,), the digits 0 to 9. train is the first 55,000 of MNIST's 60,000
        training images, val the last 5,000, test the 10,000 test images. In the offline sample
        there are 1,197, 300 and 300.

    Raises:
        DataError: not even the offline sample is there, or DLKIT_REAL_DATA=1 forbids it (a
            ValueError).

    Licence: CC BY-SA 3.0, as Keras states it; of the sample: CC BY 4.0.
    Source: LeCun, Bottou, Bengio, Haffner (1998), doi:10.1109/5.726791. See data/README.md.
    """
    return _load_images(MNIST)


def load_cifar10() -> Dataset:
    """CIFAR-10: 60,000 small colour photographs of ten kinds of things, 32 by 32 pixels.

    Looks where `load_mnist` looks. It takes the official archive (170 MB) or the copy with a JPEG
    per image (56 MB): the same pictures in another order and with slightly other pixels;
    `origin` says which. Decoding takes seconds, once: the arrays are then kept (185 MB). Without
    CIFAR-10 it says so in one line and returns the offline sample: coloured shapes that it draws
    on the spot, with class names of their own.

    Returns:
        Dataset: x is uint8 of shape (n, 32, 32, 3), red, green and blue from 0 to 255; y is uint8
        of shape (n,), 0 to 9, an index into class_names. train is the first 45,000 of the training
        images, val the last 5,000, test the 10,000 test images. In the offline sample there are
        2,000, 500 and 500.

    Raises:
        DataError: not even the offline sample can be had, or DLKIT_REAL_DATA=1 forbids it (a
            ValueError).

    Licence: none stated by its makers, who ask to be cited; the sample needs none.
    Source: Krizhevsky (2009), Learning multiple layers of features from tiny images, chapter 3.
    See data/README.md.
    """
    return _load_images(CIFAR10)


def _load_images(record: Record, held_out: int = 5_000) -> Dataset:
    """The data set, its last training images held out as `val`; or its sample, already split."""
    arrays, origin, source = store.load(record)
    x, y = arrays["x_train"], arrays["y_train"]
    test = Split(arrays["x_test"], arrays["y_test"])
    if origin is Origin.SAMPLE:
        sample = record.sample
        train, val = Split(x, y), Split(arrays["x_val"], arrays["y_val"])
        names = sample.class_names or record.class_names
        return Dataset(sample.name, train, val, test, names, origin, source, sample.license)
    train, val = Split(x[:-held_out], y[:-held_out]), Split(x[-held_out:], y[-held_out:])
    names = record.class_names
    return Dataset(record.name, train, val, test, names, origin, source, record.license)


def load_shakespeare() -> Text:
    """Tiny Shakespeare: 1,115,394 characters from the plays, of 65 kinds.

    Looks where `load_mnist` looks. Without it, it says so in one line and returns the offline
    sample: text of the language reference that comes with Python.

    Returns:
        Text: train is the first 90 % of the characters, val the last 10 %, both `str`.

    Raises:
        DataError: not even the offline sample can be had, or DLKIT_REAL_DATA=1 forbids it (a
            ValueError).

    Licence: the plays are in the public domain; of the sample: the PSF licence.
    Source: Karpathy (2015), github.com/karpathy/char-rnn. See data/README.md.
    """
    arrays, origin, source = store.load(SHAKESPEARE)
    text = arrays["text"].tobytes().decode("utf-8")
    cut = len(text) * 9 // 10
    used = SHAKESPEARE.sample if origin is Origin.SAMPLE else SHAKESPEARE
    return Text(used.name, text[:cut], text[cut:], origin, source, used.license)


def load_sentence_polarity() -> Sentences:
    """Sentence polarity: 10,662 sentences of film reviews, half of them praise, half blame.

    Looks where `load_mnist` looks. It takes the official archive, NLTK's zip and the two plain
    files, in any encoding: every copy is verified by its sentences' printable ASCII characters.
    Without one it says so in one line and returns the offline sample: sentences of this course's
    own making, drawn from templates.

    Returns:
        Sentences: x has a `str` for each sentence, as published but for the blanks at its ends:
        in lower case, its words and signs apart by blanks; y is uint8, 0 negative, 1 positive.
        train has 8,530 sentences, val 1,066, test 1,066, half of each part positive; which is in
        which part is fixed (`dlkit.data.sentences.split`). In the offline sample there are 2,400,
        400 and 400.

    Raises:
        DataError: not even the offline sample can be had, or DLKIT_REAL_DATA=1 forbids it (a
            ValueError).

    Licence: CC BY 4.0, as NLTK states it; the sample needs none.
    Source: Pang, Lee (2005), arXiv:cs/0506075. See data/README.md.
    """
    arrays, origin, source = store.load(SENTENCE_POLARITY)
    used = SENTENCE_POLARITY.sample if origin is Origin.SAMPLE else SENTENCE_POLARITY
    if origin is not Origin.SAMPLE:
        arrays = sentences.split(arrays["neg"], arrays["pos"], held_out=533)
    train, val, test = (
        Split(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "val", "test")
    )
    names = SENTENCE_POLARITY.class_names
    return Sentences(used.name, train, val, test, names, origin, source, used.license)


def load_spoken_digits() -> Recordings:
    """The Free Spoken Digit Dataset: 3,000 recordings of six people who say 0 to 9 in English.

    Looks where `load_mnist` looks. It takes the archive of the tag v1.0.10 from GitHub, and the
    unpacked folder `recordings`: every copy is verified by the names and samples of its
    recordings. Without one it says so in one line and returns the offline sample: 900 words by a
    synthesiser of this course's own, in six voices that nobody has.

    Returns:
        Recordings: x has an int16 array for each recording, as published: 8,000 samples a second,
        one channel, 0.14 to 2.28 s; y is uint8, the digits 0 to 9; speaker is uint8, an index into
        speaker_names. test is what its makers call the test set, recordings 0 to 4 of each digit
        and speaker (300); val is recordings 5 to 9 (300), train the others (2,400). In the
        offline sample there are 300 in each part.

    Raises:
        DataError: not even the offline sample can be had, or DLKIT_REAL_DATA=1 forbids it (a
            ValueError).

    Licence: CC BY-SA 4.0; the sample needs none.
    Source: github.com/Jakobovski/free-spoken-digit-dataset. See data/README.md.
    """
    arrays, origin, source = store.load(SPOKEN_DIGITS)
    is_sample = origin is Origin.SAMPLE
    used = SPOKEN_DIGITS.sample if is_sample else SPOKEN_DIGITS
    train, val, test = (
        SpokenSplit(arrays["x"][is_in], arrays["y"][is_in], arrays["speaker"][is_in])
        for is_in in spoken.parts_of(arrays["index"]).values()
    )
    speakers = tuple(drawn_voices.VOICES) if is_sample else spoken.SPEAKERS
    names = SPOKEN_DIGITS.class_names
    return Recordings(
        used.name,
        train,
        val,
        test,
        names,
        speakers,
        spoken.RATE,
        origin,
        source,
        used.license,
    )
