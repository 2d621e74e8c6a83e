// Verify what proaktiv's flow log handed out: an export, a selection of entries, or a single proof.
//
//     node verify.mjs PATH … --policy POLICY [--since CHECKPOINT] [--json] [--lang de]
//
// One file; needs Node 20 or later and nothing else; no network, nothing is written. POLICY is your own file (C2SP
// tlog-policy) with the keys that you noted: none is ever taken from what is verified. CHECKPOINT is one that you kept.
// Ends with 0: untouched, 1: a finding, 2: nothing could be judged. Not checked: what is sealed, RFC 3161 time stamps.
// Source: RFC 6962; C2SP signed-note, tlog-checkpoint, -cosignature, -policy, -tiles, -proof; decisions 0010 and 0019.

import fs from "node:fs";

import { Unreadable, or } from "./spelling.mjs";
import { Policy } from "./trust.mjs";
import { Folder, smallFile } from "./folder.mjs";
import { Verdict } from "./verdict.mjs";
import { Export } from "./export.mjs";
import { isSelection, judgeSelection } from "./selection.mjs";
import { judgeProof } from "./proof.mjs";

const PROOF_MAX = 1024 * 1024;

function judge(place, policy, kept) {
  const verdict = new Verdict(place, "proof");
  try {
    const folder = new Folder(place);
    if (!(fs.statSync(place, { throwIfNoEntry: false })?.isDirectory() ?? false)) {
      judgeProof(smallFile(place, PROOF_MAX), policy, verdict);
    } else if (isSelection(folder)) {
      verdict.kind = "selection";
      judgeSelection(folder, policy, verdict);
    } else {
      verdict.kind = "export";
      new Export(folder, policy, kept, verdict).judge();
    }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    verdict.error = error.message;
  }
  return verdict;
}

/** Return a text as C2SP wants it: an editor of Windows puts a mark before it and ends its lines with two signs. */
const typed = (raw) => Buffer.from(raw.toString("latin1").replace(/^\xef\xbb\xbf/, "").replaceAll("\r\n", "\n"), "latin1");

function asked(words) {
  const found = { paths: [], policy: null, since: null, json: false, lang: "en" };
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    if (word === "--json") found.json = true;
    else if (["--policy", "--since", "--lang"].includes(word)) found[word.slice(2)] = words[at += 1] ?? null;
    else if (word.startsWith("--")) return null;
    else found.paths.push(word);
  }
  return found.paths.length && found.policy !== null && ["en", "de"].includes(found.lang) ? found : null;
}

function main(words) {
  const wanted = asked(words);
  if (!wanted) {
    process.stderr.write("usage: verify.mjs PATH … --policy POLICY [--since CHECKPOINT] [--json] [--lang de]\n");
    return 2;
  }
  try {
    const policy = new Policy(typed(smallFile(wanted.policy)), Math.floor(Date.now() / 1000));
    const kept = wanted.since === null ? null : or((error) => {
      throw new Unreadable(`${wanted.since} is no checkpoint of this log: ${error.message}`);
    }, () => policy.open(smallFile(wanted.since)));
    let worst = 0;
    for (const place of wanted.paths) {
      const verdict = judge(place, policy, kept);
      worst = Math.max(worst, verdict.code);
      process.stdout.write(`${wanted.json ? verdict.toJson() : verdict.text(wanted.lang === "de")}\n`);
    }
    return worst;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}

process.exitCode = main(process.argv.slice(2));
