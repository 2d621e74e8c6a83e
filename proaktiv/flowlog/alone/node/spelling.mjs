// Everything has one spelling: text, base64, JSON; what has another is broken.

import { createHash } from "node:crypto";

export class Broken extends Error {} // a line, a note or a key is not what it should be
export class Unreadable extends Error {} // nothing can be judged

export function demand(holds, otherwise) {
  if (!holds) throw new Broken(otherwise);
}

/** Return what `read` returns, and `otherwise` where it finds something broken. */
export function or(otherwise, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Unreadable || error.syscall !== undefined) throw error;
    return otherwise(error);
  }
}

export const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
export const same = (a, b) => a !== null && b !== null && Buffer.compare(a, b) === 0;
export const isText = (...values) => values.every((value) => typeof value === "string");
export const isCount = (...values) => values.every((value) => Number.isSafeInteger(value));
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
export const hasKeys = (value, ...names) =>
  isObject(value) && Object.keys(value).length === names.length && names.every((name) => Object.hasOwn(value, name));

export function utf8(raw) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw new Broken("not text");
  }
}

/**
 * Return a text as C2SP wants it: an editor of Windows puts a mark before it and ends its lines with two signs.
 * UTF-16, which others of them write, is refused, and so is what holds more than text.
 */
export function typed(raw) {
  const more = /^(\{\\rtf|PK\x03\x04)/.test(raw.toString("latin1", 0, 5));
  demand(!more, "no plain text (RTF or Word): save it as plain text");
  const empty = (from) => raw.length > 1 && raw.subarray(0, 64).every((byte, at) => at % 2 !== from || byte === 0);
  const marked = ["fffe", "feff"].includes(raw.toString("hex", 0, 2));
  demand(!marked && !empty(0) && !empty(1), "saved as UTF-16: save it as UTF-8");
  return Buffer.from(raw.toString("latin1").replace(/^\xef\xbb\xbf/, "").replaceAll("\r\n", "\n"), "latin1");
}

export function unbase64(text) {
  const raw = isText(text) ? Buffer.from(text, "base64") : null;
  demand(raw !== null && raw.toString("base64") === text, "not base64");
  return raw;
}

export function spelt(value) {
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

export function parsed(raw) {
  return or(() => demand(false, "not JSON in its one spelling"), () => {
    const value = JSON.parse(utf8(raw));
    demand(isObject(value) && same(Buffer.from(spelt(value)), raw), "another spelling");
    return value;
  });
}

export function canonical(value, depth = 0) {
  if (depth > 4) return false;
  if (Array.isArray(value)) return value.every((item) => canonical(item, depth + 1));
  if (isObject(value)) {
    return Object.entries(value).every(([key, item]) => /^[a-z_]+$/.test(key) && canonical(item, depth + 1));
  }
  return typeof value === "boolean" || isCount(value) || (isText(value) && value.normalize("NFC") === value);
}
