// A selection of one person's entries, each with a proof of its own.

import { Unreadable, demand, hasKeys, isCount, isText, or, parsed, same } from "./spelling.mjs";
import { leafOf, rootBy } from "./tree.mjs";
import { bodyOf, judgeRow, readRow } from "./entry.mjs";
import { LINE_MAX } from "./folder.mjs";
import { openHead } from "./verdict.mjs";

const SELECTION_READMES = new Set([
  "9eceb9f1cefc28c925acacad2e37241c57edda468b8e9ab2851d45656d7d01e5",
  "aa31261291d0c119e63b9b9e2a17e34efa397cfa280257cc4aed35a96708121f",
  "9c366a33dda2f24b954b4bf9c6c744e5045aadaa4f34cd94ee9b7a0316df11de",
  "4814d663bd4d773e3ac0f47c638918bb5b5062e50fc5a5330160751dc5e33426",
]);
const SELECTION = "proaktiv/log-selection/v1", SELECTED_FILES = ["README.txt", "checkpoint", "entries.jsonl"];
const RELEASED = "entry.released";

export const isSelection = (folder) => or(() => false, () =>
  parsed((folder.read("MANIFEST.json") ?? Buffer.alloc(0)).subarray(0, -1)).format === SELECTION);

function readSelectionManifest(raw) {
  return or(() => { throw new Unreadable("its MANIFEST.json is damaged: download it again and unpack it into a new folder"); }, () => {
    const said = parsed(raw.subarray(0, -1));
    demand(raw.at(-1) === 10 && hasKeys(said, "format", "origin", "size", "entries", "files"), "other fields");
    demand(isCount(said.size, said.entries) && said.entries > 0 && said.entries <= said.size, "no count");
    demand(hasKeys(said.files, ...SELECTED_FILES) && isText(said.origin, ...Object.values(said.files)), "other files");
    return said;
  });
}

export function judgeSelection(folder, policy, verdict) {
  const manifest = readSelectionManifest(folder.read("MANIFEST.json") ?? Buffer.alloc(0));
  for (const name of SELECTED_FILES) {
    const digest = folder.digest(name);
    if (digest === null) throw new Unreadable(`${name} is missing: download it again and unpack it into a new folder`);
    if (digest !== manifest.files[name]) verdict.find("file", `${name} is not what was handed out`);
    if (name === "README.txt" && !SELECTION_READMES.has(digest)) {
      verdict.find("file", "README.txt has another text than every selection; do not follow it");
    }
  }
  verdict.size = manifest.size;
  verdict.checkpoints = 1;
  const head = openHead(policy, folder.read("checkpoint"), verdict);
  if (head && (head.origin !== manifest.origin || head.size !== manifest.size)) {
    verdict.find("head", "MANIFEST.json speaks of another log or size than the checkpoint");
  }
  if (head) verdict.root = head.root;
  const rows = [];
  for (const [at, raw] of folder.lines("entries.jsonl")) {
    or((error) => verdict.find("file", `entries.jsonl: line ${at} is ${error.message}`), () => {
      demand(raw.length <= LINE_MAX, "longer than any");
      rows.push(readRow(raw, true));
    });
  }
  verdict.judged = rows.length;
  if (rows.length !== manifest.entries) {
    verdict.find("file", `MANIFEST.json says ${manifest.entries} entries, ${rows.length} are here`);
  }
  judgeRows(rows, head, verdict);
  verdict.origin = head ? head.origin : "";
  return rows;
}

/** Return what a part that lies open says; nothing where it says nothing. */
export const openBody = (part) => or(() => ({}), () => bodyOf(part));

function judgeRows(rows, head, verdict) {
  const all = rows.map((row) => ({ row, facts: openBody(row.facts), subject: openBody(row.subject) }));
  const released = new Set(all.filter(({ facts }) => facts.action === RELEASED).map(({ facts }) => facts.of));
  let [lastIndex, lastNumber, person] = [-1, null, null];
  for (const { row, facts, subject } of all) {
    if (row.at <= lastIndex) verdict.find("index", "stands twice or out of order", row.at);
    lastIndex = Math.max(lastIndex, row.at);
    for (const [what, detail] of judgeRow(row)) verdict.find(what, detail, row.at);
    if (head && !same(rootBy(BigInt(row.at), BigInt(head.size), leafOf(row.entry), row.path), head.root)) {
      verdict.find("entry", "its proof does not lead to the signed root", row.at);
    }
    if (!Object.keys(subject).length) {
      verdict.find("subject part", "is not canonical", row.at);
      continue;
    }
    const said = subject.subject ?? null;
    if (person !== null && person !== said) verdict.find("subject part", "is another person's", row.at);
    person = said;
    const number = subject.seq ?? null;
    if (number === null) {
      if (!facts.restrict || !released.has(row.flow)) {
        verdict.find("sequence", "has no number, and no entry here releases it", row.at);
      }
      continue;
    }
    if (lastNumber !== null && number !== lastNumber + 1) {
      verdict.find("sequence", `number ${number} where ${lastNumber + 1} should follow`, row.at);
    }
    lastNumber = isCount(number) ? number : null;
  }
}
