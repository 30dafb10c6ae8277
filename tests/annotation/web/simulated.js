// An annotator who knows the truth and uses the page's own actions, the one that helps most first.

({
// Mean distance of the joints from the truth, from the hip and at the best scale.
async measure() {
  const { minus, size } = await import("/src/body.js");
  return (person, truth) => {
    const body = person.joints.map((joint) => minus(joint, person.joints[0]));
    let [own, both] = [0, 0];
    body.forEach((joint, j) => joint.forEach((value, k) => { own += value * value; both += value * truth[j][k]; }));
    const scale = both / Math.max(own, 1e-9);
    return body.reduce((sum, joint, j) => sum + size(joint.map((value, k) => scale * value - truth[j][k])), 0) / 17;
  };
},
// The error of bodies, and after the flip of each bone.
async flips([items]) {
  const wrong = await this.measure();
  const { flipped } = await import("/src/body.js");
  return items.map(({ joints, truth }) => [wrong({ joints }, truth),
    ...Array.from({ length: 16 }, (_, bone) => wrong({ joints: flipped(joints, [bone + 1]).joints }, truth))]);
},
async simulate([items, frame, least, most]) {
  const wrong = await this.measure();
  const { limbOf, nobody, reduce, withBody } = await import("/src/state.js");
  const limbs = [3, 6, 13, 16].map((end) => limbOf(end, "human36m").filter((joint) => joint > 0));
  const actions = [
    ...Array.from({ length: 16 }, (_, bone) => ({ t: "flip", bones: [bone + 1] })),
    ...limbs.map((limb) => ({ t: "flip", bones: limb.slice(-2) })), { t: "flip", bones: [1, 4, 11, 14] },
    ...Array.from({ length: 17 }, (_, j) => [-100, -20, 20, 100].map((mm) => ({ t: "push", j, mm }))).flat(),
  ];
  return items.map(({ keypoints, truth, bodies }) => {
    const bare = { ...nobody(0, frame, null, 0), keypoints, visibility: Array(17).fill(2) };
    let person = withBody(bare, bodies[0], frame);
    const began = wrong(person, truth);
    let error = began;
    let count = 0;
    for (; count < most; count++) {
      const others = count ? [] : bodies.slice(1).map((joints) => ({ t: "body", joints }));
      let best = null;
      for (const action of [...others, ...actions]) {
        const [after] = reduce({ people: [person], note: "" }, { id: 0, ...action }, frame).people;
        const now = wrong(after, truth);
        if (!best || now < best.now) best = { now, after };
      }
      if (error - best.now < least) break;
      [person, error] = [best.after, best.now];
    }
    return [began, error, count];
  });
},
})
