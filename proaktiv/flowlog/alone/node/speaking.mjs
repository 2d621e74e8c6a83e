// What an entry says, for people: members under the names of the office's pages, times in German time too.

import { isText, spelt } from "./spelling.mjs";
import { INSTANT } from "./entry.mjs";
import { WORDS } from "./words.mjs";

const NAMES = {
  index: "Platz im Protokoll",
  t: "Wann",
  kind: "Art",
  action: "Vorgang",
  outcome: "Ergebnis",
  from: "Von",
  to: "An",
  to_name: "Name des Empfängers",
  to_system: "System des Empfängers",
  categories: "Welche Daten",
  purpose: "Zweck",
  basis: "Rechtsgrundlage",
  scope: "Freigegebener Text",
  rule: "Regel",
  n: "Anzahl",
  restrict: "Der Person nicht gezeigt",
  of: "Gehört zu Eintrag",
  listed: "Länge der Liste der Gelöschten",
  minimum: "Erster Platz, ab dem alles da ist",
  removed: "So viele davor sind gelöscht",
  removed_erased: "Bei so vielen davon war Teil S schon vernichtet",
  flow: "Nummer des Eintrags",
  seq: "Nummer unter den Einträgen der Person",
  consent: "Einwilligung",
  replaces: "Ersetzt die Einwilligung",
  outbox: "Sendung",
  v: "Fassung des Formats",
};
const KIND_NAMES = {
  authorised: "Erlaubt, vor der Übermittlung",
  outcome: "Ergebnis einer Übermittlung",
  erasure: "Löschung einer Person",
  access: "Einblick",
  key: "Schlüssel",
  retention: "Frist, Sperre oder Freigabe",
  succession: "Nachfolge eines Protokolls",
  received: "Eingang",
  admitted: "Zugelassen",
  refused: "Verweigert",
  consent_changed: "Einwilligung geändert",
  confirmed: "Bestätigung",
  incident: "Vorfall",
  act: "Handlung",
  recall: "Rückruf",
};
const TABLE_OF = {
  action: "action", outcome: "outcome", categories: "category", purpose: "purpose", basis: "basis", from: "party", to: "party",
};
const FIRST_YEAR = 1996, LAST_YEAR = 9998; // since when summer time ends in October; after it no calendar goes on

/** Return a line for each member. */
export function shown(members, german) {
  const unnamed = Object.keys(members).filter((name) => !Object.hasOwn(NAMES, name)).sort();
  if (!german) return Object.keys(members).sort().map((name) => `    ${name}: ${spoken(members[name])}`);
  const names = [...Object.keys(NAMES).filter((name) => Object.hasOwn(members, name)), ...unnamed];
  const called = (name) => (Object.hasOwn(NAMES, name) ? NAMES[name] : name);
  return names.map((name) => `    ${called(name)} (${name}): ${said(name, members[name], members.action ?? "")}`);
}

function said(name, value, act) {
  if (name === "t") return inGermanTime(value);
  if (name === "kind" && isText(value) && Object.hasOwn(KIND_NAMES, value)) return `${KIND_NAMES[value]} (${value})`;
  if (name === "categories" && Array.isArray(value)) return value.map((each) => named(name, each, act)).join(", ");
  return value === true ? "ja" : named(name, value, act);
}

/** Return a code behind the word that the pages have for it; what has none stays as it is. */
export function named(name, value, act = "") {
  if (!isText(value) || !Object.hasOwn(TABLE_OF, name)) return spoken(value);
  const table = WORDS[TABLE_OF[name]];
  const of = (code) => (Object.hasOwn(table, code) ? table[code] : "");
  let word = of(`${act} ${value}`) || of(value);
  const days = /^days ([0-9]+)$/.exec(value);
  if (name === "outcome" && days) word = `gilt ${days[1]} Tage`;
  if (name === "categories" && !word) { // of a fact that rules name the last part is a German word, typed small
    const last = value.slice(value.lastIndexOf(".") + 1);
    word = of(last) || (/^[a-z]+$/.test(last) ? last[0].toUpperCase() + last.slice(1) : "");
  }
  if (!word) return spoken(value);
  return word.toLowerCase() === value ? word : `${word} (${spoken(value)})`;
}

/** Return a value on one line, without what could move a terminal's cursor. */
export function spoken(value) {
  if (Array.isArray(value)) return value.map(spoken).join(", ");
  return (isText(value) ? value : spelt(value)).replace(/(?! )[\p{C}\p{Z}]/gu, "?");
}

/**
 * Return an instant of the log in German time and in UTC, to the second; what is none comes back as it is.
 * Directive 2000/84/EC: summer time from 01:00 UTC of March's last Sunday to that of October's.
 */
export function inGermanTime(value) {
  if (!isText(value) || !INSTANT.test(value)) return spoken(value);
  const [year, month, day, hour, minute, second] = value.slice(0, 19).split(/[-T:]/).map(Number);
  const at = Date.UTC(year, month - 1, day, hour, minute, second);
  const clock = (moment) => new Date(moment).toISOString().slice(0, 19).split("T");
  const [utcDay, utcTime] = clock(at);
  if (utcDay !== value.slice(0, 10) || year < FIRST_YEAR || year > LAST_YEAR) return spoken(value);
  const summer = lastSunday(year, 3) <= at && at < lastSunday(year, 10);
  const [there, time] = clock(at + (summer ? 2 : 1) * 3600 * 1000);
  return `${there.split("-").reverse().join(".")}, ${time} deutsche Zeit = ${utcDay} ${utcTime} UTC`;
}

/** Return 01:00 UTC on the last Sunday of a month of 31 days. */
function lastSunday(year, month) {
  const last = Date.UTC(year, month - 1, 31, 1);
  return last - new Date(last).getUTCDay() * 24 * 3600 * 1000;
}
