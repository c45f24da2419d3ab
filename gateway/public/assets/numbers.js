// Figures as people read them; one that is undefined is a dash.

const wholes = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const whole = (value) => (value == null ? "–" : wholes.format(value));

/** Four significant digits, or as many as asked for. */
export function figure(value, digits = 4) {
  if (value == null) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return minus(value.toExponential(digits - 2));
  const options = { minimumSignificantDigits: digits, maximumSignificantDigits: digits };
  return minus(
    size >= 10 ** digits ? wholes.format(value) : new Intl.NumberFormat("en", options).format(value),
  );
}

/** A probability: below a thousandth the size alone matters. */
export const probability = (p) => (p == null ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3));

/** A tick's label, as short as its step allows. */
export function label(value, step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return minus(
    new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })
      .format(value),
  );
}

const minus = (text) => text.replace("-", "−");
