/** Line icons of 24 × 24, drawn here: no font, no request. They are decoration; what they mean stands beside them. */
const paths = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z",
  key: "M15 9a4 4 0 1 0-3.9 5L8 17H6v2H4v1h4v-3h2v-2h1l.1-1A4 4 0 0 0 15 9zM12.5 8.5h.01",
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  usage: "M4 20V10M10 20V4M16 20v-7M22 20H2",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.3a3.5 3.5 0 0 1 0 6.4M18.5 14.5a6.5 6.5 0 0 1 3 5.5",
  money: "M3 6h18v12H3zM3 10h18M7 15h3",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
  audit: "M6 3h9l4 4v14H6zM9 11h7M9 15h7",
  play: "M4 5h16v11H9l-5 4zM8 9h8M8 12h5",
  route: "M5 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM19 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM7 17h7a4 4 0 0 0 0-8h-4a3 3 0 0 1 0-6h2",
  shield: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4",
  list: "M4 6h.01M8 6h12M4 12h.01M8 12h12M4 18h.01M8 18h12",
  file: "M6 3h8l5 5v13H6zM14 3v5h5",
  batch: "M12 3l9 5-9 5-9-5zM3 12l9 5 9-5M3 16l9 5 9-5",
  book: "M4 5h5a3 3 0 0 1 3 3v12a2.5 2.5 0 0 0-2.5-2H4zM20 5h-5a3 3 0 0 0-3 3v12a2.5 2.5 0 0 1 2.5-2H20z",
  code: "M8 7l-5 5 5 5M16 7l5 5-5 5M13.5 5l-3 14",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 13l4 4L19 7",
  alert: "M12 4l9 16H3zM12 10v4M12 17h.01",
  mail: "M3 6h18v12H3zM3 7l9 7 9-7",
  leave: "M10 4H4v16h6M15 8l4 4-4 4M19 12H9",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8h.01",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M19 5l-1.4 1.4M6.4 17.6 5 19",
  moon: "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5z",
  system: "M3 5h18v11H3zM9 20h6M12 16v4",
} as const;

export type IconName = keyof typeof paths;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d={paths[name]} /></svg>
);
