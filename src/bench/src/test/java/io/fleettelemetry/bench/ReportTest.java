package io.fleettelemetry.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.fleettelemetry.bench.Comparison.Entry;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** Table and chart show what was measured. */
class ReportTest {

    private static final Entry BARE = new Entry(
            "publishAsync",
            List.of(new Cost(100, 4, 8, 4_000), new Cost(50, 8, 16, 4_200), new Cost(110, 4, 8, 4_100)),
            new Delay(300, 1_500));
    /** Twice as fast as its neighbour in two of three rounds. */
    private static final Entry BATCHES =
            new Entry("batches", List.of(new Cost(200, 1, 4, 0), new Cost(100, 2, 8, 0), new Cost(330, 1, 4, 6)), null);

    private static final List<Comparison> MEASURED =
            List.of(new Comparison("nats-server 2.15.1, file, 300 B", List.of(BARE, BATCHES)));

    @Test
    void the_table_has_what_the_first_one_costs_and_of_the_others_the_median_of_the_ratios_within_a_round() {
        List<String> lines = Table.of(MEASURED).lines().skip(2).toList();
        assertEquals(
                List.of(
                        "| nats-server 2.15.1, file, 300 B | publishAsync | 1 = 100/s | 1 = 4.00 µs | 1 = 8.00 µs"
                                + " | 4,100 B | 0.3 ms, 1.5 ms |",
                        "|  | batches | 2.00 | 0.25 | 0.50 | 0.0 B |  |"),
                lines);
    }

    @Test
    void the_chart_has_a_bar_for_each_figure_as_long_as_the_figure_is_great() throws Exception {
        byte[] svg = Chart.of(MEASURED).getBytes(StandardCharsets.UTF_8);
        NodeList all = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(svg))
                .getElementsByTagName("rect");
        List<Double> bare = new ArrayList<>();
        List<Double> batches = new ArrayList<>();
        for (int i = 0; i < all.getLength(); i++) {
            Element bar = (Element) all.item(i);
            switch (bar.getAttribute("class")) {
                case "bare" -> bare.add(Double.valueOf(bar.getAttribute("width")));
                case "batches" -> batches.add(Double.valueOf(bar.getAttribute("width")));
                default -> assertEquals("page", bar.getAttribute("class"));
            }
        }
        assertEquals(List.of(65.0, 130.0, 130.0, 130.0), bare);
        assertEquals(List.of(130.0, 32.5, 65.0, 0.0), batches);
    }
}
