// Verify what proaktiv's flow log handed out: an export, a selection of entries, or a single proof.
//
//     node verify.mjs PATH … --policy POLICY [--since CHECKPOINT] [--json] [--lang de]
//
// One file; needs Node 20 or later and nothing else; no network, nothing is written. POLICY is your own file (C2SP
// tlog-policy) with the keys that you noted: none is ever taken from what is verified. CHECKPOINT is one that you kept.
// Ends with 0: untouched, 1: a finding, 2: nothing could be judged. Not checked: what is sealed, RFC 3161 time stamps.
// Source: RFC 6962; C2SP signed-note, tlog-checkpoint, -cosignature, -policy, -tiles, -proof; decisions 0010 and 0019.

import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

const READMES = new Set(["5b137c5d264ba369f2f883eb3487f1ffe9d008b3dbeaf4d46c551642297a2826"]);
const SELECTION_READMES = new Set(["aa31261291d0c119e63b9b9e2a17e34efa397cfa280257cc4aed35a96708121f"]);
const SMALL_MAX = 64 * 1024, LINE_MAX = 256 * 1024, PROOF_MAX = 1024 * 1024, BODY_MAX = 16 * 1024;
const FINDINGS_MAX = 1000, WIDTH = 256, LOG = 1, WITNESS = 4, ERASURE = 3, RETENTION = 6;
const LATEST = 253370764800n; // the beginning of the year 9999: what is later is no time
const SKEW = 5 * 60; // so many seconds honest clocks may be apart
const LABELS = [
  ..."? authorised outcome erasure access key retention succession received admitted refused".split(" "),
  ..."consent_changed confirmed incident act recall".split(" "),
];
const COLUMNS = {
  sender: "from", receiver: "to", purpose: "purpose", basis: "basis", scope: "scope", outcome: "outcome",
};
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const INSTANT = /^[1-9]\d{3}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d\.\d{6}Z$/;
const GERMAN = {
  row: "Zeile", entry: "Eintrag", facts: "Tatsachen", column: "Spalte", "subject part": "Personenteil",
  "staff part": "Beschäftigtenteil", sequence: "Zählung", index: "Platz", tile: "Kachel", head: "Kopf",
  checkpoint: "Checkpoint", cosignature: "Mitunterschrift", time: "Zeit", file: "Datei",
};

class Broken extends Error {} // a line, a note or a key is not what it should be
class Unreadable extends Error {} // nothing can be judged

// everything has one spelling ----------------------------------------------------------------------------------------

function demand(holds, otherwise) {
  if (!holds) throw new Broken(otherwise);
}

/** Return what `read` returns, and `otherwise` where it finds something broken. */
function or(otherwise, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Unreadable || error.syscall !== undefined) throw error;
    return otherwise(error);
  }
}

const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const same = (a, b) => a !== null && b !== null && Buffer.compare(a, b) === 0;
const isText = (...values) => values.every((value) => typeof value === "string");
const isCount = (...values) => values.every((value) => Number.isSafeInteger(value));
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const hasKeys = (value, ...names) =>
  isObject(value) && Object.keys(value).length === names.length && names.every((name) => Object.hasOwn(value, name));

function utf8(raw) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw new Broken("not text");
  }
}

function unbase64(text) {
  const raw = isText(text) ? Buffer.from(text, "base64") : null;
  demand(raw !== null && raw.toString("base64") === text, "not base64");
  return raw;
}

function spelt(value) {
  if (typeof value === "string") {
    demand(value.isWellFormed(), "half a surrogate pair");
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    demand(isCount(value), "a number that readers round");
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(spelt).join(",")}]`;
  if (!isObject(value)) return String(value);
  return `{${Object.keys(value).sort().map((key) => `${spelt(key)}:${spelt(value[key])}`).join(",")}}`;
}

function parsed(raw) {
  return or(() => demand(false, "not JSON in its one spelling"), () => {
    const value = JSON.parse(utf8(raw));
    demand(isObject(value) && same(Buffer.from(spelt(value)), raw), "another spelling");
    return value;
  });
}

function canonical(value, depth = 0) {
  if (depth > 4) return false;
  if (Array.isArray(value)) return value.every((item) => canonical(item, depth + 1));
  if (isObject(value)) {
    return Object.entries(value).every(([key, item]) => /^[a-z_]+$/.test(key) && canonical(item, depth + 1));
  }
  return typeof value === "boolean" || isCount(value) || (isText(value) && value.normalize("NFC") === value);
}

// whom to believe ----------------------------------------------------------------------------------------------------

const isName = (name) => name !== "" && !/[+\p{White_Space}\x1c-\x1f]/u.test(name);

function parseKey(text, kind) {
  const [name, keyId] = text.split("+", 2);
  const raw = unbase64(text.split("+").slice(2).join("+"));
  demand(isName(name) && raw.length === 33 && raw[0] === kind, "not an Ed25519 verifier key of this type");
  const called = `${name}\n${sha256(name, "\n", raw).subarray(0, 4).toString("hex")}`;
  demand(called === `${name}\n${keyId}`, "the key's id does not fit its name and bytes");
  const jwk = { kty: "OKP", crv: "Ed25519", x: raw.subarray(1).toString("base64url") };
  return { name, kind, called, public: raw.toString("hex"), key: createPublicKey({ key: jwk, format: "jwk" }) };
}

function signed(key, text, signature) {
  if (key.kind === WITNESS) {
    if (signature.length !== 72) return false;
    const at = signature.readBigUInt64BE();
    if (at > LATEST) return false;
    text = Buffer.concat([Buffer.from(`cosignature/v1\ntime ${at}\n`), text]);
    signature = signature.subarray(8);
  }
  return signature.length === 64 && verifySignature(null, text, key.key, signature);
}

class Policy {
  maxAge = null;
  logs = [];
  witnesses = new Map();
  groups = new Map();
  quorum = [];

  constructor(raw, now) {
    this.now = now;
    raw.toString("latin1").split("\n").forEach((line, at) => {
      or((error) => { throw new Unreadable(`policy line ${at + 1}: ${error.message}`); }, () => {
        demand(/^[\t\x20-\x7e\x80-\xff]*$/.test(line), "control characters");
        const words = line.split(/[\t ]+/).filter((word) => word !== "").map((word) => utf8(Buffer.from(word, "latin1")));
        if (words[0]?.startsWith("#")) this.#ours(words.join(" "));
        else if (words.length) this.#take(words);
      });
    });
    if (!this.logs.length || this.quorum.length !== 1) {
      throw new Unreadable("a policy has lines log and exactly one line quorum");
    }
  }

  /** Return this policy for one of its logs. */
  only(origin) {
    const narrower = Object.create(this);
    narrower.logs = this.logs.filter((log) => log.name === origin);
    return narrower;
  }

  /** One line is proaktiv's own and a comment to others: # proaktiv: cosignature-max-age 36h */
  #ours(comment) {
    if (!/^# ?proaktiv:/.test(comment)) return;
    const said = /^# ?proaktiv: ?cosignature-max-age ([1-9][0-9]{0,4})([hd])$/.exec(comment);
    demand(said && this.maxAge === null, "cosignature-max-age once");
    this.maxAge = Number(said[1]) * (said[2] === "d" ? 86400 : 3600);
  }

  #take([what, name, ...rest]) {
    const known = (each) => this.witnesses.has(each) || this.groups.has(each);
    const fresh = name !== "none" && !known(name);
    if (what === "log" && name !== undefined && rest.length < 2) {
      this.logs.push(parseKey(name, LOG));
    } else if (what === "witness" && fresh && (rest.length === 1 || rest.length === 2)) {
      this.witnesses.set(name, parseKey(rest[0], WITNESS));
    } else if (what === "group" && fresh && rest.length) {
      const [least, ...members] = rest;
      const words = { any: 1, all: members.length };
      const k = Object.hasOwn(words, least) ? words[least] : /^[1-9][0-9]{0,3}$/.test(least) ? Number(least) : 0;
      const used = [...[...this.groups.values()].flatMap((group) => group.members), ...members];
      demand(members.every(known) && new Set(used).size === used.length, "members stand above, each used once");
      demand(k >= 1 && k <= members.length, "a group asks for more members than it has, or for none");
      this.groups.set(name, { k, members });
    } else if (what === "quorum" && rest.length === 0 && (name === "none" || known(name))) {
      this.quorum.push(name);
    } else {
      throw new Broken("neither log, witness, group nor quorum, or a name twice or unknown");
    }
    for (const keys of [this.logs, [...this.witnesses.values()]]) {
      demand(new Set(keys.map((key) => key.public)).size === keys.length, "a key stands twice");
    }
  }

  reached(cosigned, name) {
    const group = this.groups.get(name) ?? { k: 1, members: [] };
    const there = group.members.filter((member) => this.reached(cosigned, member)).length;
    return name === "none" || cosigned.has(name) || there >= group.k;
  }

  /** Read a signed checkpoint: a trusted log signed it, and no trusted key wrongly. */
  open(raw) {
    const note = utf8(raw);
    demand(!raw.some((byte) => byte < 32 && byte !== 10), "control characters in a note");
    const cut = note.lastIndexOf("\n\n");
    demand(cut >= 0 && note.endsWith("\n") && cut + 2 < note.length, "a note ends with signature lines");
    const lines = note.slice(cut + 2, -1).split("\n").map((line) => line.split(" "));
    demand(lines.length <= 100, "too many signatures");
    demand(lines.every((l) => l.length === 3 && l[0] === "—" && isName(l[1])), "not a signature line");
    const first = new Map();
    const text = Buffer.from(note.slice(0, cut + 1));
    for (const [, name, encoded] of lines) {
      const blob = unbase64(encoded);
      demand(blob.length > 4, "not a signature line");
      const called = `${name}\n${blob.subarray(0, 4).toString("hex")}`;
      first.set(called, [...(first.get(called) ?? []), blob.subarray(4)]);
    }
    for (const key of this.logs) {
      demand(!first.has(key.called) || signed(key, text, first.get(key.called)[0]), `wrong signature of ${key.name}`);
    }
    for (const key of this.witnesses.values()) {
      const all = first.get(key.called) ?? [];
      demand(all.every((each) => signed(key, text, each)), `wrong cosignature of ${key.name}`);
    }
    const logs = new Set(this.logs.filter((key) => first.has(key.called)).map((key) => key.name));
    demand(logs.size, "no trusted key signed this note");
    const rows = note.slice(0, cut).split("\n");
    demand(rows.length === 3 && /^(0|[1-9][0-9]{0,18})$/.test(rows[1]) && BigInt(rows[1]) < 2n ** 63n, "no checkpoint");
    demand(logs.has(rows[0]), "the checkpoint is of another log");
    const root = unbase64(rows[2]);
    demand(root.length === 32, "a checkpoint's root has 32 bytes");
    const times = [...this.witnesses].filter(([, key]) => first.has(key.called))
      .map(([name, key]) => [name, Number(first.get(key.called)[0].readBigUInt64BE())]);
    const counts = (at) => at <= this.now + SKEW && (this.maxAge === null || this.now - at <= this.maxAge);
    const counting = new Set(times.filter(([, at]) => counts(at)).map(([name]) => name));
    const seen = times.length ? Math.min(...times.map(([, at]) => at)) : null;
    return { origin: rows[0], size: Number(rows[1]), root, enough: this.reached(counting, this.quorum[0]), seen };
  }
}

// the tree -----------------------------------------------------------------------------------------------------------

const ONE = Buffer.from([1]);
const leafOf = (entry) => sha256(Buffer.from([0]), entry);
const node = (left, right) => sha256(ONE, left, right);
const ones = (n) => n.toString(2).replaceAll("0", "").length;

function rootBy(index, size, leaf, steps) {
  if (index < 0n || index >= size) return null;
  const apart = index ^ (size - 1n);
  const inner = apart === 0n ? 0 : apart.toString(2).length;
  if (steps.length !== inner + ones(index >> BigInt(inner)) || steps.some((step) => step.length !== 32)) return null;
  return steps.reduce((running, other, level) => {
    const left = level < inner && !(index >> BigInt(level) & 1n);
    return left ? node(running, other) : node(other, running);
  }, leaf);
}

class Edge {
  size = 0;
  #subtrees = [];

  /** Add a leaf; return level, place and hash of each subtree that it completes and that stands in a tile. */
  append(leaf) {
    const completed = [];
    let [level, hash] = [0, leaf];
    while (this.#subtrees.at(-1)?.level === level) {
      hash = node(this.#subtrees.pop().hash, hash);
      level += 1;
      if (level % 8 === 0) completed.push([level / 8, Math.floor(this.size / 2 ** level), hash]);
    }
    this.#subtrees.push({ level, hash });
    this.size += 1;
    return completed;
  }

  root() {
    if (!this.#subtrees.length) return sha256("");
    return this.#subtrees.map((each) => each.hash).reduceRight((running, left) => node(left, running));
  }
}

function tilePath(level, n, width, kind = level) {
  const digits = String(n);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.../g);
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${kind}/${name}${width < WIDTH ? `.p/${width}` : ""}`;
}

// entries ------------------------------------------------------------------------------------------------------------

/** Read a line of an export or of a selection. `facts` is null where the row is missing, `subject` where its parts are. */
function readRow(raw, selected) {
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

function readPart(opened) {
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

const fits = (part, group, commitment) =>
  part.salt.length === 32 && same(sha256("proaktiv/commit/v1\n", group, part.salt, part.body), commitment);

function bodyOf(part) {
  const value = parsed(part.body);
  demand(part.body.length <= BODY_MAX && canonical(value), "not canonical");
  return value;
}

function commitments(entry) {
  if (entry.length !== 115 || entry.toString("latin1", 0, 17) !== "proaktiv/flow/v1\n" || entry[18] !== 3) return null;
  return { kind: entry[17], F: entry.subarray(19, 51), S: entry.subarray(51, 83), A: entry.subarray(83) };
}

/** Return what is wrong inside an entry whose row is there, as pairs of what and detail. */
function judgeRow(row) {
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

function judgeFacts(part, kind, commitment, flow, columns) {
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
  if (!columns) return found;
  const shown = { ...columns, kind: label(columns.kind) };
  for (const [column, name] of Object.entries({ kind: "kind", t: "t", ...COLUMNS })) {
    if (shown[column] !== said(name)) found.push(["column", column]);
  }
  return found;
}

/** Return what an entry says that retention took: entries before which one, and how many of them. */
function prunedBy(row) {
  if (row.columns.kind !== RETENTION) return [0, 0];
  const { action, minimum, removed } = or(() => ({}), () => bodyOf(row.facts));
  const whole = action === "log.pruned" && isCount(minimum, removed) && removed >= 0 && removed <= minimum;
  return whole && minimum % WIDTH === 0 ? [minimum, removed] : [0, 0];
}

function erasedBy(row) {
  if (row.columns.kind !== ERASURE) return 0;
  const n = or(() => 0, () => bodyOf(row.facts).n ?? 0);
  return isCount(n) && n > 0 ? n : 0;
}

// what was handed out ------------------------------------------------------------------------------------------------

/** Plain files under names that we know: no link is followed, and no path out of a file. What is not there is null. */
class Folder {
  constructor(place) {
    this.place = place;
  }

  names(below = "") {
    return unreadable(() => fs.readdirSync(path.join(this.place, below), { withFileTypes: true }).flatMap((each) => {
      const name = below ? `${below}/${each.name}` : each.name;
      return each.isDirectory() ? this.names(name) : [name];
    }));
  }

  #open(name, use) {
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
    return unreadable(() => {
      let handle;
      try {
        handle = fs.openSync(path.join(this.place, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      } catch (error) {
        if (["ENOENT", "ENOTDIR", "ELOOP"].includes(error.code)) return null;
        throw error;
      }
      try {
        return fs.fstatSync(handle).isFile() ? use(handle) : null;
      } finally {
        fs.closeSync(handle);
      }
    });
  }

  read(name, most = SMALL_MAX) {
    return this.#open(name, (handle) => {
      const raw = Buffer.alloc(Math.min(most, fs.fstatSync(handle).size));
      let filled = 0;
      for (let got = 1; got > 0 && filled < raw.length; filled += got) got = fs.readSync(handle, raw, filled, raw.length - filled, null);
      return raw.subarray(0, filled);
    });
  }

  digest(name) {
    return this.#open(name, (handle) => {
      const hash = createHash("sha256");
      const chunk = Buffer.alloc(1024 * 1024);
      for (let got; (got = fs.readSync(handle, chunk)) > 0;) hash.update(chunk.subarray(0, got));
      return hash.digest("hex");
    });
  }

  /** Yield a file's lines with their numbers. One that is too long comes cut, and is the last. */
  *lines(name) {
    let [position, rest, at] = [0, Buffer.alloc(0), 0];
    for (;;) {
      const chunk = this.#open(name, (handle) => {
        const raw = Buffer.alloc(LINE_MAX);
        return raw.subarray(0, fs.readSync(handle, raw, 0, raw.length, position));
      });
      if (chunk === null) return;
      position += chunk.length;
      rest = Buffer.concat([rest, chunk]);
      for (let end; (end = rest.indexOf(10) + 1) > 0; rest = rest.subarray(end)) {
        if (end > LINE_MAX) break;
        yield [at += 1, rest.subarray(0, end)];
      }
      if (rest.length > LINE_MAX || (chunk.length === 0 && rest.length)) yield [at += 1, rest.subarray(0, LINE_MAX + 1)];
      if (rest.length > LINE_MAX || chunk.length === 0) return;
    }
  }
}

function unreadable(read) {
  try {
    return read();
  } catch (error) {
    if (error.syscall === undefined) throw error;
    throw new Unreadable(`${error.path ?? "a file"} cannot be read: ${error.code}`);
  }
}

/** Return a value on one line, without what could move a terminal's cursor. */
const spoken = (value) => (Array.isArray(value) ? value.join(", ") : String(value)).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");

class Verdict {
  size = 0;
  judged = 0;
  checkpoints = 0;
  root = null;
  findings = [];
  truncated = false;
  expires_on = null;
  facts = {};
  error = "";

  constructor(place, kind) {
    Object.assign(this, { path: place, kind });
  }

  find(what, detail, index = null) {
    if (this.findings.length < FINDINGS_MAX) this.findings.push({ what, detail, index });
    else this.truncated = true;
  }

  get code() {
    return this.error ? 2 : Number(this.findings.length > 0);
  }

  toJson() {
    const { path: place, kind, code, error, size, judged, checkpoints, expires_on, facts, findings, truncated } = this;
    const told = { path: place, kind, code, ok: code === 0 };
    if (error) return JSON.stringify({ ...told, error });
    const root = this.root?.toString("hex") ?? null;
    return JSON.stringify({ ...told, size, judged, root, checkpoints, expires_on, facts, findings, truncated });
  }

  text(german) {
    const say = (english, deutsch) => (german ? deutsch : english);
    if (this.error) return `${this.path}: ${say("Nothing was judged: ", "Nichts geprüft: ")}${this.error}`;
    const root = this.root?.toString("hex") ?? say("none", "keine");
    return [
      say(
        `${this.path}: ${this.judged} of ${this.size} entries, ${this.checkpoints} signed checkpoints`,
        `${this.path}: ${this.judged} von ${this.size} Einträgen, ${this.checkpoints} unterschriebene Checkpoints`,
      ),
      say("root that a trusted key signed: ", "Wurzel, die ein vertrauter Schlüssel unterschrieb: ") + root,
      ...(this.expires_on ? [say("to be deleted on ", "zu löschen am ") + this.expires_on] : []),
      ...(this.findings.length || !Object.keys(this.facts).length ? [] : [say("The entry says:", "Der Eintrag sagt:"),
        ...Object.keys(this.facts).sort().map((name) => `    ${name}: ${spoken(this.facts[name])}`)]),
      ...this.findings.map(({ what, detail, index }) => (german ? GERMAN[what] : what) + `: ${detail}`
        + (index === null ? "" : say(` (entry ${index})`, ` (Eintrag ${index})`))),
      ...(this.truncated ? ["…"] : []),
      this.findings.length ? say("It does not add up.", "Es stimmt nicht alles.") : say("Everything adds up.", "Alles stimmt."),
    ].join("\n");
  }
}

const TOO_FEW = "fewer witnesses cosigned it than the policy asks for, or too long ago";

/** Return a checkpoint, or null after finding what is wrong with it. */
function openHead(policy, raw, verdict) {
  const head = or((error) => verdict.find("head", error.message) ?? null, () => policy.open(raw));
  if (head && !head.enough) verdict.find("cosignature", TOO_FEW);
  return head;
}

// exports ------------------------------------------------------------------------------------------------------------

function readManifest(raw) {
  return or(() => { throw new Unreadable("no export of this format: name the folder that holds MANIFEST.json"); }, () => {
    const said = parsed(raw.subarray(0, -1));
    const { expires_on: day = "2026-01-01", ...rest } = said;
    demand(raw.at(-1) === 10 && hasKeys(rest, "format", "origin", "size", "first", "sums"), "other fields");
    demand(said.format === "proaktiv/log-export/v1" && isText(said.origin, said.sums, day), "other");
    demand(/^(?!0000)\d{4}-\d\d-\d\d$/.test(day) && new Date(day).toISOString().startsWith(day), "no day");
    demand(isCount(said.size, said.first) && said.first >= 0 && said.first <= said.size, "no range");
    demand(said.first % WIDTH === 0, "no range");
    return said;
  });
}

/** Return whether an instant in microseconds lies after a second. */
function after(instant, second) {
  const whole = Math.floor(Date.parse(`${instant.slice(0, 19)}Z`) / 1000);
  return whole > second || (whole === second && Number(instant.slice(20, 26)) > 0);
}

class Export {
  #tile = ["", null];
  #missing = [];
  #erased = 0;
  #gone = [];
  #pruned = [0, 0];
  #latest = ["", -1];
  #late = new Set();

  constructor(folder, policy, kept, verdict) {
    Object.assign(this, { folder, policy, kept, verdict });
    this.manifest = readManifest(folder.read("MANIFEST.json") ?? Buffer.alloc(0));
    this.size = this.manifest.size;
    this.first = this.manifest.first;
    this.there = new Set(folder.names());
    if (this.size > WIDTH * this.there.size) { // a claimed size costs time
      throw new Unreadable(`it says ${this.size} entries and holds ${this.there.size} files`);
    }
    verdict.size = this.size;
    verdict.expires_on = this.manifest.expires_on ?? null;
  }

  find(...finding) {
    this.verdict.find(...finding);
  }

  judge() {
    const narrower = this.policy.only(this.manifest.origin);
    if (narrower.logs.length) {
      this.policy = narrower;
    } else {
      this.find("file", "MANIFEST.json names a log that the policy does not");
    }
    if (this.first > (this.kept ? this.kept.size : 0)) {
      this.find("index", `entries 0 to ${this.first - 1} are not here, and no checkpoint you kept covers them`);
    }
    this.#files();
    const [edge, newest] = this.#walk();
    const head = this.#head(newest);
    if (head) {
      this.verdict.root = head.root;
      if (!same(head.root, edge.root())) this.find("head", `the root of ${this.size} entries is not the signed one`);
    }
    this.#unexcused();
    if (this.#missing.length > this.#erased) {
      for (const index of this.#missing) {
        this.find("subject part", `missing, and erasures account for ${this.#erased} only`, index);
      }
    }
  }

  /** Find rows that are missing, unless retention says that it took as many before the entry it names. */
  #unexcused() {
    const [minimum, removed] = this.#pruned;
    const runs = this.#gone.filter(([start]) => start < minimum);
    const below = runs.reduce((sum, [start, end]) => sum + Math.min(end, minimum) - start, 0);
    if (below > removed) {
      this.find("row", `${below} rows before entry ${minimum} are missing, retention accounts for ${removed}`);
    }
    for (const [start, end] of this.#gone) {
      for (let index = Math.max(start, minimum); index < end; index += 1) this.find("row", "the row is missing", index);
    }
  }

  #tiles() {
    const found = new Map();
    for (let [level, count] = [0, this.size]; count; level += 1, count = Math.floor(count / WIDTH)) {
      for (let n = 0; n * WIDTH < count; n += 1) {
        const width = Math.min(WIDTH, count - n * WIDTH);
        found.set(tilePath(level, n, width), width);
      }
    }
    return found;
  }

  #bundlePath(n) {
    return tilePath(0, n, Math.min(WIDTH, this.size - n * WIDTH), "entries");
  }

  #files() {
    const tiles = this.#tiles();
    const expected = ["README.txt", "checkpoint", "checkpoints.jsonl", "entries.jsonl", ...tiles.keys()];
    for (let n = this.first / WIDTH; n * WIDTH < this.size; n += 1) expected.push(this.#bundlePath(n));
    if (this.there.has("checkpoint.tsr")) expected.push("checkpoint.tsr");
    const known = new Set(expected);
    for (const name of [...this.there].sort()) {
      const left = /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]*)$/.test(name);
      if (!known.has(name) && !["MANIFEST.json", "SHA256SUMS"].includes(name) && !left) {
        this.find("file", `${JSON.stringify(name.slice(0, 100)).slice(1, -1)} does not belong to an export`);
      }
    }
    const listed = this.#listed();
    if ([...listed.keys()].some((name) => !known.has(name))) {
      this.find("file", "SHA256SUMS lists what does not belong to an export");
    }
    for (const name of expected) {
      const digest = this.folder.digest(name);
      if (digest === null) this.find("file", `${name} is missing or no plain file`);
      else if (listed.get(name) !== digest) this.find("file", `${name} is not what was exported`);
      if (name === "README.txt" && !READMES.has(digest)) {
        this.find("file", `${name} has another text than every export; do not follow it`);
      }
      if (tiles.has(name) && (this.folder.read(name)?.length ?? 0) > 32 * tiles.get(name)) {
        this.find("tile", `${name} holds more than ${tiles.get(name)} hashes`);
      }
    }
  }

  #listed() {
    if (this.folder.digest("SHA256SUMS") !== this.manifest.sums) {
      this.find("file", "SHA256SUMS is missing or not what was exported");
    }
    const listed = new Map();
    for (const [, raw] of this.folder.lines("SHA256SUMS")) {
      const line = raw.toString("utf8").replace(/\n+$/, "");
      const cut = line.indexOf("  ");
      listed.set(cut < 0 ? "" : line.slice(cut + 2), cut < 0 ? line : line.slice(0, cut));
    }
    return listed;
  }

  /** Return the hash at a place of a level of tiles, null where no tile holds it. */
  #hash(level, place) {
    const n = Math.floor(place / WIDTH);
    const count = Math.floor(this.size / 2 ** (8 * level));
    const name = tilePath(level, n, Math.min(WIDTH, count - n * WIDTH));
    if (this.#tile[0] !== name) {
      const tile = this.folder.read(name);
      if (level) return this.#cut(tile, place % WIDTH);
      this.#tile = [name, tile];
    }
    return this.#cut(this.#tile[1], place % WIDTH);
  }

  #cut(tile, offset) {
    const found = tile?.subarray(32 * offset, 32 * offset + 32);
    return found?.length === 32 ? found : null;
  }

  *#rows() {
    for (const [at, raw] of this.folder.lines("entries.jsonl")) {
      const row = or((error) => this.find("file", `entries.jsonl: line ${at} is ${error.message}`), () => {
        demand(raw.length <= LINE_MAX, "longer than any; the rest is not read");
        return readRow(raw, false);
      });
      if (row) yield row;
    }
  }

  *#notes() {
    let last = -1;
    for (const [at, raw] of this.folder.lines("checkpoints.jsonl")) {
      const line = or(() => this.find("file", `checkpoints.jsonl: line ${at} is not a checkpoint`), () => {
        demand(raw.length <= LINE_MAX && raw.at(-1) === 10, "no line");
        const said = parsed(raw.subarray(0, -1));
        demand(hasKeys(said, "size", "note") && isCount(said.size) && isText(said.note), "none");
        return said;
      });
      if (!line) continue;
      if (line.size <= last) {
        this.find("checkpoint", `of ${line.size} entries: line ${at} stands twice or out of order`);
        continue;
      }
      last = line.size;
      yield [last, Buffer.from(line.note)];
    }
  }

  /** Go through entries and checkpoints in the order of the log; return its tree and the newest note. */
  #walk() {
    const [edge, rows, notes] = [new Edge(), this.#rows(), this.#notes()];
    const next = (of) => of.next().value ?? null;
    let [row, note, newest, bundle] = [next(rows), next(notes), Buffer.alloc(0), []];
    for (let index = 0; index <= this.size; index += 1) {
      const end = index === this.size;
      for (; note && (note[0] <= index || end); note = next(notes)) {
        newest = note[1];
        this.#signed(...note, edge);
      }
      if (this.kept?.size === index && !same(this.kept.root, edge.root())) {
        this.find("checkpoint", `of ${index} entries that you kept: the log does not begin with them`);
      }
      for (; row && (row.at < index || end); row = next(rows)) {
        this.find("index", "stands twice, out of order or beyond the log", row.at);
      }
      if (end) break;
      const mine = row?.at === index ? row : null;
      this.#append(edge, index, mine);
      if (index >= this.first) bundle.push(mine && mine.entry.length <= 0xffff ? mine.entry : Buffer.alloc(0));
      if (mine) row = next(rows);
      if (bundle.length && (index % WIDTH === WIDTH - 1 || index === this.size - 1)) {
        this.#compareBundle(index - bundle.length + 1, bundle);
        bundle = [];
      }
    }
    if (this.kept && this.kept.size > this.size) {
      this.find("checkpoint", `${this.kept.size} entries stand in the one you kept, the log holds ${this.size}`);
    }
    return [edge, newest];
  }

  #append(edge, index, row) {
    const stored = this.#hash(0, index);
    if (!stored) this.find("tile", "no tile holds its hash", index);
    const leaf = row?.facts ? leafOf(row.entry) : null;
    if (leaf && stored && !same(leaf, stored)) this.find("entry", "is not what stands in the tree", index);
    for (const [level, place, value] of edge.append(leaf ?? stored ?? Buffer.alloc(32))) {
      if (!same(this.#hash(level, place), value)) {
        this.find("tile", `the tile of level ${level} is not that of its entries, at hash ${place}`);
      }
    }
    if (!row) {
      if (index >= this.first) this.find("index", "no entry has this place", index);
      return;
    }
    this.verdict.judged += 1;
    if (index < this.first) this.find("index", "lies before the first entry of this export", index);
    if (!row.facts) {
      if (this.#gone.at(-1)?.[1] === index) this.#gone.at(-1)[1] = index + 1;
      else this.#gone.push([index, index + 1]);
      return;
    }
    if (row.columns.t > this.#latest[0]) this.#latest = [row.columns.t, index];
    for (const [what, detail] of judgeRow(row)) this.find(what, detail, index);
    if (row.subject !== null && commitments(row.entry)) {
      this.#erased += erasedBy(row);
      const said = prunedBy(row);
      const more = said[0] > this.#pruned[0] || (said[0] === this.#pruned[0] && said[1] > this.#pruned[1]);
      if (more) this.#pruned = said;
      if (row.subject === "missing" && !row.filed) this.#missing.push(index);
    }
  }

  #compareBundle(start, entries) {
    const expected = Buffer.concat(entries.flatMap((entry) => [Buffer.from([entry.length >> 8, entry.length & 255]), entry]));
    const name = this.#bundlePath(Math.floor(start / WIDTH));
    const found = this.folder.read(name);
    if (found === null || same(found, expected)) return;
    const differs = found.findIndex((byte, at) => at < expected.length && byte !== expected[at]);
    const at = differs < 0 ? Infinity : Math.floor(differs / (2 + 115));
    this.find("entry", `${name} holds another one than entries.jsonl`, start + Math.min(at, entries.length - 1));
  }

  #signed(size, note, edge) {
    this.verdict.checkpoints += 1;
    if (size > this.size) {
      this.find("checkpoint", `${size} entries were signed, the log holds ${this.size}`);
      return;
    }
    const said = or((error) => this.find("checkpoint", `of ${size} entries: ${error.message}`), () => this.policy.open(note));
    if (!said) return;
    if (said.size !== size) {
      this.find("checkpoint", `of ${size} entries speaks of ${said.size}`);
      return;
    }
    const [latest, index] = this.#latest;
    if (said.seen !== null && index >= 0 && !this.#late.has(index) && after(latest, said.seen + SKEW)) {
      this.#late.add(index);
      this.find("time", "is later than others saw the checkpoint over it", index);
    }
    if (!same(said.root, edge.root())) {
      this.find("checkpoint", `of ${size} entries: the log is not what was signed`);
    }
  }

  #head(newest) {
    const raw = this.folder.read("checkpoint");
    if (raw === null) return null;
    if (!same(raw, newest)) this.find("checkpoint", "the file checkpoint is not the last of checkpoints.jsonl");
    const head = openHead(this.policy, raw, this.verdict);
    if (head && head.origin !== this.manifest.origin) {
      this.find("head", "the checkpoint is of another log than the export");
    }
    if (head && head.size !== this.size) {
      this.find("head", `the checkpoint speaks of ${head.size} entries, the export of ${this.size}`);
      return null;
    }
    return head;
  }
}

// selections ---------------------------------------------------------------------------------------------------------

const SELECTION = "proaktiv/log-selection/v1", SELECTED_FILES = ["README.txt", "checkpoint", "entries.jsonl"];
const RELEASED = "entry.released";

const isSelection = (folder) => or(() => false, () =>
  parsed((folder.read("MANIFEST.json") ?? Buffer.alloc(0)).subarray(0, -1)).format === SELECTION);

function readSelectionManifest(raw) {
  return or(() => { throw new Unreadable("no selection of this format: its MANIFEST.json is none"); }, () => {
    const said = parsed(raw.subarray(0, -1));
    demand(raw.at(-1) === 10 && hasKeys(said, "format", "origin", "size", "entries", "files"), "other fields");
    demand(isCount(said.size, said.entries) && said.entries > 0 && said.entries <= said.size, "no count");
    demand(hasKeys(said.files, ...SELECTED_FILES) && isText(said.origin, ...Object.values(said.files)), "other files");
    return said;
  });
}

function judgeSelection(folder, policy, verdict) {
  const manifest = readSelectionManifest(folder.read("MANIFEST.json") ?? Buffer.alloc(0));
  for (const name of SELECTED_FILES) {
    const digest = folder.digest(name);
    if (digest === null) throw new Unreadable(`${name} is missing or no plain file`);
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
}

function judgeRows(rows, head, verdict) {
  const open = (part) => or(() => ({}), () => bodyOf(part));
  const all = rows.map((row) => ({ row, facts: open(row.facts), subject: open(row.subject) }));
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

// proofs -------------------------------------------------------------------------------------------------------------

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

function judgeProof(raw, policy, verdict) {
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
    return;
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
      if (part.body.length || group === "A") bodyOf(part); // nobody's subject part is empty
    });
  }
}

// command line -------------------------------------------------------------------------------------------------------

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

const smallFile = (place, most = SMALL_MAX) => unreadable(() => fs.readFileSync(place).subarray(0, most));

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
