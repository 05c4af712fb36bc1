// A button that records a word and shows what a network hears in it. The sound goes to Python
// (_widget.py) as float samples at the wanted rate; the browser itself filters and resamples it.

function render({ model, el }) {
  const root = element(el, "div", { class: "dlkit-microphone", "data-lm-suppress-shortcuts": "true" });
  const seconds = model.get("seconds");
  const button = element(root, "button", { type: "button" }, `Record ${seconds} seconds`);
  const said = element(root, "p", { class: "dlkit-microphone-said", role: "status" });
  const bars = element(root, "ol", { class: "dlkit-microphone-bars" });
  let isGone = false;

  function say(text) {
    if (said.textContent !== text) said.textContent = text; // announced once
  }

  async function record() {
    if (!navigator.mediaDevices || !window.MediaRecorder) {
      say(
        "This page may not use a microphone: that takes an address that begins with https or " +
          "localhost. Record a WAV file instead.",
      );
      return;
    }
    button.disabled = true;
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      say("Speak now.");
      const body = await recorded(stream);
      say("Listening …");
      const samples = await resampled(body);
      if (isGone) return;
      model.set("samples", new DataView(samples.buffer));
      model.save_changes();
    } catch (error) {
      say(
        error.name === "NotAllowedError"
          ? "The browser was not allowed to use the microphone. Allow it beside the address, or record a WAV file instead."
          : `No sound came from the microphone (${error.name || error}). Record a WAV file instead.`,
      );
    } finally {
      if (stream) for (const track of stream.getTracks()) track.stop(); // the red light goes out
      button.disabled = false;
    }
  }

  function recorded(stream) {
    return new Promise((resolve, reject) => {
      const recorder = new MediaRecorder(stream);
      const parts = [];
      recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
      recorder.addEventListener("error", (event) => reject(event.error || new Error("recorder")));
      recorder.addEventListener("stop", () => resolve(new Blob(parts, { type: recorder.mimeType })));
      recorder.start();
      setTimeout(() => recorder.stop(), 1000 * seconds);
    });
  }

  async function resampled(body) {
    const context = new (window.AudioContext || window.webkitAudioContext)();
    try {
      const decoded = await context.decodeAudioData(await body.arrayBuffer());
      const rate = model.get("rate");
      const length = Math.max(1, Math.round(decoded.duration * rate));
      const offline = new OfflineAudioContext(1, length, rate); // one channel: the mean
      const source = offline.createBufferSource();
      source.buffer = decoded;
      source.connect(offline.destination);
      source.start();
      const found = await offline.startRendering();
      return found.getChannelData(0).slice();
    } finally {
      context.close();
    }
  }

  function show() {
    say(model.get("error") || model.get("verdict") || "It records when you press the button.");
    bars.replaceChildren();
    const names = model.get("class_names");
    const percents = model.get("percents");
    model.get("probabilities").forEach((probability, number) => {
      const item = element(bars, "li");
      element(item, "span", {}, names[number]);
      const bar = element(item, "span", { class: "dlkit-microphone-bar", "aria-hidden": "true" });
      bar.style.width = `${Math.round(1000 * probability) / 10}%`;
      element(item, "span", {}, percents[number]);
    });
  }

  button.addEventListener("click", record);
  model.on("change:heard", show);
  show();
  return () => {
    isGone = true;
    model.off("change:heard", show);
  };
}

export default { render };
