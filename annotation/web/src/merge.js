// Two people's changes of the same image: what only one side changed is taken; where both changed a
// point, both are kept to choose from.

/** @typedef {import("./state.js").Doc} Doc */
/** @typedef {import("./state.js").Person} Person */
/** @typedef {{person: number, j: number}} Clash a keypoint that both have changed; j -1: all of the person */

/** @param {unknown} a @param {unknown} b */
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** @param {Person | undefined} person @param {number} j */
const point = (person, j) => person && [person.visibility[j], ...(person.visibility[j] ? person.keypoints[j] : [])];

/** Everything but the keypoints that is said of a person. @param {Person} person */
const rest = ({ box, joints, pitch, height }) => ({ box, joints: joints && joints.map((p) => p.map(Math.round)), pitch, height });

/** @param {Doc} base @param {Doc} mine @param {Doc} theirs @returns {{doc: Doc, clashes: Clash[]}} mine where both changed */
export function merged(base, mine, theirs) {
  /** @type {Clash[]} */
  const clashes = [];
  const ids = [...new Set([...mine.people, ...theirs.people].map((person) => person.id))];
  const people = ids.flatMap((id) => {
    const [was, my, their] = [base, mine, theirs].map((doc) => doc.people.find((person) => person.id === id));
    const one = mergedPerson(was, my, their, clashes);
    return one ? [one] : [];
  });
  return { doc: { people, note: same(mine.note, base.note) ? theirs.note : mine.note }, clashes };
}

/** @param {Person | undefined} was @param {Person | undefined} my @param {Person | undefined} their @param {Clash[]} clashes */
function mergedPerson(was, my, their, clashes) {
  if (!my || !their) {
    const left = my ?? their;
    if (!was || !left) return left;
    const changed = !samePerson(was, left);
    if (changed) clashes.push({ person: left.id, j: -1 });
    return changed ? left : undefined;
  }
  if (!was || samePerson(was, their)) return !was && !samePerson(my, their) ? clash(my, clashes) : my;
  if (samePerson(was, my)) return their;
  return mergedPoints(was, my, their, clashes);
}

/** @param {Person} my @param {Clash[]} clashes */
function clash(my, clashes) {
  clashes.push({ person: my.id, j: -1 });
  return my;
}

/** @param {Person} a @param {Person} b */
function samePerson(a, b) {
  return a.keypoints.every((_, j) => same(point(a, j), point(b, j))) && same(rest(a), rest(b));
}

/** @param {Person} was @param {Person} my @param {Person} their @param {Clash[]} clashes @returns {Person} */
function mergedPoints(was, my, their, clashes) {
  const taken = my.keypoints.map((_, j) => {
    if (same(point(my, j), point(their, j)) || same(point(was, j), point(their, j))) return my;
    if (same(point(was, j), point(my, j))) return their;
    clashes.push({ person: my.id, j });
    return my;
  });
  const body = same(rest(was), rest(my)) ? their : my;
  return {
    ...my, box: body.box, joints: body.joints, long: body.long, pitch: body.pitch, height: body.height,
    keypoints: taken.map((side, j) => side.keypoints[j]), visibility: taken.map((side, j) => side.visibility[j]),
  };
}

/** A doc with the other side's answer where two clashed. @param {Doc} doc @param {Doc} theirs @param {Clash} clash @returns {Doc} */
export function yielded(doc, theirs, { person, j }) {
  const their = theirs.people.find((each) => each.id === person);
  if (j < 0) return { ...doc, people: their ? doc.people.map((each) => (each.id === person ? their : each)) : doc.people.filter((each) => each.id !== person) };
  if (!their) return doc;
  return { ...doc, people: doc.people.map((each) => (each.id !== person ? each : {
    ...each, keypoints: each.keypoints.map((old, at) => (at === j ? their.keypoints[j] : old)),
    visibility: each.visibility.map((old, at) => (at === j ? their.visibility[j] : old)),
  })) };
}
