/** What makes a drawn map one that moves; loaded along with plotly. */
export { PlotAxes } from "../plot-axes";
export { RangeInAddress } from "../range-in-address";
