/** The queue of labels to check: which one is in front, what comes after it, and why each may be wrong. */

import type { Client, RequestError } from "./client";
import { createPages, type Pages } from "./pages";
import type { Decided, Decision, QueueQuery, Reasons, Suspect, Words } from "./protocol";
import { FIRST_SIFT, frontOf, reasonKey, rowsOf, subjectsOf, type Store, type View } from "./store";

const BATCH = 20; // decisions; then the others are ranked anew
const KEPT = 8; // reasons
const PAUSE = 120; // ms: who types ahead reads none

export interface Suspects extends Pages<Suspect, QueueQuery> {
  /** What is fetched from now on is of a new ranking, which has learned from all decisions. */
  renew(): void;
}

/** `onRanking` is called when the first rows of a new ranking have come. */
export function createSuspects(client: Client, onRanking: () => void): Suspects {
  let [round, known] = [0, 0];
  const pages = createPages<Suspect, QueueQuery>(async (query, offset, limit) => {
    const asked = round;
    const page = await client.request("queue", { ...query, round, offset, limit });
    if (known !== asked) onRanking();
    known = asked;
    return page;
  }, FIRST_SIFT);
  return { ...pages, renew: () => void (round = Date.now()) };
}

export interface Deeds {
  decide(rows: readonly number[], decision: Decision, labels?: readonly string[]): Promise<RequestError | undefined>;
  report(answer: Promise<Decided>): Promise<RequestError | undefined>;
}

export interface Queue {
  /** The panel was opened or closed. */
  onPanel(): void;
  /** Decide about the chosen labels, or else the one in front, by default for the suggested ones; the next one appears once that is recorded. */
  judge(decision: Decision | "skip", label?: string): Promise<void>;
  /** Brings back what was decided last. */
  takeBack(): Promise<void>;
  /** To the one before. */
  back(): void;
  /** One of the list to the front. */
  look(one: Suspect): void;
  mark(picked: readonly Suspect[]): void;
  /** Another order or filter. */
  sift(change: Partial<QueueQuery>): void;
  /** From the top of a new ranking. */
  again(): void;
  stop(): void;
}

export function createQueue(store: Store<View>, client: Client, suspects: Suspects, { decide, report }: Deeds): Queue {
  let deciding = false;
  let since = 0; // decisions since the ranking
  let revision = -1; // of what the ranking is about

  /** The first of the list that nobody has seen; null at its end, undefined while it is not known. */
  function following({ trail, judged }: Readonly<View>): Suspect | null | undefined {
    const seen = new Set(rowsOf([...trail, ...judged.flat()]));
    for (let i = 0; i < (suspects.total() ?? 1); i += 1) {
      const one = suspects.row(i);
      if (one === undefined && suspects.error() !== "") return null;
      if (one !== undefined && seen.has(one.row)) continue;
      suspects.want(i, i + KEPT);
      return one;
    }
    return null;
  }

  /** Shows what is in front by then. Keys wait while that is not known. */
  function put(change: Partial<View> = {}) {
    const view = { ...store.get(), ...change };
    const next = view.panel === "queue" && frontOf(view) === undefined ? following(view) : null;
    const trail = next ? [...view.trail, next] : view.trail;
    const error = next === null && frontOf(view) === undefined ? suspects.error() : "";
    store.set({ ...change, trail, queueError: error || view.queueError, judging: deciding || next === undefined });
  }

  function advance(change: Partial<View>) {
    const { trail, judged, queueAt } = { ...store.get(), ...change };
    const done = rowsOf(judged.flat());
    const rest = trail.findIndex(({ row }, i) => i > queueAt && !done.includes(row));
    put({ ...change, queueAt: rest < 0 ? trail.length : rest });
  }

  /** To the front; what was there comes after it. */
  function bring(one: Suspect, change: Partial<View>) {
    const { trail, queueAt } = store.get();
    const place = trail.findIndex(({ row }) => row === one.row);
    put({ queueError: "", ...change, ...(place < 0 ? { trail: [...trail.slice(0, queueAt), one, ...trail.slice(queueAt)] } : { queueAt: place }) });
  }

  /** Keys wait from before something is asked until what is in front by then is shown. */
  async function waiting(ask: () => Promise<RequestError | undefined>, then: (failed?: RequestError) => void) {
    deciding = true;
    put({ queueError: "" });
    const failed = await ask();
    deciding = false;
    then(failed);
  }

  function again() {
    const { sifted, shared } = store.get();
    [revision, since] = [shared.revision, 0];
    store.set({ trail: [], queueAt: 0, judged: [], picked: [], queueError: "" });
    suspects.renew();
    suspects.reset(sifted);
  }

  /** Asks about what is in front, then about what comes next, one at a time: keys never wait for an answer. */
  function asking(name: "reasons" | "looks", ask: (one: Suspect) => Promise<Reasons | Words>, wanted = (_: Suspect) => true) {
    let busy = false;
    return async () => {
      const view = store.get();
      if (busy || view.judging || view.panel !== "queue") return;
      const coming = [frontOf(view), view.trail[view.queueAt + 1] ?? following(view)];
      const one = coming.find((each) => each && wanted(each) && !view[name].has(reasonKey(each)));
      if (!one) return;
      busy = true;
      const found = await ask(one).catch(() => null);
      busy = false;
      store.set({ [name]: new Map<string, unknown>([...store.get()[name]].slice(1 - KEPT)).set(reasonKey(one), found) });
    };
  }
  const asked = [
    asking("reasons", ({ row, suggested: label }) => client.request("reasons", { row, label })),
    asking("looks", ({ row }) => client.request("words", { row: null, train: row }), ({ larger }) => larger),
  ];
  let timer = 0;
  let open = false;
  const soon = ({ panel, shared }: Readonly<View>) => {
    if (open) revision = shared.revision; // what changes before one's eyes makes nothing stale
    open = panel === "queue";
    clearTimeout(timer);
    timer = window.setTimeout(() => asked.forEach((ask) => void ask()), PAUSE);
  };
  const ends = [store.subscribe(soon), suspects.subscribe(() => put()), () => clearTimeout(timer)];

  return {
    onPanel() {
      const view = store.get();
      const stale = frontOf(view) === undefined || revision !== view.shared.revision;
      if (view.panel === "queue" && stale) again();
      else put();
    },
    async judge(decision, label) {
      const view = store.get();
      const front = frontOf(view);
      if (decision === "skip") return void (front && advance({ queueError: "" }));
      const all = subjectsOf(view);
      const others = all.filter((one) => one.label !== label);
      const kind = others.length > 0 ? decision : "keep"; // the label that they have
      const about = others.length > 0 ? others : all;
      const rows = rowsOf(about);
      if (rows.length === 0) return;
      const labels = kind === "relabel" ? about.map(({ suggested }) => label ?? suggested) : undefined;
      await waiting(
        () => decide(rows, kind, labels),
        (failed) => {
          if (failed !== undefined) return put({ queueError: `Not recorded. ${failed.message}` });
          const now = store.get();
          const picked = now.picked.filter(({ row }) => !rows.includes(row));
          const change = { picked, judged: [...now.judged, about] };
          if (rows.includes(frontOf(now)?.row ?? -1)) advance(change);
          else put(change);
          since += rows.length;
          if (since < BATCH) return;
          since = 0;
          suspects.renew();
          suspects.refresh();
        },
      );
    },
    takeBack: () =>
      waiting(
        () => report(client.request("undo", {})),
        (failed) => {
          const { judged } = store.get();
          const last = (failed === undefined && judged.at(-1)) || [];
          if (last[0] === undefined) put();
          else bring(last[0], { judged: judged.slice(0, -1), picked: last.length > 1 ? last : [] });
        },
      ),
    back: () => put({ queueAt: Math.max(0, store.get().queueAt - 1), queueError: "" }),
    look: (one) => bring(one, { picked: [] }),
    mark: (picked) => store.set({ picked }),
    sift(change) {
      const { trail, queueAt } = store.get();
      const sifted = { ...store.get().sifted, ...change };
      store.set({ sifted, trail: trail.slice(0, queueAt), picked: [] });
      suspects.reset(sifted);
    },
    again,
    stop() {
      for (const end of ends) end();
    },
  };
}
