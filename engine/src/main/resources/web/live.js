// The live view: once a second the server's totals, and charts of what changed between two answers.

import { get, Refused } from './api.js';
import { Chart } from './chart.js';
import { byId, element } from './dom.js';
import { askForKey } from './settings.js';

const EVERY = 1000; // ms

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = (value) => (value >= 100 ? number.format(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const percent = (value) => ({ value: value === null ? '–' : (100 * value).toFixed(value < 0.0995 ? 1 : 0), unit: '%' });
const time = (seconds) => (seconds === null ? { value: '–', unit: '' }
  : seconds < 1 ? { value: short(1000 * seconds), unit: 'ms' } : { value: short(seconds), unit: 's' });

/** The chart, and how its values follow from two answers of the server. */
const FIGURES = [
  {
    title: 'Tokens written',
    series: ['tokens/s'],
    values: (now, then, seconds) => [(now.totals.generated_tokens - then.totals.generated_tokens) / seconds],
    format: ([rate]) => ({ value: rate < 100 ? rate.toFixed(rate > 0 ? 1 : 0) : number.format(rate), unit: 'per second' }),
  },
  {
    title: 'Prompt tokens',
    series: ['computed', 'from the cache'],
    values: (now, then, seconds) => {
      const cached = now.totals.cached_tokens - then.totals.cached_tokens;
      return [(now.totals.prompt_tokens - then.totals.prompt_tokens - cached) / seconds, cached / seconds];
    },
    format: ([computed, cached]) => ({ value: number.format(computed + cached), unit: 'per second' }),
  },
  {
    title: 'Time to first token',
    series: ['mean'],
    values: (now, then) => [mean(now.first_token, then.first_token)],
    format: ([seconds]) => time(seconds),
    note: (now) => within(now.first_token),
  },
  {
    title: 'Time per token',
    series: ['mean'],
    values: (now, then) => [mean(now.between_tokens, then.between_tokens)],
    format: ([seconds]) => time(seconds),
    note: (now) => within(now.between_tokens),
  },
  {
    title: 'Requests',
    series: ['running', 'waiting'],
    values: (now) => [now.running, now.queued],
    format: ([running, queued]) => ({ value: number.format(running), unit: queued > 0 ? `running, ${number.format(queued)} waiting` : 'running' }),
  },
  {
    title: 'Cache in use',
    series: ['by requests', 'by kept prefixes'],
    values: (now) => [now.kv.held / now.kv.total, now.kv.cached / now.kv.total],
    format: ([held]) => percent(held),
    note: (now) => `${number.format(now.kv.held)} of ${number.format(now.kv.total)} tokens; ${number.format(now.kv.cached)} kept`,
  },
  {
    title: 'Cache hits',
    series: ['share'],
    most: 1,
    values: (now, then) => [share(now.totals.cached_tokens - then.totals.cached_tokens, now.totals.prompt_tokens - then.totals.prompt_tokens)],
    format: ([hits]) => percent(hits),
    note: (now) => `of prompt tokens; ${percent(share(now.totals.cached_tokens, now.totals.prompt_tokens)).value} % since the start`,
  },
];

const TOTALS = [
  ['Prompt tokens', (now) => now.totals.prompt_tokens],
  ['Prompt tokens from the cache', (now) => now.totals.cached_tokens],
  ['Tokens written', (now) => now.totals.generated_tokens],
  ['Requests finished', (now) => now.totals.finished],
  ['Requests aborted', (now) => now.totals.aborted],
  ['Requests put back for memory', (now) => now.totals.retracted],
  ['Tokens dropped from the cache', (now) => now.totals.evicted_tokens],
];

const share = (part, whole) => (whole > 0 ? part / whole : null);
const mean = (now, then) => (now.count > then.count ? (now.sum - then.sum) / (now.count - then.count) : null);

/** What 95 of 100 stayed below since the start: a bound of the histogram, so no more exact than its buckets. */
function within({ count, bounds, counts }) {
  if (count === 0) {
    return '';
  }
  let below = 0;
  const bucket = counts.findIndex((inside) => (below += inside) >= 0.95 * count);
  if (bucket >= bounds.length) {
    return '';
  }
  const { value, unit } = time(bounds[bucket]);
  return `95 % within ${Number(value)} ${unit} since the start`;
}

let last = null;
let charts = [];
let timer = 0;

export function startLive() {
  charts = FIGURES.map((figure) => ({ ...figure, chart: new Chart(figure) }));
  byId('figures').append(...charts.map(({ chart }) => chart.root));
  document.addEventListener('visibilitychange', () => restartLive());
  restartLive();
}

/** Looks at once, and then each second while somebody can see it. */
export function restartLive() {
  clearTimeout(timer);
  if (!document.hidden) {
    look();
  }
}

async function look() {
  let again = true;
  try {
    const now = await get('page/stats');
    state('');
    show(now);
  } catch (e) {
    again = !(e instanceof Refused && e.status === 401);
    state(e instanceof Refused ? e.message : 'The server cannot be reached. Trying again each second.');
    if (!again) {
      askForKey();
    }
    last = null;
  }
  clearTimeout(timer);
  if (again && !document.hidden) {
    timer = setTimeout(look, EVERY);
  }
}

function show(now) {
  // A server that was started anew counts from zero again.
  const then = last !== null && now.seconds > last.seconds ? last : null;
  last = now;
  if (then) {
    charts.forEach(({ chart, values, note }) => {
      chart.push(values(now, then, now.seconds - then.seconds));
      chart.note.textContent = note ? note(now) : '';
    });
  }
  byId('totals').replaceChildren(...TOTALS.map(([name, of]) => element('div', {},
    element('dt', {}, name), element('dd', {}, number.format(of(now))))));
}

/** Told once, not each second. */
function state(text) {
  if (byId('live-state').textContent !== text) {
    byId('live-state').textContent = text;
  }
}
