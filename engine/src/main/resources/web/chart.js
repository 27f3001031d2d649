// Small line charts, drawn as SVG.

import { element } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 240;
const HEIGHT = 56;
const POINTS = 120;

/** A figure of the live view: its name, what it is now, and a line for each series over the last two minutes. */
export class Chart {
  #points = [];
  #most;
  #format;
  #lines;

  /**
   * @param title   what is shown
   * @param series  names of the lines, at most two
   * @param format  makes a text of the newest values: {value, unit, note}
   * @param most    the top of the chart; without it the largest value is
   */
  constructor({ title, series, format, most }) {
    this.#format = format;
    this.#most = most;
    this.value = element('span', { class: 'value' }, '–');
    this.unit = element('span', { class: 'unit' });
    this.note = element('p', { class: 'note' });
    this.top = element('span', { class: 'top', 'aria-hidden': 'true' });
    this.drawing = make('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    this.#lines = series.map((name, i) => ({ area: make('path', { class: `area s${i}` }), line: make('path', { class: `line s${i}` }) }));
    this.drawing.append(...this.#lines.flatMap(({ area, line }) => [area, line]));
    this.root = element('section', { class: 'figure', 'aria-label': title },
      element('h3', {}, title),
      element('p', { class: 'now' }, this.value, this.unit),
      element('div', { class: 'plot' }, this.drawing, this.top),
      series.length > 1 ? element('p', { class: 'legend' }, ...series.map((name, i) => element('span', { class: `s${i}` }, name))) : '',
      this.note);
  }

  /** @param values one for each series, null where there is nothing to show */
  push(values) {
    this.#points = [...this.#points, values].slice(-POINTS);
    const { value, unit, note = '' } = this.#format(values);
    this.value.textContent = value;
    this.unit.textContent = unit;
    this.note.textContent = note;
    const most = this.#most ?? niceTop(Math.max(0, ...this.#points.flat().filter((point) => point !== null)));
    this.top.textContent = this.#most || most === 0 ? '' : this.#topLabel(values.map(() => most));
    this.#lines.forEach(({ area, line }, i) => {
      const drawn = trace(this.#points.map((point) => point[i]), most || 1);
      line.setAttribute('d', drawn.line);
      area.setAttribute('d', drawn.area);
    });
  }

  #topLabel(values) {
    const { value, unit } = this.#format(values);
    return unit.length > 2 ? value : `${Number.parseFloat(value.replaceAll(',', ''))} ${unit}`;
  }
}

/** A line through the points there are; the newest is at the right edge. */
function trace(values, most) {
  const step = WIDTH / (POINTS - 1);
  const from = POINTS - values.length;
  const points = values
    .map((value, i) => (value === null ? null
      : [((from + i) * step).toFixed(1), (HEIGHT - 1 - Math.min(1, value / most) * (HEIGHT - 3)).toFixed(1)]))
    .filter((point) => point !== null);
  if (points.length === 0) {
    return { line: '', area: '' };
  }
  const line = `M${points.map((point) => point.join(' ')).join('L')}`;
  return {
    line: points.length === 1 ? `${line}h-2` : line,
    area: `${line}V${HEIGHT}H${points[0][0]}Z`,
  };
}

/** The next round number. */
function niceTop(value) {
  if (value <= 0) {
    return 0;
  }
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * ten).find((top) => top >= value * 0.999);
}

function make(name, attributes) {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  return made;
}
