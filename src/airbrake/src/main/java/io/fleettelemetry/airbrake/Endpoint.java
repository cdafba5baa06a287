package io.fleettelemetry.airbrake;

import java.io.IOException;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.time.Duration;

/**
 * Sends notices over HTTP, one after the other, each on its own connection.
 *
 * <p>It uses {@link HttpURLConnection}, which respects the JVM's proxy settings and leaves no thread behind. The JDK's
 * newer client cannot be closed in Java 17: its thread stays until the garbage collector finds it.
 */
final class Endpoint {

    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    /** Longest time for an answer; the same as the Go server's. */
    static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);

    private final String userAgent;
    private final Duration answerLimit;
    private volatile HttpURLConnection current;

    /**
     * @param version version of the notifier, for the server's logs
     * @param answerLimit longest time for an answer; {@link #ANSWER_LIMIT}, except in tests
     */
    Endpoint(String version, Duration answerLimit) {
        this.userAgent = "fleet-telemetry/" + version;
        this.answerLimit = answerLimit;
    }

    /**
     * Sends a notice and waits for the answer. One thread at a time.
     *
     * @throws IOException if the notice did not arrive or was not accepted; the message does not contain the key
     */
    void post(AirbrakeSettings settings, byte[] notice) throws IOException {
        HttpURLConnection connection =
                (HttpURLConnection) settings.notices().toURL().openConnection();
        current = connection;
        try {
            connection.setConnectTimeout((int) CONNECT_LIMIT.toMillis());
            connection.setReadTimeout((int) answerLimit.toMillis());
            connection.setUseCaches(false);
            // The key must not go to another server.
            connection.setInstanceFollowRedirects(false);
            connection.setRequestMethod("POST");
            connection.setRequestProperty("Authorization", "Bearer " + settings.projectKey());
            connection.setRequestProperty("Content-Type", "application/json");
            connection.setRequestProperty("User-Agent", userAgent);
            connection.setRequestProperty("Connection", "close");
            connection.setDoOutput(true);
            // The JDK keeps a body of unknown length, and sends it a second time if there is no answer.
            connection.setFixedLengthStreamingMode(notice.length);
            try (OutputStream out = connection.getOutputStream()) {
                out.write(notice);
            }
            int status = connection.getResponseCode();
            if (status / 100 != 2) {
                throw new IOException("the server answered with HTTP status " + status);
            }
        } finally {
            current = null;
            connection.disconnect();
        }
    }

    /** Cuts the connection that another thread is using, if it has been made. */
    void abort() {
        HttpURLConnection connection = current;
        if (connection != null) {
            connection.disconnect();
        }
    }
}
