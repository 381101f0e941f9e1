// The page: a song is chosen, decoded, predicted and shown; or the page says why not.

import { cardTable } from "./card.js";
import { decode } from "./decode.js";
import { genreBars, rankGenres } from "./genres.js";
import { Network, predict } from "./predict.js";
import { spectrogram } from "./spectrogram.js";
import { clock, probability, Refusal } from "./text.js";
import { timeline } from "./timeline.js";
import { Envelope } from "./waveform.js";

const at = (id) => document.getElementById(id);
const model = await (await fetch("model.json")).json();
const seesMel = model.views.includes("mel");
let network = new Network();
let latest = 0; // number of the song that was chosen last; an earlier one is given up

at("waits").remove();
at("model-name").textContent = `, model ${model.model}`;
at("warning").textContent = model.warning;
at("card").append(cardTable(model.card));
at("seen").hidden = !seesMel;

at("song").addEventListener("change", ({ target }) => {
  open([...target.files]);
  target.value = ""; // so that the same song can be chosen again
});
at("cancel").addEventListener("click", () => {
  giveUp();
  say("Cancelled.");
  at("song").focus();
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  at("zone").classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) at("zone").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  at("zone").classList.remove("over");
  if (event.dataTransfer.files.length > 0) open([...event.dataTransfer.files]);
});

/** Predict a song and show what was found. */
async function open(files) {
  if (!at("work").hidden) giveUp();
  const mine = ++latest;
  const current = () => mine === latest;
  at("failure").textContent = "";
  at("result").hidden = true;
  try {
    if (files.length !== 1) throw new Refusal(`expected one song, found ${files.length} files: choose one of them.`);
    at("work").hidden = false;
    at("progress").removeAttribute("value");
    say(`Decoding ${files[0].name}`);
    const buffer = await decode(files[0], { sampleRate: model.sample_rate, nSamples: model.clip_samples });
    if (!current()) return;
    const envelope = new Envelope(buffer.length);
    say(`Predicting ${files[0].name}`);
    const found = await predict(buffer, {
      network,
      model,
      onExcerpt({ samples, start, done }) {
        envelope.add(samples, start);
        at("progress").value = done;
      },
    });
    if (current()) show(files[0].name, found, { seconds: buffer.length / model.sample_rate, envelope });
  } catch (error) {
    if (current()) fail(files, error);
  } finally {
    if (current()) at("work").hidden = true;
  }
}

/** Stop the song in work; what its network is computing cannot be interrupted otherwise. */
function giveUp() {
  latest++;
  network.stop();
  network = new Network();
  at("work").hidden = true;
}

function show(name, { clips, excerpts }, { seconds, envelope }) {
  const ranked = rankGenres(clips, model.genres);
  const clipSeconds = model.clip_samples / model.sample_rate;
  at("song-name").textContent = name;
  at("facts").textContent = `${clock(seconds)} long, ${clips.length} clips of ${clipSeconds.toFixed(1)} s`;
  at("silence").hidden = !envelope.isSilent;
  at("genres").replaceChildren(...genreBars(ranked, model.task));
  const drawn = timeline(clips, ranked, { task: model.task, seconds, clipSeconds, waveform: envelope.draw() });
  at("timeline").replaceChildren(...drawn);
  if (seesMel) at("spectrogram").replaceChildren(spectrogram(excerpts, seconds, model));
  at("result").hidden = false;
  const best = ranked.slice(0, 3).map(({ genre, mean }) => `${genre} ${probability(mean)}`);
  say(`${name}: ${envelope.isSilent ? "silent" : best.join(", ")}`);
  at("result").focus();
}

function fail(files, error) {
  if (!(error instanceof Refusal)) console.error(error);
  const reason = error instanceof Refusal ? error.message : `the network did not run: ${error.message}`;
  say("");
  at("failure").textContent = files.length === 1 ? `${files[0].name}: ${reason}` : reason;
}

function say(words) {
  at("status").textContent = words;
}
