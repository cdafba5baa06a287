package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.settings.ConnectionSettings;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;

/** The last problems of a connection, in words that say what to do about them. */
final class ConnectErrors {

    /** The messages of jnats if one side requires TLS and the other does not. */
    private static final String SERVER_REQUIRES_TLS = "SSL required by server.";

    private static final String SERVER_OFFERS_NO_TLS = "SSL connection wanted by client.";

    /** The message of jnats if CONNECT cannot be made. */
    private static final String CONNECT_FAILED = "Error sending connect string";

    private final ConnectionSettings settings;

    /** The server's last {@code -ERR}, the last problem with TLS, and the last exception. */
    private volatile String serverError = "";

    private volatile String tlsError = "";
    private volatile String exception = "";
    /** The last problem of an advertised server. It is shown only if there is no other one. */
    private volatile String discoveredError = "";

    private volatile boolean serverRequiresTls;
    private volatile boolean serverOffersNoTls;

    ConnectErrors(ConnectionSettings settings) {
        this.settings = settings;
    }

    void forget() {
        serverError = "";
        tlsError = "";
        exception = "";
        discoveredError = "";
        serverRequiresTls = false;
        serverOffersNoTls = false;
    }

    /** The last problem; empty if there is none. The server's words come first, because they explain the most. */
    String last() {
        return PlainText.field(Stream.of(serverError, tlsError, exception, discoveredError)
                .filter(error -> !error.isEmpty())
                .findFirst()
                .orElse(""));
    }

    boolean saysThatTlsIsRequired() {
        return serverRequiresTls;
    }

    boolean saysThatThereIsNoTls() {
        return serverOffersNoTls;
    }

    void tlsFailed(Servers.Server server, String reason) {
        if (server.isDiscovered()) {
            discoveredError = reason + "; " + settings.tls();
        } else {
            tlsError = reason + "; " + settings.tls();
        }
    }

    /** The server has sent {@code -ERR}. Returns its words, with its name if it is an advertised server. */
    String serverError(Servers.Server server, String error) {
        if (server.isDiscovered()) {
            discoveredError = ofDiscovered(server, error);
            return discoveredError;
        }
        serverError = error;
        return error;
    }

    /** jnats has reported an exception. Returns it in words, with the server's name if it is an advertised server. */
    String exception(Servers.Server server, Throwable e) {
        String words = inWords(e);
        if (server.isDiscovered()) {
            discoveredError = ofDiscovered(server, words);
            return discoveredError;
        }
        exception = words;
        if (SERVER_REQUIRES_TLS.equals(e.getMessage())) {
            serverRequiresTls = true;
        }
        if (SERVER_OFFERS_NO_TLS.equals(e.getMessage())) {
            serverOffersNoTls = true;
        }
        return words;
    }

    /** A nats-server with {@code handshake_first} says nothing before. */
    private boolean mayExpectTlsFirst() {
        return settings.isTlsAskedFor()
                && !settings.tls().first()
                && settings.servers().stream().noneMatch(url -> url.startsWith("ws"));
    }

    private static String ofDiscovered(Servers.Server server, String error) {
        return server + ", which the cluster advertised: " + error;
    }

    /** Describes an exception of jnats. */
    String inWords(Throwable e) {
        if (e instanceof TimeoutException || e instanceof SocketTimeoutException) {
            return "no answer within connect.timeout.ms = "
                    + settings.connectTimeout().toMillis()
                    + (mayExpectTlsFirst()
                            ? "; if the server expects the TLS handshake first, set tls.first = true"
                            : "");
        }
        if (CONNECT_FAILED.equals(e.getMessage()) && e.getCause() != null) {
            // The credentials file is read when CONNECT is made.
            Throwable cause = e.getCause();
            return (settings.credentialsFile().isEmpty()
                            ? ""
                            : "credentials.file = " + settings.credentialsFile() + ": ")
                    + inWords(
                            cause instanceof IllegalStateException && cause.getCause() != null
                                    ? cause.getCause()
                                    : cause);
        }
        if (SERVER_OFFERS_NO_TLS.equals(e.getMessage())) {
            return "the server offers no TLS, but url or a tls key requires it";
        }
        // Messages of other classes, such as "host.example" or "/a/file", are clear only with the class.
        return e.getClass() == IOException.class || e instanceof SSLException ? e.getMessage() : e.toString();
    }
}
