package io.fleettelemetry.airbrake;

import java.io.IOException;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.time.Duration;

/**
 * Sends notices by HTTP, one after the other, each on a connection of its own.
 *
 * <p>With {@link HttpURLConnection}, which goes through the JVM's proxy settings and leaves nothing behind. The JDK's
 * newer client cannot be closed in Java 17: its thread stays until the garbage collector comes by.
 */
final class Endpoint {

    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    /** As long as the Go server waits. */
    static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);

    private final String userAgent;
    private final Duration answerLimit;
    private volatile HttpURLConnection current;

    /**
     * @param version of the notifier, for the server's logs
     * @param answerLimit how long the server may take to answer; {@link #ANSWER_LIMIT}, except in tests
     */
    Endpoint(String version, Duration answerLimit) {
        this.userAgent = "fleet-telemetry/" + version;
        this.answerLimit = answerLimit;
    }

    /**
     * Sends a notice and waits for the answer. One thread at a time.
     *
     * @throws IOException if it did not arrive, or the answer is not that it was taken; the key is not in the message
     */
    void post(AirbrakeSettings settings, byte[] notice) throws IOException {
        HttpURLConnection connection =
                (HttpURLConnection) settings.notices().toURL().openConnection();
        current = connection;
        try {
            connection.setConnectTimeout((int) CONNECT_LIMIT.toMillis());
            connection.setReadTimeout((int) answerLimit.toMillis());
            connection.setUseCaches(false);
            // Elsewhere, the key has no business.
            connection.setInstanceFollowRedirects(false);
            connection.setRequestMethod("POST");
            connection.setRequestProperty("Authorization", "Bearer " + settings.projectKey());
            connection.setRequestProperty("Content-Type", "application/json");
            connection.setRequestProperty("User-Agent", userAgent);
            connection.setRequestProperty("Connection", "close");
            connection.setDoOutput(true);
            // A body of unknown length is kept by the JDK, and sent a second time if the first has no answer.
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

    /** Cuts the connection that another thread is using, if it is made already. */
    void abort() {
        HttpURLConnection connection = current;
        if (connection != null) {
            connection.disconnect();
        }
    }
}
