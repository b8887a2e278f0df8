/** Chimes and the voice of the device; one announcement after the other, never over each other. */

/** @typedef {{language: string, text: string}} Spoken */

const NOTES = [[659.25, 0], [523.25, 0.32]];
const CHIME_SECONDS = 1.3;
const SPEECH_LIMIT_MS = 15000;

/** @type {AudioContext | null} */
let context = null;
/** @type {Promise<void>} */
let last = Promise.resolve();
let waiting = 0;

/** Whether sound can be heard: browsers want a click first. */
export function isAudible() {
  return context?.state === "running";
}

/** Call it on a click: sounds are allowed from then on. Whether they are. */
export async function enable() {
  context ??= new AudioContext();
  await context.resume();
  return isAudible();
}

/** Whether sound is allowed without a click, as kiosk browsers can be told to. */
export function tryEnable() {
  return Promise.race([enable(), new Promise((resolve) => setTimeout(() => resolve(false), 500))]);
}

/**
 * A chime, then the texts in their languages, after all that is being announced. What would be
 * said too late to be of use is not: at most `most` announcements wait.
 * @param {readonly Spoken[]} texts
 * @param {number} [most]
 */
export function announce(texts, most = 8) {
  if (waiting >= most) return last;
  waiting++;
  last = last.then(async () => {
    await chime();
    for (const text of texts) await speak(text);
  }).finally(() => waiting--);
  return last;
}

async function chime() {
  if (!context || !isAudible()) return;
  const begin = context.currentTime + 0.05;
  for (const [pitch, after] of NOTES) {
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, begin + after);
    volume.gain.linearRampToValueAtTime(0.35, begin + after + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + after + 0.9);
    tone.connect(volume).connect(context.destination);
    tone.start(begin + after);
    tone.stop(begin + after + 1);
  }
  await new Promise((resolve) => setTimeout(resolve, CHIME_SECONDS * 1000));
}

/** @param {Spoken} spoken */
function speak({ language, text }) {
  const voices = globalThis.speechSynthesis?.getVoices() ?? [];
  const voice = voices.find((one) => one.lang.split(/[-_]/)[0] === language);
  if (!voice || !isAudible()) return;
  return new Promise((resolve) => {
    const said = new SpeechSynthesisUtterance(text);
    said.voice = voice;
    said.lang = voice.lang;
    said.rate = 0.9;
    const timer = setTimeout(() => speechSynthesis.cancel(), SPEECH_LIMIT_MS);
    said.onend = said.onerror = () => {
      clearTimeout(timer);
      resolve(undefined);
    };
    speechSynthesis.speak(said);
  });
}
