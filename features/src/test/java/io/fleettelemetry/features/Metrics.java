package io.fleettelemetry.features;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a metrics endpoint says.
 *
 * @param types by family
 * @param values by name and labels, as they stand in the text: {@code nats_err{record_type="V",}}
 */
record Metrics(Map<String, String> types, Map<String, Double> values) {

    static Metrics read(int port) throws IOException, InterruptedException {
        return read("127.0.0.1:" + port);
    }

    /** As {@link #read}, where there must be an endpoint. */
    static Metrics of(int port) {
        try {
            return read(port);
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    static Metrics read(String address) throws IOException, InterruptedException {
        HttpResponse<String> response = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://" + address + "/metrics"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new IOException("HTTP " + response.statusCode());
        }
        var metrics = new Metrics(new TreeMap<>(), new TreeMap<>());
        response.body().lines().forEach(line -> {
            String[] words = line.split(" ");
            if (line.startsWith("# TYPE ")) {
                if (metrics.types.put(words[2], words[3]) != null) {
                    throw new IllegalStateException("two families with one name: " + words[2]);
                }
            } else if (!line.startsWith("#")) {
                int value = line.lastIndexOf(' ');
                metrics.values.put(line.substring(0, value), Double.valueOf(line.substring(value + 1)));
            }
        });
        return metrics;
    }

    /** The sum of a family over all record types. */
    double sum(String family) {
        return values.entrySet().stream()
                .filter(entry -> entry.getKey().startsWith(family + "{"))
                .mapToDouble(Map.Entry::getValue)
                .sum();
    }

    double value(String family, String label, String value) {
        return values.getOrDefault(family + "{" + label + "=\"" + value + "\",}", 0.0);
    }
}
