/** What is said of a call, in each of the clinic's languages. */

import { language, t } from "../core/i18n.js";
import { announce } from "../core/sound.js";

/**
 * @param {{label: string, desk: string | null}} call
 * @param {readonly string[]} languages None: the page's own.
 */
export function say({ label, desk }, languages) {
  const spoken = languages.length ? languages : [language];
  return announce(spoken.map((code) => {
    const args = { label: spelled(label), desk: desk ?? "" };
    const text = desk ? t(`voice.desk_${code}`, args) : t(`voice.no_desk_${code}`, args);
    return { language: code, text };
  }));
}

/** A label with letters is said one by one, a bare number as a number. @param {string} label */
const spelled = (label) => /^\d+$/.test(label) ? label : [...label].join(" ");
