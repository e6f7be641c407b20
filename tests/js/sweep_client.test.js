import "./browser.js";
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

const { set, state } = await import("../../denoiser/web/shell/store.js");
const { setDrawing } = await import("../../denoiser/web/shell/drawing.js");
const { startSweepClient } = await import("../../denoiser/web/denoise/board/sweep_client.js");

const MODELS = [{ name: "unet" }];
const STROKE = [[0.5, 0.5, 0, 0]];

/** What the page has asked so far: each question, null for one it does not send again, and how to answer it. */
let asked = [];
let now = 0;
let distance = 200; // milliseconds that pass until an answer
mock.method(performance, "now", () => now);

function compare(text, ticket) {
  return new Promise((resolve) => {
    const question = text && JSON.parse(text);
    const answer = (reply) => {
      now += distance;
      resolve(JSON.stringify(reply ?? answerTo(question)));
    };
    asked.push({ question, ticket, answer });
  });
}

const answerTo = ({ factors }, digit = "AAAA") => ({
  names: ["noisy", "unet"],
  factors: factors ?? [0, 0.5, 1],
  pictures: "",
  failed: [],
  gone: [],
  digit,
  reading: null,
});

const settled = async () => {
  for (let i = 0; i < 20; i++) await null;
};
const isSweep = ({ question }) => question.factors === null;
const penMoves = (drawing) => setDrawing({ strokes: [STROKE], drawing });

startSweepClient({ compare }, () => {});

beforeEach(async () => {
  for (const each of asked) each.answer({ replaced: true });
  setDrawing({ drawing: false });
  set({ shownModels: MODELS, factor: 0.5, waiting: 0 });
  await settled();
  asked = [];
});

/* first of all: how far the server is, the page learns from its answers */
test("while the pen moves a far server has several questions under way, a busy one only one", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  context.mock.method(performance, "now", () => now);
  const later = (milliseconds) => {
    now += milliseconds;
    context.mock.timers.tick(milliseconds);
  };
  penMoves(true);
  penMoves(true);
  assert.equal(asked.length, 1); // how far the server is, is not known yet
  later(200);
  asked[0].answer();
  await settled();
  for (let i = 0; i < 10; i++) {
    later(30);
    penMoves(true);
  }
  assert.equal(asked.length, 1 + 3);
  later(500);
  for (const each of asked) each.answer();
  await settled();
  const before = asked.length;
  for (let i = 0; i < 10; i++) {
    later(30);
    penMoves(true);
  }
  assert.ok(asked.length <= before + 1);
});

test("after pen-up the cards and the sweep are asked for at once, beside what is under way", async () => {
  penMoves(true);
  penMoves(false);
  assert.deepEqual(asked.map(isSweep), [false, false, true]);
  const [early, cards, sweep] = asked;
  assert.equal(early.ticket, cards.ticket);
  assert.notEqual(cards.ticket, sweep.ticket);
  cards.answer();
  await settled();
  const shown = state.comparison;
  early.answer();
  await settled();
  assert.equal(state.comparison, shown);
  sweep.answer();
  await settled();
  assert.equal(state.sweep.factors.length, 3);
  assert.equal(asked.length, 3);
});

test("where the sweep comes first there is nothing left to show of the cards", async () => {
  penMoves(false);
  const [cards, sweep] = asked;
  sweep.answer(answerTo(sweep.question, "BBBB"));
  await settled();
  const { digit } = state;
  assert.deepEqual([...digit], [4, 16, 65]);
  cards.answer();
  await settled();
  assert.equal(asked.length, 2);
});

test("a slider that moves before the sweep is there asks for one noise factor at a time", async () => {
  penMoves(false);
  for (const factor of [0.55, 0.6, 0.65]) set({ factor });
  assert.equal(asked.length, 2);
  asked[0].answer();
  await settled();
  assert.deepEqual(
    asked.map(({ question }) => question.factors),
    [[0.5], null, [0.65]],
  );
});

test("who waits does not send the drawing again unless it has changed or is no longer kept", async () => {
  const random = mock.method(Math, "random", () => 0);
  const queued = { waiting: 4, again: 0, kept: true };
  const nextQuestion = async () => {
    await new Promise((done) => setTimeout(done, 5));
    return asked.at(-1);
  };
  set({ isNoisyInput: true }); // no sweep
  penMoves(false);
  asked[0].answer(queued);
  assert.equal((await nextQuestion()).question, null);
  assert.equal(state.waiting, 5);
  asked.at(-1).answer(queued);
  setDrawing({ strokes: [STROKE, STROKE], drawing: true });
  const changed = await nextQuestion();
  assert.equal(changed.question.strokes.length, 2);
  changed.answer(queued);
  assert.equal((await nextQuestion()).question, null);
  asked.at(-1).answer({ forgotten: true });
  assert.equal((await nextQuestion()).question.strokes.length, 2);
  asked.at(-1).answer(answerTo({ factors: [0.5] }));
  await settled();
  assert.equal(state.waiting, 0);
  assert.ok(state.comparison);
  set({ isNoisyInput: false });
  random.mock.restore();
});

test("a near server is asked for the sweep after its cards, which a moving slider does not delay", async () => {
  distance = 20;
  penMoves(false);
  for (const each of asked) each.answer();
  await settled();
  asked = [];
  penMoves(false);
  set({ factor: 0.55 });
  assert.deepEqual(asked.map(isSweep), [false]);
  asked[0].answer();
  await settled();
  assert.deepEqual(asked.map(isSweep), [false, false, true]);
  distance = 200;
  for (const each of asked.slice(1)) each.answer();
  await settled();
});

test("what shortens the wait can be turned off, one at a time", async () => {
  const { pacing } = state;
  set({ pacing: { ...pacing, sweepWithCards: false } });
  penMoves(false);
  assert.deepEqual(asked.map(isSweep), [false]);
  asked[0].answer();
  await settled();
  assert.deepEqual(asked.map(isSweep), [false, true]);
  asked[1].answer();
  await settled();
  set({ pacing: { ...pacing, finalAtOnce: false } });
  penMoves(true);
  penMoves(false);
  assert.deepEqual(asked.slice(2).map(isSweep), [false, true]);
  asked[2].answer();
  await settled();
  assert.deepEqual(asked.slice(2).map(isSweep), [false, true, false]);
  set({ pacing });
});
