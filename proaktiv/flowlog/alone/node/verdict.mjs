// What was found, told to people and to programs.

import { or } from "./spelling.mjs";
import { signers } from "./trust.mjs";
import { inGerman } from "./german.mjs";
import { inGermanTime, named, shown, spoken } from "./speaking.mjs";

const FINDINGS_MAX = 1000;
const GERMAN = {
  row: "Zeile", entry: "Eintrag", facts: "Tatsachen", column: "Spalte", "subject part": "Teil S",
  "staff part": "Teil A", sequence: "Zählung", index: "Platz", tile: "Kachel", head: "Kopf",
  checkpoint: "Checkpoint", cosignature: "Mitunterschrift", time: "Zeit", file: "Datei", consent: "Einwilligung",
};

const COLUMN_NAMES = {
  kind: "Art (kind)", t: "Wann (t)", sender: "Von (sender)", receiver: "An (receiver)", purpose: "Zweck (purpose)",
  basis: "Rechtsgrundlage (basis)", scope: "Freigegebener Text (scope)", outcome: "Ergebnis (outcome)",
};
/** What stands above it where a proof was judged and no consent asked for. */
export const UNASKED = [
  "Not judged: whether a flow rested on a consent (that takes --consent).",
  "Nicht gefragt: ob ein Fluss auf einer Einwilligung beruhte (dazu --consent).",
];
/** The last line, in English and in German: one for everything that was asked. */
export const CONCLUSIONS = {
  good: ["Everything adds up.", "Alles stimmt."],
  bad: ["It does not add up.", "Es stimmt nicht alles."],
  partly: ["Not all of it was judged.", "Nicht alles geprüft."],
  nothing: ["Nothing was judged.", "Nichts geprüft."],
};

export class Verdict {
  size = 0;
  judged = 0;
  checkpoints = 0;
  root = null;
  findings = [];
  truncated = false;
  since = null;
  expires_on = null;
  facts = {};
  subject = {};
  rested_on = {};
  origin = "";
  keys = [];
  signers = [];
  error = "";
  lacking = "";

  constructor(place, kind) {
    Object.assign(this, { path: place, kind });
  }

  find(what, detail, index = null) {
    if (this.findings.length < FINDINGS_MAX) this.findings.push({ what, detail, index });
    else this.truncated = true;
  }

  get code() {
    if (this.error || !this.findings.length) return this.error || this.lacking ? 2 : 0;
    return 1;
  }

  toJson() {
    const { path: place, kind, code, size, judged, checkpoints, expires_on, findings, truncated } = this;
    const { facts, subject, rested_on, since } = this;
    const told = { path: place, kind, code, ok: code === 0 };
    if (code === 2) return JSON.stringify({ ...told, error: this.error || this.lacking });
    const root = this.root?.toString("hex") ?? null;
    const open = { facts, subject, rested_on, since };
    return JSON.stringify({ ...told, size, judged, root, checkpoints, expires_on, ...open, findings, truncated });
  }

  /** Return it as lines for people, without a conclusion: that stands once, below everything that was asked. */
  text(german) {
    const say = (english, deutsch) => (german ? deutsch : english);
    if (this.error) {
      const said = say(this.error, inGerman(this.error));
      return said.startsWith(`${this.path} `) ? said : `${this.path}: ${said}`;
    }
    const good = !this.findings.length;
    const { subject: _, ...own } = this.subject;
    const part = (head, members) => (good && Object.keys(members).length ? [head, ...shown(members, german)] : []);
    const strange = this.findings.some(({ what, detail }) => what === "head" && detail === STRANGE);
    const listed = this.#runs().filter(({ detail }) => !strange || !(detail.endsWith(STRANGE) || detail === UNNAMED));
    return [
      ...(strange ? [`${this.path}: ${this.#wrongKey(say)}`] : this.#counted(say)),
      ...(this.expires_on ? [say(`to be deleted on ${this.expires_on}`, `zu löschen am ${this.#day()}`)] : []),
      ...(good && this.since !== null ? [this.#grown(say)] : []),
      ...part(say("The entry says:", "Der Eintrag sagt:"), this.facts),
      ...part(say("The person's own part says:", "Der Teil S sagt:"), own),
      ...(Object.keys(this.rested_on).length ? this.#resting(say, german) : []),
      ...(this.lacking && !strange ? [say(this.lacking, inGerman(this.lacking))] : []),
      ...listed.map(({ what, detail, first, last }) => say(`${what}: ${detail}`, inWords(what, detail))
        + places(first, last, say)),
      ...(this.truncated ? ["…"] : []),
    ].join("\n");
  }

  #day() {
    return this.expires_on.split("-").reverse().join(".");
  }

  /** Return the findings, one of many places in a row as one. */
  #runs() {
    const runs = [];
    for (const { what, detail, index } of this.findings) {
      const before = runs.at(-1);
      const follows = index !== null && before?.what === what && before.detail === detail && before.last === index - 1;
      if (follows) before.last = index;
      else runs.push({ what, detail, first: index, last: index });
    }
    return runs;
  }

  /** Return how much was here, and what is signed over it. */
  #counted(say) {
    if (this.kind === "consent") return [`${this.path}:`];
    const { judged, size, checkpoints } = this;
    const one = checkpoints === 1;
    const notes = say(`signed checkpoint${one ? "" : "s"}`, `unterschriebene${one ? "r Checkpoint" : " Checkpoints"}`);
    const root = this.root?.toString("hex") ?? say("none", "keine");
    return [
      `${this.path}: ${judged} ${say("of", "von")} ${size} ${say("entries", "Einträgen")}, ${checkpoints} ${notes}`,
      say("root that a trusted key signed: ", "Wurzel, die ein vertrauter Schlüssel unterschrieb: ") + root,
    ];
  }

  #grown(say) {
    const { since, size } = this;
    return since < size
      ? say(
        `Since your checkpoint (${since} entries) the log has only grown, to ${size} entries.`,
        `Seit Ihrem Checkpoint (${since} Einträge) ist das Protokoll nur gewachsen, auf ${size} Einträge.`,
      )
      : say(
        `Since your checkpoint (${since} entries) nothing was added to the log and nothing changed.`,
        `Seit Ihrem Checkpoint (${since} Einträge) kam im Protokoll nichts hinzu, und nichts wurde geändert.`,
      );
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
  #resting(say, german) {
    const { flow, given, whole } = this.rested_on;
    const value = (said, name) => {
      if (!german) return spoken(said[name]);
      return name === "t" ? inGermanTime(said[name]) : named(name, said[name]);
    };
    const about = (said, ...names) => names.map((name) => value(said, name)).join("; ");
    const record = spoken(this.rested_on.consent);
    return [
      say(
        `The flow at place ${flow.index} (${about(flow, "action", "t", "scope")}) names the consent ${record}.`,
        `Der Fluss an Platz ${flow.index} – ${about(flow, "action", "t", "scope")} – nennt die Einwilligung ${record}.`,
      ),
      say(
        `It was given before, at place ${given.index} (${about(given, "action", "t")}), under the text ${spoken(given.scope)}.`,
        `Davor gegeben wurde sie an Platz ${given.index} – ${about(given, "action", "t")} – zum Text ${spoken(given.scope)}.`,
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

export const STRANGE = "no trusted key signed this note";
const UNNAMED = "MANIFEST.json names a log that the policy does not";
const TOO_FEW = "fewer witnesses cosigned it than the policy asks for, or too long ago";

/** Return a finding in German. */
function inWords(what, detail) {
  return `${GERMAN[what]}: ${what === "column" ? `${COLUMN_NAMES[detail]} sagt anderes als die Tatsachen` : inGerman(detail)}`;
}

function places(first, last, say) {
  if (first === null) return "";
  if (first === last) return say(` (entry ${first})`, ` (Platz ${first})`);
  return say(` (entries ${first} to ${last})`, ` (Platz ${first} bis ${last})`);
}

/** Return how all of it ends, and the line that says so: what was found stays found, whatever else was unreadable. */
export function concluded(judged, german) {
  const codes = judged.map(({ code }) => code);
  const worst = codes.includes(1) ? 1 : codes.length ? Math.max(...codes) : 2;
  const unread = judged.every(({ error }) => error) ? "nothing" : "partly";
  return [worst, CONCLUSIONS[["good", "bad"][worst] ?? unread][Number(german)]];
}

/** Return a checkpoint, or null after finding what is wrong with it. */
export function openHead(policy, raw, verdict) {
  Object.assign(verdict, { keys: policy.called(), signers: signers(raw) });
  const head = or((error) => verdict.find("head", error.message) ?? null, () => policy.open(raw));
  if (head && !head.enough) verdict.find("cosignature", TOO_FEW);
  return head;
}
