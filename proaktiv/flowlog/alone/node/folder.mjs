// What was handed out: plain files under names that we know.

import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

import { Unreadable } from "./spelling.mjs";

const SMALL_MAX = 64 * 1024;
export const LINE_MAX = 256 * 1024;

/** Plain files under names that we know: no link is followed, and no path out of a file. What is not there is null. */
export class Folder {
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
    const place = error.path ?? "a file";
    if (["ENOENT", "ENOTDIR"].includes(error.code)) throw new Unreadable(`${place} is not there`);
    throw new Unreadable(`${place} cannot be read: ${error.code}`);
  }
}

export function isFolder(place) {
  try {
    return fs.statSync(place).isDirectory();
  } catch {
    return false;
  }
}

export function smallFile(place, most = SMALL_MAX) {
  if (isFolder(place)) throw new Unreadable(`${place} is a folder, and a file is needed`);
  return unreadable(() => fs.readFileSync(place).subarray(0, most));
}
