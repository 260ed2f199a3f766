/** The series of one metric that has one label, by that label's value, in the text format of Prometheus. */
export function parseSeries(text: string, name: string): Record<string, number> {
  const found = text.matchAll(new RegExp(`^${name}\\{\\w+="([^"]*)"\\} (\\S+)$`, 'gm'));
  return Object.fromEntries([...found].map(([, value, number]) => [value, Number(number)]));
}

/** The series that are not 0. */
export function countedSeries(text: string, name: string): Record<string, number> {
  return Object.fromEntries(Object.entries(parseSeries(text, name)).filter(([, number]) => number !== 0));
}
