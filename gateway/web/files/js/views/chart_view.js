/** Candles and volume of the selected instrument. Times are UTC. */

import {
  CandlestickSeries,
  ColorType,
  HistogramSeries,
  createChart,
} from "/vendor/lightweight-charts-5.2.1/lightweight-charts.mjs";
import { byId, setText, show } from "../dom.js";

const NANOSECONDS = 1e9;
const VOLUME_SHARE = 0.18;

export class ChartView {
  /** @param {import("../market_feed.js").MarketFeed} feed */
  constructor(feed) {
    this._feed = feed;
    /** @type {number | undefined} */
    this._lastStart = undefined;
    this._up = "";
    this._down = "";
    this._chart = createChart(byId("chart"), {
      autoSize: true,
      // The attribution stands below the chart: the logo would need a style sheet in the markup.
      layout: { attributionLogo: false, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily },
      timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 4, barSpacing: 9 },
      rightPriceScale: { borderVisible: false, minimumWidth: 56 },
      localization: { locale: "en" },
    });
    this._prices = this._chart.addSeries(CandlestickSeries, { borderVisible: false });
    this._volumes = this._chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this._prices.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: VOLUME_SHARE + 0.06 } });
    this._volumes.priceScale().applyOptions({ scaleMargins: { top: 1 - VOLUME_SHARE, bottom: 0 } });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this._paint());
    this._paint();
  }

  /**
   * Prepares the scale for an instrument.
   * @param {{price_decimals: number, tick: string}} instrument
   */
  select(instrument) {
    this._prices.applyOptions({
      priceFormat: { type: "price", precision: instrument.price_decimals, minMove: Number(instrument.tick) },
    });
  }

  /**
   * Draws the candles that changed, or all.
   * @param {any[] | null} changed
   */
  draw(changed) {
    const { candles, candlesLoaded, symbol, interval } = this._feed;
    const last = this._lastStart;
    const appends = changed?.every((candle) => last === undefined || candle.start >= last);
    if (changed && appends) {
      for (const candle of changed) {
        this._prices.update(bar(candle));
        this._volumes.update(this._volume(candle));
        this._lastStart = candle.start;
      }
    } else {
      const sorted = [...candles.values()].sort((first, second) => first.start - second.start);
      this._prices.setData(sorted.map(bar));
      this._volumes.setData(sorted.map((candle) => this._volume(candle)));
      this._lastStart = sorted.at(-1)?.start;
      if (!changed) this._chart.timeScale().scrollToRealTime();
    }
    const empty = byId("chart-empty");
    show(empty, candles.size === 0);
    setText(empty, candlesLoaded ? "No trades yet." : "Loading candles");
    const close = candles.get(this._lastStart ?? -1)?.close;
    byId("chart").setAttribute("aria-label", `${interval} candles of ${symbol}${close ? `, last close ${close}` : ""}`);
  }

  /** Takes the colours of the page. */
  _paint() {
    const style = getComputedStyle(document.documentElement);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    this._chart.applyOptions({
      layout: { background: { type: ColorType.Solid, color: colour("panel") }, textColor: colour("muted") },
      grid: { vertLines: { color: colour("line") }, horzLines: { color: colour("line") } },
      timeScale: { borderColor: colour("line") },
      crosshair: {
        vertLine: { labelBackgroundColor: colour("line-strong") },
        horzLine: { labelBackgroundColor: colour("line-strong") },
      },
    });
    this._prices.applyOptions({
      upColor: colour("bid"),
      downColor: colour("ask"),
      wickUpColor: colour("bid"),
      wickDownColor: colour("ask"),
      priceLineColor: colour("muted"),
    });
    this._up = colour("bid-soft");
    this._down = colour("ask-soft");
    this._volumes.setData([...this._feed.candles.values()].sort(byStart).map((candle) => this._volume(candle)));
  }

  /** @param {any} candle */
  _volume(candle) {
    const color = Number(candle.close) >= Number(candle.open) ? this._up : this._down;
    return { time: seconds(candle), value: candle.volume, color };
  }
}

/**
 * @param {any} first
 * @param {any} second
 */
const byStart = (first, second) => first.start - second.start;

/** @param {any} candle */
const seconds = (candle) => /** @type {any} */ (candle.start / NANOSECONDS);

/** @param {any} candle */
const bar = (candle) => ({
  time: seconds(candle),
  open: Number(candle.open),
  high: Number(candle.high),
  low: Number(candle.low),
  close: Number(candle.close),
});
