/** Forge's sign, as SVG. */
export const icon = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><rect width='32' height='32' rx='8' fill='#c2410c'/><path d='M11 23V9h11M11 16h8' fill='none' stroke='#fff' stroke-width='3'/></svg>";

/** The same as the address that a page's head names, so that no request is made for it. */
export const iconUrl = `data:image/svg+xml,${icon.replace(/[<>#]/g, encodeURIComponent)}`;
