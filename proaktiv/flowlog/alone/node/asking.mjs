// What was typed: which paths, by whose policy; and what to type instead, where that is no question.

import fs from "node:fs";
import path from "node:path";

import { Unreadable } from "./spelling.mjs";

const PROGRAM = "node verify.mjs";
const VALUED = ["--policy", "--since", "--consent", "--lang"];
/** In English and in German. */
export const HELP = [
  `Verifies what proaktiv's flow log handed out: an export, a proof, the way of a consent.

In the folder where all of it lies:

    ${PROGRAM} --policy policy.txt    shows the key as the slip does, to compare
    ${PROGRAM} auszug --policy policy.txt
    ${PROGRAM} auszug --policy policy.txt --since checkpoint-2026-11
    ${PROGRAM} fluss-217.tlog-proof --consent weg --policy policy.txt

    auszug         the folder that you unpacked an export into; a proof (.tlog-proof) as well
    --policy FILE  your own file with the key that you noted, two lines:
                       log flowlog.musterstadt.example/1+c06640cc+…  (the whole key)
                       quorum none
    --since FILE   a checkpoint that you kept: has the log only grown since?
    --consent WHAT the unpacked way of the consent, or its proof: did the flow rest on it?
    --json         one line of JSON for each path, for programs
    --lang de      auf Deutsch, as it is without this option

The last line is the verdict: "Everything adds up." (ends with 0), "It does not add up." (1: a finding),
"Nothing was judged." or "Not all of it was judged." (2: the lines above say what to do).
Nothing is sent and nothing is written. Not verified: what is sealed, and time stamps (RFC 3161).
`,
  `Prüft, was das Datenfluss-Protokoll von proaktiv ausgab: einen Auszug, einen Beleg, den Weg einer Einwilligung.

So geht es, in dem Ordner, in dem alles liegt:

    ${PROGRAM} --policy policy.txt    zeigt den Schlüssel wie auf dem Zettel, zum Vergleichen
    ${PROGRAM} auszug --policy policy.txt
    ${PROGRAM} auszug --policy policy.txt --since checkpoint-2026-11
    ${PROGRAM} fluss-217.tlog-proof --consent weg --policy policy.txt

    auszug         der Ordner, in den Sie den Auszug entpackt haben; ebenso ein Beleg (.tlog-proof)
    --policy DATEI die Datei mit dem Prüfschlüssel, den Sie mit dem Zettel verglichen haben, zwei Zeilen:
                       log flowlog.musterstadt.example/1+c06640cc+…  (der ganze Schlüssel)
                       quorum none
    --since DATEI  ein Checkpoint, den Sie aufgehoben haben: Ist das Protokoll seither nur gewachsen?
    --consent WAS  der entpackte Weg der Einwilligung, oder ihr Beleg: Beruhte der Fluss darauf?
    --json         je Datei eine Zeile JSON, für Programme
    --lang en      in English

Die letzte Zeile ist das Urteil: „Alles stimmt.“ (Ende mit 0), „Es stimmt nicht alles.“ (1: ein Befund),
„Nichts geprüft.“ oder „Nicht alles geprüft.“ (2: darüber steht, was zu tun ist).
Nichts wird verschickt, nichts geschrieben. Nicht geprüft wird, was versiegelt ist, und Zeitstempel (RFC 3161).
`,
];
/** What to type, by what is found in what was typed. */
const EXAMPLES = {
  "--consent": "fluss-217.tlog-proof --consent weg --policy policy.txt",
  ".tlog-proof": "fluss-217.tlog-proof --consent weg --policy policy.txt",
  "--since": "auszug --policy policy.txt --since checkpoint-2026-11",
  "": "auszug --policy policy.txt",
};

/** Return what to type instead of a question that is none: an example of what was most likely meant. */
export function nextTime(words, german) {
  const [, example] = Object.entries(EXAMPLES).find(([sign]) => words.join(" ").includes(sign));
  return german
    ? `So geht es: ${PROGRAM} ${example}\nMehr: ${PROGRAM} --help`
    : `This works: ${PROGRAM} ${example}\nMore: ${PROGRAM} --help --lang en`;
}

/** Return whether to answer in German, which is so unless English is asked for. */
export const isGerman = (words) =>
  !words.includes("--lang=en") && !words.some((word, at) => word === "--lang" && words[at + 1] === "en");

/** Read what was typed. Without paths the policy is to be shown. */
export function readWords(words) {
  const paths = [];
  const values = new Map();
  const rest = [...words];
  const nameless = words.includes(""); // a variable of a script that is empty: nothing may end well by that
  while (rest.length) {
    const word = rest.shift();
    if (!word.startsWith("-")) {
      if (word !== "") paths.push(...fitting(word));
      continue;
    }
    const equals = word.includes("=");
    const name = word.split("=", 1)[0];
    const valued = VALUED.includes(name);
    let value = word.slice(name.length + 1);
    if (!valued && word !== "--json") throw new Unreadable(`${word} is no option of this program`);
    if (values.has(name)) throw new Unreadable(`the option ${name} stands twice`);
    if (valued && !equals) value = rest.length && !rest[0].startsWith("-") ? rest.shift() : "";
    if (valued && value === "") throw new Unreadable(`after ${name} something is missing`);
    values.set(name, value);
  }
  if (!["de", "en"].includes(values.get("--lang") ?? "de")) throw new Unreadable("--lang is de or en");
  const showing = !nameless && values.has("--policy") && [...values.keys()].every((name) => ["--policy", "--lang"].includes(name));
  if (!paths.length && !showing) {
    throw new Unreadable("name what to verify: the folder of an unpacked export, or a proof (.tlog-proof)");
  }
  if (!values.has("--policy")) {
    throw new Unreadable("--policy is missing: your own file with the key that you noted");
  }
  const resting = values.has("--consent");
  if (resting && paths.length !== 1) throw new Unreadable("--consent judges one proof of a flow");
  if (resting && values.has("--since")) throw new Unreadable("--since is for a whole export, not beside --consent");
  const [policy, since, consent] = ["--policy", "--since", "--consent"].map((name) => one(values.get(name) ?? ""));
  return { paths, policy, since, consent, json: values.has("--json") };
}

function one(name) {
  const found = fitting(name);
  if (found.length > 1) throw new Unreadable(`${name} fits several files: name one`);
  return found[0];
}

/** Return the paths that a name with * means: shells of Windows leave that to programs. Others mean themselves. */
function fitting(name) {
  const { base } = path.parse(name);
  if (!base.includes("*") || fs.existsSync(name)) return [name];
  const literal = base.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const form = new RegExp(`^${base.startsWith("*") ? "(?![.])" : ""}${literal.join(".*")}$`, "s");
  try {
    const parent = path.dirname(name);
    const found = fs.readdirSync(parent).filter((each) => form.test(each)).sort();
    return found.length ? found.map((each) => path.join(parent, each)) : [name];
  } catch {
    return [name];
  }
}
