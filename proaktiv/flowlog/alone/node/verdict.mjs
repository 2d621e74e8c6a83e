// What was found, told to people and to programs.

import { or } from "./spelling.mjs";

const FINDINGS_MAX = 1000;
const GERMAN = {
  row: "Zeile", entry: "Eintrag", facts: "Tatsachen", column: "Spalte", "subject part": "Personenteil",
  "staff part": "Beschäftigtenteil", sequence: "Zählung", index: "Platz", tile: "Kachel", head: "Kopf",
  checkpoint: "Checkpoint", cosignature: "Mitunterschrift", time: "Zeit", file: "Datei",
};

/** Return a value on one line, without what could move a terminal's cursor. */
const spoken = (value) => (Array.isArray(value) ? value.join(", ") : String(value)).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");

export class Verdict {
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
export function openHead(policy, raw, verdict) {
  const head = or((error) => verdict.find("head", error.message) ?? null, () => policy.open(raw));
  if (head && !head.enough) verdict.find("cosignature", TOO_FEW);
  return head;
}
