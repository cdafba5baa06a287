package io.fleettelemetry.airbrake;

import com.google.gson.Gson;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A report in the form of Airbrake's API, version 3.
 *
 * <p>As with the Go server, {@code errors[0].message} is the same text for all errors of one kind, and Airbrake groups
 * by it. {@code params} contains the details.
 */
final class Notice {

    // Airbrake refuses a notice of more than 64 KB, so a long stack and long texts are cut.
    private static final int MAX_FRAMES = 100;
    private static final int MAX_TEXT = 2_000;

    private static final Gson GSON = new Gson();

    private Notice() {}

    /**
     * Returns the notice as JSON in UTF-8.
     *
     * @param report the report
     * @param environment for example {@code production}; empty for none
     * @param hostname this machine's name; empty if it is unknown
     * @param version version of the notifier
     */
    static byte[] json(Report report, String environment, String hostname, String version) {
        Map<String, Object> notice = Map.of(
                "errors", List.of(error(report)),
                "context", context(environment, hostname, version),
                "environment", Map.of(),
                "session", Map.of(),
                "params", params(report));
        return GSON.toJson(notice).getBytes(StandardCharsets.UTF_8);
    }

    private static Map<String, Object> error(Report report) {
        Throwable cause = report.cause();
        return Map.of(
                "type", cause == null ? cut(report.message()) : cause.getClass().getName(),
                "message", cut(report.message()),
                "backtrace", cause == null ? List.of() : backtrace(cause));
    }

    private static List<Map<String, Object>> backtrace(Throwable cause) {
        return Arrays.stream(cause.getStackTrace())
                .limit(MAX_FRAMES)
                .map(frame -> Map.<String, Object>of(
                        "file", String.valueOf(frame.getFileName()),
                        "line", Math.max(0, frame.getLineNumber()),
                        "function", frame.getClassName() + "." + frame.getMethodName()))
                .toList();
    }

    private static Map<String, Object> context(String environment, String hostname, String version) {
        Map<String, Object> context = new LinkedHashMap<>();
        context.put("notifier", Map.of("name", "fleet-telemetry", "version", version));
        context.put("severity", "error");
        context.put("environment", environment);
        context.put("hostname", hostname);
        context.put("language", "Java " + System.getProperty("java.version"));
        context.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        context.put("architecture", System.getProperty("os.arch"));
        context.values().removeIf(""::equals);
        return context;
    }

    private static Map<String, String> params(Report report) {
        Map<String, String> params = new LinkedHashMap<>();
        report.fields().forEach((name, value) -> params.put(name, cut(value)));
        if (report.cause() != null) {
            params.put("error", cut(report.cause().toString()));
        }
        return params;
    }

    private static String cut(String text) {
        return text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) + "…" : text;
    }
}
