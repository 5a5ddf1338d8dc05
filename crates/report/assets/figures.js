// Numbers as people read them: the same units as the program's own output.

const NARROW = "\u202f";

function grouped(n) {
  const digits = String(n);
  return digits.length < 5 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, NARROW);
}
const counted = (n, noun) => `${grouped(n)} ${noun}${n === 1 ? "" : "s"}`;
const percent = (ratio) => (ratio === null || ratio === undefined ? "–" : `${Math.floor(ratio * 100)}${NARROW}%`);

function duration(us) {
  if (us < 999.5) return `${Math.round(us)} µs`;
  if (us < 9950) return `${(us / 1e3).toFixed(1)} ms`;
  if (us < 999500) return `${Math.round(us / 1e3)} ms`;
  if (us < 120e6) return `${(us / 1e6).toFixed(1).replace(/\.0$/, "")} s`;
  if (us < 7200e6) return `${Math.round(us / 60e6)} min`;
  return `${(us / 3600e6).toFixed(1).replace(/\.0$/, "")} h`;
}

function bytes(n) {
  if (n < 1000) return `${n} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = n / 1000, unit = 0;
  while (value >= 999.5 && unit < units.length - 1) { value /= 1000; unit += 1; }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

// A moment after the beginning, as exact as steps of `step` need.
function moment(us, step) {
  const sign = us < 0 ? "−" : "";
  const abs = Math.abs(us);
  const digits = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step / 1e6) - 1e-9)));
  if (report.length < 1000) return `${sign}${Math.round(abs)} µs`;
  if (report.length < 1e6 && step < 1e6) {
    return `${sign}${(abs / 1e3).toFixed(Math.max(0, digits - 3))} ms`;
  }
  const whole = abs / 1e6;
  if (whole < 60 && report.length < 60e6) return `${sign}${whole.toFixed(digits)} s`;
  const text = (n) => String(n).padStart(2, "0");
  const ticks = Math.round(whole * 10 ** digits) / 10 ** digits;
  const seconds = (ticks % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  const minutes = Math.floor(ticks / 60);
  return minutes < 60 ? `${sign}${minutes}:${seconds}`
    : `${sign}${Math.floor(minutes / 60)}:${text(minutes % 60)}:${seconds}`;
}

const EXACT = 100;
const at = (us) => moment(us, EXACT);

// Wall clock in UTC, so that everybody who opens the page reads the same.
function wall(us, step) {
  const iso = new Date((report.began + us) / 1000).toISOString();
  if (step >= 60e6) return iso.slice(11, 16);
  if (step >= 1e6) return iso.slice(11, 19);
  if (step >= 1e3) return iso.slice(11, 23);
  return `${iso.slice(11, 23)}${String(Math.floor((report.began + us) % 1000)).padStart(3, "0")}`;
}
const day = (us) => new Date((report.began + us) / 1000).toISOString().slice(0, 10);

// A step between ticks that people count in, no shorter than `least`.
function tickStep(least) {
  if (least > 1e6) {
    const nice = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
    const found = nice.find((s) => s * 1e6 >= least);
    return (found ?? Math.ceil(least / 86400e6) * 86400) * 1e6;
  }
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return [1, 2, 5, 10].map((n) => n * power).find((s) => s >= least) ?? 10 * power;
}
