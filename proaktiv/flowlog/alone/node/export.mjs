// A whole export: entries, tiles, bundles, checkpoints, and what the log says of what is not there any more.

import { Unreadable, demand, hasKeys, isCount, isText, or, parsed, same } from "./spelling.mjs";
import { SKEW } from "./trust.mjs";
import { Edge, WIDTH, leafOf, tilePath } from "./tree.mjs";
import { commitments, erasedBy, judgeRow, prunedBy, readRow } from "./entry.mjs";
import { LINE_MAX } from "./folder.mjs";
import { spoken } from "./speaking.mjs";
import { openHead } from "./verdict.mjs";

const READMES = new Set([
  "073ccbe9fd8ab852c74f2ab97dc89ae00bf1dc59194c72042442283c95420c47",
  "bac93ad86673b3b829b5004d652d24fb95f83cb94b907ab2d17d64c159628168",
  "5b137c5d264ba369f2f883eb3487f1ffe9d008b3dbeaf4d46c551642297a2826",
]);

const left = (name) => /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]*)$/.test(name);

function readManifest(folder) {
  const raw = folder.read("MANIFEST.json") ?? Buffer.alloc(0);
  return or(() => { throw new Unreadable(noExport(folder.names())); }, () => {
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

/** Return what is said of a folder that holds these files and no export. */
function noExport(names) {
  const there = names.filter((name) => !left(name)).sort();
  const below = there.find((name) => name.endsWith("/MANIFEST.json"))?.slice(0, -"/MANIFEST.json".length);
  if (there.includes("MANIFEST.json")) {
    return "its MANIFEST.json is damaged: download it again and unpack it into a new folder";
  }
  if (below !== undefined) return `no export, but ${spoken(below.slice(0, 100))} in it holds one: name that folder`;
  if (!there.length) return "the folder is empty: name the one that you unpacked the zip file into";
  return "no export, for it holds no MANIFEST.json: name the folder that you unpacked the zip file into";
}

/** Return whether an instant in microseconds lies after a second. */
function after(instant, second) {
  const whole = Math.floor(Date.parse(`${instant.slice(0, 19)}Z`) / 1000);
  return whole > second || (whole === second && Number(instant.slice(20, 26)) > 0);
}

export class Export {
  #tile = ["", null];
  #missing = [];
  #erased = 0;
  #gone = [];
  #pruned = [0, 0, 0];
  #latest = ["", -1];
  #late = new Set();

  constructor(folder, policy, kept, verdict) {
    Object.assign(this, { folder, policy, kept, verdict });
    this.manifest = readManifest(folder);
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
      const remedy = "Verify it with --since and a checkpoint that reaches up to there.";
      this.verdict.lacking = `this is a part of an export: it begins with entry ${this.first}. ${remedy}`;
    }
    this.#files();
    const [edge, newest] = this.#walk();
    const head = this.#head(newest);
    if (head) {
      this.verdict.root = head.root;
      if (!same(head.root, edge.root())) this.find("head", `the root of ${this.size} entries is not the signed one`);
    }
    this.#unexcused();
    // What retention took of erased ones is missing no more. A part does not show which erasures told of these.
    const excused = Math.max(0, this.#erased - (this.first ? 0 : this.#pruned[2]));
    if (this.#missing.length > excused) {
      for (const index of this.#missing) {
        this.find("subject part", `missing, and erasures account for ${excused} only`, index);
      }
    }
    if (this.kept && !this.verdict.code) this.verdict.since = this.kept.size;
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
      if (!known.has(name) && !["MANIFEST.json", "SHA256SUMS"].includes(name) && !left(name)) {
        this.find("file", `${spoken(name.slice(0, 100))} does not belong to an export`);
      }
    }
    const listed = this.#listed();
    if (listed && [...listed.keys()].some((name) => !known.has(name))) {
      this.find("file", "SHA256SUMS lists what does not belong to an export");
    }
    for (const name of expected) {
      const digest = this.folder.digest(name);
      if (digest === null) this.find("file", `${name} is missing or no plain file`);
      else if (listed && listed.get(name) !== digest) this.find("file", `${name} is not what was exported`);
      if (name === "README.txt" && !READMES.has(digest)) {
        this.find("file", `${name} has another text than every export; do not follow it`);
      }
      if (tiles.has(name) && (this.folder.read(name)?.length ?? 0) > 32 * tiles.get(name)) {
        this.find("tile", `${name} holds more than ${tiles.get(name)} hashes`);
      }
    }
  }

  /** Return what the list of sums says; null where it is not the one that was exported: it accuses nobody. */
  #listed() {
    const digest = this.folder.digest("SHA256SUMS");
    if (digest === null) {
      this.find("file", "the list of sums SHA256SUMS is missing, so no file can be held against it");
      return null;
    }
    if (digest !== this.manifest.sums) {
      this.find("file", "the list of sums SHA256SUMS is another one, so no file can be held against it");
      return null;
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
      const [smaller, remedy] = [
        `the export is smaller (${this.size}) than the checkpoint you kept (${this.kept.size})`,
        "If it is older, take a newer one; if it is younger, entries are missing: hold on to everything.",
      ];
      this.find("checkpoint", `${smaller}. ${remedy}`);
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
      const differs = said.findIndex((each, at) => each !== this.#pruned[at]);
      if (differs >= 0 && said[differs] > this.#pruned[differs]) this.#pruned = said;
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
      this.find("checkpoint", `of ${size} entries speaks of ${said.written}`);
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
      this.find("head", `the checkpoint speaks of ${head.written} entries, the export of ${this.size}`);
      return null;
    }
    return head;
  }
}
