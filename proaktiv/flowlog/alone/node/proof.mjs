// A single entry and its proof (C2SP tlog-proof).

import { Unreadable, demand, isCount, isText, or, parsed, same, unbase64, utf8 } from "./spelling.mjs";
import { leafOf, rootBy } from "./tree.mjs";
import { bodyOf, commitments, fits, judgeFacts, readPart } from "./entry.mjs";
import { openHead } from "./verdict.mjs";

function readProof(raw) {
  return or(() => { throw new Unreadable("no tlog-proof"); }, () => {
    const form = /^c2sp\.org\/tlog-proof@v1\n(?:extra ([^\n]*)\n)?index (0|[1-9][0-9]{0,18})\n((?:[^\n]+\n)*)\n/;
    const found = form.exec(raw.toString("latin1"));
    demand(found && isText(utf8(raw)), "no proof");
    const steps = found[3].split("\n").slice(0, -1).map(unbase64);
    demand(steps.every((step) => step.length === 32) && isCount(Number(found[2])), "a step is a hash");
    return { index: BigInt(found[2]), steps, extra: unbase64(found[1] ?? ""), note: raw.subarray(found[0].length) };
  });
}

export function judgeProof(raw, policy, verdict) {
  const { index, steps, extra, note } = readProof(raw);
  const [entry, parts] = or(() => {
    throw new Unreadable("a proof whose extra names no entry of this log: there is nothing to hold it against");
  }, () => {
    const { e, ...opened } = parsed(extra);
    demand(Object.keys(opened).every((group) => ["F", "S", "A"].includes(group)), "other fields");
    return [unbase64(e), Object.fromEntries(Object.entries(opened).map(([group, part]) => [group, readPart(part)]))];
  });
  verdict.judged = 1;
  const at = Number(index);
  const head = openHead(policy, note, verdict);
  if (head) {
    Object.assign(verdict, { size: head.size, root: head.root, checkpoints: 1 });
    if (!same(rootBy(index, BigInt(head.size), leafOf(entry), steps), head.root)) {
      verdict.find("entry", "its proof does not lead to the signed root", at);
    }
  }
  const committed = commitments(entry);
  if (!committed) {
    verdict.find("entry", "the bytes are no entry", at);
    return { origin: "", at, entry, facts: {}, subject: {} };
  }
  if (parts.F) {
    const before = verdict.findings.length;
    for (const [what, detail] of judgeFacts(parts.F, committed.kind, committed.F, "", null)) verdict.find(what, detail, at);
    if (verdict.findings.length === before) verdict.facts = { index: at, ...bodyOf(parts.F) };
  }
  for (const [group, what] of [["S", "subject part"], ["A", "staff part"]]) {
    const part = parts[group];
    if (!part) continue;
    or((error) => verdict.find(what, error.message, at), () => {
      demand(fits(part, group, committed[group]), "is not what was committed");
      const said = part.body.length || group === "A" ? bodyOf(part) : {}; // nobody's subject part is empty
      if (group === "S") verdict.subject = said;
    });
  }
  return { origin: head ? head.origin : "", at, entry, facts: verdict.facts, subject: verdict.subject };
}
