// The tree of RFC 6962: leaves, the way from one to the root, its growing edge, and where its tiles lie.

import { sha256 } from "./spelling.mjs";

export const WIDTH = 256;
const ONE = Buffer.from([1]);
export const leafOf = (entry) => sha256(Buffer.from([0]), entry);
const node = (left, right) => sha256(ONE, left, right);
const ones = (n) => n.toString(2).replaceAll("0", "").length;

export function rootBy(index, size, leaf, steps) {
  if (index < 0n || index >= size) return null;
  const apart = index ^ (size - 1n);
  const inner = apart === 0n ? 0 : apart.toString(2).length;
  if (steps.length !== inner + ones(index >> BigInt(inner)) || steps.some((step) => step.length !== 32)) return null;
  return steps.reduce((running, other, level) => {
    const left = level < inner && !(index >> BigInt(level) & 1n);
    return left ? node(running, other) : node(other, running);
  }, leaf);
}

export class Edge {
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

export function tilePath(level, n, width, kind = level) {
  const digits = String(n);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.../g);
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${kind}/${name}${width < WIDTH ? `.p/${width}` : ""}`;
}
