// Whom to believe: the policy file, its keys, and notes that they signed.

import { createPublicKey, verify as verifySignature } from "node:crypto";

import { Broken, Unreadable, demand, or, sha256, unbase64, utf8 } from "./spelling.mjs";

const LOG = 1, WITNESS = 4;
const LATEST = 253370764800n; // the beginning of the year 9999: what is later is no time
export const SKEW = 5 * 60; // so many seconds honest clocks may be apart

const isName = (name) => name !== "" && !/[+\p{White_Space}\x1c-\x1f]/u.test(name);

/** Read name+id+key; what is wrong with it is told with where a right one is. */
function parseKey(text, kind) {
  return or((error) => {
    demand(kind === LOG, `${error.message}: proaktiv witness status prints all of it, where the witness runs`);
    const remedy = "compare each sign with your note, or take the policy.txt that came with the programs";
    throw new Broken(`${error.message}: ${remedy}`);
  }, () => readKey(text, kind));
}

function readKey(text, kind) {
  const [name, keyId] = text.split("+", 2);
  const encoded = text.split("+").slice(2).join("+");
  demand(/^[A-Za-z0-9+/]{44,}$/.test(encoded), "the key is not whole");
  demand(encoded.length === 44, "a sign of the key is wrong, or one too many");
  const raw = unbase64(encoded);
  demand(isName(name) && raw[0] === kind, "not a key of this type");
  const called = `${name}\n${sha256(name, "\n", raw).subarray(0, 4).toString("hex")}`;
  demand(called === `${name}\n${keyId}`, "a sign of the key is wrong, or one too many");
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

export class Policy {
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
        const spelt = line.split(/[\t ]+/).filter((word) => word !== "").map((word) => Buffer.from(word, "latin1"));
        const words = or(() => demand(false, "not UTF-8: save it as UTF-8"), () => spelt.map(utf8));
        if (words[0]?.startsWith("#")) this.#ours(words.join(" "));
        else if (words.length) this.#take(words);
      });
    });
    if (!this.logs.length || this.quorum.length !== 1) {
      throw new Unreadable("a policy has lines log and exactly one line quorum");
    }
  }

  /** Return name and id of each log's key, as the beginning of what was noted has them. */
  called() {
    return this.logs.map((key) => key.called.replace("\n", "+"));
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
    const blank = /[\p{White_Space}\x1c-\x1f]/u.test([what, name, ...rest].join(""));
    demand(!blank, "a blank in it is a special one: type it anew");
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
      const bare = /^[!-~]{1,100}\+[0-9a-f]{8}\+/.exec(what);
      demand(!bare, `the line must begin with log and a blank, thus: log ${bare?.[0]}…`);
      demand(what !== "log", "behind log stands one whole key, on the same line and without a blank in it");
      const ours = ["witness", "group", "quorum"].includes(what);
      demand(!ours, `behind ${what} a name stands twice or is unknown, or something is missing`);
      throw new Broken("neither log, witness, group nor quorum stands first");
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
    return { origin: rows[0], size: Number(rows[1]), written: rows[1], root, enough: this.reached(counting, this.quorum[0]), seen };
  }
}

/** Return name and id of whoever signed a note by its own word, at most three; nothing of it is verified. */
export function signers(raw) {
  const lines = raw.toString().split("\n\n").at(-1).matchAll(/— ([!-~]{1,100}) ([A-Za-z0-9+/]{8})/g);
  return [...lines].slice(0, 3).map(([, name, blob]) => `${name}+${unbase64(blob).toString("hex", 0, 4)}`);
}
