// What was found, told to people and to programs.

import { or } from "./spelling.mjs";
import { signers } from "./trust.mjs";
import { inGerman } from "./german.mjs";

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
  subject = {};
  rested_on = {};
  origin = "";
  keys = [];
  signers = [];
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
    const { path: place, kind, code, error, size, judged, checkpoints, expires_on, findings, truncated } = this;
    const { facts, subject, rested_on } = this;
    const told = { path: place, kind, code, ok: code === 0 };
    if (error) return JSON.stringify({ ...told, error });
    const root = this.root?.toString("hex") ?? null;
    const shown = { facts, subject, rested_on };
    return JSON.stringify({ ...told, size, judged, root, checkpoints, expires_on, ...shown, findings, truncated });
  }

  text(german) {
    const say = (english, deutsch) => (german ? deutsch : english);
    if (this.error) {
      return `${this.path}: ${say("Nothing was judged: ", "Nichts geprüft: ")}${say(this.error, inGerman(this.error))}`;
    }
    const open = this.findings.length ? [] : Object.keys(this.facts).sort();
    const own = this.findings.length ? [] : Object.keys(this.subject).sort();
    const strange = this.findings.some(({ what, detail }) => what === "head" && detail === STRANGE);
    const listed = this.findings.filter(({ detail }) => !strange || !(detail.endsWith(STRANGE) || detail === UNNAMED));
    const root = this.root?.toString("hex") ?? say("none", "keine");
    const counted = this.kind === "consent" ? [`${this.path}:`] : [
      say(
        `${this.path}: ${this.judged} of ${this.size} entries, ${this.checkpoints} signed checkpoints`,
        `${this.path}: ${this.judged} von ${this.size} Einträgen, ${this.checkpoints} unterschriebene Checkpoints`,
      ),
      say("root that a trusted key signed: ", "Wurzel, die ein vertrauter Schlüssel unterschrieb: ") + root,
    ];
    return [
      ...(strange ? [`${this.path}: ${this.#wrongKey(say)}`] : counted),
      ...(this.expires_on ? [say("to be deleted on ", "zu löschen am ") + this.expires_on] : []),
      ...(open.length ? [say("The entry says:", "Der Eintrag sagt:")] : []),
      ...open.map((name) => `    ${name}: ${spoken(this.facts[name])}`),
      ...(own.length ? [say("The person's own part says:", "Der Teil S der Person sagt:")] : []),
      ...own.filter((name) => name !== "subject").map((name) => `    ${name}: ${spoken(this.subject[name])}`),
      ...(Object.keys(this.rested_on).length ? this.#resting(say) : []),
      ...listed.map(({ what, detail, index }) => say(`${what}: ${detail}`, `${GERMAN[what]}: ${inGerman(detail)}`)
        + (index === null ? "" : say(` (entry ${index})`, ` (Eintrag ${index})`))),
      ...(this.truncated ? ["…"] : []),
      this.findings.length ? say("It does not add up.", "Es stimmt nicht alles.") : say("Everything adds up.", "Alles stimmt."),
    ].join("\n");
  }

  /** Return the one line that says it all where the keys of the policy signed nothing of it. */
  #wrongKey(say) {
    const [held, found] = [this.keys.join(", "), this.signers.join(", ") || say("nobody", "niemand")];
    return say(
      `The key does not fit: your policy names ${held}, signed by ${found}. Compare it with what you noted.`,
      `Der Schlüssel passt nicht: Ihre policy nennt ${held}, unterschrieben hat ${found}. Mit Ihrem Zettel vergleichen.`,
    );
  }

  /** Return which consent a flow rested on, and what is not proven by that. */
  #resting(say) {
    const { flow, given, whole } = this.rested_on;
    const about = (said, ...names) => names.map((name) => spoken(said[name])).join(", ");
    const record = spoken(this.rested_on.consent);
    return [
      say(
        `The flow at place ${flow.index} (${about(flow, "action", "t", "scope")}) names the consent ${record}.`,
        `Der Fluss an Platz ${flow.index} (${about(flow, "action", "t", "scope")}) nennt die Einwilligung ${record}.`,
      ),
      say(
        `It was given before, at place ${given.index} (${about(given, "action", "t")}), under the text ${spoken(given.scope)}.`,
        `Sie wurde davor gegeben, an Platz ${given.index} (${about(given, "action", "t")}), zum Text ${spoken(given.scope)}.`,
      ),
      whole
        ? say(
          "It did not end in between: the person's numbers run without a gap, and no entry there names its end.",
          "Dazwischen endete sie nicht: Die Nummern der Person laufen ohne Lücke, und kein Eintrag dort nennt ihr Ende.",
        )
        : say(
          "Whether it was withdrawn in between these two proofs do not show; the way of the consent does.",
          "Ob sie dazwischen widerrufen wurde, zeigen diese zwei Belege nicht; das zeigt der Weg der Einwilligung.",
        ),
    ];
  }
}

const STRANGE = "no trusted key signed this note";
const UNNAMED = "MANIFEST.json names a log that the policy does not";
const TOO_FEW = "fewer witnesses cosigned it than the policy asks for, or too long ago";

/** Return a checkpoint, or null after finding what is wrong with it. */
export function openHead(policy, raw, verdict) {
  Object.assign(verdict, { keys: policy.called(), signers: signers(raw) });
  const head = or((error) => verdict.find("head", error.message) ?? null, () => policy.open(raw));
  if (head && !head.enough) verdict.find("cosignature", TOO_FEW);
  return head;
}
