package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.settings.SettingsReader;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * Whom to trust, and who we are: the keys {@code tls.*}. Holds names of files; they are read for each handshake, so that
 * replacing one is enough.
 *
 * @param caFile PEM certificates of the CAs that may have signed a server's; empty for those that the JVM trusts
 * @param certFile PEM certificates for the server to know us by, ours first; empty for none
 * @param keyFile the PKCS#8 key of the first of them; empty for none
 * @param first whether the handshake comes before anything the server says
 */
record Tls(String caFile, String certFile, String keyFile, boolean first) {

    private static final String CA_FILE = "tls.ca.file";
    private static final String CERT_FILE = "tls.cert.file";
    private static final String KEY_FILE = "tls.key.file";
    private static final String FIRST = "tls.first";

    static final List<String> KEYS = List.of(CA_FILE, CERT_FILE, KEY_FILE, FIRST);

    static Tls parse(SettingsReader reader) {
        Tls tls = new Tls(
                reader.text(CA_FILE, ""),
                reader.text(CERT_FILE, ""),
                reader.text(KEY_FILE, ""),
                reader.flag(FIRST, false));
        if (tls.certFile.isEmpty() && !tls.keyFile.isEmpty()) {
            reader.refuse(KEY_FILE, "belongs to a certificate; set " + CERT_FILE + " too, or neither");
        }
        if (!tls.certFile.isEmpty() && tls.keyFile.isEmpty()) {
            reader.refuse(CERT_FILE, "is of no use without its key; set " + KEY_FILE + " too, or neither");
        }
        return tls;
    }

    /** Whether any of the keys asks for TLS, whatever the URLs say. */
    boolean isAskedFor() {
        return first || !caFile.isEmpty() || !certFile.isEmpty();
    }

    /** @throws IOException with the reason, if a file is not what it should be */
    SSLContext context() throws IOException {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(certFile.isEmpty() ? null : keyManagers(), caFile.isEmpty() ? null : trustManagers(), null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException("TLS cannot be prepared: " + e, e);
        }
    }

    private TrustManager[] trustManagers() throws IOException, GeneralSecurityException {
        KeyStore trusted = emptyStore();
        for (X509Certificate ca : read(CA_FILE, caFile, Pem::certificates)) {
            trusted.setCertificateEntry("ca" + trusted.size(), ca);
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(trusted);
        return factory.getTrustManagers();
    }

    private KeyManager[] keyManagers() throws IOException, GeneralSecurityException {
        List<X509Certificate> chain = read(CERT_FILE, certFile, Pem::certificates);
        PrivateKey key = read(KEY_FILE, keyFile, Pem::privateKey);
        if (!belongTogether(key, chain.get(0).getPublicKey())) {
            throw new IOException(KEY_FILE + " = " + keyFile + ": is not the key of the first certificate in "
                    + CERT_FILE + " = " + certFile);
        }
        char[] password = {};
        KeyStore own = emptyStore();
        own.setKeyEntry("own", key, password, chain.toArray(X509Certificate[]::new));
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(own, password);
        return factory.getKeyManagers();
    }

    /** Servers say nothing but that the signature is wrong. */
    private static boolean belongTogether(PrivateKey key, PublicKey certified) throws GeneralSecurityException {
        if (!key.getAlgorithm().equals(certified.getAlgorithm())) {
            return false;
        }
        Signature signature = Signature.getInstance(
                switch (key.getAlgorithm()) {
                    case "RSA" -> "SHA256withRSA";
                    case "EC" -> "SHA256withECDSA";
                    default -> key.getAlgorithm();
                });
        byte[] anything = {1}; // of nothing the JDK makes an EdDSA signature that it then does not take
        signature.initSign(key);
        signature.update(anything);
        byte[] signed = signature.sign();
        signature.initVerify(certified);
        signature.update(anything);
        return signature.verify(signed);
    }

    private static KeyStore emptyStore() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    private interface Reading<T> {
        T read(Path file) throws IOException;
    }

    private static <T> T read(String key, String file, Reading<T> reading) throws IOException {
        try {
            return reading.read(Path.of(file));
        } catch (IOException | InvalidPathException e) {
            throw new IOException(key + " = " + file + ": " + e.getMessage(), e);
        }
    }

    /** As an addition to the reason why TLS fails. */
    @Override
    public String toString() {
        return CA_FILE + " = " + (caFile.isEmpty() ? "(what the JVM trusts)" : caFile) + ", " + CERT_FILE + " = "
                + (certFile.isEmpty() ? "(none)" : certFile) + (first ? ", " + FIRST + " = true" : "");
    }
}
