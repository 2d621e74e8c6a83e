// Judge that a flow rested on a consent: two proofs whose subject parts lie open, or a proof and a selection.

import { Unreadable, isCount, same } from "./spelling.mjs";
import { CHANGING } from "./entry.mjs";
import { openBody } from "./selection.mjs";

const isEmpty = (value) => Object.keys(value).length === 0;
const outcomeOf = ({ facts }) => `${facts.kind}/${facts.outcome}`;
const gives = (said) => ["consent_changed/given", "confirmed/confirmed"].includes(outcomeOf(said));
const recordOf = ({ subject }) => String(subject.consent ?? "");
const activityOf = ({ facts }) => String(facts.scope ?? "").split("@")[0];

function ends(said, record) {
  const changing = CHANGING.includes(said.facts.kind);
  return (changing && recordOf(said) === record && !gives(said)) || said.subject.replaces === record;
}

function told({ at, facts }) {
  const named = ["t", "kind", "action", "scope"].map((name) => [name, facts[name] ?? ""]);
  return { index: at, ...Object.fromEntries(named) };
}

function needSubject(shown, which) {
  if (isEmpty(shown.facts) || isEmpty(shown.subject)) {
    throw new Unreadable(`${which} shows no subject part: download it again with what a second person allowed`);
  }
}

/** Judge by two proofs, each of which was judged before. */
export function judgeTwo(flow, given, verdict) {
  needSubject(flow, "the proof of the flow");
  needSubject(given, "the proof of the consent");
  const [record, other] = [recordOf(flow), recordOf(given)];
  if (flow.origin !== given.origin) verdict.find("consent", "the proof of the consent is of another log", given.at);
  if (!record) verdict.find("consent", "names no consent", flow.at);
  else if (!other) verdict.find("consent", "names no consent", given.at);
  else if (other !== record) verdict.find("consent", `names the consent ${other}, the flow ${record}`, given.at);
  if (given.subject.subject !== flow.subject.subject) {
    verdict.find("consent", "is another person's than the flow's", given.at);
  }
  if (!gives(given)) verdict.find("consent", "says nothing of a consent that was given", given.at);
  if (activityOf(given) !== activityOf(flow)) {
    verdict.find("consent", "is about another activity than the flow", given.at);
  }
  if (given.at >= flow.at) verdict.find("consent", "the consent stands after the flow", given.at);
  if (!verdict.findings.length) {
    verdict.rested_on = { consent: record, flow: told(flow), given: told(given), whole: false };
  }
}

/** Judge by the proof of a flow and a selection that was judged before: between the two no entry may end it. */
export function judgeAmong(flow, origin, rows, verdict) {
  needSubject(flow, "the proof of the flow");
  if (flow.origin !== origin) verdict.find("consent", "the selection is of another log");
  const all = rows.map((row) => ({ at: row.at, facts: openBody(row.facts), subject: openBody(row.subject) }));
  if (!rows.some((row) => row.at === flow.at && same(row.entry, flow.entry))) {
    verdict.find("consent", "the flow is not in the selection", flow.at);
  }
  const record = recordOf(flow);
  if (!record) verdict.find("consent", "names no consent", flow.at);
  const earlier = all.filter((each) => each.at < flow.at);
  const giving = earlier.find((each) => record && gives(each) && recordOf(each) === record);
  if (!giving) {
    verdict.find("consent", "no entry before the flow says that its consent was given", flow.at);
    return;
  }
  if (activityOf(giving) !== activityOf(flow)) {
    verdict.find("consent", "is about another activity than the flow", giving.at);
  }
  for (const each of earlier) {
    if (each.at > giving.at && ends(each, record)) {
      verdict.find("consent", "ends the consent before the flow", each.at);
    }
  }
  if (!verdict.findings.length) {
    const whole = isCount(giving.subject.seq, flow.subject.seq);
    verdict.rested_on = { consent: record, flow: told(flow), given: told(giving), whole };
  }
}
