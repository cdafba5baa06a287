package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.settings.SettingsReader;
import java.util.List;

/**
 * Whom to trust, and who we are: the keys {@code tls.*}. Holds names of files; they are read for each handshake, so that
 * replacing one is enough.
 *
 * @param caFile PEM certificates of the CAs that may have signed a server's; empty for those that the JVM trusts
 * @param certFile PEM certificates for the server to know us by, ours first; empty for none
 * @param keyFile the PKCS#8 key of the first of them; empty for none
 * @param first whether the handshake comes before anything the server says
 */
public record TlsSettings(String caFile, String certFile, String keyFile, boolean first) {

    public static final String CA_FILE = "tls.ca.file";
    public static final String CERT_FILE = "tls.cert.file";
    public static final String KEY_FILE = "tls.key.file";
    private static final String FIRST = "tls.first";

    static final List<String> KEYS = List.of(CA_FILE, CERT_FILE, KEY_FILE, FIRST);

    static TlsSettings parse(SettingsReader reader) {
        TlsSettings tls = new TlsSettings(
                reader.text(CA_FILE, ""),
                reader.text(CERT_FILE, ""),
                reader.text(KEY_FILE, ""),
                reader.flag(FIRST, Defaults.TLS_FIRST));
        if (tls.certFile.isEmpty() && !tls.keyFile.isEmpty()) {
            reader.refuse(KEY_FILE, "needs its certificate; set " + CERT_FILE + " too, or neither");
        }
        if (!tls.certFile.isEmpty() && tls.keyFile.isEmpty()) {
            reader.refuse(CERT_FILE, "needs its key; set " + KEY_FILE + " too, or neither");
        }
        return tls;
    }

    /** Whether any of the keys asks for TLS, whatever the URLs say. */
    boolean isAskedFor() {
        return first || !caFile.isEmpty() || !certFile.isEmpty();
    }

    /** As an addition to the reason why TLS fails. */
    @Override
    public String toString() {
        return CA_FILE + " = " + (caFile.isEmpty() ? "(what the JVM trusts)" : caFile) + ", " + CERT_FILE + " = "
                + (certFile.isEmpty() ? "(none)" : certFile) + (first ? ", " + FIRST + " = true" : "");
    }
}
