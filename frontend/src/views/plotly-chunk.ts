/** Plotly in a chunk with what the bundler needs to load it, which is then no part of the page's first one. */
export { default } from "plotly.js-cartesian-dist-min";
