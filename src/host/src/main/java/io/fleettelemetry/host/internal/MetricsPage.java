package io.fleettelemetry.host.internal;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.prometheus.client.Collector;
import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.exporter.common.TextFormat;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;

/** Answers {@code GET /metrics} with the metrics of all collectors, and refuses every other request. */
final class MetricsPage implements HttpHandler {

    private static final Log log = Own.log(MetricsPage.class);

    private final Families families = new Families();
    private final Supplier<Collection<Collector>> collectors;
    private final Runnable headRead;

    /** @param headRead is run when the head of a request has been read */
    MetricsPage(Supplier<Collection<Collector>> collectors, Runnable headRead) {
        this.collectors = collectors;
        this.headRead = headRead;
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        headRead.run();
        try (exchange) {
            if (hasBody(exchange)) {
                return; // without an answer, because before that the server would wait for the whole body
            }
            if (!exchange.getRequestURI().getPath().equals("/metrics")) {
                exchange.sendResponseHeaders(404, -1);
            } else if (!exchange.getRequestMethod().equals("GET")) {
                exchange.sendResponseHeaders(405, -1);
            } else {
                List<MetricFamilySamples> merged = families.merge(collectors.get());
                exchange.getResponseHeaders().set("Content-Type", TextFormat.CONTENT_TYPE_004);
                exchange.sendResponseHeaders(200, 0);
                try (Writer writer = new OutputStreamWriter(exchange.getResponseBody(), StandardCharsets.UTF_8)) {
                    TextFormat.write004(writer, Collections.enumeration(merged));
                }
            }
        } catch (RuntimeException | Error e) { // otherwise it would be lost: see TimedRequests
            log.error(
                    "metrics_request_failed request={}",
                    PlainText.field(exchange.getRequestURI().toString()),
                    e);
        }
    }

    private static boolean hasBody(HttpExchange exchange) {
        String length = exchange.getRequestHeaders().getFirst("Content-Length");
        return length != null && !length.strip().equals("0")
                || exchange.getRequestHeaders().containsKey("Transfer-Encoding");
    }
}
