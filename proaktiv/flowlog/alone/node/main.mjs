// Verify what proaktiv's flow log handed out: an export, a selection of entries, or a single proof.
//
//     node verify.mjs --policy POLICY
//     node verify.mjs PATH … --policy POLICY [--since CHECKPOINT] [--json] [--lang en]
//     node verify.mjs FLOW.tlog-proof --consent GIVEN --policy POLICY [--json] [--lang en]
//
// One file; needs Node 20 or later and nothing else; no network, nothing is written. POLICY is your own file (C2SP
// tlog-policy) with the keys that you noted: none is ever taken from what is verified. Alone it is shown, as the slip
// shows the key. CHECKPOINT is one that you kept.
// GIVEN proves the consent of a flow: a proof, or a selection that holds both.
// Speaks German, and English when asked. Ends with 0: untouched, 1: a finding, 2: something could not be judged.
// Not checked: what is sealed, RFC 3161 time stamps.
// Source: RFC 6962; C2SP signed-note, tlog-checkpoint, -cosignature, -policy, -tiles, -proof; decisions 0010 and 0019.

import path from "node:path";

import { Unreadable, or, typed } from "./spelling.mjs";
import { Policy } from "./trust.mjs";
import { Folder, isFolder, smallFile } from "./folder.mjs";
import { inGerman } from "./german.mjs";
import { CONCLUSIONS, STRANGE, UNASKED, Verdict, concluded } from "./verdict.mjs";
import { Export } from "./export.mjs";
import { isSelection, judgeSelection } from "./selection.mjs";
import { judgeProof } from "./proof.mjs";
import { judgeAmong, judgeTwo } from "./resting.mjs";
import { noted } from "./noted.mjs";
import { HELP, isGerman, nextTime, readWords } from "./asking.mjs";

const PROOF_MAX = 1024 * 1024;

/** Judge one folder or file; return the verdict, and what a proof shows or the entries of a selection. */
function judge(place, policy, kept) {
  const verdict = new Verdict(place, "proof");
  let shownHere = null;
  try {
    const folder = new Folder(place);
    const raw = isFolder(place) ? null : proofFile(place);
    if (raw === null) verdict.kind = isSelection(folder) ? "selection" : "export";
    if (kept && verdict.kind !== "export") throw new Unreadable("no whole export: --since needs one");
    if (verdict.kind === "proof") shownHere = judgeProof(raw, policy, verdict);
    else if (verdict.kind === "selection") shownHere = judgeSelection(folder, policy, verdict);
    else new Export(folder, policy, kept, verdict).judge();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    verdict.error = error.message;
  }
  return [verdict, shownHere];
}

/** Return the bytes of a proof, with a word on what to do where it is a zip file. */
function proofFile(place) {
  const raw = smallFile(place, PROOF_MAX);
  if (raw.toString("latin1", 0, 4) === "PK\x03\x04") {
    const unpack = `unzip -q ${path.basename(place)} -d ${path.parse(place).name}`;
    throw new Unreadable(`a zip file: unpack it into a new folder and name that, ${unpack}`);
  }
  return raw;
}

/** Judge the proof of a flow, what shows its consent, and, where nothing speaks against either, the two together. */
function judgeRest(place, consent, policy) {
  const [[one, flow], [other, given]] = [judge(place, policy, null), judge(consent, policy, null)];
  if (one.kind !== "proof" && (one.kind !== "export" || !one.error)) one.error = "--consent judges one proof of a flow";
  if (other.kind === "export" && !other.error) other.error = "an export: --consent takes the proof of the consent, or a selection";
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

function readPolicy(place) {
  const raw = or((error) => { throw new Unreadable(`the policy is ${error.message}`); }, () => typed(smallFile(place)));
  return new Policy(raw, Math.floor(Date.now() / 1000));
}

/**
 * Return a checkpoint that the caller kept, or say what to do.
 * Null where a key of the policy signed neither it nor what is to be judged: the key is what is wrong then.
 */
function keptCheckpoint(place, policy, paths) {
  try {
    return or((error) => {
      if (error.message === STRANGE && paths.every((each) => isStrange(each, policy))) return null;
      const otherwise = "if it is that one, this is a finding: hold on to everything, and do not go on without --since";
      const remedy = `Take the unchanged file that you kept; ${otherwise}`;
      throw new Unreadable(`--since: ${place} is no checkpoint of this log: ${error.message}. ${remedy}`);
    }, () => policy.open(typed(smallFile(place))));
  } catch (error) {
    if (!(error instanceof Unreadable) || error.message.startsWith("--since: ")) throw error;
    const remedy = "Name the file that you kept, and do not go on without --since";
    throw new Unreadable(`--since: ${error.message}. ${remedy}`);
  }
}

/** Return whether no key of the policy signed the checkpoint of an export. */
function isStrange(place, policy) {
  const folder = new Folder(place);
  try {
    const raw = isFolder(place) && !isSelection(folder) ? folder.read("checkpoint") : null;
    return raw !== null && or((error) => error.message === STRANGE, () => policy.open(raw) === null);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return false;
  }
}

function answer({ paths, policy: own, since, consent, json }, german) {
  const policy = readPolicy(own);
  if (!paths.length) {
    process.stdout.write(`${noted(policy, german)}\n`);
    return 0;
  }
  const kept = since ? keptCheckpoint(since, policy, paths) : null;
  const judged = [];
  for (const verdict of consent ? judgeRest(paths[0], consent, policy) : verdicts(paths, policy, kept)) {
    judged.push(verdict);
    if (json) process.stdout.write(`${verdict.toJson()}\n`);
  }
  const [worst, conclusion] = concluded(judged, german);
  const unasked = worst === 0 && !consent && judged.some(({ kind }) => kind !== "export");
  const decides = ({ code }) => Number(code === worst);
  const decidingLast = [...judged].sort((one, other) => decides(one) - decides(other));
  const said = [...decidingLast.map((each) => each.text(german)), ...(unasked ? [UNASKED[Number(german)]] : []), conclusion];
  if (!json) process.stdout.write(`${said.join("\n")}\n`);
  return worst;
}

function* verdicts(places, policy, kept) {
  for (const place of places) yield judge(place, policy, kept)[0];
}

function main(words) {
  const german = isGerman(words);
  const language = Number(german);
  if (words.includes("-h") || words.includes("--help")) {
    process.stdout.write(HELP[language]);
    return 0;
  }
  let understood = false;
  try {
    const asked = readWords(words);
    understood = true;
    return answer(asked, german);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const said = german ? inGerman(error.message) : error.message;
    const more = understood ? [] : [nextTime(words, german)];
    process.stderr.write(`${[said, ...more, CONCLUSIONS.nothing[language]].join("\n")}\n`);
    return 2;
  }
}

process.exitCode = main(process.argv.slice(2));
