package io.fleettelemetry.bench;

import io.fleettelemetry.bench.Comparison.Entry;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** The comparisons as bars: a picture in SVG that can be read on a light page and on a dark one. */
final class Chart {

    private static final int NAMES = 190;
    private static final int COLUMN = 200;
    /** Of a column; the rest is for the figure behind the longest bar. */
    private static final int LONGEST = 130;

    private static final int MARGIN = 16;
    private static final int HEAD = 40;
    private static final int TITLE = 24;
    private static final int LINE = 17;
    private static final int BAR = 11;
    private static final int GAP = 10;

    private static final String STYLE = """
            <style>
              svg { font: 12px sans-serif; }
              text { stroke-width: 3px; paint-order: stroke; }
              .page { fill: #ffffff; } text { fill: #24292f; stroke: #ffffff; } .head { font-weight: bold; } .one { stroke: #8c959f; }
              .bare { fill: #8c959f; } .answers { fill: #0969da; } .batches { fill: #1a7f37; }
              @media (prefers-color-scheme: dark) {
                .page { fill: #0d1117; } text { fill: #e6edf3; stroke: #0d1117; } .one { stroke: #6e7681; }
                .bare { fill: #6e7681; } .answers { fill: #4493f8; } .batches { fill: #3fb950; }
              }
            </style>
            """;

    /** A figure that is drawn. Its bars have one scale, so that they can be compared from one place to the next. */
    private enum Column {
        THROUGHPUT("throughput", Cost::perSecond, true),
        CLIENT("CPU of a record", Cost::clientMicros, true),
        SERVER("the server's CPU", Cost::serverMicros, true),
        GARBAGE("garbage of a record", Cost::garbage, false);

        private final String title;
        private final ToDoubleFunction<Cost> figure;
        /** Whether what is drawn is the ratio to the first entry. */
        private final boolean isRatio;

        Column(String title, ToDoubleFunction<Cost> figure, boolean isRatio) {
            this.title = title;
            this.figure = figure;
            this.isRatio = isRatio;
        }

        int x() {
            return MARGIN + NAMES + ordinal() * COLUMN;
        }

        double value(Comparison comparison, Entry entry) {
            return isRatio ? comparison.ratio(entry, figure) : entry.median(figure);
        }

        String text(double value) {
            return isRatio ? Table.text("%.2f", value) : Table.garbage(value);
        }

        double greatest(List<Comparison> comparisons) {
            return comparisons.stream()
                    .flatMapToDouble(
                            comparison -> comparison.entries().stream().mapToDouble(entry -> value(comparison, entry)))
                    .max()
                    .orElse(1);
        }
    }

    private final StringBuilder svg = new StringBuilder();
    /** Drawn last, above lines and bars. */
    private final StringBuilder texts = new StringBuilder();

    private final double[] pixels = new double[Column.values().length];
    private int y;

    private Chart(List<Comparison> comparisons) {
        int lines = comparisons.stream().mapToInt(one -> one.entries().size()).sum();
        int width = 2 * MARGIN + NAMES + Column.values().length * COLUMN;
        int height = 2 * MARGIN + HEAD + comparisons.size() * (TITLE + GAP) + lines * LINE;
        svg.append(Table.text(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">%n",
                width, height, width, height));
        svg.append("<title>What a confirmed record costs</title>\n");
        svg.append(STYLE);
        svg.append("<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n");
        y = MARGIN + LINE;
        for (Column column : Column.values()) {
            pixels[column.ordinal()] = LONGEST / column.greatest(comparisons);
            text(column.x(), "head", column.title);
            if (column.isRatio) {
                y += LINE;
                text(column.x(), "", "publishAsync = 1");
                y -= LINE;
            }
        }
        y += HEAD;
        comparisons.forEach(this::draw);
        svg.append(texts).append("</svg>\n");
    }

    static String of(List<Comparison> comparisons) {
        return new Chart(comparisons).svg.toString();
    }

    private void draw(Comparison comparison) {
        text(MARGIN, "head", comparison.title());
        y += TITLE;
        int top = y - BAR;
        for (Entry entry : comparison.entries()) {
            text(MARGIN, "", entry.name());
            for (Column column : Column.values()) {
                double value = column.value(comparison, entry);
                double length = value * pixels[column.ordinal()];
                svg.append(Table.text(
                        "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>%n",
                        kind(entry), column.x(), y - BAR + 1, length, BAR));
                text(column.x() + (int) length + 5, "", column.text(value));
            }
            y += LINE;
        }
        for (Column column : Column.values()) {
            if (column.isRatio) {
                double x = column.x() + pixels[column.ordinal()];
                svg.append(Table.text(
                        "<line class=\"one\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>%n",
                        x, x, top, y - LINE + 2));
            }
        }
        y += GAP;
    }

    private static String kind(Entry entry) {
        return entry.name().startsWith("publish") ? "bare" : entry.name().startsWith("batches") ? "batches" : "answers";
    }

    private void text(int x, String kind, String text) {
        texts.append(Table.text("<text class=\"%s\" x=\"%d\" y=\"%d\">%s</text>%n", kind, x, y, text));
    }
}
