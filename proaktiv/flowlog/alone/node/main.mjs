// Verify what proaktiv's flow log handed out: an export, a selection of entries, or a single proof.
//
//     node verify.mjs PATH … --policy POLICY [--since CHECKPOINT] [--json] [--lang de]
//     node verify.mjs FLOW.tlog-proof --consent GIVEN --policy POLICY [--json] [--lang de]
//
// One file; needs Node 20 or later and nothing else; no network, nothing is written. POLICY is your own file (C2SP
// tlog-policy) with the keys that you noted: none is ever taken from what is verified. CHECKPOINT is one that you kept.
// GIVEN proves the consent of a flow: a proof, or a selection that holds both.
// Ends with 0: untouched, 1: a finding, 2: nothing could be judged. Not checked: what is sealed, RFC 3161 time stamps.
// Source: RFC 6962; C2SP signed-note, tlog-checkpoint, -cosignature, -policy, -tiles, -proof; decisions 0010 and 0019.

import fs from "node:fs";
import path from "node:path";

import { Unreadable, or } from "./spelling.mjs";
import { Policy } from "./trust.mjs";
import { Folder, smallFile } from "./folder.mjs";
import { inGerman } from "./german.mjs";
import { Verdict } from "./verdict.mjs";
import { Export } from "./export.mjs";
import { isSelection, judgeSelection } from "./selection.mjs";
import { judgeProof } from "./proof.mjs";
import { judgeAmong, judgeTwo } from "./resting.mjs";

const PROOF_MAX = 1024 * 1024;

/** Judge one folder or file; return the verdict, and what a proof shows or the entries of a selection. */
function judge(place, policy, kept) {
  const verdict = new Verdict(place, "proof");
  let shown = null;
  try {
    const folder = new Folder(place);
    if (!(fs.statSync(place, { throwIfNoEntry: false })?.isDirectory() ?? false)) {
      shown = judgeProof(proofFile(place), policy, verdict);
    } else if (isSelection(folder)) {
      verdict.kind = "selection";
      shown = judgeSelection(folder, policy, verdict);
    } else {
      verdict.kind = "export";
      new Export(folder, policy, kept, verdict).judge();
    }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    verdict.error = error.message;
  }
  return [verdict, shown];
}

/** Return the bytes of a proof, with a word on what to do where it is a zip file. */
function proofFile(place) {
  const raw = smallFile(place, PROOF_MAX);
  if (raw.toString("latin1", 0, 4) === "PK\x03\x04") {
    const unpack = `python3 -m zipfile -e ${path.basename(place)} ${path.parse(place).name}`;
    throw new Unreadable(`a zip file: unpack it into a new folder and name that, ${unpack}`);
  }
  return raw;
}

/** Judge the proof of a flow, what shows its consent, and, where nothing speaks against either, the two together. */
function judgeRest(place, consent, policy) {
  const [[one, flow], [other, given]] = [judge(place, policy, null), judge(consent, policy, null)];
  if (one.kind !== "proof") one.error = "--consent judges one proof of a flow";
  if (other.kind === "export") other.error = "an export: --consent takes the proof of the consent, or a selection";
  if (one.code || other.code) return [one, other];
  const both = new Verdict(`${place} + ${consent}`, "consent");
  try {
    if (other.kind === "proof") judgeTwo(flow, given, both);
    else judgeAmong(flow, other.origin, given, both);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    both.error = error.message;
  }
  return [one, other, both];
}

/** Return a text as C2SP wants it: an editor of Windows puts a mark before it and ends its lines with two signs. */
const typed = (raw) => Buffer.from(raw.toString("latin1").replace(/^\xef\xbb\xbf/, "").replaceAll("\r\n", "\n"), "latin1");

function asked(words) {
  const found = { paths: [], policy: null, since: null, consent: null, json: false, lang: "en" };
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    if (word === "--json") found.json = true;
    else if (["--policy", "--since", "--consent", "--lang"].includes(word)) found[word.slice(2)] = words[at += 1] ?? null;
    else if (word.startsWith("--")) return null;
    else found.paths.push(word);
  }
  return found.paths.length && found.policy !== null && ["en", "de"].includes(found.lang) ? found : null;
}

function main(words) {
  const wanted = asked(words);
  if (!wanted) {
    const [usage, more] = ["verify.mjs PATH … --policy POLICY", "[--since CHECKPOINT] [--consent GIVEN] [--json] [--lang de]"];
    process.stderr.write(`usage: ${usage} ${more}\n`);
    return 2;
  }
  const german = wanted.lang === "de";
  try {
    const policy = new Policy(typed(smallFile(wanted.policy)), Math.floor(Date.now() / 1000));
    const kept = wanted.since === null ? null : or((error) => {
      throw new Unreadable(`${wanted.since} is no checkpoint of this log: ${error.message}`);
    }, () => policy.open(smallFile(wanted.since)));
    const resting = wanted.consent !== null;
    if (resting && wanted.paths.length !== 1) throw new Unreadable("--consent judges one proof of a flow");
    let worst = 0;
    for (const verdict of resting ? judgeRest(wanted.paths[0], wanted.consent, policy) : verdicts(wanted.paths, policy, kept)) {
      worst = Math.max(worst, verdict.code);
      process.stdout.write(`${wanted.json ? verdict.toJson() : verdict.text(german)}\n`);
    }
    return worst;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    process.stderr.write(`${german ? inGerman(error.message) : error.message}\n`);
    return 2;
  }
}

function* verdicts(places, policy, kept) {
  for (const place of places) yield judge(place, policy, kept)[0];
}

process.exitCode = main(process.argv.slice(2));
