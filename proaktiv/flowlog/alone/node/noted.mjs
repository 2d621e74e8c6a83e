// Show whom a policy trusts, as the slip of paper shows it: screen and paper are compared by groups.

import { spoken } from "./speaking.mjs";

/** Return the keys of a policy as lines for people; those of the log are on the slip, the others are not. */
export function noted(policy, german) {
  const say = (english, deutsch) => (german ? deutsch : english);
  const [quorum] = policy.quorum;
  return [
    ...policy.logs.flatMap(grouped),
    say("Compare with the slip, group by group.", "Mit dem Zettel vergleichen, Gruppe für Gruppe."),
    ...[...policy.witnesses].flatMap(([name, key]) => [say(`Witness ${spoken(name)}:`, `Zeuge ${spoken(name)}:`), ...grouped(key)]),
    ...[...policy.groups].map(([name, { k, members }]) =>
      `${say("Group", "Gruppe")} ${spoken(name)}: ${k} ${say("of", "von")} ${members.map(spoken).join(", ")}`),
    say("Must have cosigned (quorum): ", "Mitunterschreiben muss (quorum): ")
      + (quorum === "none" ? say("nobody (none)", "niemand (none)") : spoken(quorum)),
    say("Nothing was judged by that yet.", "Geprüft ist damit noch nichts."),
  ].join("\n");
}

/** Return a key as the slip shows it: its name, its id, and the rest in groups of four signs. */
function grouped(key) {
  const [name, id] = key.called.split("\n");
  const encoded = Buffer.from(key.public, "hex").toString("base64");
  return [`   ${spoken(name)}`, `   +${id}+`, `   ${encoded.match(/.{1,4}/g).join(" ")}`];
}
