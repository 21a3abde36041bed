/** A row of bars, so small that it stands in a line of text: how much of something there was, day by day. */

const [width, gap, height] = [5, 2, 24];

/** `values`: oldest first; `label`: what it says, for whoever cannot see it. What is more than nothing is at least a line high. */
export function Spark({ values, label }: { values: readonly number[]; label: string }) {
  const most = Math.max(...values, 0);
  return (
    <svg class="spark" viewBox={`0 0 ${values.length * (width + gap) - gap} ${height}`} width={values.length * (width + gap) - gap} height={height} role="img" aria-label={label}>
      {values.map((value, i) => {
        const tall = value > 0 ? Math.max(2, Math.round((value / most) * height)) : 1;
        return <rect class={value > 0 ? undefined : "none"} x={i * (width + gap)} y={height - tall} width={width} height={tall} rx={1} />;
      })}
    </svg>
  );
}
