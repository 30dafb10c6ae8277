({
flips: async ([bodies]) => {
  const { flipped } = await import("/src/body.js");
  return bodies.map((joints) => [...Array(16).keys()].map((bone) => flipped(joints, [bone + 1]).joints));
},
pushes: async ([bodies, mm]) => {
  const { cameraOf, lengths, projected, pushed, size } = await import("/src/body.js");
  const camera = cameraOf(1000, 1000);
  const results = [];
  const began = performance.now();
  for (const joints of bodies) for (const joint of [3, 13, 16]) {
    const targets = joints.map((each) => projected(camera, each));
    const long = lengths(joints);
    const after = pushed(camera, joints, long, targets, joint, mm);
    const off = Math.max(...after.map((each, j) => Math.hypot(...projected(camera, each).map((v, k) => v - targets[j][k]))));
    const bones = Math.max(...lengths(after).map((length, bone) => Math.abs(length / long[bone] - 1)));
    results.push([size(after[joint]) - size(joints[joint]) - mm, off, bones]);
  }
  return [results, (performance.now() - began) / results.length];
},
undo: async ([body, seed, rounds]) => {
  const { after, begun, nobody, withBody } = await import("/src/state.js");
  const { cameraOf, minus, projected } = await import("/src/body.js");
  let state = seed;
  const draw = (n) => { state = (1103515245 * state + 12345) % 2147483648; return Math.floor(state / 65536) % n; };
  const frame = { schema: "human36m", width: 1000, height: 1000 };
  const person = nobody(0, frame, null, 0);
  person.keypoints = body.map((joint) => projected(cameraOf(1000, 1000), joint));
  person.visibility = Array(17).fill(2);
  const start = { people: [withBody(person, body.map((joint) => minus(joint, body[0])), frame)], note: "" };
  const makes = [
    () => ({ t: "point", id: 0, j: draw(17), x: draw(1000), y: draw(1000) }), () => ({ t: "visibility", id: 0, j: draw(17), v: draw(3) }),
    () => ({ t: "flip", id: 0, bones: [1 + draw(16)] }), () => ({ t: "push", id: 0, j: draw(17), mm: draw(200) - 100 }),
    () => ({ t: "swap", id: 0, points: [draw(17)] }), () => ({ t: "height", id: 0, mm: 1400 + draw(600) }), () => ({ t: "pitch", deg: draw(60) - 30 }),
    () => ({ t: "move", id: 0, dx: draw(40) - 20, dy: draw(40) - 20 }), () => ({ t: "turn", id: 0, j: 1 + draw(16), axis: [0, 0, 1], deg: 3 }), () => ({ t: "note", text: "n" + draw(9) }),
  ];
  for (let round = 0; round < rounds; round++) {
    let history = begun(start);
    const actions = Array.from({ length: 3 + draw(12) }, () => makes[draw(makes.length)]());
    const seen = [JSON.stringify(history.now)];
    for (const action of actions) { history = after(history, action, frame); if (history.past.length === seen.length) seen.push(JSON.stringify(history.now)); }
    const last = history.now;
    for (let back = seen.length - 2; back >= 0; back--) { history = after(history, { t: "undo" }, frame); if (JSON.stringify(history.now) !== seen[back]) return [round, "undo", actions]; }
    for (let on = 1; on < seen.length; on++) history = after(history, { t: "redo" }, frame);
    if (history.now !== last) return [round, "redo", actions];
    let again = begun(start);
    for (const action of JSON.parse(JSON.stringify(actions))) again = after(again, action, frame);
    if (JSON.stringify(again.now) !== JSON.stringify(last)) return [round, "replay", actions];
  }
  return null;
},
heights: async ([body]) => {
  const { cameraOf, projected, times } = await import("/src/body.js");
  const { reduce } = await import("/src/state.js");
  const { nobody } = await import("/src/state.js");
  const frame = { schema: "human36m", width: 1000, height: 1000 };
  const person = { ...nobody(0, frame, null, 0), joints: body, long: Array(16).fill(300) };
  const camera = cameraOf(1000, 1000);
  return Math.max(...[500, 1000, 1650, 2200, 3000].flatMap((mm) => reduce({ people: [person], note: "" }, { t: "height", id: 0, mm }, frame).people[0].joints
    .map((joint, j) => Math.hypot(...projected(camera, joint).map((v, k) => v - projected(camera, body[j])[k])))));
},
upright: async ([body, pitch]) => {
  const { upright } = await import("/src/body.js");
  return body.map((joint) => upright(joint, pitch));
},
})
