package io.fleettelemetry.testkit;

import io.fleettelemetry.testkit.KarafProcess.Result;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import org.apache.sshd.client.ClientBuilder;
import org.apache.sshd.client.SshClient;
import org.apache.sshd.client.channel.ClientChannelEvent;
import org.apache.sshd.client.config.hosts.HostConfigEntryResolver;
import org.apache.sshd.client.keyverifier.AcceptAllServerKeyVerifier;
import org.apache.sshd.client.session.ClientSession;
import org.apache.sshd.common.SshException;
import org.apache.sshd.common.kex.BuiltinDHFactories;
import org.apache.sshd.common.keyprovider.KeyIdentityProvider;

/**
 * Karaf's shell over SSH, as {@code bin/client} uses it, but without a JVM for each command. Thread-safe.
 */
final class Shell implements AutoCloseable {

    private static final String USER = "karaf";
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(10);

    private final int port;
    private final Duration limit;
    private final SshClient client;

    /** @param limit longest time for the commands of one call */
    Shell(int port, Duration limit) {
        this.port = port;
        this.limit = limit;
        client = SshClient.setUpDefaultClient();
        // The user's own ~/.ssh must have no effect.
        client.setHostConfigEntryResolver(HostConfigEntryResolver.EMPTY);
        client.setKeyIdentityProvider(KeyIdentityProvider.EMPTY_KEYS_PROVIDER);
        client.setServerKeyVerifier(AcceptAllServerKeyVerifier.INSTANCE);
        // The cheapest key exchange that both sides know, because tests connect thousands of times.
        client.setKeyExchangeFactories(List.of(ClientBuilder.DH2KEX.apply(BuiltinDHFactories.ecdhp256)));
        client.start();
    }

    /**
     * Runs commands in one session. The first one that fails ends it.
     *
     * @throws IOException if Karaf cannot be reached
     * @throws IllegalStateException if they take longer than the limit
     */
    Result execute(List<String> commands) throws IOException {
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        // One connection for each session: Karaf closes it after the last command.
        try (var session = connect();
                var channel = session.createExecChannel(String.join("\n", commands) + "\n")) {
            channel.setOut(out);
            channel.setErr(err);
            channel.open().verify(CONNECT_LIMIT);
            if (channel.waitFor(EnumSet.of(ClientChannelEvent.CLOSED), limit).contains(ClientChannelEvent.TIMEOUT)) {
                throw new IllegalStateException("no end within " + limit + ": " + String.join("; ", commands));
            }
            Integer exit = channel.getExitStatus();
            if (exit == null) {
                throw new SshException("the connection broke during " + String.join("; ", commands));
            }
            return new Result(exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
        }
    }

    private ClientSession connect() throws IOException {
        var session =
                client.connect(USER, "127.0.0.1", port).verify(CONNECT_LIMIT).getSession();
        session.addPasswordIdentity(USER);
        session.auth().verify(CONNECT_LIMIT);
        return session;
    }

    @Override
    public void close() {
        try {
            client.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
