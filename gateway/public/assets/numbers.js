// Figures as people read them; one that is undefined is a dash.

/** A whole number. */
export const whole = (value) => figureWith({ maximumFractionDigits: 0 }, value);

/** As few digits as a range needs. */
export const short = (value) => figureWith({ maximumSignificantDigits: 3 }, value);

/** With a fixed number of significant digits, so that it keeps its width while it changes. */
export function figure(value, digits = 4) {
  const size = Math.abs(value ?? 0);
  if (size >= 10 ** digits && size < 1e9) return whole(value);
  const scientific = (size !== 0 && size < 1e-4) || size >= 1e9;
  return figureWith(
    {
      minimumSignificantDigits: digits,
      maximumSignificantDigits: digits,
      notation: scientific ? "scientific" : "standard",
    },
    value,
  );
}

/** A probability: below a thousandth the size alone matters. */
export function probability(value) {
  if (value !== null && value < 0.001) return "< 0.001";
  return figureWith({ minimumFractionDigits: 3, maximumFractionDigits: 3 }, value);
}

/** A tick's label, with the digits that its step needs. */
export function label(value, step) {
  if (step >= 1e4) return figureWith({ notation: "compact", maximumFractionDigits: 2 }, value);
  if (step < 1e-4) return figureWith({ notation: "scientific", maximumFractionDigits: 2 }, value);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return figureWith({ minimumFractionDigits: digits, maximumFractionDigits: digits }, value);
}

function figureWith(options, value) {
  if (value === null) return "–";
  return new Intl.NumberFormat("en", options).format(value).replace("-", "−");
}
