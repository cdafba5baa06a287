package io.fleettelemetry.bench;

import io.fleettelemetry.bench.Comparison.Entry;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** The comparisons as a table in Markdown, for the page on delivery. */
final class Table {

    private static final String HEAD = """
            | | | throughput | CPU | CPU of the server | garbage | confirmed after: half, 99 % |
            | --- | --- | --- | --- | --- | --- | --- |
            """;

    private Table() {}

    static String of(List<Comparison> comparisons) {
        StringBuilder table = new StringBuilder(HEAD);
        for (Comparison comparison : comparisons) {
            String title = comparison.title();
            for (Entry entry : comparison.entries()) {
                table.append(row(title, comparison, entry));
                title = "";
            }
        }
        return table.toString();
    }

    private static String row(String title, Comparison comparison, Entry entry) {
        return "| " + title + " | " + entry.name()
                + " | " + ratio(comparison, entry, Cost::perSecond, "%,.0f/s")
                + " | " + ratio(comparison, entry, Cost::clientMicros, "%.2f µs")
                + " | " + ratio(comparison, entry, Cost::serverMicros, "%.2f µs")
                + " | " + garbage(entry.median(Cost::garbage))
                + " | " + delay(entry.delay())
                + " |\n";
    }

    /** Of the first entry what it is, of the others the ratio to that. */
    private static String ratio(Comparison comparison, Entry entry, ToDoubleFunction<Cost> figure, String format) {
        boolean first = entry == comparison.entries().get(0);
        return first ? "1 = " + text(format, entry.median(figure)) : text("%.2f", comparison.ratio(entry, figure));
    }

    static String garbage(double bytes) {
        return text(bytes < 10 ? "%.1f B" : "%,.0f B", bytes);
    }

    private static String delay(Delay delay) {
        return delay == null ? "" : text("%.1f ms, %.1f ms", delay.half() / 1e3, delay.most() / 1e3);
    }

    static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
