/** What charts use of plotly.js beside what the map does; its own words, checked by plotly. */
declare module "plotly.js-cartesian-dist-min" {
  export interface Plotly {
    newPlot(
      element: HTMLElement,
      data: readonly Record<string, unknown>[],
      layout: Readonly<Record<string, unknown>>,
      config: Readonly<Record<string, unknown>>,
    ): Promise<unknown>;
    update(
      element: HTMLElement,
      data: Readonly<Record<string, readonly unknown[]>>,
      layout: Readonly<Record<string, unknown>>,
    ): Promise<unknown>;
  }
}
