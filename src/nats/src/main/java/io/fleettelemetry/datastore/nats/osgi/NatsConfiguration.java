package io.fleettelemetry.datastore.nats.osgi;

import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.AttributeType;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.osgi.service.metatype.annotations.Option;

/** What configuration tools show of a NATS datastore's settings; {@code NatsSettings} reads them. */
@ObjectClassDefinition(
        id = NatsConfiguration.PID,
        name = "Fleet Telemetry NATS datastore",
        description = "Publishes records to NATS under <namespace>.<vin>.<topic>. One configuration is one datastore.")
public @interface NatsConfiguration {

    String PID = "io.fleettelemetry.datastore.nats";

    @AttributeDefinition(
            name = "Servers",
            description = "URLs of the servers, separated by commas; schemes nats, tls, ws and wss.")
    String url() default "nats://localhost:4222";

    @AttributeDefinition(
            name = "Connection name",
            description = "What the server's logs and monitoring call the connection.")
    String name() default "fleet-telemetry";

    @AttributeDefinition(
            name = "Namespace",
            description = "First part of every subject: one or more tokens joined by dots.")
    String namespace() default "tesla_telemetry";

    @AttributeDefinition(name = "Datastore", description = "The name that routes use.")
    String datastore() default NatsSettings.DEFAULT_DATASTORE;

    @AttributeDefinition(
            name = "Ranking",
            description = "Of several datastores with one name, the one with the highest ranking is used.")
    int service_ranking() default 0;

    @AttributeDefinition(name = "User", description = "User for the server; empty for none.", required = false)
    String username();

    @AttributeDefinition(
            name = "Password",
            description = "Password of the user.",
            type = AttributeType.PASSWORD,
            required = false)
    String _password();

    @AttributeDefinition(
            name = "Token",
            description = "Token for the server, instead of a user.",
            type = AttributeType.PASSWORD,
            required = false)
    String _token();

    @AttributeDefinition(
            name = "Credentials file",
            description = "Path of a .creds file (JWT and nkey seed); empty for none.",
            required = false)
    String credentials_file();

    @AttributeDefinition(
            name = "TLS: trusted CAs",
            description =
                    "Path of a PEM file with the CAs that may have signed the server's certificate; empty for those"
                            + " that the JVM trusts. This and the other files are read at every attempt to connect.",
            required = false)
    String tls_ca_file();

    @AttributeDefinition(
            name = "TLS: client certificate",
            description = "Path of a PEM file with the certificate that the server shall know this client by, and those"
                    + " between it and the CA; empty for none.",
            required = false)
    String tls_cert_file();

    @AttributeDefinition(
            name = "TLS: client key",
            description = "Path of a PEM file with the key of the client certificate: PKCS#8, without a password.",
            required = false)
    String tls_key_file();

    @AttributeDefinition(
            name = "TLS: handshake first",
            description = "Whether the TLS handshake comes before the server says anything (handshake_first there).")
    boolean tls_first() default false;

    @AttributeDefinition(
            name = "In flight, bytes",
            description = "Bound of what is accepted and not yet confirmed: bytes of messages, with their subjects and"
                    + " headers, and 128 for each record.",
            min = "1")
    long inflight_max_bytes() default 67_108_864;

    @AttributeDefinition(
            name = "In flight, records",
            description = "Bound of what is accepted and not yet confirmed, in records.",
            min = "1")
    int inflight_max_records() default 262_144;

    @AttributeDefinition(
            name = "Confirm timeout, ms",
            description = "Milliseconds after which a record that is not confirmed fails.",
            min = "100")
    long confirm_timeout_ms() default 120_000;

    @AttributeDefinition(
            name = "Drain timeout, ms",
            description = "Milliseconds that closing, or changing over to a new connection, waits for confirmations.",
            min = "0")
    long drain_timeout_ms() default 10_000;

    @AttributeDefinition(
            name = "Delivery",
            description =
                    "When a record is confirmed: once the connected server has parsed it (core), or once a JetStream"
                            + " stream has stored it (jetstream).",
            options = {@Option(label = "core", value = "core"), @Option(label = "jetstream", value = "jetstream")})
    String delivery() default "core";

    @AttributeDefinition(
            name = "JetStream: stream",
            description =
                    "The stream that must store the records; empty for any stream that JetStream lists for their subjects."
                            + " Only PubAcks of these streams confirm a record. Set it if stream.setup = off: otherwise a"
                            + " PubAck of any stream confirms.",
            required = false)
    String stream();

    @AttributeDefinition(
            name = "JetStream: stream setup",
            description =
                    "What is done before anything is published: JetStream is never asked (off); it is checked whether streams store"
                            + " every subject, and know message ids for long enough (verify); or the same, and the stream is"
                            + " created if it is missing (create). No stream is ever altered.",
            options = {
                @Option(label = "off", value = "off"),
                @Option(label = "verify", value = "verify"),
                @Option(label = "create", value = "create")
            })
    String stream_setup() default "verify";

    @AttributeDefinition(
            name = "JetStream: domain",
            description = "JetStream domain; empty for the server's own.",
            required = false)
    String js_domain();

    @AttributeDefinition(
            name = "JetStream: inbox prefix",
            description =
                    "First part of the subjects of JetStream's answers, which the user must be allowed to subscribe"
                            + " to: one or more tokens joined by dots. Any other user who may publish there can"
                            + " forge PubAcks.")
    String inbox_prefix() default "_INBOX";

    @AttributeDefinition(
            name = "Message ids",
            description =
                    "Whether every message has a Nats-Msg-Id header, unique to its record and kept when it is written"
                            + " again: a stream behind the subjects then drops the duplicates. With delivery ="
                            + " jetstream it always has one.")
    boolean message_ids() default false;

    @AttributeDefinition(
            name = "Heartbeat, ms",
            description = "Milliseconds after which an idle connection is asked for a sign of life.",
            min = "10")
    long heartbeat_ms() default 2_000;

    @AttributeDefinition(
            name = "Silent, ms",
            description =
                    "Milliseconds after which a connection that takes no bytes, or does not answer, is replaced by a new one."
                            + " A slow connection that still takes bytes is kept.",
            min = "100")
    long silent_ms() default 5_000;

    @AttributeDefinition(
            name = "Connect timeout, ms",
            description = "Milliseconds that one attempt to connect to one server may take.",
            min = "100")
    long connect_timeout_ms() default 5_000;

    @AttributeDefinition(
            name = "Reconnect wait, ms",
            description =
                    "Milliseconds between attempts to connect to the same server; up to a tenth is added at random.",
            min = "1")
    long reconnect_wait_ms() default 2_000;

    @AttributeDefinition(
            name = "Discover",
            description = "Whether to use the other servers that a cluster advertises, besides those of the URLs.")
    boolean discover() default true;

    @AttributeDefinition(
            name = "On closed",
            description = "What is done when the connection is closed for good, as when the server ceases to accept the"
                    + " credentials: withdraw (the service goes until there is a connection again) or halt (the process"
                    + " ends with exit code 69, for a supervisor to start it again).")
    String on_closed() default "withdraw";
}
