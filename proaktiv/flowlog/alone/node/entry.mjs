// One entry: what a line of entries.jsonl says, and whether its parts and columns are what it commits to.

import { canonical, demand, hasKeys, isCount, isText, or, parsed, same, sha256, unbase64, utf8 } from "./spelling.mjs";
import { WIDTH } from "./tree.mjs";

const BODY_MAX = 16 * 1024;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const INSTANT = /^[1-9]\d{3}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d\.\d{6}Z$/;
const ERASURE = 3, RETENTION = 6;
/** Kinds that give or end a consent; that it did not end the person's numbers show, so each must have one. */
export const CHANGING = ["consent_changed", "confirmed"];
const LABELS = [
  ..."? authorised outcome erasure access key retention succession received admitted refused".split(" "),
  ..."consent_changed confirmed incident act recall".split(" "),
];
const COLUMNS = {
  sender: "from", receiver: "to", purpose: "purpose", basis: "basis", scope: "scope", outcome: "outcome",
};

/** Read a line of an export or of a selection. `facts` is null where the row is missing, `subject` where its parts are. */
export function readRow(raw, selected) {
  return or(() => demand(false, "not an entry"), () => {
    demand(raw.at(-1) === 10, "no line");
    const { p, ...line } = parsed(raw.subarray(0, -1));
    demand(selected === (p !== undefined), "other fields");
    const whole = hasKeys(line, "i", "fid", "e", "F", "x", "S", "A");
    demand(whole || (!selected && (hasKeys(line, "i", "fid") || hasKeys(line, "i", "fid", "e", "F", "x"))), "other");
    demand(isCount(line.i) && isText(line.fid) && UUID.test(line.fid), "no place");
    const row = { at: line.i, flow: line.fid, entry: Buffer.alloc(0), facts: null, columns: null, subject: null };
    if (selected) row.path = Array.from(p, unbase64);
    if ("e" in line) {
      demand(areColumns(line.x), "other columns");
      Object.assign(row, { entry: unbase64(line.e), facts: readFacts(line.F), columns: line.x });
    }
    if (selected) {
      demand(hasKeys(line.A, "is") && line.A.is === "sealed", "other fields");
      Object.assign(row, { filed: true, subject: readPart(line.S), staff: "sealed" });
    } else if (whole) {
      demand(hasKeys(line.A, "is") && ["sealed", "missing"].includes(line.A.is), "other fields");
      Object.assign(row, { filed: line.S.filed, subject: readSubject(line.S), staff: line.A.is });
    }
    return row;
  });
}

export function readPart(opened) {
  demand(hasKeys(opened, "s", "b") && isText(opened.b), "no open part");
  return { salt: unbase64(opened.s), body: Buffer.from(opened.b) };
}

function readFacts(facts) {
  if (!Object.hasOwn(facts, "raw")) return readPart(facts);
  demand(hasKeys(facts, "s", "raw"), "other fields");
  const body = unbase64(facts.raw);
  demand(or(() => true, () => !isText(utf8(body))), "what is text stands there as text");
  return { salt: unbase64(facts.s), body };
}

function readSubject(said) {
  demand(typeof said.filed === "boolean" && Object.keys(said).length === 2, "other fields");
  if (!Object.hasOwn(said, "salt")) {
    demand(["sealed", "missing"].includes(said.is), "neither");
    return said.is;
  }
  const salt = unbase64(said.salt);
  demand(salt.length === 32, "no salt");
  return { salt, body: Buffer.alloc(0) };
}

function areColumns(columns) {
  return hasKeys(columns, "kind", "t", ...Object.keys(COLUMNS)) && isCount(columns.kind) && isText(columns.t)
    && INSTANT.test(columns.t) && isText(...Object.keys(COLUMNS).map((name) => columns[name]))
    && new Date(`${columns.t.slice(0, 23)}Z`).toISOString() === `${columns.t.slice(0, 23)}Z`;
}

export const fits = (part, group, commitment) =>
  part.salt.length === 32 && same(sha256("proaktiv/commit/v1\n", group, part.salt, part.body), commitment);

export function bodyOf(part) {
  const value = parsed(part.body);
  demand(part.body.length <= BODY_MAX && canonical(value), "not canonical");
  return value;
}

export function commitments(entry) {
  if (entry.length !== 115 || entry.toString("latin1", 0, 17) !== "proaktiv/flow/v1\n" || entry[18] !== 3) return null;
  return { kind: entry[17], F: entry.subarray(19, 51), S: entry.subarray(51, 83), A: entry.subarray(83) };
}

/** Return what is wrong inside an entry whose row is there, as pairs of what and detail. */
export function judgeRow(row) {
  const committed = commitments(row.entry);
  if (!committed) return [["entry", "the bytes are no entry"]];
  const found = judgeFacts(row.facts, committed.kind, committed.F, row.flow, row.columns);
  const { subject } = row;
  if (subject === null) return [...found, ["row", "its row of sealed parts is missing"]];
  if (!isText(subject)) {
    if (row.filed !== subject.body.length > 0 || !fits(subject, "S", committed.S)) {
      found.push(["subject part", "is not what was committed"]);
    }
  } else if (row.filed !== (subject === "sealed")) {
    found.push(["subject part", "there without its index, or missing with it"]);
  }
  if (row.staff === "missing") found.push(["staff part", "missing without an erasure"]);
  return found;
}

export function judgeFacts(part, kind, commitment, flow, columns) {
  if (!fits(part, "F", commitment)) return [["facts", "bytes or salt are not what was committed"]];
  const facts = or(() => null, () => bodyOf(part));
  if (!facts) return [["facts", "not canonical"]];
  const said = (name) => (Object.hasOwn(facts, name) ? facts[name] : "");
  const label = (byte) => (byte > 0 && byte < LABELS.length ? LABELS[byte] : "unknown");
  const found = [];
  if (flow && said("flow") !== flow) found.push(["facts", "are those of another flow"]);
  if (label(kind) === "unknown" || said("kind") !== label(kind)) {
    found.push(["facts", "name another kind than the entry"]);
  }
  if (CHANGING.includes(label(kind)) && said("restrict")) {
    found.push(["facts", "keep from the person what gives or ends a consent"]);
  }
  if (!columns) return found;
  const shown = { ...columns, kind: label(columns.kind) };
  for (const [column, name] of Object.entries({ kind: "kind", t: "t", ...COLUMNS })) {
    if (shown[column] !== said(name)) found.push(["column", column]);
  }
  return found;
}

/** Return what an entry says that retention took: entries before which one, how many, how many of them erased. Older
 *  entries do not say the last: then what retention took of erased ones still excuses others. */
export function prunedBy(row) {
  if (row.columns.kind !== RETENTION) return [0, 0, 0];
  const { action, minimum, removed, removed_erased: erased = 0 } = or(() => ({}), () => bodyOf(row.facts));
  const counted = action === "log.pruned" && isCount(minimum, removed, erased) && minimum % WIDTH === 0;
  return counted && erased >= 0 && erased <= removed && removed <= minimum ? [minimum, removed, erased] : [0, 0, 0];
}

export function erasedBy(row) {
  if (row.columns.kind !== ERASURE) return 0;
  const n = or(() => 0, () => bodyOf(row.facts).n ?? 0);
  return isCount(n) && n > 0 ? n : 0;
}
