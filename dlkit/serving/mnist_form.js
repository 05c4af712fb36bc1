// A drawing in MNIST's form, as dlkit/drawing/_mnist_form.py makes it: the ink in a box of 20 by 20
// pixels, centred by its mass in a field of 28 by 28.

const FIELD = 28;
const BOX = 20;
const SIZE = 280; // of the canvas on which the strokes are drawn

// Strokes (lists of points [x, y] from 0 to 1) -> grey values from 0 to 255, SIZE by SIZE.
export function render(strokes, pen) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const paint = canvas.getContext("2d");
  paint.lineWidth = pen * SIZE;
  paint.lineCap = paint.lineJoin = "round";
  for (const points of strokes) {
    paint.beginPath();
    paint.moveTo(SIZE * points[0][0], SIZE * points[0][1]);
    for (const [x, y] of points) paint.lineTo(SIZE * x, SIZE * y); // one point: a dot
    paint.stroke();
  }
  const pixels = paint.getImageData(0, 0, SIZE, SIZE).data;
  return Array.from({ length: SIZE * SIZE }, (_, i) => pixels[4 * i + 3]); // how opaque
}

// Grey values, side by side -> 784 grey values, or null without ink.
export function asMnist(image, side = SIZE) {
  const box = inkBox(image, side);
  if (!box) return null;
  const scale = BOX / Math.max(box.width, box.height);
  const width = Math.max(1, Math.round(scale * box.width));
  const height = Math.max(1, Math.round(scale * box.height));
  const ink = shrink(image, side, box, width, height);
  const left = corner(ink, width, (i) => i % width);
  const top = corner(ink, height, (i) => Math.floor(i / width));
  const field = new Array(FIELD * FIELD).fill(0);
  ink.forEach((grey, i) => {
    field[(top + Math.floor(i / width)) * FIELD + left + (i % width)] = grey;
  });
  return field;
}

function inkBox(image, side) {
  let [left, right, top, bottom] = [side, -1, side, -1];
  image.forEach((grey, i) => {
    if (!grey) return;
    left = Math.min(left, i % side);
    right = Math.max(right, i % side);
    top = Math.min(top, Math.floor(i / side));
    bottom = Math.max(bottom, Math.floor(i / side));
  });
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

// Each new pixel is the mean of what it covers.
function shrink(image, side, box, width, height) {
  const across = shares(box.width, width);
  const down = shares(box.height, height);
  return Array.from({ length: width * height }, (_, i) => {
    let sum = 0;
    for (const [y, high] of down[Math.floor(i / width)]) {
      for (const [x, wide] of across[i % width]) {
        sum += high * wide * image[(box.top + y) * side + box.left + x];
      }
    }
    return Math.round(sum);
  });
}

// For each of `to` new pixels: the old ones that it covers, out of `from`, and how much of it each is.
function shares(from, to) {
  const step = from / to;
  return Array.from({ length: to }, (_, i) => {
    const covering = [];
    for (let old = Math.floor(i * step); old < Math.min(from, Math.ceil((i + 1) * step)); old++) {
      const covered = Math.min(old + 1, (i + 1) * step) - Math.max(old, i * step);
      if (covered > 0) covering.push([old, covered / step]);
    }
    return covering;
  });
}

// Where the ink must start for its centre of mass to fall on pixel 14, without leaving the field.
function corner(ink, size, place) {
  let [mass, moment] = [0, 0];
  ink.forEach((grey, i) => {
    mass += grey;
    moment += grey * place(i);
  });
  return Math.min(FIELD - size, Math.max(0, Math.round(FIELD / 2 - moment / mass)));
}
